"""Learning curve: one ridge search per number of training rows, over nested subsets, in one visit to the features.

Subsets are prefixes of one order of the fit rows. Per feature space the Gram matrix of the largest subset is taken
once, in float64, and so are the products of the rows to predict with it; each smaller subset is solved from the leading
block, centred anew over its own rows. That is exact: a Gram matrix centred anywhere becomes, by centring over some
rows, the Gram matrix of the features centred over these. What is shared is reading the features and their products;
each subset has a solution and scores of its own, as an independent search of its rows has.

Where features are fewer than the rows of a subset, a Gram matrix would cost more than the features are worth, and
square their condition: there the features, which are smaller than the Gram matrix, are kept in memory, and each subset
is factorised by itself.

The val rows are like test rows to every subset: predicted, never fitted on. Test predictions, too, come from the rows
of the subset alone; in a search with val rows they come from fit and val rows together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from algokit.errors import UsageError
from algokit.readouts import FeatureSpace, ReadoutResult, Rows
from algokit.solvers.factorise import check_shapes, factorise, gram_blocks, non_finite_error
from algokit.solvers.folds import shuffled_folds
from algokit.solvers.routes import FEW_ROWS, PRIMAL_BELOW, EigenSpace, Route, solve_gram
from algokit.solvers.search import RunningSearch, SearchSettings
from algokit.solvers.symmetric import centre_over_rows
from algokit.solvers.targets import Targets
from algokit.types import Finding, Ints

Draw: TypeAlias = Literal["random", "first"]
NO_VARIANCE: float = 16 * torch.finfo(torch.float64).eps  # of a diagonal before it was centred: what rounding leaves


@dataclass(frozen=True)
class CurveSettings:
    """What is searched, and on how many rows.

    Attributes
    ----------
    alphas : penalties, positive, ascending.
    sizes : numbers of fit rows, ascending.
    n_folds, fold_seed : every subset is cut by `shuffled_folds`, its rows ascending.
    draw, seed : see `nested_subsets`.
    standardize : divide features by their SD over the rows of the **largest** subset, at every size. The SDs of each
        subset would be other features at every size; no response is in them.
    """

    alphas: tuple[float, ...]
    sizes: tuple[int, ...]
    n_folds: int = 8
    fold_seed: int = 0
    draw: Draw = "random"
    seed: int = 0
    standardize: bool = False


@dataclass(frozen=True)
class CurvePoint:
    """One size.

    Attributes
    ----------
    rows : training rows fitted on, ascending.
    folds : the same, as they were cut.
    result : of a search over these rows alone; val and test predictions are both from a fit on all of ``rows``.
    """

    rows: Ints
    folds: tuple[Ints, ...]
    result: ReadoutResult


def nested_subsets(n: int, sizes: Sequence[int], seed: int, draw: Draw = "random") -> tuple[Ints, ...]:
    """Subsets of 0..n-1, each ascending and each within the next.

    Parameters
    ----------
    sizes : ascending.
    draw : the first so many of a random order, the same for the same seed and n, or of the order they have.

    Raises
    ------
    UsageError : the sizes do not ascend, or do not lie within 1..n.
    """
    return tuple(np.sort(part) for part in _prefixes(n, sizes, seed, draw))


def learning_curve(
    spaces: Iterable[FeatureSpace],
    responses: Sequence[NDArray[np.float32]],
    rows: Rows,
    settings: CurveSettings,
    *,
    device: str = "cpu",
    progress: Callable[[int, str], None] = lambda done, name: None,
) -> tuple[CurvePoint, ...]:
    """Search spaces and alphas on every subset; each point is what `search_ridge` finds on its rows alone.

    The responses of the largest subset are copied; the predictions of all sizes are in memory together.

    Parameters
    ----------
    spaces : visited once each, in order, and read once.
    responses : blocks of targets, (n_train, n_block_targets).
    rows : the fit rows subsets are drawn from, and the val rows, which are predicted only.
    progress : called with (spaces finished, name of the space).

    Raises
    ------
    UsageError : no space, sizes that do not ascend or are too few for the folds, or shapes that do not fit.
    DataError : a feature or a response is not finite.
    """
    curve = _Curve(responses, rows, settings, device)
    index = -1
    for index, space in enumerate(spaces):
        curve.visit(index, space)
        progress(index + 1, space.name)
    if index < 0:
        raise UsageError("a readout needs at least one feature space")
    return curve.points()


def _prefixes(n: int, sizes: Sequence[int], seed: int, draw: Draw) -> list[Ints]:
    if not sizes or sizes[0] < 1 or sizes[-1] > n or any(low >= high for low, high in pairwise(sizes)):
        finding = Finding("sizes do not fit", path="sizes", expected=f"ascending, within 1..{n}", found=str([*sizes]))
        raise UsageError("a learning curve is not possible", [finding])
    order = np.arange(n) if draw == "first" else np.random.default_rng(seed).permutation(n)
    return [order[:size] for size in sizes]


class _Curve:
    """A running search per size."""

    def __init__(
        self, responses: Sequence[NDArray[np.float32]], rows: Rows, settings: CurveSettings, device: str
    ) -> None:
        Targets(responses, rows, device)  # refuses what does not fit, by the row numbers the caller knows
        self.rows, self.settings, self.device = rows, settings, device
        self.n_test: int | None = None
        prefixes = _prefixes(len(rows.fit), settings.sizes, settings.seed, settings.draw)
        self.order = rows.fit[prefixes[-1]]
        self.subsets = [np.sort(rows.fit[prefix]) for prefix in prefixes]
        self.folds = [shuffled_folds(subset, settings.n_folds, settings.fold_seed) for subset in self.subsets]
        ordered = [block[self.order] for block in responses]
        self.targets = [
            Targets([block[:size] for block in ordered], _only_fit(size), device) for size in settings.sizes
        ]
        self.searches: list[RunningSearch] = []

    def visit(self, index: int, space: FeatureSpace) -> None:
        """Solve one space on every subset."""
        self.n_test = self.n_test if self.n_test is not None else len(space.test)
        check_shapes(space, len(self.rows.fit) + len(self.rows.val), self.n_test)
        if not self.searches:
            self.searches = [self._search(number) for number in range(len(self.targets))]
        shared = SharedSpace(space, self.order, self.rows.val, self.settings, self.device)
        for size, search in zip(self.settings.sizes, self.searches, strict=True):
            search.take(index, space, *shared.solved(size))

    def _search(self, number: int) -> RunningSearch:
        place = np.empty(len(self.rows.fit) + len(self.rows.val), dtype=np.int64)
        place[self.order] = np.arange(len(self.order))
        folds = tuple(place[fold] for fold in self.folds[number])
        settings = SearchSettings(self.settings.alphas, folds)
        return RunningSearch(self.targets[number], settings, len(self.rows.val) + (self.n_test or 0))

    def points(self) -> tuple[CurvePoint, ...]:
        """What was found."""
        return tuple(
            CurvePoint(subset, folds, self._split(search.result()))
            for subset, folds, search in zip(self.subsets, self.folds, self.searches, strict=True)
        )

    def _split(self, result: ReadoutResult) -> ReadoutResult:
        n_val, n_largest = len(self.rows.val), self.settings.sizes[-1]
        scaled = (f"features divided by their SDs over the {n_largest} rows of the largest subset",)
        return ReadoutResult(
            space_index=result.space_index,
            alpha=result.alpha,
            cv_score=result.cv_score,
            val_predictions=result.test_predictions[:n_val],
            test_predictions=result.test_predictions[n_val:],
            notes=result.notes + (scaled if self.settings.standardize else ()),
        )


class SharedSpace:
    """One feature space, read once, to be solved on prefixes of an order of its training rows.

    Parameters
    ----------
    order : training rows; a subset is a prefix.
    val : training rows that are predicted only; predictions are of these, then of the test rows.

    Raises
    ------
    DataError : a feature is not finite; the first row and column are named.
    """

    def __init__(self, space: FeatureSpace, order: Ints, val: Ints, settings: CurveSettings, device: str) -> None:
        self._alphas, self._device = settings.alphas, device
        self._n_features: int = space.train.shape[1]
        narrow = [self._is_narrow(size) for size in settings.sizes]
        n_used, everything = len(order) + len(val), len(space.train)
        self._own = _ordered(space, order, val, settings.standardize) if any(narrow) or n_used < everything else None
        self._gram = self._cross = torch.empty(0)
        self._n_constant = 0
        if all(narrow):
            return
        if self._own is not None:
            self._gram, self._cross, self._n_constant = self._products(self._own, np.arange(len(order)), False)
            return
        gram, cross, self._n_constant = self._products(space, order, settings.standardize)
        rows, new = torch.as_tensor(order, device=device), torch.as_tensor(val, device=device)
        self._gram, self._cross = gram[rows][:, rows], torch.cat([gram[new], cross])[:, rows]

    def solved(self, size: int) -> tuple[Route, str]:
        """The first ``size`` rows of the order, solved; as `solve_space`."""
        if self._own is not None and self._is_narrow(size):
            part = FeatureSpace(self._own.name, self._own.train[:size], self._own.test)
            return EigenSpace(factorise(part, np.arange(size), standardize=False, device=self._device)), ""
        gram, cross, varies = _centred(self._gram[:size, :size], self._cross[:, :size])
        return solve_gram(gram, cross, self._n_constant if varies else self._n_features, self._alphas)

    def _is_narrow(self, size: int) -> bool:
        """Whether `solve_space` would decompose the features themselves."""
        return self._n_features < (size if size < FEW_ROWS else PRIMAL_BELOW * size)

    def _products(self, space: FeatureSpace, fit_rows: Ints, standardize: bool) -> tuple[Tensor, Tensor, int]:
        # float64: small subsets, and alphas that are small against the largest eigenvalue, need it
        return gram_blocks(space, fit_rows, torch.float64, standardize=standardize, device=self._device)


def _only_fit(size: int) -> Rows:
    return Rows(fit=np.arange(size), val=np.arange(0))


def _ordered(space: FeatureSpace, order: Ints, val: Ints, standardize: bool) -> FeatureSpace:
    """A copy of the rows needed, in order; scaled if asked."""
    train = np.asarray(space.train[order], dtype=np.float32)
    test = np.concatenate([space.train[val], space.test], dtype=np.float32)
    if not (np.isfinite(train).all() and np.isfinite(test).all()):
        raise non_finite_error(space)
    if standardize:
        mean, sd = train.mean(axis=0, dtype=np.float64), train.std(axis=0, dtype=np.float64)
        scale = np.divide(1.0, sd, out=np.zeros_like(sd), where=train.min(axis=0) < train.max(axis=0))
        train, test = (((part - mean) * scale).astype(np.float32) for part in (train, test))
    return FeatureSpace(space.name, train, test)


def _centred(gram: Tensor, cross: Tensor) -> tuple[Tensor, Tensor, bool]:
    """Copies, centred over the rows of ``gram``; and whether anything varies over these."""
    inner, outer = gram.clone(), cross.clone()
    centre_over_rows(inner, outer)
    varies = float(inner.diagonal().max()) > NO_VARIANCE * float(gram.diagonal().max())
    return (inner, outer, True) if varies else (inner.zero_(), outer.zero_(), False)
