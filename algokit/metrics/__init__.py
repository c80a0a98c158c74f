"""Metrics: truth x prediction (x ceiling) -> one number per vertex. NumPy only.

To add one
----------
1. Write ``<name>_metric.py`` with a `Metric` instance.
2. Add one row to `CATALOGUE`. The contract suite in ``tests/contracts`` then runs over it.

Every metric of this challenge is a function of a vertex's correlation and its ceiling, so that resampled correlations
give resampled scores. A metric has a version, raised whenever its numbers change and never when only its code does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algokit.registry import Catalogue


@dataclass(frozen=True)
class Metric:
    """One number per vertex.

    Attributes
    ----------
    name, version : stand in every score.
    needs_ceiling : whether ``compute`` and ``of_r`` take the ceiling.
    scale : factor for display (100 for percent of the ceiling).
    compute : (truth, prediction, ceiling or None) -> (n_vertices,) float64; truth and prediction are
        (n_images, n_vertices). Never NaN: a constant or non-finite column scores 0.
    of_r : the same from correlations: ((..., n_vertices) floats, ceiling or None) -> same shape and dtype. Never
        decreasing in r.
    source : where the definition comes from.
    lowest : the least possible value, before the scale; the greatest is 1.
    leaves_out_zero_ceilings : whether aggregates leave out the vertices whose ceiling is exactly 0; their values are 0.
    """

    name: str
    version: int
    needs_ceiling: bool
    scale: float
    compute: Callable[[NDArray[Any], NDArray[Any], NDArray[np.float64] | None], NDArray[np.float64]]
    of_r: Callable[[NDArray[Any], NDArray[np.float64] | None], NDArray[Any]]
    source: str
    lowest: float = 0.0
    leaves_out_zero_ceilings: bool = False


def centred_columns(values: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Centred columns of (n_images, n_vertices), each of its own scale, and which of them can be correlated.

    A column that is constant or not finite cannot; it becomes 0.
    """
    with np.errstate(invalid="ignore", over="ignore"):
        low, high = values.min(axis=0).astype(np.float64), values.max(axis=0).astype(np.float64)
        span = high - low  # NaN or infinite where any value of the column is
    usable = np.isfinite(span) & (span > 0)
    columns = values.astype(np.float64)
    columns[:, ~usable] = 0.0
    # Moved to 0..1 first: an exactly constant column is told by its span, whatever rounding does to its mean, and
    # neither a huge offset nor a huge scale can cancel or overflow in the squares.
    columns -= np.where(usable, low, 0.0)
    columns /= np.where(usable, span, 1.0)
    columns -= columns.mean(axis=0)
    return columns, usable


CATALOGUE = Catalogue(
    "metric",
    {
        "noise_normalized": "algokit.metrics.noise_normalized_metric:NOISE_NORMALIZED",
        "scientific_noise_normalized": "algokit.metrics.scientific_noise_normalized_metric:SCIENTIFIC_NOISE_NORMALIZED",
        "r2": "algokit.metrics.pearson_metric:SQUARED_R",
        "pearson_r": "algokit.metrics.pearson_metric:PEARSON_R",
    },
)
