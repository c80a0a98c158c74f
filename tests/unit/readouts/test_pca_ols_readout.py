from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from algokit.readouts import FeatureSpace, PcaOlsSpec, ReadoutResult, Rows
from algokit.readouts import pca_ols_readout as module
from algokit.readouts.pca_ols_readout import fit_pca_ols

N, N_TEST, N_TARGETS = 80, 9, 12
ROWS = Rows(fit=np.delete(np.arange(N), np.arange(2, N, 9)), val=np.arange(2, N, 9))
Array = np.ndarray[Any, np.dtype[np.float32]]


def challenge(*widths: int) -> tuple[list[FeatureSpace], Array]:
    """Spaces with a few strong directions, in very different units, and targets they drive."""
    rng = np.random.default_rng(0)
    latent = rng.standard_normal((N + N_TEST, 4))
    spaces = []
    for index, width in enumerate(widths):
        rows = latent @ rng.standard_normal((4, width)) + 0.3 * rng.standard_normal((N + N_TEST, width)) + 5
        rows = (10.0**index * rows).astype(np.float32)
        spaces.append(FeatureSpace(f"space{index}", rows[:N], rows[N:]))
    responses = latent[:N] @ rng.standard_normal((4, N_TARGETS)) + rng.standard_normal((N, N_TARGETS))
    return spaces, responses.astype(np.float32)


def fit(spaces: list[FeatureSpace], responses: Array, **settings: Any) -> ReadoutResult:
    spec = PcaOlsSpec(kind="pca_ols", **settings)
    return fit_pca_ols(spaces, [responses], ROWS, spec, device="cpu", progress=lambda done, name: None)


@pytest.mark.parametrize("standardize", [False, True])
def test_predictions_equal_a_scikit_learn_pipeline_over_all_spaces_side_by_side(standardize: bool) -> None:
    spaces, responses = challenge(30, 20, 7)
    found = fit(spaces, responses, n_components=10, standardize=standardize)
    train, test = (
        np.concatenate([getattr(s, part) for s in spaces], axis=1, dtype=np.float64) for part in ("train", "test")
    )
    model = make_pipeline(*([StandardScaler()] if standardize else []), PCA(10), LinearRegression())
    refit = model.fit(train, responses).predict(test)
    np.testing.assert_allclose(found.test_predictions, refit, atol=1e-3)
    nested = model.fit(train[ROWS.fit], responses[ROWS.fit]).predict(train[ROWS.val])
    np.testing.assert_allclose(found.val_predictions, nested, atol=1e-3)
    assert not found.notes
    assert not (found.alpha.any() or found.cv_score.any() or found.space_index.any())


def test_wide_features_in_batches_predict_what_the_full_pca_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a spectrum that falls off after 4 directions, incremental PCA is exact up to noise."""
    spaces, responses = challenge(40)
    full = fit(spaces, responses, n_components=4)
    monkeypatch.setattr(module, "FULL_PCA_BYTES", 0)
    monkeypatch.setattr("algokit.solvers.scaling.BATCH_ROWS", 15)
    batched = fit(spaces, responses, n_components=4)
    assert (batched.test_predictions != full.test_predictions).any()
    np.testing.assert_allclose(batched.test_predictions, full.test_predictions, atol=0.05)
    np.testing.assert_allclose(batched.val_predictions, full.val_predictions, atol=0.05)


@pytest.mark.parametrize("standardize", [False, True])
def test_components_are_capped_by_the_rank_and_said_so(standardize: bool) -> None:
    spaces, responses = challenge(6)
    doubled = [spaces[0], FeatureSpace("again", spaces[0].train, spaces[0].test)]
    found = fit(doubled, responses, n_components=50, standardize=standardize)
    assert found.notes == ("6 components instead of 50: the features have no more",)
    ols = LinearRegression().fit(spaces[0].train, responses).predict(spaces[0].test)
    np.testing.assert_allclose(found.test_predictions, ols, atol=1e-3)


def test_constant_features_predict_the_mean() -> None:
    flat = FeatureSpace("flat", *(np.full((rows, 5), 0.1, np.float32) for rows in (N, N_TEST)))
    responses = challenge(3)[1]
    found = fit([flat], responses)
    np.testing.assert_allclose(found.test_predictions - responses.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(found.val_predictions - responses[ROWS.fit].mean(axis=0), 0, atol=1e-6)
    assert found.notes == ("0 components instead of 100: the features have no more",)
