"""Digests of data files: computed once, trusted while size and modification time stay, written down on request."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from algokit.atomic import write_text_atomically
from algokit.challenge.directory import Challenge
from algokit.errors import DataError
from algokit.store import digest_of, file_sha256
from algokit.types import Finding, Progress, ProgressCallback, Split, no_progress

LOCK_NAME = "data_lock.json"
_MOST_THREADS = 8


@dataclass(frozen=True)
class _Known:
    n_bytes: int
    mtime_ns: int
    sha256: str


class DigestCache:
    """sha256 of files, remembered with their size and modification time.

    Parameters
    ----------
    path : a JSON file to remember them in between runs; None remembers nothing beyond this object. One that cannot
        be read is replaced.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._known = _read(path) if path else {}
        self._changed = False

    def knows(self, path: Path) -> bool:
        """Whether the file's digest is remembered, and the file as it was then."""
        return self._remembered(str(path.resolve()), path.stat()) is not None

    def sha256(self, path: Path) -> str:
        """The digest (hex) of one file, read only when it is new or changed.

        Raises
        ------
        DataError : the file cannot be read.
        """
        return self.many([path])[path]

    def many(
        self, paths: Iterable[Path], progress: ProgressCallback = no_progress, *, full: bool = False
    ) -> dict[Path, str]:
        """The digests of many files, in parallel; saved at the end, and also when it is interrupted.

        Parameters
        ----------
        full : read every file again.
        """
        listed = list(dict.fromkeys(paths))
        digests: dict[Path, str] = {}
        pool = ThreadPoolExecutor(min(_MOST_THREADS, os.cpu_count() or 1))
        try:
            for path, digest in zip(listed, pool.map(lambda path: self._digest(path, full), listed), strict=True):
                digests[path] = digest
                progress(Progress("digests", len(digests), len(listed), "files"))
        finally:
            pool.shutdown(cancel_futures=True)
            self.save()
        return digests

    def save(self) -> None:
        """Write what is remembered to the file given, as a whole.

        Raises
        ------
        DiskError : the disk is full or not writable.
        """
        if self._path and self._changed:
            entries = {name: [one.n_bytes, one.mtime_ns, one.sha256] for name, one in sorted(self._known.items())}
            write_text_atomically(self._path, json.dumps(entries, indent=0) + "\n")
            self._changed = False

    def _remembered(self, name: str, status: os.stat_result) -> _Known | None:
        known = self._known.get(name)
        unchanged = known and (known.n_bytes, known.mtime_ns) == (status.st_size, status.st_mtime_ns)
        return known if unchanged else None

    def _digest(self, path: Path, full: bool) -> str:
        try:
            name, status = str(path.resolve()), path.stat()
            if not full and (known := self._remembered(name, status)):
                return known.sha256
            # The status is from before reading: a file that changes meanwhile is read again next time.
            self._known[name] = _Known(status.st_size, status.st_mtime_ns, file_sha256(path))
        except OSError as error:
            finding = Finding("cannot be read", str(path), found=error.strerror or str(error), code="unreadable")
            raise DataError(f"{path.name} cannot be read", [finding]) from error
        self._changed = True
        return self._known[name].sha256


def _read(path: Path) -> dict[str, _Known]:
    try:
        return {name: _Known(*entry) for name, entry in json.loads(path.read_text(encoding="utf-8")).items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def lock_data(
    challenge: Challenge,
    out: Path | None = None,
    progress: ProgressCallback = no_progress,
    *,
    full: bool = False,
    cache: DigestCache | None = None,
) -> dict[str, Any]:
    """Record sha256 and size of every data file, so that keys and cards can cite them.

    Parameters
    ----------
    out : the file to write; by default ``data_lock.json`` in the challenge's folder.
    full : read every file, also those whose size and modification time are as remembered.
    cache : what remembers them; by default a hidden file beside ``out``.

    Returns
    -------
    What was written: ``manifest``, ``manifest_sha256``, ``n_files``, ``n_bytes``, ``sha256`` (of all files together)
    and ``files``, relative path -> ``sha256`` and ``bytes``. The same data give the same bytes anywhere.

    Raises
    ------
    DiskError : the disk is full or not writable.
    """
    out = out or challenge.root / LOCK_NAME
    cache = cache or DigestCache(out.with_name(f".{out.name}.cache"))
    paths = sorted(path for subject in challenge.subjects for path in _data_files(challenge, subject))
    digests = cache.many(paths, progress, full=full)
    files = {
        path.relative_to(challenge.root).as_posix(): {"sha256": digests[path], "bytes": path.stat().st_size}
        for path in paths
    }
    document = {
        "manifest": challenge.manifest.name,
        "manifest_sha256": challenge.manifest.digest(),
        "n_files": len(files),
        "n_bytes": sum(path.stat().st_size for path in paths),
        "sha256": digest_of(files),
        "files": files,
    }
    write_text_atomically(out, json.dumps(document, indent=1) + "\n")
    return document


def _data_files(challenge: Challenge, subject: str) -> Iterable[Path]:
    yield from challenge.files(subject).values()
    splits: tuple[Split, ...] = ("train", "test")
    for split in splits:
        yield from (image.path for image in challenge.images(subject, split))
