"""A submission in a folder that a stranger may have made: only its own regular files are read, memory-mapped."""

from __future__ import annotations

import itertools
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from algokit.challenge.npy_header import HEADER_LIMIT_BYTES, NpyHeader, open_regular
from algokit.challenge.untrusted_npy import as_float32, checked_header, reading, refuse_unsafe, shown
from algokit.errors import SubmissionError
from algokit.types import Finding

_SUBJECT_LIKE = re.compile(r"sub(j|ject)?[-_ ]?\d{1,3}", re.IGNORECASE)
_OWN_FOLDERS = ("val", "fits")  # what a run writes beside the subjects; laid out like a submission, but none
_FILES_LIMIT = 10_000  # no submission has a hundredth of them
_ENCLOSING_LIMIT = 100


class FolderSource:
    """A folder with one folder per subject; a `SubmissionSource`.

    A link to a place inside the folder is followed. One that leads out is a finding and is not: what lies there is not
    part of the submission, and whoever packs a stranger's folder must not send their own files along.

    Raises
    ------
    SubmissionError : it holds too many files to look at.
    """

    is_archive = False

    def __init__(self, path: Path) -> None:
        self.path = path
        self._sizes: dict[str, int] = {}
        names = sorted(itertools.islice(_names_below(path), _FILES_LIMIT + 1))
        if len(names) > _FILES_LIMIT:
            what, advice = "too many files to be a submission", "leave only the predictions; nothing was read"
            limit = f"at most {_FILES_LIMIT}"
            finding = Finding(what, str(path), expected=limit, advice=advice, code="too-many-files")
            raise SubmissionError(f"{path} cannot be a submission", [finding])
        self.findings = tuple(self._sorted_out(names))

    def _sorted_out(self, names: list[str]) -> list[Finding]:
        """Keep the sizes of the regular files; what is wrong with the others."""
        findings = []
        where = str(self.path)
        for name in names:
            try:
                status = (self.path / name).stat()
            except OSError as error:
                advice = "put the file itself here, readable"
                found = str(error.strerror)
                findings.append(Finding("cannot be read", where, shown(name), "", found, advice, code="unreadable"))
                continue
            if not _is_own(self.path, name):
                what, advice = "a link that leads out of the submission", "put the file itself here (cp -L follows it)"
                findings.append(Finding(what, where, shown(name), advice=advice, code="symlink"))
            elif stat.S_ISREG(status.st_mode):
                self._sizes[name] = status.st_size
            elif not stat.S_ISDIR(status.st_mode):
                advice = "put a plain file here"
                findings.append(Finding("not a regular file", where, shown(name), advice=advice, code="special-file"))
        return findings

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def sizes(self) -> dict[str, int]:
        """See `SubmissionSource`; looks into folders that may be a subject's, and nowhere else."""
        return self._sizes

    def header(self, name: str) -> NpyHeader:
        """See `SubmissionSource`."""
        with reading(self.path, name, OSError, ValueError), open_regular(self.path / name) as stream:
            head = stream.read(HEADER_LIMIT_BYTES)
        return checked_header(self.path, name, head)

    def array(self, name: str, shape: tuple[int, int]) -> NDArray[np.float32]:
        """See `SubmissionSource`."""
        header = self.header(name)
        refuse_unsafe(self.path, name, header, self._sizes[name], shape)
        with reading(self.path, name, OSError, ValueError):
            order: Literal["F", "C"] = "F" if header.fortran_order else "C"
            values: NDArray[Any] = np.memmap(
                self.path / name, dtype=header.dtype, mode="r", offset=header.offset_bytes, shape=shape, order=order
            )
            return as_float32(values)


def looks_like_subject(name: str) -> bool:
    """Whether a folder's name may be a subject's, perhaps misspelt (``Subj1``, ``sub-01``)."""
    return _SUBJECT_LIKE.fullmatch(name) is not None


def children(folder: Path) -> list[str]:
    """Names in a folder, hidden ones left out and a mad number cut; none where it is no folder or cannot be listed."""
    try:
        listed = itertools.islice(folder.iterdir(), _FILES_LIMIT + 1)
        return sorted(child.name for child in listed if not child.name.startswith("."))
    except OSError:
        return []


def subject_folders(folder: Path) -> list[str]:
    """Names of the folders in it that may be subjects'."""
    return [name for name in children(folder) if looks_like_subject(name) and (folder / name).is_dir()]


def _names_below(folder: Path) -> Iterator[str]:
    """Files at the root and in subject folders; where there are none of these, in those one level further down."""
    yield from children(folder)
    inside = subject_folders(folder)
    if not inside:
        enclosing = [name for name in children(folder) if name not in _OWN_FOLDERS][:_ENCLOSING_LIMIT]
        inside = [
            f"{one}/{name}" for one in enclosing if _is_own(folder, one) for name in subject_folders(folder / one)
        ]
    for one in inside:
        if _is_own(folder, one):
            yield from (f"{one}/{name}" for name in children(folder / one))


def _is_own(folder: Path, name: str) -> bool:
    """Whether something in it really lies there; what a link elsewhere holds is not even listed."""
    return Path(os.path.realpath(folder / name)).is_relative_to(os.path.realpath(folder))
