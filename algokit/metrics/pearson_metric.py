"""Pearson correlation of every vertex, and its square with negative correlations set to zero."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from algokit.metrics import Metric, centred_columns

_BLOCK_VALUES = 1 << 18  # 2 MiB as float64: both blocks stay in the processor's cache


def pearson_r(
    truth: NDArray[Any], prediction: NDArray[Any], ceiling: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """Correlation over samples, per target; 0 where either column is constant or not finite.

    Columns are taken in blocks, so that no more than a block of each array is ever held in float64.

    Parameters
    ----------
    truth, prediction : (n_samples, n_targets) of any float type, memory maps included.
    ceiling : not used.

    Returns
    -------
    (n_targets,) float64, -1..1.

    Raises
    ------
    ValueError : the shapes differ.
    """
    if truth.shape != prediction.shape or truth.ndim != 2:
        raise ValueError(f"truth {truth.shape} and prediction {prediction.shape} must both be (n_samples, n_targets)")
    n_samples, n_targets = truth.shape
    r = np.zeros(n_targets, dtype=np.float64)
    step = max(1, _BLOCK_VALUES // max(1, n_samples))
    for start in range(0, n_targets if n_samples else 0, step):
        block = slice(start, start + step)
        r[block] = _block_r(truth[:, block], prediction[:, block])
    return r


def squared_r(
    truth: NDArray[Any], prediction: NDArray[Any], ceiling: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """Square of Pearson r, 0 where r is negative: (n_targets,) float64, 0..1."""
    return square_of_r(pearson_r(truth, prediction))


def square_of_r(r: NDArray[Any], ceiling: NDArray[np.float64] | None = None) -> NDArray[Any]:
    """Correlations -> their squares, 0 where they are negative; same shape and dtype."""
    squared: NDArray[Any] = np.square(np.maximum(r, 0))
    return squared


def _unchanged(r: NDArray[Any], ceiling: NDArray[np.float64] | None) -> NDArray[Any]:
    return r


def _block_r(truth: NDArray[Any], prediction: NDArray[Any]) -> NDArray[np.float64]:
    left, left_usable = centred_columns(truth)  # (n_samples, n_block)
    right, right_usable = centred_columns(prediction)
    covariance = np.einsum("st,st->t", left, right)
    norms = np.sqrt(np.einsum("st,st->t", left, left) * np.einsum("st,st->t", right, right))
    usable = left_usable & right_usable
    r: NDArray[np.float64] = np.divide(covariance, norms, out=np.zeros_like(covariance), where=usable)
    return np.clip(r, -1.0, 1.0)


PEARSON_R = Metric(
    name="pearson_r",
    version=1,
    needs_ceiling=False,
    scale=1.0,
    compute=pearson_r,
    of_r=_unchanged,
    lowest=-1.0,
    source="Pearson's product-moment correlation over the images of the split",
)

SQUARED_R = Metric(
    name="r2",
    version=1,
    needs_ceiling=False,
    scale=1.0,
    compute=squared_r,
    of_r=square_of_r,
    source="gifale95/algonauts_2023, scoring script: negative r set to 0, then squared",
)
