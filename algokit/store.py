"""Content-keyed artefacts on disk: same key, same bytes.

An artefact is a folder ``<kind>/<first two>/<key>/`` of ``.npy`` files and one ``meta.json`` with the digest of
every file. It is written beside its place, fsynced and renamed, so it is either whole or absent; it is verified
when it is first opened, and one that fails is moved aside and named, never used.
"""

from __future__ import annotations

import contextlib
import errno
import glob
import hashlib
import json
import os
import platform
import re
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algokit.errors import AlgokitError, DiskError
from algokit.types import Artefact, Finding

META = "meta.json"
_PARTIAL = ".partial"
_PARTIAL_NAME = re.compile(rf"\..*\.[0-9a-f]+-\d+\.\w+{re.escape(_PARTIAL)}")
_ABANDONED_S = 7 * 24 * 3600
_CHUNK_BYTES = 1 << 22


class CorruptArtefactError(AlgokitError):
    """An artefact failed its check and was moved aside; it has to be made again."""


def digest_of(value: Any) -> str:
    """sha256 (hex) of a JSON-able value in canonical form: the one way keys are made."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def file_sha256(path: Path) -> str:
    """sha256 (hex) of a file's bytes, read in chunks."""
    digest = hashlib.sha256()
    with path.open("rb") as handle:
        while chunk := handle.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


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


def _fsync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _machine() -> str:
    """This machine, or this container: among whose processes an id means one process."""
    namespace = Path("/proc/self/ns/pid")
    return digest_of([platform.node(), str(namespace.readlink()) if namespace.exists() else ""])[:8]


def _partial_prefix(target: Path) -> str:
    """The start of a hidden name that says who writes, for `sweep_partial`."""
    return f".{target.name}.{_machine()}-{os.getpid()}."


def _partial_folder(target: Path) -> Path:
    """A fresh hidden folder beside ``target``, or in it where it is a mount point and cannot be replaced."""
    parent = target if target.is_mount() else target.parent
    folder = Path(tempfile.mkdtemp(prefix=_partial_prefix(target), suffix=_PARTIAL, dir=parent))
    folder.chmod(0o755)
    return folder


def _is_abandoned(path: Path) -> bool:
    """Whether nobody writes this any more; of another machine's processes, only time can tell."""
    owner = path.name.removesuffix(_PARTIAL).split(".")[-2]
    machine, _, process_id = owner.rpartition("-")
    if machine != _machine():
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


def _sweep(paths: Iterable[Path]) -> int:
    abandoned = [path for path in paths if _is_abandoned(path)]
    for path in abandoned:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    return len(abandoned)


def sweep_partial(root: Path) -> int:
    """Remove what killed processes left half-written anywhere below ``root``; returns how many things."""
    swept = 0
    for folder, folders, files in os.walk(root):
        partial = [name for name in (*folders, *files) if _PARTIAL_NAME.fullmatch(name)]
        folders[:] = [name for name in folders if name not in partial]
        swept += _sweep(Path(folder) / name for name in partial)
    return swept


def sweep_beside(target: Path) -> int:
    """Remove what killed processes left of their writing of ``target``; returns how many things."""
    target = target.resolve()
    parent = target if target.is_mount() else target.parent
    mine = [path for path in parent.glob(f".{glob.escape(target.name)}.*") if _PARTIAL_NAME.fullmatch(path.name)]
    return _sweep(mine)


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
        target.parent.mkdir(parents=True, exist_ok=True)
        sweep_beside(target)
        aside = _partial_folder(target)
        try:
            yield aside
            for path in sorted(aside.rglob("*")):
                _fsync(path)
            _fsync(aside)
            if target.is_mount():
                _fill(target, aside)
            else:
                _take_place(target, aside, unless)
            _fsync(target.parent)
        finally:
            shutil.rmtree(aside, ignore_errors=True)


def _take_place(target: Path, aside: Path, unless: str) -> None:
    """Rename ``aside`` to ``target``; what was there is moved away just before, and removed after."""
    with contextlib.ExitStack() as removed:
        while not (unless and (target / unless).is_file()):
            try:
                aside.rename(target)
                return
            except OSError as error:
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
                    raise
            old = _partial_folder(target)
            removed.callback(shutil.rmtree, old, ignore_errors=True)
            with contextlib.suppress(FileNotFoundError):  # another process has just moved it away
                target.rename(old / "old")


def _fill(target: Path, aside: Path) -> None:
    """Exchange the content of a mount point, file by file; plain files first, which say whose folder it is."""
    old = _partial_folder(target)
    new = sorted(aside.iterdir(), key=Path.is_dir)
    stale = [path for path in target.iterdir() if path not in (old, aside) and not (aside / path.name).exists()]
    for path in new:
        there = target / path.name
        if there.exists() and (there.is_dir() or path.is_dir()):
            there.rename(old / path.name)
        path.rename(there)
    for path in stale:
        path.rename(old / path.name)
    _fsync(target)
    shutil.rmtree(old)


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """An empty file beside ``path`` that takes its place when the block ends well, and vanishes otherwise.

    Raises
    ------
    DiskError : the disk is full or not writable.
    """
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        sweep_beside(path)
        handle, name = tempfile.mkstemp(prefix=_partial_prefix(path), suffix=_PARTIAL, dir=path.parent)
        aside = Path(name)
        try:
            yield aside
            os.fsync(handle)
            aside.chmod(0o644)
            aside.rename(path)
        except BaseException:
            aside.unlink(missing_ok=True)
            raise
        finally:
            os.close(handle)


def write_text_atomically(path: Path, text: str) -> None:
    """Replace a small file as a whole: written beside, fsynced, renamed.

    Raises
    ------
    DiskError : the disk is full or not writable.
    """
    with replacing(path) as aside:
        aside.write_text(text, encoding="utf-8")


class Store:
    """A folder of artefacts.

    Parameters
    ----------
    root : created when the first artefact is written.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._verified: set[tuple[str, str]] = set()

    def path(self, kind: str, key: str) -> Path:
        """Where the artefact of that kind and key lies, present or not."""
        return self.root / kind / key[:2] / key

    def has(self, kind: str, key: str) -> bool:
        """Whether the artefact is there (whole, by construction; its bytes are checked by `open`)."""
        return (self.path(kind, key) / META).is_file()

    @contextlib.contextmanager
    def write(self, kind: str, key: str, meta: Mapping[str, Any]) -> Iterator[Path]:
        """A folder to fill; becomes the artefact when the block ends without an exception.

        Raises
        ------
        DiskError : the disk is full or not writable.
        """
        target = self.path(kind, key)
        with written_aside(target, unless=META) as aside:
            yield aside
            files = {
                path.name: {"bytes": path.stat().st_size, "sha256": file_sha256(path)}
                for path in sorted(aside.iterdir())
            }
            document = {"kind": kind, "key": key, "files": files, **meta}
            (aside / META).write_text(json.dumps(document, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        self._verified.add((kind, key))

    def open(self, kind: str, key: str) -> Artefact:
        """The artefact, verified against its digests the first time this store object opens it.

        Raises
        ------
        CorruptArtefactError : a file is missing or its bytes changed; the artefact was moved to ``corrupt/``.
        """
        path = self.path(kind, key)
        try:
            meta = json.loads((path / META).read_text(encoding="utf-8"))
            problem = "" if (kind, key) in self._verified else self._problem(path, meta)
        except (OSError, ValueError, KeyError, TypeError) as error:
            meta, problem = {}, f"{META} cannot be read ({type(error).__name__})"
        if problem:
            self._set_aside(kind, key)
            finding = Finding(
                problem, where=f"{kind}/{key[:12]}", advice="it is made again by the next run", code="corrupt-artefact"
            )
            raise CorruptArtefactError("a stored artefact does not match its digest and was moved aside", [finding])
        self._verified.add((kind, key))
        return Artefact(key=key, path=path, meta=meta)

    def array(self, artefact: Artefact, name: str) -> NDArray[Any]:
        """One array of an artefact, memory-mapped read-only."""
        loaded: NDArray[Any] = np.load(artefact.path / f"{name}.npy", mmap_mode="r", allow_pickle=False)
        return loaded

    @staticmethod
    def _problem(path: Path, meta: Mapping[str, Any]) -> str:
        for name, recorded in meta["files"].items():
            file = path / name
            if not file.is_file():
                return f"{name} is missing"
            if file.stat().st_size != recorded["bytes"]:
                return f"{name} has {file.stat().st_size} bytes, {recorded['bytes']} were written"
            if file_sha256(file) != recorded["sha256"]:
                return f"the bytes of {name} changed since it was written"
        return ""

    def _set_aside(self, kind: str, key: str) -> None:
        grave = self.root / "corrupt"
        with disk_errors(grave):
            grave.mkdir(parents=True, exist_ok=True)
            place = Path(tempfile.mkdtemp(prefix=f"{kind}-{key[:12]}-", dir=grave))
            with contextlib.suppress(FileNotFoundError):
                self.path(kind, key).rename(place / "artefact")
