"""The files of a submission: their names, how they are written, and how a folder or a zip of them is read.

What is read may come from a stranger: nothing is unpickled, nothing is unpacked to disk, and no array is allocated
before its header, its size and the expected shape agree.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from algokit.atomic import replacing
from algokit.challenge.folder_source import FolderSource, children, subject_folders
from algokit.challenge.npy_header import NpyHeader
from algokit.challenge.untrusted_npy import as_float32
from algokit.challenge.zip_source import ZipSource
from algokit.errors import SubmissionError, UsageError
from algokit.types import Finding, Hemisphere, Predictions, Split

_LEVELS = 3  # how far below the folder given submissions are looked for


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
    """The submissions at a path: a submission folder or a zip itself, or those inside a tree of submissions.

    A zip beside the folder it was packed from is left out, and so are hidden folders and what links lead to twice.

    Raises
    ------
    UsageError : none is there.
    """
    if path.is_file() or subject_folders(path) or _is_run(path):
        return [path]
    once = {one.resolve(): one for one in sorted(_submissions_below(path, _LEVELS), reverse=True)}
    if once:
        return sorted(once.values())
    what = "no submission here" if path.exists() else "no such file or folder"
    advice = "a submission is a folder or zip with subj01/lh_pred_test.npy and so on"
    raise UsageError(f"no submission at {path}", [Finding(what, str(path), advice=advice, code="not-found")])


def _submissions_below(folder: Path, n_levels: int) -> Iterator[Path]:
    inside = [folder / name for name in children(folder)]
    folders = [one for one in inside if _is_run(one) or _has_subjects(one)]
    yield from folders
    yield from (one for one in inside if one.suffix == ".zip" and one.is_file() and one.with_suffix("") not in folders)
    for one in inside:
        if n_levels > 1 and one not in folders and one.is_dir() and not one.is_symlink():
            yield from _submissions_below(one, n_levels - 1)


def _is_run(path: Path) -> bool:
    return any((path / name).is_file() for name in ("card.json", "plan.json"))


def _has_subjects(path: Path) -> bool:
    """Whether it has a subject's folder that is not the challenge's own: those hold nothing but folders."""
    return any(_may_hold_predictions(path / name) for name in subject_folders(path))


def _may_hold_predictions(folder: Path) -> bool:
    inside = children(folder)
    return not inside or any(not (folder / name).is_dir() for name in inside)
