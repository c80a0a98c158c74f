"""Principal components of all feature spaces side by side, then ordinary least squares per vertex.

The organisers' baseline: no penalty and no choice, so ``space_index``, ``alpha`` and ``cv_score`` are 0 everywhere.
Components for the val predictions see the fit rows only, those for the test predictions all training rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.decomposition import PCA, IncrementalPCA

from algokit.errors import UsageError
from algokit.readouts import Blocks, FeatureSpace, PcaOlsSpec, ReadoutResult, Rows
from algokit.solvers.factorise import check_shapes, non_finite_error
from algokit.solvers.scaling import column_scaling, row_batches
from algokit.solvers.targets import Targets
from algokit.types import Ints

FULL_PCA_BYTES = 2 * 2**30  # of float32 features; above it IncrementalPCA goes through them in batches
NO_VARIANCE = 1e-12  # of the first component's variance


def fit_pca_ols(
    spaces: Iterable[FeatureSpace],
    responses: Sequence[NDArray[np.float32]],
    rows: Rows,
    spec: PcaOlsSpec,
    *,
    device: str,
    progress: Callable[[int, str], None],
    blocks: Blocks | None = None,
    out_of_fold: NDArray[np.float32] | None = None,
) -> ReadoutResult:
    """Satisfies `algokit.readouts.Readout`; the spaces given are parts of one wide feature space.

    Raises
    ------
    UsageError : there is no space, shapes do not fit, or out-of-fold predictions are asked for.
    DataError : a feature or a response is not finite.
    """
    if out_of_fold is not None:
        raise UsageError("pca_ols has no folds, and so no out-of-fold predictions")
    targets = Targets(responses, rows, device, blocks.targets if blocks else None)
    parts = list(spaces)
    _check(parts, targets.n_rows)
    train, test = [part.train for part in parts], [part.test for part in parts]
    every = np.arange(targets.n_rows)
    test_map, n_components = _prediction_map(train, every, test, np.arange(len(test[0])), spec)
    test_predictions = _apply(test_map, targets, every, targets.all_mean)
    val_predictions = np.zeros((0, targets.n_targets), dtype=np.float32)
    if len(rows.val):
        val_map, _ = _prediction_map(train, rows.fit, train, rows.val, spec)
        val_predictions = _apply(val_map, targets, rows.fit, targets.fit_mean)
    for index, part in enumerate(parts):
        progress(index + 1, part.name)
    capped = f"{n_components} components instead of {spec.n_components}: the features have no more"
    return ReadoutResult(
        space_index=np.zeros(targets.n_targets, dtype=np.int64),
        alpha=np.zeros(targets.n_targets),
        cv_score=np.zeros(targets.n_targets, dtype=np.float32),
        val_predictions=val_predictions,
        test_predictions=test_predictions,
        notes=(capped,) if n_components < spec.n_components else (),
    )


def _check(parts: Sequence[FeatureSpace], n_rows: int) -> None:
    if not parts:
        raise UsageError("a readout needs at least one feature space")
    for part in parts:
        check_shapes(part, n_rows, len(parts[0].test))
        for array in (part.train, part.test):
            if not all(np.isfinite(array[batch]).all() for batch in row_batches(np.arange(len(array)))):
                raise non_finite_error(part)


def _prediction_map(
    train: Sequence[NDArray[np.float32]],
    fitted: Ints,
    new: Sequence[NDArray[np.float32]],
    asked: Ints,
    spec: PcaOlsSpec,
) -> tuple[NDArray[np.float64], int]:
    """(n_asked, n_fitted): responses at the rows fitted -> predictions less their mean; and the components used."""
    scaling = _Scaling.over(train, fitted, spec.standardize)
    with np.errstate(invalid="ignore"):  # scikit-learn divides by the total variance, which may be 0
        pca = _fit_pca(train, fitted, scaling, spec)
    used = pca.explained_variance_ > NO_VARIANCE * pca.explained_variance_.max()
    scores = _scores(pca, train, fitted, scaling)[:, used]
    mean = scores.mean(axis=0)
    weights = np.linalg.pinv(scores - mean)
    return (_scores(pca, new, asked, scaling)[:, used] - mean) @ weights, int(used.sum())


@dataclass(frozen=True)
class _Scaling:
    """Mean and factor per feature of every part, from the rows fitted on."""

    mean: tuple[NDArray[np.float64], ...]
    factor: tuple[NDArray[np.float64], ...]

    @classmethod
    def over(cls, train: Sequence[NDArray[np.float32]], fitted: Ints, standardize: bool) -> _Scaling:
        means, factors = zip(*(column_scaling(part, fitted, standardize=standardize) for part in train), strict=True)
        return cls(means, factors)

    def rows(self, parts: Sequence[NDArray[np.float32]], rows: Ints) -> NDArray[np.float32]:
        """(n_rows, n_features of all parts): centred and scaled, side by side."""
        wide = np.empty((len(rows), sum(part.shape[1] for part in parts)), dtype=np.float32)
        start = 0
        for part, mean, factor in zip(parts, self.mean, self.factor, strict=True):
            for place in row_batches(np.arange(len(rows))):
                wide[place, start : start + len(mean)] = (part[rows[place]] - mean) * factor
            start += len(mean)
        return wide


def _fit_pca(
    train: Sequence[NDArray[np.float32]], fitted: Ints, scaling: _Scaling, spec: PcaOlsSpec
) -> PCA | IncrementalPCA:
    n_features = sum(part.shape[1] for part in train)
    n_components = min(spec.n_components, len(fitted) - 1, n_features)
    if 4 * len(fitted) * n_features <= FULL_PCA_BYTES:
        return PCA(n_components, random_state=spec.seed).fit(scaling.rows(train, fitted))
    pca = IncrementalPCA(n_components)
    for batch in row_batches(fitted, at_least=n_components):
        pca.partial_fit(scaling.rows(train, batch))
    return pca


def _scores(
    pca: PCA | IncrementalPCA, parts: Sequence[NDArray[np.float32]], rows: Ints, scaling: _Scaling
) -> NDArray[np.float64]:
    batches = [pca.transform(scaling.rows(parts, batch)) for batch in row_batches(rows)]
    return np.concatenate(batches, axis=0, dtype=np.float64)


def _apply(
    prediction_map: NDArray[np.float64], targets: Targets, fitted: Ints, mean: NDArray[np.float64]
) -> NDArray[np.float32]:
    out = np.empty((len(prediction_map), targets.n_targets), dtype=np.float32)
    on_device = torch.as_tensor(prediction_map, dtype=torch.float32, device=targets.device)
    where = torch.as_tensor(fitted, device=targets.device)
    for block in targets.blocks():
        effect = on_device @ block.values[where]
        out[:, block.columns] = effect.cpu().numpy() + mean[block.columns].astype(np.float32)
    return out
