"""One file from the network: resumed where it broke off, checked, and in its place only when it is whole."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path
from typing import IO, Any

from algokit.errors import WeightsError
from algokit.pipeline.weights.offers import TIMEOUT_S, Offer, disk_full, refuse_full_disk, refused, unreachable
from algokit.store import file_sha256
from algokit.syncing import make_folder, sync_names
from algokit.types import Finding

_CHUNK_BYTES = 1 << 20
_PAUSES_S = (0.5, 2.0, 5.0)  # between tries that bring nothing; after one that does, counted anew
_PART = ".algokit-part"


def download(offer: Offer, progress: Callable[[int], None]) -> str:
    """Bring the file to its target.

    What an earlier try left is gone on with, if it is of the same bytes; a broken connection is opened again as long as
    it brings something. Nothing is at the target before its size and digest are right.

    Parameters
    ----------
    progress : called with the number of bytes that are here.

    Returns
    -------
    The sha256 of the file.

    Raises
    ------
    WeightsError : the connection breaks for good (what came is kept for the next try), the disk is full, another
        process is at it, or the file is not the one its publisher states (and is removed).
    """
    try:
        make_folder(offer.target.parent)
        part = _part(offer)
        with part.open("ab") as file:
            _claim(offer, file, part)
            _fill(offer, file, progress)
            file.flush()
            os.fsync(file.fileno())
            sha256 = _checked(offer, part)
            part.replace(offer.target)
            sync_names(offer.target.parent)
    except OSError as error:
        raise _disk_error(offer, error) from error
    return sha256


def _part(offer: Offer) -> Path:
    """Where the bytes gather. Parts of another version of the file are removed; without a version nothing is kept."""
    version = hashlib.sha256(f"{offer.url.split('?')[0]} {offer.identity}".encode()).hexdigest()[:12]
    name = f".{offer.target.name}.{version}{_PART}"
    for stale in offer.target.parent.glob(f".{offer.target.name}.*{_PART}"):
        if stale.name != name or not offer.identity:
            stale.unlink(missing_ok=True)
    return offer.target.parent / name


def _claim(offer: Offer, file: IO[bytes], part: Path) -> None:
    """One process at a time; where the system knows no such locks, the digest has to tell."""
    try:
        import fcntl
    except ImportError:
        return
    what = "another process is downloading this file"
    finding = Finding(what, where=offer.name, advice="wait for it, then try again", code="weights-busy")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise WeightsError(what, [finding]) from error
    if not (part.exists() and os.path.samestat(os.fstat(file.fileno()), part.stat())):  # it has just finished
        raise WeightsError(what, [finding])


def _fill(offer: Offer, file: IO[bytes], progress: Callable[[int], None]) -> None:
    pauses = iter(_PAUSES_S)
    while True:
        before = file.tell()
        refuse_full_disk(offer, before)
        try:
            if _is_whole(offer, before) or _receive(offer, file, progress):
                return
            problem: Exception = ConnectionError(f"broke off after {file.tell():,} bytes")
        except urllib.error.HTTPError as error:
            if error.code < 500:
                raise refused(offer.url.split("?")[0], error.code) from error
            problem = error
        except (OSError, ValueError, HTTPException) as error:  # a malformed answer is one of the last two
            if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT):
                raise
            problem = error
        file.flush()
        if file.tell() > before:
            pauses = iter(_PAUSES_S)
            continue
        pause_s = next(pauses, None)
        if pause_s is None:
            raise unreachable(offer.url.split("?")[0], problem) from problem
        time.sleep(pause_s)


def _is_whole(offer: Offer, n_here: int) -> bool:
    return offer.n_bytes is not None and n_here == offer.n_bytes


def _receive(offer: Offer, file: IO[bytes], progress: Callable[[int], None]) -> bool:
    """One connection; whether the file is whole after it."""
    n_here = file.tell()
    if offer.n_bytes is not None and n_here > offer.n_bytes:
        file.truncate(0)
        n_here = 0
    with urllib.request.urlopen(_request(offer, n_here), timeout=TIMEOUT_S) as response:
        if n_here and not _goes_on(response, n_here):
            file.truncate(0)  # a server that does not know ranges sends everything again
        n_here = file.seek(0, os.SEEK_END)
        length = response.headers.get("Content-Length")
        while chunk := response.read(_CHUNK_BYTES):
            file.write(chunk)
            progress(file.tell())
    n_bytes = offer.n_bytes if offer.n_bytes is not None else n_here + int(length) if length else None
    return n_bytes is None or file.tell() == n_bytes


def _request(offer: Offer, n_here: int) -> urllib.request.Request:
    request = urllib.request.Request(offer.url, headers={"Accept-Encoding": "identity"})
    for name, value in {"User-Agent": "algokit", **offer.headers}.items():
        request.add_unredirected_header(name, value)
    if n_here:
        request.add_header("Range", f"bytes={n_here}-")
    return request


def _goes_on(response: Any, n_here: int) -> bool:
    stated = response.headers.get("Content-Range") or ""
    return response.status == 206 and stated.startswith(f"bytes {n_here}-")


def _checked(offer: Offer, part: Path) -> str:
    sha256 = file_sha256(part)
    if not sha256.startswith(offer.digest_start):
        part.unlink()
        finding = Finding(
            "what came is not the file its publisher states; it was removed",
            where=offer.name,
            expected=f"sha256 {offer.digest_start}",
            found=f"sha256 {sha256[: max(12, len(offer.digest_start))]}",
            advice="try again; if it is so again, something on the way changes files",
            code="weights-digest",
        )
        raise WeightsError(f"{offer.name} has another digest", [finding])
    return sha256


def _disk_error(offer: Offer, error: OSError) -> WeightsError:
    place = offer.target.parent
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return disk_full(offer, shutil.disk_usage(place).free)
    found = ": ".join(str(part) for part in (error.strerror or type(error).__name__, error.filename) if part)
    advice = "make it writable, or move the hub's cache (HF_HOME, TORCH_HOME)"
    finding = Finding("cannot write here", where=str(place), found=found, advice=advice, code="not-writable")
    return WeightsError(f"{place} is not writable", [finding])
