"""Per-vertex numbers -> the scores of every subject, hemisphere, ROI class and ROI, and of the pools over them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from algokit.metrics import CATALOGUE as METRICS
from algokit.metrics import Metric
from algokit.scoring.hemisphere import ALL
from algokit.types import HEMISPHERES, Ints, ScoreRow, VertexScores

Part = tuple[VertexScores, Ints]


def score_rows(scored: Sequence[VertexScores]) -> Iterator[ScoreRow]:
    """Every aggregate; an empty ROI has no row, and noise-normalized rows need a ceiling at every vertex of theirs."""
    rois = dict.fromkeys(roi for one in scored for roi in one.rois)
    for subject in (ALL, *dict.fromkeys(one.subject for one in scored)):
        for hemisphere in (ALL, *HEMISPHERES):
            group = [one for one in scored if subject in (ALL, one.subject) and hemisphere in (ALL, one.hemisphere)]
            for roi in rois:
                parts = [(one, one.rois[roi]) for one in group if roi in one.rois and one.rois[roi].size]
                for metric, name, value in _aggregates(parts):
                    value = metric.scale * float(value)
                    n_vertices = sum(vertices.size for _, vertices in parts)
                    row = ScoreRow(subject, hemisphere, *roi, n_vertices, name, metric.version, value)
                    yield replace(row, **_counts(parts))


def _aggregates(parts: Sequence[Part]) -> Iterator[tuple[Metric, str, float]]:
    """Metric, name and value of every aggregate over the chosen vertices, pooled; none of no vertices."""
    if not parts:
        return
    raw, normalized = METRICS.load("pearson_r"), METRICS.load("noise_normalized")
    r = np.concatenate([one.pearson_r[vertices] for one, vertices in parts])
    yield raw, "pearson_r_mean", r.mean()
    fractions = [one.normalized[vertices] for one, vertices in parts if one.normalized is not None]
    if len(fractions) == len(parts):
        pooled = np.concatenate(fractions)
        yield normalized, "noise_normalized_mean", pooled.mean()
        yield normalized, "noise_normalized_median", np.median(pooled)


def _counts(parts: Sequence[Part]) -> dict[str, Any]:
    return {
        "n_zero_ceiling": sum(n_zero_ceiling(one, vertices) for one, vertices in parts),
        "n_clipped": sum(n_clipped(one, vertices) for one, vertices in parts),
        "n_constant": sum(int(np.count_nonzero(one.constant[vertices])) for one, vertices in parts),
        "n_nonfinite": sum(int(np.count_nonzero(one.nonfinite[vertices])) for one, vertices in parts),
    }


def n_zero_ceiling(one: VertexScores, vertices: Ints) -> int:
    """How many of the vertices have a ceiling of exactly 0."""
    return 0 if one.ceiling is None else int(np.count_nonzero(one.ceiling[vertices] == 0))


def n_clipped(one: VertexScores, vertices: Ints) -> int:
    """How many of the vertices reach the cap."""
    return 0 if one.normalized is None else int(np.count_nonzero(one.normalized[vertices] >= 1))
