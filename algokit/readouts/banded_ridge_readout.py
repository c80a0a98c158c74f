"""Ridge regression over all feature spaces jointly, with a penalty per feature space and vertex."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from algokit.errors import UsageError
from algokit.readouts import BandedRidgeSpec, Blocks, FeatureSpace, ReadoutResult, Rows
from algokit.solvers.banded import BandedSettings, search_banded
from algokit.solvers.folds import cut_folds
from algokit.solvers.targets import Targets


def fit_banded_ridge(
    spaces: Iterable[FeatureSpace],
    responses: Sequence[NDArray[np.float32]],
    rows: Rows,
    spec: BandedRidgeSpec,
    *,
    device: str,
    progress: Callable[[int, str], None],
    blocks: Blocks | None = None,
    out_of_fold: NDArray[np.float32] | None = None,
) -> ReadoutResult:
    """Satisfies `algokit.readouts.Readout`; `algokit.solvers.banded.search_banded` says what its records mean.

    Raises
    ------
    UsageError : too few rows for the folds, shapes that do not fit, or out-of-fold predictions are asked for.
    DataError : a feature or a response is not finite.
    MachineError : the environment tells himalaya to skip its work.
    """
    if out_of_fold is not None:
        raise UsageError("banded_ridge gives no out-of-fold predictions")
    settings = BandedSettings(
        spec.alpha_values(), cut_folds(rows, spec.folds), spec.n_iter, spec.seed, spec.standardize
    )
    targets = Targets(responses, rows, device, blocks.targets if blocks else None)
    return search_banded(spaces, targets, settings, progress)
