"""The challenge's metric without the vertices in which nothing can be explained."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from algokit.metrics import Metric
from algokit.metrics.noise_normalized_metric import needed, noise_normalized, normalized_r


def scientific_noise_normalized(
    truth: NDArray[Any], prediction: NDArray[Any], ceiling: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """As ``noise_normalized``, and 0 where the ceiling is exactly 0: (n_targets,) float64, 0..1.

    Aggregates leave those vertices out; there the official rule gives 1 for any positive correlation.

    Raises
    ------
    ValueError : there is no ceiling, or it does not fit.
    """
    return np.where(needed(ceiling) == 0, 0.0, noise_normalized(truth, prediction, ceiling))


def _of_r(r: NDArray[Any], ceiling: NDArray[np.float64] | None) -> NDArray[Any]:
    share: NDArray[Any] = normalized_r(r, ceiling)
    share[..., needed(ceiling) == 0] = 0
    return share


SCIENTIFIC_NOISE_NORMALIZED = Metric(
    name="scientific_noise_normalized",
    version=1,
    needs_ceiling=True,
    scale=100.0,
    compute=scientific_noise_normalized,
    of_r=_of_r,
    source="algokit: the official rule over the vertices whose noise ceiling is not exactly 0; not the challenge score",
    leaves_out_zero_ceilings=True,
)
