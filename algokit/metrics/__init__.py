"""Metrics: truth x prediction (x ceiling) -> one number per vertex. NumPy only.

To add one
----------
1. Write ``<name>_metric.py`` with a `Metric` instance.
2. Add one row to `CATALOGUE`. The contract suite in ``tests/contracts`` then runs over it.

A metric has a version, raised whenever its numbers change and never when only its code does.
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
    needs_ceiling : whether ``compute`` takes the ceiling.
    scale : factor for display (100 for percent of the ceiling).
    compute : (truth, prediction, ceiling or None) -> (n_vertices,) float64; truth and prediction are
        (n_images, n_vertices). Never NaN: a constant or non-finite column scores 0.
    source : where the definition comes from.
    """

    name: str
    version: int
    needs_ceiling: bool
    scale: float
    compute: Callable[[NDArray[Any], NDArray[Any], NDArray[np.float64] | None], NDArray[np.float64]]
    source: str


CATALOGUE = Catalogue(
    "metric",
    {
        "pearson_r": "algokit.metrics.pearson_metric:PEARSON_R",
        "r2": "algokit.metrics.pearson_metric:SQUARED_R",
        "noise_normalized": "algokit.metrics.noise_normalized_metric:NOISE_NORMALIZED",
    },
)
