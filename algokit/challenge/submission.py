"""The files of a submission: their names, how they are written, and how a folder or a zip of them is read.

What is read may come from a stranger: nothing is unpickled, nothing is unpacked to disk, and no array is allocated
before its header, its size and the expected shape agree.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from algokit.atomic import replacing
from algokit.challenge.npy_header import HEADER_LIMIT_BYTES, NpyHeader
from algokit.challenge.untrusted_npy import (
    as_float32,
    checked_header,
    reading,
    refuse_unsafe,
    shown,
)
from algokit.challenge.zip_source import ZipSource
from algokit.errors import SubmissionError, UsageError
from algokit.types import Finding, Hemisphere, Predictions, Split

_SUBJECT_LIKE = re.compile(r"sub(j|ject)?[-_ ]?\d{1,3}", re.IGNORECASE)


def prediction_file(subject: str, hemisphere: Hemisphere, split: Split = "test") -> str:
    """``subj01/lh_pred_test.npy``: the name below the submission's root."""
    return f"{subject}/{hemisphere}_pred_{split}.npy"


def write_predictions(folder: Path, predictions: Iterable[Predictions]) -> None:
    """Write each prediction as float32 in C order under its own name, whole or not at all.

    Raises
    ------
    ValueError : values and image_ids do not fit each other.
    DiskError : the disk is full or not writable.
    """
    for one in predictions:
        if one.values.ndim != 2 or len(one.values) != len(one.image_ids):
            raise ValueError(f"{one.values.shape} predictions of {len(one.image_ids)} images")
        target = folder / prediction_file(one.subject, one.hemisphere, one.split)
        with replacing(target) as aside, aside.open("wb") as stream:
            write_array(stream, one.values)


def write_array(stream: Any, values: NDArray[Any]) -> None:
    """Write ``.npy`` bytes: little-endian float32, C order, format 1.0."""
    np.lib.format.write_array(stream, as_float32(values), version=(1, 0), allow_pickle=False)


class SubmissionSource(Protocol):
    """A submission that can be read; a context manager.

    Attributes
    ----------
    path : as given.
    is_archive : a zip, where every file beside the predictions is one too many.
    findings : what is wrong with the container itself.
    """

    path: Path
    is_archive: bool
    findings: tuple[Finding, ...]

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None: ...

    def sizes(self) -> dict[str, int]:
        """Relative name -> bytes of every regular file worth looking at, sorted by name."""
        ...

    def header(self, name: str) -> NpyHeader:
        """The header of one file.

        Raises
        ------
        SubmissionError : it cannot be read, or is no ``.npy`` file.
        """
        ...

    def array(self, name: str, shape: tuple[int, int]) -> NDArray[np.float32]:
        """One file as (n_images, n_vertices), once header, size and ``shape`` agree and it holds plain floats.

        Other floats are converted, as they would have to be for the challenge.

        Raises
        ------
        SubmissionError : they do not, or the values cannot be read.
        """
        ...


class FolderSource:
    """A folder with one folder per subject; arrays are memory-mapped."""

    is_archive = False

    def __init__(self, path: Path) -> None:
        self.path = path
        self._sizes: dict[str, int] = {}
        findings = []
        for name in _names_below(path):
            try:
                status = (path / name).stat()
            except OSError as error:
                found = str(error.strerror)
                findings.append(Finding("cannot be read", str(path), shown(name), found=found, code="unreadable"))
                continue
            if stat.S_ISREG(status.st_mode):
                self._sizes[name] = status.st_size
            elif not stat.S_ISDIR(status.st_mode):
                findings.append(Finding("not a regular file", str(path), shown(name), code="special-file"))
        self.findings = tuple(findings)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def sizes(self) -> dict[str, int]:
        """See `SubmissionSource`; looks into folders that may be a subject's, and nowhere else."""
        return self._sizes

    def header(self, name: str) -> NpyHeader:
        """See `SubmissionSource`."""
        with reading(self.path, name, OSError), (self.path / name).open("rb") as stream:
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


def _names_below(folder: Path) -> list[str]:
    """Files at the root and in subject folders; where there are none of these, in those one level further down."""
    inside = _subject_folders(folder)
    if not inside:
        enclosing = [name for name in _children(folder) if name not in ("val", "fits")]
        inside = [f"{name}/{inner}" for name in enclosing for inner in _subject_folders(folder / name)]
    return sorted([*_children(folder), *(f"{one}/{name}" for one in inside for name in _children(folder / one))])


def _children(folder: Path) -> list[str]:
    """Names in a folder, hidden ones left out; none where it is no folder or cannot be listed."""
    try:
        return sorted(child.name for child in folder.iterdir() if not child.name.startswith("."))
    except OSError:
        return []


def looks_like_subject(name: str) -> bool:
    """Whether a folder's name may be a subject's, perhaps misspelt (``Subj1``, ``sub-01``)."""
    return _SUBJECT_LIKE.fullmatch(name) is not None


def _subject_folders(folder: Path) -> list[str]:
    return [name for name in _children(folder) if looks_like_subject(name) and (folder / name).is_dir()]


def open_submission(path: Path) -> SubmissionSource:
    """A folder or a zip, ready to be read.

    Raises
    ------
    SubmissionError : nothing is there, or it is neither.
    """
    if path.is_dir():
        return FolderSource(path)
    if path.is_file():
        return ZipSource(path)
    what = "neither a folder nor a file" if path.exists() else "nothing is here"
    finding = Finding(what, str(path), advice="give a submission folder or a zip", code="not-found")
    raise SubmissionError(f"{path} cannot be opened", [finding])


def find_submissions(path: Path) -> list[Path]:
    """The submissions at a path: a submission folder or a zip itself, or those inside a folder of submissions.

    A zip beside the folder it was packed from is left out.

    Raises
    ------
    UsageError : none is there.
    """
    if path.is_file() or _is_submission(path):
        return [path]
    inside = [path / name for name in _children(path)]
    folders = [one for one in inside if _is_submission(one)]
    zips = [one for one in inside if one.suffix == ".zip" and one.is_file() and one.with_suffix("") not in folders]
    if folders or zips:
        return sorted([*folders, *zips])
    what = "no submission here" if path.exists() else "no such file or folder"
    advice = "a submission is a folder or zip with subj01/lh_pred_test.npy and so on"
    raise UsageError(f"no submission at {path}", [Finding(what, str(path), advice=advice, code="not-found")])


def _is_submission(path: Path) -> bool:
    return bool(_subject_folders(path)) or any((path / name).is_file() for name in ("card.json", "plan.json"))
