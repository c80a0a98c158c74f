"""Principal components of the fit rows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from algokit.reductions import PcaSpec
from algokit.solvers.principal import principal_rows
from algokit.solvers.scaling import column_scaling
from algokit.types import Ints


def reduce_pca(
    train: NDArray[np.floating], test: NDArray[np.floating], fit_rows: Ints, spec: PcaSpec, *, device: str
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Satisfies `algokit.reductions.Reduction`: scores of all rows, from means and axes of the fit rows."""
    mean, factor = column_scaling(train, fit_rows, standardize=spec.standardize)
    n_columns = spec.n_columns(train.shape[1], len(train), len(fit_rows))
    return principal_rows(train, test, fit_rows, mean, factor, n_columns, device)
