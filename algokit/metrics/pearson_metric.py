"""Pearson correlation of every vertex, and its square with negative correlations set to zero."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from algokit.metrics import Metric

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
    return np.square(np.maximum(pearson_r(truth, prediction), 0.0))


def _block_r(truth: NDArray[Any], prediction: NDArray[Any]) -> NDArray[np.float64]:
    left, left_usable = _centred(truth)  # (n_samples, n_block)
    right, right_usable = _centred(prediction)
    covariance = np.einsum("st,st->t", left, right)
    norms = np.sqrt(np.einsum("st,st->t", left, left) * np.einsum("st,st->t", right, right))
    usable = left_usable & right_usable
    r: NDArray[np.float64] = np.divide(covariance, norms, out=np.zeros_like(covariance), where=usable)
    return np.clip(r, -1.0, 1.0)


def _centred(values: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Centred columns, and which of them vary and are finite (the others become 0)."""
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


PEARSON_R = Metric(
    name="pearson_r",
    version=1,
    needs_ceiling=False,
    scale=1.0,
    compute=pearson_r,
    source="Pearson's product-moment correlation over the images of the split",
)

SQUARED_R = Metric(
    name="r2",
    version=1,
    needs_ceiling=False,
    scale=1.0,
    compute=squared_r,
    source="gifale95/algonauts_2023, scoring script: negative r set to 0, then squared",
)
