"""One factorisation of one feature space, from which every ridge fit on every subset of its rows follows.

With X the centred features of all n training rows, ``X X' = U diag(lam) U'``. Centring uses all rows, yet nothing leaks
between them: every fit made from the factorisation has its own unpenalised intercept, so the centre cancels exactly.

Precision: features are centred with their float64 mean *before* any product, and products and decomposition are
float64. A float32 Gram matrix of uncentred features with a mean of 30 SD is wrong by up to 0.06 in r.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from algokit.errors import DataError, UsageError
from algokit.readouts import FeatureSpace
from algokit.solvers.symmetric import add_square, mirror
from algokit.types import Finding, Ints

COLUMN_BLOCK_BYTES = 64 * 2**20
_CONSTANT = 1e-11  # far below one float32 ulp in one row, far above the rounding of a float64 mean


@dataclass(frozen=True)
class Factorisation:
    """What is kept of a feature space; everything float64, on the device.

    Attributes
    ----------
    basis : (n, rank), U: orthonormal columns, each orthogonal to the constant.
    eigenvalues : (rank,), lam: positive, descending; numerically zero ones are left out.
    test_loadings : (n_test, rank), centred test features times ``X' U``.
    n_constant : features without variance, which are left out.
    """

    basis: Tensor
    eigenvalues: Tensor
    test_loadings: Tensor
    n_constant: int

    @property
    def rank(self) -> int:
        """Number of directions kept."""
        return len(self.eigenvalues)


def factorise(space: FeatureSpace, fit_rows: Ints, *, standardize: bool, device: str) -> Factorisation:
    """Factorise a feature space: SVD of the features if they are fewer than the rows, else `eigh` of the Gram matrix.

    Parameters
    ----------
    fit_rows : rows whose SD divides each feature when ``standardize`` is set; the val rows are not among them. A
        feature that is constant over them is then left out.

    Raises
    ------
    DataError : a feature is not finite; the first row and column are named.
    """
    n, n_features = space.train.shape
    if n_features < n:
        return _from_features(list(_prepared_columns(space, fit_rows, standardize, device, torch.float64)))
    return factorise_gram(*gram_blocks(space, fit_rows, torch.float64, standardize=standardize, device=device))


def gram_blocks(
    space: FeatureSpace, fit_rows: Ints, dtype: torch.dtype, *, standardize: bool, device: str
) -> tuple[Tensor, Tensor, int]:
    """Gram matrix of features centred with their float64 mean first; parameters as `factorise`.

    Returns
    -------
    (n, n) and (n_test, n) of that dtype, centred over all training rows; and the number of constant features.

    Raises
    ------
    DataError : as `factorise`.
    """
    n, n_test = len(space.train), len(space.test)
    gram = torch.zeros(n, n, dtype=dtype, device=device)
    cross = torch.zeros(n_test, n, dtype=dtype, device=device)
    n_constant = 0
    for block in _prepared_columns(space, fit_rows, standardize, device, dtype):
        add_square(gram, block.train)
        cross.addmm_(block.test, block.train.T)
        n_constant += block.n_constant
    return mirror(gram), cross, n_constant


def check_shapes(space: FeatureSpace, n_rows: int, n_test: int) -> None:
    """Refuse a space whose rows are not those of the responses and of the other spaces' test rows.

    Raises
    ------
    UsageError : a shape does not fit.
    """
    expected = {"train": n_rows, "test": n_test}
    findings = [
        Finding("wrong shape", where=space.name, path=split, expected=f"({rows}, n_features)", found=str(array.shape))
        for (split, rows), array in zip(expected.items(), (space.train, space.test), strict=True)
        if array.ndim != 2 or array.shape != (rows, space.train.shape[-1]) or array.shape[1] == 0
    ]
    if findings:
        raise UsageError("a feature space does not fit", findings)


@dataclass(frozen=True)
class _Columns:
    """Some columns of a space: centred and scaled."""

    train: Tensor
    test: Tensor
    n_constant: int


def _prepared_columns(
    space: FeatureSpace, fit_rows: Ints, standardize: bool, device: str, dtype: torch.dtype
) -> Iterator[_Columns]:
    """Columns less their float64 mean; that the mean is rounded to ``dtype`` moves the centre alone, which is free."""
    n_rows, n_features = len(space.train) + len(space.test), space.train.shape[1]
    width = max(1, COLUMN_BLOCK_BYTES // (dtype.itemsize * n_rows))
    fit = torch.as_tensor(fit_rows, device=device)
    for start in range(0, n_features, width):
        columns = slice(start, start + width)
        train, test = (_tensor(array[:, columns], device, dtype) for array in (space.train, space.test))
        mean = train.mean(dim=0, dtype=torch.float64).to(dtype)
        if not (torch.isfinite(mean).all() and torch.isfinite(test).all()):
            raise non_finite_error(space)
        train -= mean
        test -= mean
        extent = torch.maximum(train.amax(dim=0), -train.amin(dim=0))
        spread = train[fit].std(dim=0, correction=0) if standardize else extent
        constant = spread <= _CONSTANT * (mean.abs() + extent)
        if standardize or bool(constant.any()):
            scale = torch.where(constant, 0.0, 1 / spread if standardize else 1.0)
            train.mul_(scale)
            test.mul_(scale)
        yield _Columns(train, test, int(constant.sum()))


def _tensor(array: NDArray[np.float32], device: str, dtype: torch.dtype) -> Tensor:
    """A copy of its own on the device; moved as float32, converted there."""
    return torch.from_numpy(np.array(array, dtype=np.float32)).to(device).to(dtype)


def _from_features(blocks: list[_Columns]) -> Factorisation:
    train = torch.cat([block.train for block in blocks], dim=1)
    test = torch.cat([block.test for block in blocks], dim=1)
    basis, singular, right = torch.linalg.svd(train, full_matrices=False)
    kept = singular > _tolerance(max(train.shape), singular)
    singular = singular[kept]
    loadings = (test @ right[kept].T) * singular
    return Factorisation(_centred(basis[:, kept]), singular**2, loadings, sum(block.n_constant for block in blocks))


def factorise_gram(gram: Tensor, cross: Tensor, n_constant: int) -> Factorisation:
    """Factorise what `gram_blocks` gives in float64."""
    n = len(gram)
    eigenvalues, vectors = torch.linalg.eigh(gram)
    kept = (eigenvalues > _tolerance(n, eigenvalues)).nonzero().flatten().flip(0)
    basis = _centred(vectors[:, kept])
    return Factorisation(basis, eigenvalues[kept], cross @ basis, n_constant)


def _tolerance(size: int, values: Tensor) -> float:
    largest = float(values.max()) if len(values) else 0.0
    return size * torch.finfo(torch.float64).eps * largest


def _centred(basis: Tensor) -> Tensor:
    # exact up to rounding already, except for directions near the tolerance, which may have mixed with the constant
    return basis - basis.mean(dim=0)


def non_finite_error(space: FeatureSpace) -> DataError:
    """The error that names the first value of each split that is NaN or infinite."""
    findings = []
    for split, array in (("train", space.train), ("test", space.test)):
        place = first_non_finite(array)
        if place is not None:
            finding = Finding(
                "feature is not finite",
                where=space.name,
                path=f"{split}[{place[0]}, {place[1]}]",
                found=str(array[place]),
                advice="extract this feature space again, or drop it",
                code="non-finite-feature",
            )
            findings.append(finding)
    return DataError("features cannot be used", findings)


def first_non_finite(array: NDArray[Any]) -> tuple[int, int] | None:
    """Row and column of the first value, in row order, that is NaN or infinite."""
    for row, values in enumerate(array):
        bad = np.flatnonzero(~np.isfinite(values))
        if len(bad):
            return row, int(bad[0])
    return None
