"""NSD's experimental design: which image every trial of every subject showed, counted within the challenge's splits.

Source: Allen et al. 2022 for the design; the organisers' data preparation for the splits: the training images are those
shown in all sessions but the last three, the test images those shown in the last three alone.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algokit.challenge.manifest import Side
from algokit.errors import DataError
from algokit.types import Finding, Ints

N_IMAGES = 73_000
TRIALS_PER_SESSION = 750
TEST_SESSIONS = 3
SESSIONS = {
    "subj01": 40,
    "subj02": 40,
    "subj03": 32,
    "subj04": 30,
    "subj05": 40,
    "subj06": 32,
    "subj07": 40,
    "subj08": 30,
}


def design_trials(path: Path, subject: str) -> dict[Side, dict[int, int]]:
    """Split -> 0-based NSD id -> trials within the split, from ``nsd_expdesign.mat``; an image may be in both.

    Raises
    ------
    DataError : the file cannot be read or is not that design; every problem.
    """
    if subject not in SESSIONS:
        expected, advice = f"{min(SESSIONS)} to {max(SESSIONS)}", f"give its repeats in {subject}_repeats.csv"
        finding = Finding("no subject of NSD", str(path), "", expected, subject, advice, code="design-subject")
        raise DataError(f"{path} says nothing about {subject}", [finding])
    order, images = _design(path)
    n_trials = TRIALS_PER_SESSION * SESSIONS[subject]
    row = sorted(SESSIONS).index(subject)
    if findings := list(_misfits(path, order, images, n_trials)):
        raise DataError(f"{path} is not the design of NSD", findings)
    ids = images[row].astype(np.int64)[order[:n_trials].astype(np.int64) - 1] - 1  # MATLAB counts from 1
    n_training = n_trials - TRIALS_PER_SESSION * TEST_SESSIONS
    return {"train": _counted(ids[:n_training]), "test": _counted(ids[n_training:])}


def _counted(ids: Ints) -> dict[int, int]:
    found, counts = np.unique(ids, return_counts=True)
    return dict(zip(found.tolist(), counts.tolist(), strict=True))


def _design(path: Path) -> tuple[NDArray[Any], NDArray[Any]]:
    """``masterordering`` (n_trials,) and ``subjectim`` (n_subjects, n_images), as stored."""
    from scipy.io import loadmat

    names = ("masterordering", "subjectim")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            content = loadmat(path, appendmat=False, variable_names=names)
    except Exception as error:  # a damaged file can make the reader raise anything
        found = " ".join(str(error).split())[:160] or type(error).__name__
        advice = "download it again from NSD"
        finding = Finding("not a readable .mat file", str(path), "", "", found, advice, code="bad-mat")
        raise DataError(f"{path} cannot be read", [finding]) from error
    missing = [name for name in names if not _is_numeric(content.get(name))]
    if missing:
        expected, found = "numbers in masterordering and subjectim", f"none in {' and '.join(missing)}"
        finding = Finding("not the design of NSD", str(path), "", expected, found, code="bad-design")
        raise DataError(f"{path} is not the design of NSD", [finding])
    return content["masterordering"].reshape(-1), content["subjectim"]


def _is_numeric(values: object) -> bool:
    return isinstance(values, np.ndarray) and values.dtype.kind in "fiu" and values.ndim == 2 and values.size > 0


def _misfits(path: Path, order: NDArray[Any], images: NDArray[Any], n_trials: int) -> Iterator[Finding]:
    def finding(name: str, expected: str, found: str) -> Finding:
        advice = "take nsddata/experiments/nsd/nsd_expdesign.mat"
        return Finding("not the design of NSD", str(path), name, expected, found, advice, code="bad-design")

    if order.size < n_trials:
        yield finding("masterordering", f"{n_trials} trials or more", f"{order.size}")
    if not _are_counts(order, images.shape[1]):
        yield finding("masterordering", f"whole numbers from 1 to {images.shape[1]}", _extent(order))
    if images.shape[0] != len(SESSIONS):
        yield finding("subjectim", f"{len(SESSIONS)} subjects", f"{images.shape[0]}")
    if not _are_counts(images, N_IMAGES):
        yield finding("subjectim", f"whole numbers from 1 to {N_IMAGES}", _extent(images))


def _are_counts(values: NDArray[Any], most: int) -> bool:
    return bool(np.all((values >= 1) & (values <= most) & (values == np.floor(values))))


def _extent(values: NDArray[Any]) -> str:
    return f"{values.min():g} to {values.max():g}"
