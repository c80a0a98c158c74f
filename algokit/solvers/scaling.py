"""Mean and SD of columns, over some rows, a batch of rows at a time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from algokit.types import Ints

BATCH_ROWS = 300
_CONSTANT = 1e-11  # of the mean: an SD below it is rounding


def column_scaling(
    values: NDArray[np.floating], rows: Ints, *, standardize: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What to take from every column, and what to multiply it with then.

    Parameters
    ----------
    values : (n, n_columns), usually a memory map.
    rows : those to look at.

    Returns
    -------
    mean, factor : (n_columns,); the factor is 1/SD, or 1 without ``standardize``, and 0 for a constant column.
    """
    mean, square = np.zeros(values.shape[1]), np.zeros(values.shape[1])
    for batch in row_batches(rows):
        mean += values[batch].sum(axis=0, dtype=np.float64) / len(rows)
    for batch in row_batches(rows):
        square += np.square(values[batch] - mean).sum(axis=0) / len(rows)
    varies = square > (_CONSTANT * mean) ** 2
    sd = np.sqrt(square, out=np.ones_like(square), where=varies) if standardize else np.ones_like(square)
    return mean, varies / sd


def row_batches(rows: Ints, at_least: int = 1) -> list[Ints]:
    """The rows in order, in batches of like size: about 300, and not below ``at_least`` where there are so many."""
    return np.array_split(rows, max(1, len(rows) // max(BATCH_ROWS, at_least)))
