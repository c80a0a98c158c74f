"""What a publisher has to give: the address, size and digest of one weights file. Opens connections."""

from __future__ import annotations

import re
import shutil
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from algokit.backbones.published import Published
from algokit.errors import WeightsError
from algokit.types import Finding

TIMEOUT_S = 30.0
_SHA256 = re.compile("[0-9a-f]{64}")
_OWN = "give checkpoint: FILE in the recipe if you have the file from elsewhere"


@dataclass(frozen=True)
class Offer:
    """One file that can be downloaded.

    Attributes
    ----------
    name : file name at the publisher's.
    target : where its bytes go; in the hub's cache a file named by their digest.
    n_bytes : None where the publisher does not say.
    digest_start : what the sha256 begins with, as the publisher says; "" where nothing is said.
    identity : changes when the bytes do, so that two downloads are never joined; "" where nothing is said.
    headers : for the publisher alone, and not for where it leads to: they may hold a login.
    """

    url: str
    name: str
    target: Path
    n_bytes: int | None
    digest_start: str
    identity: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


def offer_of(published: Published) -> Offer:
    """Ask the publisher.

    Raises
    ------
    WeightsError : it cannot be reached, asks for a login, or has no such file.
    """
    return _from_address(published) if published.is_url else _from_hub(published)


def _from_address(published: Published) -> Offer:
    name = published.files[0]
    target = published.folder / name
    request = urllib.request.Request(published.location, method="HEAD", headers={"User-Agent": "algokit"})
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as response:
            headers = response.headers
    except urllib.error.HTTPError as error:
        if error.code not in (403, 405, 501):  # some servers know GET alone
            raise refused(published.location, error.code) from error
        headers = {}
    except OSError as error:
        raise unreachable(published.location, error) from error
    length = headers.get("Content-Length")
    return Offer(
        url=published.location,
        name=name,
        target=target,
        n_bytes=int(length) if length else None,
        digest_start=published.digest_start(target),
        identity=headers.get("ETag") or headers.get("Last-Modified") or "",
    )


def _from_hub(published: Published) -> Offer:
    from huggingface_hub import errors as hub

    for name in published.files:
        try:
            return _hub_file(published, name)
        except hub.EntryNotFoundError:
            continue
        except hub.GatedRepoError as error:
            raise _gated(published) from error
        except hub.RepositoryNotFoundError as error:
            raise _no_repository(published) from error
        except hub.OfflineModeIsEnabled as error:
            raise _switched_off(published) from error
        except hub.HfHubHTTPError as error:
            raise refused(published.location, error.response.status_code) from error
        except Exception as error:  # what the library's own transport raises has changed from version to version
            raise unreachable(published.location, error) from error
    finding = Finding(
        "this repository holds no weights file of a name that is known",
        where=published.repository,
        expected=" or ".join(published.files),
        advice=_OWN,
        code="weights-not-published",
    )
    raise WeightsError(f"{published.repository} has no weights", [finding])


def _hub_file(published: Published, name: str) -> Offer:
    from huggingface_hub import get_hf_file_metadata, get_token, hf_hub_url

    address = hf_hub_url(published.repository, name)
    found = get_hf_file_metadata(address, timeout=TIMEOUT_S)
    etag, login = str(found.etag), get_token()
    return Offer(
        url=address,  # and not where it leads to, which is signed for an hour
        name=name,
        target=published.folder / "blobs" / etag,
        n_bytes=found.size,
        digest_start=etag if _SHA256.fullmatch(etag) else "",
        identity=etag,
        headers={"Authorization": f"Bearer {login}"} if login else {},
    )


def unreachable(where: str, error: Exception) -> WeightsError:
    """No connection, or one that broke."""
    reason = getattr(error, "reason", error)
    finding = Finding(
        "cannot be reached from this machine",
        where=where,
        found=f"{type(error).__name__}: {reason}"[:200],
        advice="run algokit fetch where there is a network, and again if it breaks off: it goes on where it stopped; "
        "then copy the hubs' caches here, or " + _OWN,
        code="no-network",
    )
    return WeightsError(f"{where} cannot be reached", [finding])


def refused(where: str, status: int) -> WeightsError:
    """The publisher answered, but not with the file."""
    if status in (401, 403):
        what, advice, code = "asks for a login or permission", f"get access at the publisher's; or {_OWN}", "gated"
    elif status in (404, 410):
        what, advice, code = "is not published there (any more)", _OWN, "weights-not-published"
    else:
        what, advice, code = "the publisher's server does not give it now", "try again later", "server-error"
    return WeightsError(what, [Finding(what, where=where, found=f"HTTP status {status}", advice=advice, code=code)])


def _gated(published: Published) -> WeightsError:
    from huggingface_hub import constants

    advice = f"accept its terms at {constants.ENDPOINT}/{published.repository}, then log in: hf auth login"
    what = "the publisher asks for its terms to be accepted"
    finding = Finding(what, published.repository, advice=advice, code="gated")
    return WeightsError(f"{published.repository} is gated", [finding])


def _no_repository(published: Published) -> WeightsError:
    advice = f"it was removed or renamed, or is private: then log in with hf auth login; or {_OWN}"
    what = "the hub shows no such repository to this user"
    finding = Finding(what, published.repository, advice=advice, code="weights-not-published")
    return WeightsError(f"{published.repository} is not there", [finding])


def _switched_off(published: Published) -> WeightsError:
    advice = "unset HF_HUB_OFFLINE (and TRANSFORMERS_OFFLINE) for algokit fetch; a run needs neither"
    what = "the hub's library is told to stay offline"
    finding = Finding(what, published.repository, advice=advice, code="no-network")
    return WeightsError("the hub cannot be asked", [finding])


def refuse_full_disk(offer: Offer, n_here: int) -> None:
    """Before a byte is loaded.

    Raises
    ------
    WeightsError : what is left of the file does not fit.
    """
    place = offer.target.parent
    free = shutil.disk_usage(place).free
    if offer.n_bytes is not None and offer.n_bytes - n_here > free:
        raise disk_full(offer, free)


def disk_full(offer: Offer, free: int) -> WeightsError:
    """No room for the file."""
    finding = Finding(
        "no space left for this file",
        where=str(offer.target.parent),
        expected=f"{(offer.n_bytes or 0) / 1e9:.2f} GB" if offer.n_bytes else "",
        found=f"{free / 1e9:.2f} GB free",
        advice="free some space, or move the hub's cache (HF_HOME, TORCH_HOME); what came is kept and gone on with",
        code="disk-full",
    )
    return WeightsError("the disk is full", [finding])
