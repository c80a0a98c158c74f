"""A feature space that is read once and solved on many subsets of its rows, from one Gram matrix."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from algokit.readouts import FeatureSpace
from algokit.solvers.factorise import factorise, gram_blocks, non_finite_error
from algokit.solvers.routes import FEW_ROWS, PRIMAL_BELOW, EigenSpace, Route, solve_gram
from algokit.solvers.symmetric import centre_over_rows
from algokit.types import Ints

NO_VARIANCE: float = 16 * torch.finfo(torch.float64).eps  # of a diagonal before it was centred: what rounding leaves


class SharedSpace:
    """One feature space, read once, to be solved on any of its training rows.

    Parameters
    ----------
    pool : ascending training rows; subsets are of these.
    val : training rows that are predicted only; predictions are of these, then of the test rows.
    sizes : of the subsets that will be asked for.
    standardize : divide features by their SDs over the pool.

    Raises
    ------
    DataError : a feature is not finite; the first row and column are named.
    """

    def __init__(
        self,
        space: FeatureSpace,
        pool: Ints,
        val: Ints,
        sizes: Sequence[int],
        alphas: tuple[float, ...],
        *,
        standardize: bool,
        device: str,
    ) -> None:
        self._pool, self._alphas, self._device = pool, alphas, device
        self._n_features: int = space.train.shape[1]
        narrow = [self._is_narrow(size) for size in sizes]
        n_used, everything = len(pool) + len(val), len(space.train)
        self._own = _chosen(space, pool, val, standardize) if any(narrow) or n_used < everything else None
        self._gram = self._cross = torch.empty(0)
        self._n_constant = 0
        if all(narrow):
            return
        if self._own is not None:
            self._gram, self._cross, self._n_constant = self._products(self._own, np.arange(len(pool)), False)
            return
        gram, cross, self._n_constant = self._products(space, pool, standardize)
        rows, new = torch.as_tensor(pool, device=device), torch.as_tensor(val, device=device)
        self._gram, self._cross = gram[rows][:, rows], torch.cat([gram[new], cross])[:, rows]

    def solved(self, rows: Ints) -> tuple[Route, str]:
        """These rows of the pool, in this order, solved; as `solve_space`."""
        place = np.searchsorted(self._pool, rows)
        if self._own is not None and self._is_narrow(len(rows)):
            part = FeatureSpace(self._own.name, self._own.train[place], self._own.test)
            return EigenSpace(factorise(part, np.arange(len(rows)), standardize=False, device=self._device)), ""
        chosen = torch.as_tensor(place, device=self._device)
        gram, cross, varies = _centred(self._gram[chosen][:, chosen], self._cross[:, chosen])
        return solve_gram(gram, cross, self._n_constant if varies else self._n_features, self._alphas)

    def _is_narrow(self, size: int) -> bool:
        """Whether `solve_space` would decompose the features themselves."""
        return self._n_features < (size if size < FEW_ROWS else PRIMAL_BELOW * size)

    def _products(self, space: FeatureSpace, fit_rows: Ints, standardize: bool) -> tuple[Tensor, Tensor, int]:
        # float64: small subsets, and alphas that are small against the largest eigenvalue, need it
        return gram_blocks(space, fit_rows, torch.float64, standardize=standardize, device=self._device)


def _chosen(space: FeatureSpace, pool: Ints, val: Ints, standardize: bool) -> FeatureSpace:
    """A copy of the rows needed; scaled if asked."""
    train = np.asarray(space.train[pool], dtype=np.float32)
    test = np.concatenate([space.train[val], space.test], dtype=np.float32)
    if not (np.isfinite(train).all() and np.isfinite(test).all()):
        raise non_finite_error(space)
    if standardize:
        mean, sd = train.mean(axis=0, dtype=np.float64), train.std(axis=0, dtype=np.float64)
        scale = np.divide(1.0, sd, out=np.zeros_like(sd), where=train.min(axis=0) < train.max(axis=0))
        train, test = (((part - mean) * scale).astype(np.float32) for part in (train, test))
    return FeatureSpace(space.name, train, test)


def _centred(gram: Tensor, cross: Tensor) -> tuple[Tensor, Tensor, bool]:
    """Both, centred over the rows of ``gram`` in place; and whether anything varies over these."""
    largest = float(gram.diagonal().max())
    centre_over_rows(gram, cross)
    varies = float(gram.diagonal().max()) > NO_VARIANCE * largest
    return (gram, cross, True) if varies else (gram.zero_(), cross.zero_(), False)
