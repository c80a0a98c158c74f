"""Noise ceilings: the share of variance over images that repeats of the same image leave explainable.

With signal SD over noise SD of a vertex ``ncsnr`` and images shown 3, 2 or 1 times, the ceiling in r2 units is
``ncsnr^2 / (ncsnr^2 + t)``; ``t`` is the mean over the split's images of 1 / repeats. So a ceiling belongs to a split.

Source: Allen et al. 2022 (NSD), and the organisers' data preparation for the official test ceilings.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from algokit.challenge.layout import ArrayFile
from algokit.types import Finding, Ints


def ceiling_term(counts: Sequence[int]) -> float:
    """``t`` of a split with ``counts`` of images shown 3, 2 and 1 times: (A/3 + B/2 + C) / (A + B + C)."""
    three, two, one = counts
    return (2 * three + 3 * two + 6 * one) / (6 * (three + two + one))


def repeats_term(repeats: Ints) -> float:
    """``t`` of images shown this often: the mean of 1 / repeats; (n_images,), each 1 or more."""
    return float(np.mean(1 / repeats))


def ceiling_from_ncsnr(ncsnr: ArrayLike, term: float) -> NDArray[np.float64]:
    """Noise ceilings (fraction 0..1) of vertices with these ncsnr in a split with this `ceiling_term`."""
    with np.errstate(divide="ignore"):
        return np.asarray(1 / (1 + term / np.square(np.asarray(ncsnr, np.float64))))


def ncsnr2_from_ceiling(ceiling: ArrayLike, term: float) -> NDArray[np.float64]:
    """Squared ncsnr behind ceilings of a split with this `ceiling_term`; infinite where the ceiling is 1."""
    values = np.asarray(ceiling, np.float64)
    with np.errstate(divide="ignore"):
        return np.asarray(term * values / (1 - values))


def ceiling_findings(array: ArrayFile) -> list[Finding]:
    """Ceilings that are no fractions from 0 to 1."""
    values = array.values()
    outside = np.flatnonzero(~((values >= 0) & (values <= 1)))
    if not outside.size:
        return []
    first = int(outside[0])
    found = f"{values[first]:g} at vertex {first}; {outside.size} of {values.size} values outside"
    percent = np.isfinite(values).all() and values.min() >= 0
    advice = "ceilings in percent have to be divided by 100" if percent else "download this subject again"
    return [Finding("not a noise ceiling", str(array.path), "", "0 to 1", found, advice, code="ceiling-range")]
