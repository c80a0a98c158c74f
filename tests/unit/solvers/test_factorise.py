from __future__ import annotations

import numpy as np
import pytest
import torch

from algokit.errors import DataError
from algokit.readouts import FeatureSpace
from algokit.solvers import factorise as module
from algokit.solvers.factorise import Factorisation, factorise

N, N_TEST = 24, 5


def space(n_features: int, mean: float = 0.0, seed: int = 0) -> FeatureSpace:
    rng = np.random.default_rng(seed)
    rows = mean + rng.standard_normal((N + N_TEST, n_features))
    return FeatureSpace("space", rows[:N].astype(np.float32), rows[N:].astype(np.float32))


def factorised(features: FeatureSpace, standardize: bool = False) -> Factorisation:
    return factorise(features, np.arange(4, N), standardize=standardize, device="cpu")


@pytest.mark.parametrize("n_features", [1, 7, N - 1, N, 60])
@pytest.mark.parametrize("mean", [0.0, 30.0])
def test_factors_rebuild_the_gram_and_cross_gram_of_the_centred_features(n_features: int, mean: float) -> None:
    features = space(n_features, mean)
    factors = factorised(features)
    train = features.train.astype(np.float64)
    centred, test = train - train.mean(0), features.test - train.mean(0)
    basis = factors.basis.numpy()
    assert factors.rank == min(n_features, N - 1)
    np.testing.assert_allclose(basis.T @ basis, np.eye(factors.rank), atol=1e-10)
    np.testing.assert_allclose((basis * factors.eigenvalues.numpy()) @ basis.T, centred @ centred.T, atol=1e-9)
    np.testing.assert_allclose(factors.test_loadings.numpy() @ basis.T, test @ centred.T, atol=1e-9)


@pytest.mark.parametrize("n_features", [7, 60])
def test_width_of_the_column_blocks_changes_nothing(n_features: int, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = factorised(space(n_features))
    monkeypatch.setattr(module, "COLUMN_BLOCK_BYTES", 3 * 8 * (N + N_TEST))
    narrow = factorised(space(n_features))
    np.testing.assert_allclose(narrow.eigenvalues, whole.eigenvalues, rtol=1e-9)
    projection = [factors.test_loadings @ factors.basis.T for factors in (narrow, whole)]
    np.testing.assert_allclose(*projection, atol=1e-9)


@pytest.mark.parametrize("n_features", [7, 60])
def test_standardising_divides_by_the_sd_over_the_fit_rows_only(n_features: int) -> None:
    features = space(n_features)
    stretched = features.train.copy()
    stretched[:4] *= 100  # not fit rows
    sd = stretched[4:].astype(np.float64).std(0)
    by_hand = FeatureSpace("space", (stretched / sd).astype(np.float32), (features.test / sd).astype(np.float32))
    ours = factorised(FeatureSpace("space", stretched, features.test), standardize=True)
    np.testing.assert_allclose(ours.eigenvalues, factorised(by_hand).eigenvalues, rtol=1e-4)


@pytest.mark.parametrize("n_features", [7, 60])
@pytest.mark.parametrize("standardize", [False, True])
def test_constant_features_change_nothing_but_their_count(n_features: int, standardize: bool) -> None:
    plain = space(n_features)
    train, test = (np.insert(array, [0, 3], np.float32(1234.567), axis=1) for array in (plain.train, plain.test))
    test[:, 0] = 7  # even if they vary in the test rows
    padded = factorised(FeatureSpace("space", train, test), standardize)
    expected = factorised(plain, standardize)
    assert (padded.n_constant, expected.n_constant) == (2, 0)
    np.testing.assert_allclose(padded.eigenvalues, expected.eigenvalues, rtol=1e-9)
    np.testing.assert_allclose(padded.test_loadings.abs(), expected.test_loadings.abs(), atol=1e-8)


def test_a_feature_that_varies_in_val_rows_only_is_dropped_when_standardised() -> None:
    features = space(7)
    features.train[4:, 2] = 0.1
    features.train[:4, 2] = [-0.5, -0.5, -0.5, -0.5]
    assert factorised(features, standardize=True).n_constant == 1


@pytest.mark.parametrize("n_features", [3, 60])
@pytest.mark.parametrize("value", [0.0, 0.1])
def test_a_constant_space_has_rank_zero(n_features: int, value: float) -> None:
    constant = FeatureSpace("space", *(np.full((rows, n_features), value, np.float32) for rows in (N, N_TEST)))
    factors = factorised(constant)
    assert factors.rank == 0
    assert factors.basis.shape == (N, 0)
    assert factors.test_loadings.shape == (N_TEST, 0)


def test_rows_given_twice_lower_the_rank() -> None:
    features = space(60)
    features.train[10:13] = features.train[:3]
    assert factorised(features).rank == N - 1 - 3


@pytest.mark.parametrize("n_features", [7, 60])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_feature_that_is_not_finite_is_named(n_features: int, bad: float) -> None:
    features = space(n_features)
    features.train[5, 3] = features.train[9, 0] = bad
    features.test[1, 2] = bad
    with pytest.raises(DataError) as caught:
        factorised(features)
    assert [finding.path for finding in caught.value.findings] == ["train[5, 3]", "test[1, 2]"]
    assert caught.value.findings[0].where == "space"


def test_everything_kept_is_float64() -> None:
    factors = factorised(space(60))
    assert {factors.basis.dtype, factors.eigenvalues.dtype, factors.test_loadings.dtype} == {torch.float64}
