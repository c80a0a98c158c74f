"""The Gram matrix of the training rows, in the shape of features."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from algokit.reductions import GramSpec
from algokit.solvers.principal import principal_rows
from algokit.solvers.scaling import column_scaling
from algokit.types import Ints


def reduce_gram(
    train: NDArray[np.floating], test: NDArray[np.floating], fit_rows: Ints, spec: GramSpec, *, device: str
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Satisfies `algokit.reductions.Reduction`.

    Inner products of training rows with each other and with test rows are those of the features. Nothing is centred:
    a readout that centres gets what it would have got.
    """
    n_features = train.shape[1]
    factor = np.ones(n_features)
    if spec.standardize:
        _, factor = column_scaling(train, fit_rows, standardize=True)
    n_columns = spec.n_columns(n_features, len(train), len(fit_rows))
    return principal_rows(train, test, np.arange(len(train)), np.zeros(n_features), factor, n_columns, device)
