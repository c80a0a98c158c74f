"""Very sparse random projection, scikit-learn's: a feature takes part in about one of sqrt(n_features) columns."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.random_projection import SparseRandomProjection

from algokit.reductions import SparseProjectionSpec
from algokit.solvers.scaling import column_scaling, row_batches
from algokit.types import Ints


def reduce_sparse_projection(
    train: NDArray[np.floating],
    test: NDArray[np.floating],
    fit_rows: Ints,
    spec: SparseProjectionSpec,
    *,
    device: str,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Satisfies `algokit.reductions.Reduction`; sparse products run on the processor, whatever the device.

    Source: Li, Hastie & Church (2006), "Very sparse random projections".
    """
    n_features = train.shape[1]
    factor, weights = np.ones(n_features), None
    if spec.standardize:
        _, factor = column_scaling(train, fit_rows, standardize=True)
    if spec.n_components < n_features:
        projection = SparseRandomProjection(spec.n_components, random_state=spec.seed)
        weights = projection.fit(np.zeros((1, n_features), np.float32)).components_.T.tocsr()
    return _projected(train, factor, weights), _projected(test, factor, weights)


def _projected(values: NDArray[np.floating], factor: NDArray[np.float64], weights: Any) -> NDArray[np.float32]:
    """(n, n_columns); as it is where there are no weights."""
    batches = (values[batch] * factor for batch in row_batches(np.arange(len(values))))
    return np.concatenate([np.asarray(one if weights is None else one @ weights, np.float32) for one in batches])
