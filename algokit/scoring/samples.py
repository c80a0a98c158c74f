"""Scores of every ROI of a hemisphere over many draws of images, and of the places these pool to.

Means are kept as sums per ROI; only for medians are vertices kept, of fewer draws and as 16-bit numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from algokit.metrics import Metric
from algokit.scoring.aggregate import Part, Place
from algokit.scoring.hemisphere import SCORED, ScoredHemisphere, metrics
from algokit.scoring.resampling import Draw, standardised
from algokit.types import Ints, VertexScores

Codes = NDArray[np.uint16]
_BLOCK = 256  # vertices at a time: what a block is worked on with stays in the processor's cache
_TOP = 65535
_OFFICIAL = SCORED.index("noise_normalized")
_CHUNK = 1 << 21  # codes gathered at a time


@dataclass(frozen=True)
class Samples:
    """What many draws of images left of one hemisphere.

    Attributes
    ----------
    rois : the ROIs in the order of the columns of ``sums``.
    sums : metric -> (n_draws, n_rois) float64, sums over the vertices of the ROI that the metric counts.
    r_codes, share_codes : (n_kept, n_vertices), r from -1 to 1 and the fraction of the ceiling from 0 to 1 of the first
        draws, in steps of 1/65535 of their range; None where there is no ceiling.
    """

    rois: tuple[tuple[str, str], ...]
    sums: Mapping[str, NDArray[np.float64]]
    r_codes: Codes
    share_codes: Codes | None


def draw_samples(item: ScoredHemisphere, one: VertexScores, draw: Draw, n_draws: int, n_kept: int) -> Samples:
    """Score a hemisphere over every draw; its arrays are read block by block.

    Parameters
    ----------
    one : the same hemisphere's own numbers, for its ROIs and ceilings.
    n_kept : of how many draws the medians can be taken.
    """
    n_vertices, n_kept = one.pearson_r.size, min(n_kept, n_draws)
    usable = [metric for metric in metrics().values() if one.ceiling is not None or not metric.needs_ceiling]
    sums, indicator = np.zeros((len(usable), n_draws, len(one.rois))), _indicator(one)
    r_codes = np.empty((n_kept, n_vertices), dtype=np.uint16)
    share_codes = None if one.ceiling is None else np.empty_like(r_codes)
    for start in range(0, n_vertices, _BLOCK):
        block = slice(start, start + _BLOCK)
        ceiling = None if one.ceiling is None else one.ceiling[block]
        r = draw(standardised(item.responses.values[:, block]), standardised(item.predictions.values[:, block]))
        values = [metric.of_r(r, ceiling) for metric in usable]  # 0 at a vertex that the metric leaves out
        sums += (np.concatenate(values) @ indicator[block]).reshape(sums.shape)
        r_codes[:, block] = np.rint((r[:n_kept] + 1) * (_TOP / 2))
        if share_codes is not None:
            share_codes[:, block] = np.rint(values[_OFFICIAL][:n_kept] * _TOP)
    by_name = {metric.name: mine for metric, mine in zip(usable, sums, strict=True)}
    return Samples(tuple(one.rois), by_name, r_codes, share_codes)


def _indicator(one: VertexScores) -> NDArray[np.float32]:
    """(n_vertices, n_rois): 1 where the vertex is in the ROI."""
    indicator = np.zeros((one.pearson_r.size, len(one.rois)), dtype=np.float32)
    for column, vertices in enumerate(one.rois.values()):
        indicator[vertices, column] = 1
    return indicator


def means(place: Place, metric: Metric, samples: Mapping[tuple[str, str], Samples]) -> NDArray[np.float64]:
    """The mean of a place over every draw: (n_draws,), before the metric's scale.

    Parameters
    ----------
    samples : (subject, hemisphere) -> its samples.
    """
    parts = sorted(place.counted(metric), key=lambda part: (part[0].subject, part[0].hemisphere))
    drawn = [samples[one.subject, one.hemisphere] for one, _ in parts]
    roi = (place.roi_class, place.roi)
    sums = np.array([mine.sums[metric.name][:, mine.rois.index(roi)] for mine in drawn])  # (n_parts, n_draws)
    mean: NDArray[np.float64] = sums.sum(axis=0) / sum(vertices.size for _, vertices in parts)
    return mean


def subject_shares(
    place: Place, metric: Metric, samples: Mapping[tuple[str, str], Samples]
) -> dict[str, NDArray[np.float64]]:
    """What each subject adds to the mean of a place over its own draws: subject -> (n_draws,)."""
    parts, roi = place.counted(metric), (place.roi_class, place.roi)
    n_vertices = sum(vertices.size for _, vertices in parts)
    shares: dict[str, NDArray[np.float64]] = {}
    for one, _ in sorted(parts, key=lambda part: (part[0].subject, part[0].hemisphere)):
        mine = samples[one.subject, one.hemisphere]
        added = mine.sums[metric.name][:, mine.rois.index(roi)] / n_vertices
        shares[one.subject] = shares[one.subject] + added if one.subject in shares else added
    return shares


def medians(place: Place, samples: Mapping[tuple[str, str], Samples]) -> dict[str, NDArray[np.float64]]:
    """Metric -> the median of a place over the first draws, (n_kept,), before the metric's scale.

    No metric decreases in r, so the vertices in the middle are the same for all that need no ceiling. Where the ceiling
    is 0, the share of it is 0 or 1 (but for an r below 1e-7): leaving such a vertex out takes one from an end of the
    sorted shares.
    """
    r, shares, found = None, None, {}
    for metric in metrics().values():
        if not place.counted(metric):
            continue
        if not metric.needs_ceiling:
            r = _middles(place.parts, samples, share=False)[0] * (2 / _TOP) - 1 if r is None else r
            found[metric.name] = metric.of_r(r, None).mean(axis=1)
            continue
        shares = _middles(place.parts, samples, share=True) / _TOP if shares is None else shares
        found[metric.name] = shares[int(metric.leaves_out_zero_ceilings)].mean(axis=1)
    return found


def _middles(parts: Sequence[Part], samples: Mapping[tuple[str, str], Samples], *, share: bool) -> NDArray[np.float64]:
    """The codes of the two vertices in the middle, twice the same of an odd number: (2, n_kept, 2).

    First of all vertices; then, of shares, of those with a ceiling above 0.
    """
    sources = [(_codes(samples[one.subject, one.hemisphere], share), one, vertices) for one, vertices in parts]
    n_kept, n_vertices = len(sources[0][0]), sum(vertices.size for *_, vertices in sources)
    middles, step = np.empty((2, n_kept, 2)), max(1, _CHUNK // n_vertices)
    for start in range(0, n_kept, step):
        rows = slice(start, start + step)
        pooled = np.concatenate([_columns(codes[rows], vertices) for codes, _, vertices in sources], axis=1)
        pooled.sort(axis=1, kind="stable")  # of 16-bit numbers a radix sort: faster than any selection
        middles[0, rows] = _two(pooled, np.zeros(len(pooled), np.int64), n_vertices)
        if share:
            zeros = [codes[rows][:, vertices[_is_zero(one, vertices)]] for codes, one, vertices in sources]
            n_zero = sum(codes.shape[1] for codes in zeros)
            below = sum(np.count_nonzero(codes < _TOP, axis=1) for codes in zeros)
            middles[1, rows] = _two(pooled, below, n_vertices - n_zero) if n_zero < n_vertices else np.nan
    return middles


def _two(ordered: Codes, first: NDArray[np.int64], n: int) -> Codes:
    """The two in the middle of the ``n`` columns from ``first``, which differs by row."""
    return np.take_along_axis(ordered, np.stack([first + (n - 1) // 2, first + n // 2], axis=1), axis=1)


def _codes(samples: Samples, share: bool) -> Codes:
    if not share:
        return samples.r_codes
    assert samples.share_codes is not None  # the place has ceilings
    return samples.share_codes


def _is_zero(one: VertexScores, vertices: Ints) -> NDArray[np.bool_]:
    return np.zeros(vertices.size, dtype=bool) if one.ceiling is None else one.ceiling[vertices] == 0


def _columns(codes: Codes, vertices: Ints) -> Codes:
    """Some columns; all of them without a copy."""
    return codes if vertices.size == codes.shape[1] else np.take(codes, vertices, axis=1)
