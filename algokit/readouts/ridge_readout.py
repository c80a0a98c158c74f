"""Ridge regression, alpha and feature space chosen per vertex."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from algokit.readouts import Blocks, FeatureSpace, PrunedSearch, ReadoutResult, RidgeSpec, Rows
from algokit.solvers.folds import cut_folds
from algokit.solvers.memory import default_blocks
from algokit.solvers.pruning import search_pruned
from algokit.solvers.search import SearchSettings, search_ridge
from algokit.solvers.targets import Targets


def fit_ridge(
    spaces: Iterable[FeatureSpace],
    responses: Sequence[NDArray[np.float32]],
    rows: Rows,
    spec: RidgeSpec,
    *,
    device: str,
    progress: Callable[[int, str], None],
    blocks: Blocks | None = None,
    out_of_fold: NDArray[np.float32] | None = None,
) -> ReadoutResult:
    """Satisfies `algokit.readouts.Readout`; see `algokit.solvers.search.search_ridge` for scores and ties.

    Raises
    ------
    UsageError : too few rows for the folds, shapes that do not fit, or a pruned search of spaces that come only once.
    DataError : a feature or a response is not finite.
    """
    settings = SearchSettings(spec.alpha_values(), cut_folds(rows, spec.folds), spec.standardize, spec.selection)
    blocks = blocks or default_blocks(device, len(rows.fit) + len(rows.val))
    targets = Targets(responses, rows, device, blocks.targets, blocks.operator_bytes)
    if isinstance(spec.search, PrunedSearch):
        return search_pruned(spaces, responses, targets, settings, spec.search, progress, out_of_fold)
    return search_ridge(spaces, targets, settings, progress, out_of_fold)
