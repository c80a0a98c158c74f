"""Rows in the axes of some of them, from inner products alone: what is wider than it is long is never decomposed.

With X the fitted rows and X X' = V L V', the coordinates of any rows Z on the principal axes of X are Z X' V / sqrt(L).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from algokit.types import Ints

_COLUMNS = 4096
_ROUNDING = 4 * float(np.finfo(np.float64).eps)


def principal_rows(
    train: NDArray[np.floating],
    test: NDArray[np.floating],
    fit_rows: Ints,
    shift: NDArray[np.float64],
    factor: NDArray[np.float64],
    n_columns: int,
    device: str,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Coordinates of all rows on the first principal axes of the fitted ones, of the largest square first.

    Axes along which the fitted rows have nothing but rounding give columns of zeros.

    Parameters
    ----------
    train, test : (n_train, n_features), (n_test, n_features).
    shift, factor : (n_features,), taken from all rows, and multiplied with them.
    n_columns : at most as many as rows are fitted.

    Returns
    -------
    (n_train, n_columns), (n_test, n_columns).
    """
    products = _products(train, test, fit_rows, shift, factor, device)
    squares, vectors = torch.linalg.eigh(products[torch.as_tensor(fit_rows, device=device)])
    squares, vectors = squares.flip(0)[:n_columns], vectors.flip(1)[:, :n_columns]
    is_real = squares > squares[0].clamp(min=0) * len(fit_rows) * _ROUNDING
    rows = products @ (_turned(vectors) * torch.where(is_real, squares, 1.0).rsqrt() * is_real)
    on_host = rows.float().cpu().numpy()
    return on_host[: len(train)], on_host[len(train) :]


def _products(
    train: NDArray[np.floating],
    test: NDArray[np.floating],
    fit_rows: Ints,
    shift: NDArray[np.float64],
    factor: NDArray[np.float64],
    device: str,
) -> Tensor:
    """(n_train + n_test, n_fit) float64 inner products of all rows with the fitted ones."""
    total = torch.zeros(len(train) + len(test), len(fit_rows), dtype=torch.float64, device=device)
    where = torch.as_tensor(fit_rows, device=device)
    for columns in _blocks(train.shape[1]):
        values = np.concatenate([train[:, columns], test[:, columns]], dtype=np.float64)
        block = torch.as_tensor((values - shift[columns]) * factor[columns], device=device)
        total.addmm_(block, block[where].T)
    return total


def _blocks(n_features: int) -> Iterator[slice]:
    yield from (slice(start, start + _COLUMNS) for start in range(0, n_features, _COLUMNS))


def _turned(vectors: Tensor) -> Tensor:
    """Every eigenvector with its largest entry positive: its sign is the library's choice otherwise."""
    largest = vectors.abs().argmax(dim=0, keepdim=True)
    signs: Tensor = vectors * vectors.gather(0, largest).sign()
    return signs
