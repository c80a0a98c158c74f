"""Ridge regression, alpha and feature space chosen per vertex."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from algokit.readouts import FeatureSpace, FoldsSpec, PrunedSearch, ReadoutResult, RidgeSpec, Rows
from algokit.solvers.folds import contiguous_folds, shuffled_folds
from algokit.solvers.pruning import search_pruned
from algokit.solvers.search import SearchSettings, search_ridge
from algokit.solvers.targets import Targets
from algokit.types import Ints


def fit_ridge(
    spaces: Iterable[FeatureSpace],
    responses: Sequence[NDArray[np.float32]],
    rows: Rows,
    spec: RidgeSpec,
    *,
    device: str,
    progress: Callable[[int, str], None],
) -> ReadoutResult:
    """Satisfies `algokit.readouts.Readout`; see `algokit.solvers.search.search_ridge` for scores and ties.

    Raises
    ------
    UsageError : too few rows for the folds, shapes that do not fit, or a pruned search of spaces that come only once.
    DataError : a feature or a response is not finite.
    """
    settings = SearchSettings(spec.alpha_values(), _folds(rows.fit, spec.folds), spec.standardize)
    if isinstance(spec.search, PrunedSearch):
        return search_pruned(spaces, responses, Targets(responses, rows, device), settings, spec.search, progress)
    return search_ridge(spaces, Targets(responses, rows, device), settings, progress)


def _folds(fit_rows: Ints, spec: FoldsSpec) -> tuple[Ints, ...]:
    if spec.kind == "contiguous":
        return contiguous_folds(fit_rows, spec.n)
    return shuffled_folds(fit_rows, spec.n, spec.seed)
