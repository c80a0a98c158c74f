"""Files and folders that appear whole or not at all: written beside their place, fsynced, renamed.

What a killed process leaves half-written has a hidden name that says who wrote it; the next writer removes it.
"""

from __future__ import annotations

import contextlib
import errno
import glob
import hashlib
import os
import platform
import re
import secrets
import shutil
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from algokit.errors import DiskError
from algokit.syncing import make_folder, sync, sync_folders, sync_names
from algokit.types import Finding

_PARTIAL = ".partial"
_PARTIAL_NAME = re.compile(rf"\..*\.[0-9a-f]+-\d+\.\w+{re.escape(_PARTIAL)}")
_ABANDONED_S = 7 * 24 * 3600
_SCRATCH_CHUNK_BYTES = 1 << 24


@contextlib.contextmanager
def disk_errors(place: Path) -> Iterator[None]:
    """Turn a full or unwritable disk into a `DiskError` that says where and what to do."""
    try:
        yield
    except BrokenPipeError:  # the reader of our output went away; no disk has to do with it
        raise
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT) or _short_write(error):
            free_bytes = _free_bytes(place)
            finding = Finding(
                "no space left on this disk",
                where=str(place),
                found=f"{free_bytes / 1e6:.1f} MB free",
                advice="free some space, or point --store and --out to another disk; the next run resumes",
                code="disk-full",
            )
            raise DiskError("the disk is full; nothing half-written was kept", [finding]) from error
        if error.errno is None:
            raise
        found = ": ".join(str(part) for part in (error.strerror, error.filename) if part)
        advice = "give a place that can be written to (--store, --out); the next run resumes"
        finding = Finding("cannot write here", where=str(place), found=found, advice=advice, code="not-writable")
        raise DiskError(f"{place} is not writable", [finding]) from error


def _short_write(error: OSError) -> bool:
    """NumPy reports a write cut short by a full disk without an errno."""
    return error.errno is None and "requested and" in str(error)


def _free_bytes(place: Path) -> int:
    while not place.exists() and place != place.parent:
        place = place.parent
    return shutil.disk_usage(place).free


def writer() -> str:
    """This machine, or this container: among whose processes an id means one process."""
    namespace = Path("/proc/self/ns/pid")
    name = f"{platform.node()} {namespace.readlink() if namespace.exists() else ''}"
    return hashlib.sha256(name.encode()).hexdigest()[:8]


def _partial_prefix(target: Path) -> str:
    """The start of a hidden name that says who writes, for `sweep_partial`."""
    return f".{target.name}.{writer()}-{os.getpid()}."


def _partial(target: Path) -> Path:
    """A fresh hidden path beside ``target``, or in it where it is a mount point and cannot be replaced.

    Nothing is there yet: whoever makes it already knows its name, so that an interrupt between the making and the
    knowing leaves nothing behind.
    """
    parent = target if target.is_mount() else target.parent
    return parent / f"{_partial_prefix(target)}{secrets.token_hex(4)}{_PARTIAL}"


def is_partial(path: Path) -> bool:
    """Whether this is something half-written, by its name."""
    return _PARTIAL_NAME.fullmatch(path.name) is not None


def _is_abandoned(path: Path, ended: str = "") -> bool:
    """Whether nobody writes this any more; of another machine's processes, only time can tell.

    ``ended`` is a `writer` that is known to be no more.
    """
    owner = path.name.removesuffix(_PARTIAL).split(".")[-2]
    machine, _, process_id = owner.rpartition("-")
    if machine == ended:
        return True
    if machine != writer():
        with contextlib.suppress(OSError):
            return time.time() - path.stat().st_mtime > _ABANDONED_S
        return False
    try:
        os.kill(int(process_id), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def _remove(paths: list[Path]) -> int:
    for path in paths:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            with contextlib.suppress(OSError):
                path.unlink()
    return len(paths)


def abandoned(root: Path, ended: str = "") -> list[Path]:
    """What killed processes left half-written anywhere below ``root``; see `sweep_partial`."""
    found: list[Path] = []
    for folder, folders, files in os.walk(root):
        partial = [name for name in (*folders, *files) if _PARTIAL_NAME.fullmatch(name)]
        folders[:] = [name for name in folders if name not in partial]
        found += [path for name in partial if _is_abandoned(path := Path(folder) / name, ended)]
    return found


def sweep_partial(root: Path, ended: str = "") -> int:
    """Remove what killed processes left half-written anywhere below ``root``; returns how many things.

    Parameters
    ----------
    ended : the `writer` of a container that is no more: what it left need not wait for time to tell.
    """
    return _remove(abandoned(root, ended))


def move_aside(paths: Iterable[Path], place: Path) -> Path:
    """Rename things into a fresh hidden folder in ``place``, which the caller removes, or `sweep_partial` after a kill.

    So each is whole until it is gone, also after a power cut: the names are on the disk before the caller removes
    anything. What another process has removed meanwhile is left out.

    Raises
    ------
    DiskError : the place is not writable.
    """
    with disk_errors(place):
        aside, left = _partial(place / "discarded"), []
        try:
            aside.mkdir()
            for index, path in enumerate(paths):
                with contextlib.suppress(FileNotFoundError):
                    path.rename(aside / str(index))
                    left.append(path.parent)
            sync_folders([aside, place, *left])
        except BaseException:
            shutil.rmtree(aside, ignore_errors=True)
            raise
    return aside


def sweep_beside(target: Path) -> int:
    """Remove what killed processes left of their writing of ``target``; returns how many things."""
    target = target.resolve()
    parent = target if target.is_mount() else target.parent
    mine = [path for path in parent.glob(f".{glob.escape(target.name)}.*") if _PARTIAL_NAME.fullmatch(path.name)]
    return _remove([path for path in mine if _is_abandoned(path)])


@contextlib.contextmanager
def written_aside(target: Path, *, unless: str = "") -> Iterator[Path]:
    """A temporary sibling folder that becomes ``target`` when the block ends well, and vanishes otherwise.

    An existing ``target`` is replaced only at the end.

    Parameters
    ----------
    unless : a file name; a ``target`` that holds it by then was made by another process and stays.

    Raises
    ------
    DiskError : the disk is full or not writable.
    """
    with disk_errors(target):
        target = target.resolve()
        make_folder(target.parent)
        sweep_beside(target)
        aside = _partial(target)
        try:
            aside.mkdir()
            yield aside
            for path in sorted(aside.rglob("*")):
                sync(path)
            sync(aside)
            if target.is_mount():
                _fill(target, aside)
            else:
                _take_place(target, aside, unless)
        finally:
            shutil.rmtree(aside, ignore_errors=True)


def _take_place(target: Path, aside: Path, unless: str) -> None:
    """Rename ``aside`` to ``target``; what was there is moved away just before, and removed once that is synced."""
    with contextlib.ExitStack() as removed:
        while not (unless and (target / unless).is_file()):
            try:
                aside.rename(target)
                break
            except OSError as error:
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
                    raise
            old = _partial(target)
            removed.callback(shutil.rmtree, old, ignore_errors=True)
            old.mkdir()
            with contextlib.suppress(FileNotFoundError):  # another process has just moved it away
                target.rename(old / "old")
        sync_names(target.parent)


def _fill(target: Path, aside: Path) -> None:
    """Exchange the content of a mount point, file by file; plain files first, which say whose folder it is."""
    old = _partial(target)
    old.mkdir()
    new = sorted(aside.iterdir(), key=Path.is_dir)
    stale = [path for path in target.iterdir() if path not in (old, aside) and not (aside / path.name).exists()]
    for path in new:
        there = target / path.name
        if there.exists() and (there.is_dir() or path.is_dir()):
            there.rename(old / path.name)
        path.rename(there)
    for path in stale:
        path.rename(old / path.name)
    sync_folders([old, target])
    shutil.rmtree(old)


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """An empty file beside ``path`` that takes its place when the block ends well, and vanishes otherwise.

    Raises
    ------
    DiskError : the disk is full or not writable.
    """
    with disk_errors(path):
        make_folder(path.parent)
        sweep_beside(path)
        aside = _partial(path)
        try:
            aside.touch(exist_ok=False)
            yield aside
            sync(aside)
            aside.rename(path)
            sync_names(path.parent)
        except BaseException:
            aside.unlink(missing_ok=True)
            raise


@contextlib.contextmanager
def scratch_file(target: Path, n_bytes: int) -> Iterator[Path]:
    """A hidden file of zeros beside ``target``, to be memory-mapped; gone when the block ends.

    It is written in full, because writing into a map of a file with holes kills the process where the disk is full.

    Raises
    ------
    DiskError : the disk is full or not writable.
    """
    aside = _partial(target.resolve())
    try:
        with disk_errors(target):
            make_folder(target.parent)
            sweep_beside(target)
            with aside.open("xb") as file:
                for start in range(0, n_bytes, _SCRATCH_CHUNK_BYTES):
                    file.write(bytes(min(_SCRATCH_CHUNK_BYTES, n_bytes - start)))
        yield aside
    finally:
        with disk_errors(target):
            aside.unlink(missing_ok=True)


def write_text_atomically(path: Path, text: str) -> None:
    """Replace a small file as a whole: written beside, fsynced, renamed.

    Raises
    ------
    DiskError : the disk is full or not writable.
    """
    with replacing(path) as aside:
        aside.write_text(text, encoding="utf-8")
