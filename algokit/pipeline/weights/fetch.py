"""All weights of a recipe onto this machine, every failure in one list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from algokit.backbones.published import Published
from algokit.errors import WeightsError
from algokit.pipeline.weights.download import download
from algokit.pipeline.weights.lock import LockedWeights, Name, name_of, other_digest
from algokit.pipeline.weights.needed import NeededWeights
from algokit.pipeline.weights.offers import Offer, offer_of, unreachable
from algokit.store import file_sha256
from algokit.types import Finding, Progress, ProgressCallback


@dataclass(frozen=True)
class WeightsState:
    """One weights file, as it is on this machine.

    Attributes
    ----------
    path : None where it is not here.
    file : its name at the publisher's; "" where that is not known.
    n_bytes : of the file here, else as the lock says; None where neither is known.
    sha256 : "" where it was not looked at.
    is_new : it was downloaded just now.
    is_locked : the lock has an entry for it.
    """

    needed: NeededWeights
    path: Path | None
    file: str = ""
    n_bytes: int | None = None
    sha256: str = ""
    is_new: bool = False
    is_locked: bool = False


def list_weights(needed: Sequence[NeededWeights], lock: Mapping[Name, LockedWeights]) -> tuple[WeightsState, ...]:
    """What is here and what is missing. No network, and no file is read."""
    return tuple(_state(one, one.published.found(), lock) for one in needed)


def fetch_weights(
    needed: Sequence[NeededWeights], lock: Mapping[Name, LockedWeights], lock_path: Path, progress: ProgressCallback
) -> tuple[WeightsState, ...]:
    """Bring what is missing or damaged, and take the digest of everything.

    Parameters
    ----------
    lock : digests that the weights must have.

    Raises
    ------
    WeightsError : all that could not be brought or is not what it should be; the others are here.
    """
    states, findings = [], []
    for one in needed:
        try:
            states.append(_fetched(one, lock, lock_path, progress))
        except WeightsError as error:
            path = ", ".join(f"members[{index}].backbone" for index in one.members)
            findings += [replace(finding, path=path) for finding in error.findings]
    if findings:
        raise WeightsError(f"{len(needed) - len(states)} of {len(needed)} weights files are not here", findings)
    return tuple(states)


def lock_entries(states: Sequence[WeightsState]) -> list[LockedWeights]:
    """What a lock says of weights whose digests are known."""
    return [
        LockedWeights(
            kind=one.needed.published.kind,
            name=one.needed.published.name,
            tag=one.needed.published.tag,
            location=one.needed.published.location,
            file=one.file,
            bytes=one.n_bytes or 0,
            sha256=one.sha256,
        )
        for one in states
    ]


def _state(needed: NeededWeights, path: Path | None, lock: Mapping[Name, LockedWeights]) -> WeightsState:
    locked = lock.get(name_of(needed.published))
    if path is None:
        file, n_bytes = (locked.file, locked.bytes) if locked else ("", None)
        return WeightsState(needed, None, file, n_bytes, is_locked=locked is not None)
    return WeightsState(needed, path, path.name, path.stat().st_size, is_locked=locked is not None)


def _fetched(
    needed: NeededWeights, lock: Mapping[Name, LockedWeights], lock_path: Path, progress: ProgressCallback
) -> WeightsState:
    published, is_new = needed.published, False
    path = published.found()
    sha256 = file_sha256(path) if path else ""
    if path is None or not sha256.startswith(published.digest_start(path)):
        path, sha256, is_new = *_downloaded(published, path, lock, lock_path, progress), True
    locked = lock.get(name_of(published))
    if locked and locked.sha256 != sha256:
        raise WeightsError("other weights", [other_digest(published, locked, sha256, lock_path)])
    return replace(_state(needed, path, lock), sha256=sha256, is_new=is_new)


def _downloaded(
    published: Published,
    damaged: Path | None,
    lock: Mapping[Name, LockedWeights],
    lock_path: Path,
    progress: ProgressCallback,
) -> tuple[Path, str]:
    offer = offer_of(published)
    locked = lock.get(name_of(published))
    if locked and offer.digest_start and not locked.sha256.startswith(offer.digest_start):
        raise WeightsError("other weights", [other_digest(published, locked, offer.digest_start, lock_path)])
    if damaged is not None:
        _remove(damaged, is_cached=not published.is_url)
    step = f"weights/{published.kind}/{published.name}"

    def shown(n_bytes: int) -> None:
        progress(Progress(step, n_bytes, offer.n_bytes or n_bytes + 1, "bytes", offer.name))

    sha256 = download(offer, shown)
    return _in_place(published, offer), sha256


def _remove(damaged: Path, *, is_cached: bool) -> None:
    """The file; in the hub's cache, where it is a link, the blob it leads to, and nothing that this may lead to."""
    if is_cached and damaged.is_symlink():
        (damaged.parent / damaged.readlink()).unlink(missing_ok=True)
    damaged.unlink(missing_ok=True)


def _in_place(published: Published, offer: Offer) -> Path:
    """The file where runs look for it: the hub's own library enters what lies among its blobs into its cache."""
    if not published.is_url:
        from huggingface_hub import hf_hub_download

        try:
            hf_hub_download(published.repository, offer.name)
        except Exception as error:  # of the library's own transport
            raise unreachable(published.repository, error) from error
    path = published.found()
    if path is None:
        finding = Finding(
            "the file came, but is not where runs look for it",
            where=str(published.folder),
            expected=offer.name,
            advice="report this as a bug, or give checkpoint: FILE",
            code="weights-misplaced",
        )
        raise WeightsError(f"{offer.name} cannot be found", [finding])
    return path
