"""Learning curve: one ridge search per number of training rows, over nested subsets, in one visit to the features.

Subsets are prefixes of an order of the fit rows; there may be several orders, each a draw with a curve of its own. Per
feature space the Gram matrix of all rows that any draw uses is taken once, in float64, and so are the products of the
rows to predict with it; each subset is solved from its block, centred anew over its own rows. That is exact: a Gram
matrix centred anywhere becomes, by centring over some rows, the Gram matrix of the features centred over these. What is
shared is reading the features and their products; each subset has a solution and scores of its own, as an independent
search of its rows has.

Where features are fewer than the rows of a subset, a Gram matrix would cost more than the features are worth, and
square their condition: there the features, which are smaller than the Gram matrix, are kept in memory, and each subset
is factorised by itself.

The val rows are like test rows to every subset: predicted, never fitted on. Test predictions, too, come from the rows
of the subset alone; in a search with val rows they come from fit and val rows together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from algokit.errors import UsageError
from algokit.readouts import FeatureSpace, ReadoutResult, Rows
from algokit.solvers.factorise import check_shapes
from algokit.solvers.folds import shuffled_folds
from algokit.solvers.search import RunningSearch, SearchSettings
from algokit.solvers.shared_space import SharedSpace
from algokit.solvers.targets import Targets
from algokit.types import Finding, Ints

Draw: TypeAlias = Literal["random", "first"]


@dataclass(frozen=True)
class CurveSettings:
    """What is searched, and on how many rows.

    Attributes
    ----------
    alphas : penalties, positive, ascending.
    sizes : numbers of fit rows, ascending.
    n_folds, fold_seed : every subset is cut by `shuffled_folds`, its rows ascending.
    draw, seed : see `nested_subsets`.
    standardize : divide features by their SD over the rows of the **largest** subset (of those of all draws), at every
        size. The SDs of each subset would be other features at every size; no response is in them.
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
    return learning_curves(spaces, responses, rows, settings, [settings.seed], device=device, progress=progress)[0]


def learning_curves(
    spaces: Iterable[FeatureSpace],
    responses: Sequence[NDArray[np.float32]],
    rows: Rows,
    settings: CurveSettings,
    seeds: Sequence[int],
    *,
    pool: Ints | None = None,
    device: str = "cpu",
    progress: Callable[[int, str], None] = lambda done, name: None,
) -> tuple[tuple[CurvePoint, ...], ...]:
    """A learning curve per draw, all from one Gram matrix per space.

    Parameters and errors are those of `learning_curve`, but:

    Parameters
    ----------
    seeds : of the draws, in place of that in ``settings``.
    pool : ascending training rows that products and SDs are taken over, which hold those of every draw; just these
        where None. With the same pool a draw comes out bit for bit the same, whichever others are made beside it.
    """
    pool = pool_of(rows, settings, seeds) if pool is None else pool
    curves = [_Curve(responses, rows, replace(settings, seed=seed), len(pool), device) for seed in seeds]
    index = -1
    for index, space in enumerate(spaces):
        check_shapes(space, len(rows.fit) + len(rows.val), len(space.test))
        shared = SharedSpace(
            space, pool, rows.val, settings.sizes, settings.alphas, standardize=settings.standardize, device=device
        )
        for curve in curves:
            curve.visit(index, space, shared)
        progress(index + 1, space.name)
    if index < 0:
        raise UsageError("a readout needs at least one feature space")
    return tuple(curve.points() for curve in curves)


def pool_of(rows: Rows, settings: CurveSettings, seeds: Sequence[int]) -> Ints:
    """The rows that any of the draws uses, ascending.

    Raises
    ------
    UsageError : see `nested_subsets`.
    """
    largest = [_prefixes(len(rows.fit), settings.sizes, seed, settings.draw)[-1] for seed in seeds]
    return np.unique(rows.fit[np.concatenate(largest)])


def _prefixes(n: int, sizes: Sequence[int], seed: int, draw: Draw) -> list[Ints]:
    if not sizes or sizes[0] < 1 or sizes[-1] > n or any(low >= high for low, high in pairwise(sizes)):
        finding = Finding("sizes do not fit", path="sizes", expected=f"ascending, within 1..{n}", found=str([*sizes]))
        raise UsageError("a learning curve is not possible", [finding])
    order = np.arange(n) if draw == "first" else np.random.default_rng(seed).permutation(n)
    return [order[:size] for size in sizes]


class _Curve:
    """A running search per size."""

    def __init__(
        self, responses: Sequence[NDArray[np.float32]], rows: Rows, settings: CurveSettings, n_pool: int, device: str
    ) -> None:
        Targets(responses, rows, device)  # refuses what does not fit, by the row numbers the caller knows
        self.rows, self.settings, self.n_pool = rows, settings, n_pool
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

    def visit(self, index: int, space: FeatureSpace, shared: SharedSpace) -> None:
        """Search one space on every subset."""
        self.n_test = self.n_test if self.n_test is not None else len(space.test)
        check_shapes(space, len(self.rows.fit) + len(self.rows.val), self.n_test)
        if not self.searches:
            self.searches = [self._search(number) for number in range(len(self.targets))]
        for size, search in zip(self.settings.sizes, self.searches, strict=True):
            search.take(index, space, *shared.solved(self.order[:size]))

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
        whose = "the largest subset" if self.n_pool == n_largest else "the largest subsets of all draws"
        scaled = (f"features divided by their SDs over the {self.n_pool} rows of {whose}",)
        return ReadoutResult(
            space_index=result.space_index,
            alpha=result.alpha,
            cv_score=result.cv_score,
            val_predictions=result.test_predictions[:n_val],
            test_predictions=result.test_predictions[n_val:],
            notes=result.notes + (scaled if self.settings.standardize else ()),
        )


def _only_fit(size: int) -> Rows:
    return Rows(fit=np.arange(size), val=np.arange(0))
