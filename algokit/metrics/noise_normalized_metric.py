"""The challenge's own metric: squared correlation as a fraction of what the noise allows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from algokit.metrics import Metric
from algokit.metrics.pearson_metric import square_of_r, squared_r

ZERO_CEILING = 1e-14  # what the organisers' script puts in place of an exact zero


def normalize(squared: NDArray[Any], ceiling: NDArray[Any]) -> NDArray[np.float64]:
    """Squared correlations -> fractions of the ceiling, at most 1.

    A vertex without a ceiling therefore gets 1 for any positive correlation: the official rule.

    Parameters
    ----------
    squared : (n_targets,) r2 with negative r already set to 0.
    ceiling : (n_targets,) fraction 0..1 in r2 units.

    Raises
    ------
    ValueError : the shapes differ, or a ceiling is not a fraction.
    """
    ceiling = np.asarray(ceiling, dtype=np.float64)
    if squared.shape != ceiling.shape:
        raise ValueError(f"{squared.shape} scores and {ceiling.shape} ceilings")
    if not np.all((ceiling >= 0) & (ceiling <= 1)):  # also refuses NaN
        raise ValueError("a noise ceiling is a fraction from 0 to 1, not a percentage")
    return _share(squared.astype(np.float64), ceiling)


def _share(squared: NDArray[Any], ceiling: NDArray[np.float64]) -> NDArray[Any]:
    share: NDArray[Any] = squared / np.where(ceiling == 0, ZERO_CEILING, ceiling).astype(squared.dtype)
    np.minimum(share, 1, out=share)
    return share


def normalized_r(r: NDArray[Any], ceiling: NDArray[np.float64] | None) -> NDArray[Any]:
    """Correlations (..., n_targets) -> fractions of the ceiling, 0..1, of the same shape and dtype.

    Raises
    ------
    ValueError : there is no ceiling.
    """
    return _share(square_of_r(r), needed(ceiling))


def needed(ceiling: NDArray[np.float64] | None) -> NDArray[np.float64]:
    """The ceiling, which must be there."""
    if ceiling is None:
        raise ValueError("a noise-normalized score needs a noise ceiling")
    return ceiling


def noise_normalized(
    truth: NDArray[Any], prediction: NDArray[Any], ceiling: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """Noise-normalized squared correlation: (n_targets,) float64, 0..1.

    Parameters
    ----------
    truth, prediction : (n_samples, n_targets).
    ceiling : (n_targets,) for the split that is scored.

    Raises
    ------
    ValueError : there is no ceiling, or it does not fit.
    """
    return normalize(squared_r(truth, prediction), needed(ceiling))


NOISE_NORMALIZED = Metric(
    name="noise_normalized",
    version=1,
    needs_ceiling=True,
    scale=100.0,
    compute=noise_normalized,
    of_r=normalized_r,
    source="gifale95/algonauts_2023, scoring script: r < 0 -> 0, r2 / ceiling (0 -> 1e-14), at most 1",
)
