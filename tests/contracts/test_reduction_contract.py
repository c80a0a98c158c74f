"""What every reduction of the catalogue promises, and each of them against an independent route."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter
from sklearn.decomposition import PCA
from sklearn.linear_model import Ridge
from sklearn.preprocessing import StandardScaler
from sklearn.random_projection import SparseRandomProjection

from algokit.reductions import CATALOGUE, ReductionSpec

SPECS: list[dict[str, Any]] = [
    {"kind": "gram"},
    {"kind": "gram", "standardize": True},
    {"kind": "pca", "n_components": 7},
    {"kind": "pca", "n_components": 500, "standardize": True},
    {"kind": "sparse_projection", "n_components": 30},
    {"kind": "sparse_projection", "n_components": 30, "standardize": True, "seed": 2},
]
N_TRAIN, N_TEST, N_FEATURES = 60, 11, 300
FIT = np.sort(np.random.default_rng(1).permutation(N_TRAIN)[:45])
VAL = np.setdiff1d(np.arange(N_TRAIN), FIT)


def features(n_features: int = N_FEATURES, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    scale = np.geomspace(1, 0.01, n_features)
    both = (rng.normal(size=(N_TRAIN + N_TEST, n_features)) * scale + 0.5).astype(np.float32)
    return both[:N_TRAIN], both[N_TRAIN:]


def spec_of(document: dict[str, Any]) -> Any:
    return TypeAdapter(ReductionSpec).validate_python(document)


def reduced(document: dict[str, Any], train: np.ndarray, test: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    spec = spec_of(document)
    done: tuple[np.ndarray, np.ndarray] = CATALOGUE.load(spec.kind)(train, test, FIT, spec, device="cpu")
    return done


each_spec = pytest.mark.parametrize("document", SPECS, ids=str)


def test_every_row_of_the_catalogue_has_an_example() -> None:
    assert {spec["kind"] for spec in SPECS} == set(CATALOGUE.rows())


@each_spec
@pytest.mark.parametrize("n_features", [3, N_FEATURES])
def test_there_are_as_many_columns_as_the_plan_says(document: dict[str, Any], n_features: int) -> None:
    train, test = reduced(document, *features(n_features))
    n_columns = spec_of(document).n_columns(n_features, N_TRAIN, len(FIT))
    assert (train.shape, test.shape) == ((N_TRAIN, n_columns), (N_TEST, n_columns))
    assert train.dtype == test.dtype == np.float32


@each_spec
def test_no_test_row_takes_part_in_what_becomes_of_the_others(document: dict[str, Any]) -> None:
    train, test = features()
    expected, before = reduced(document, train, test)
    other = test.copy()
    other[3] += 10
    found, after = reduced(document, train, other)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(np.delete(after, 3, 0), np.delete(before, 3, 0), rtol=1e-5, atol=1e-5)


@each_spec
def test_no_held_out_row_takes_part_in_the_products_of_the_rows_fitted_on(document: dict[str, Any]) -> None:
    train, test = features()
    other = train.copy()
    other[VAL] = 7 * other[VAL] - 3
    products = [rows[FIT] @ rows[FIT].T for rows, _ in (reduced(document, one, test) for one in (train, other))]
    np.testing.assert_allclose(products[1], products[0], rtol=1e-3, atol=1e-3 * np.abs(products[0]).max())


@each_spec
def test_a_constant_feature_does_no_harm(document: dict[str, Any]) -> None:
    train, test = features()
    train[:, 5] = test[:, 5] = 0.25
    assert all(np.isfinite(part).all() for part in reduced(document, train, test))


@each_spec
def test_blocks_change_nothing(document: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    expected = reduced(document, *features())
    monkeypatch.setattr("algokit.solvers.principal._COLUMNS", 37)
    monkeypatch.setattr("algokit.solvers.scaling.BATCH_ROWS", 8)
    for found, whole in zip(reduced(document, *features()), expected, strict=True):
        np.testing.assert_allclose(found, whole, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("standardize", [False, True])
def test_gram_keeps_the_inner_products_of_the_features(standardize: bool) -> None:
    train, test = features()
    kept, new = reduced({"kind": "gram", "standardize": standardize}, train, test)
    sd = train[FIT].std(axis=0, dtype=np.float64) if standardize else 1.0
    wide, wide_new = train / sd, test / sd
    np.testing.assert_allclose(kept @ kept.T, wide @ wide.T, rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(new @ kept.T, wide_new @ wide.T, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("n_features", [20, N_FEATURES])
def test_ridge_cannot_tell_a_gram_from_the_features(n_features: int) -> None:
    train, test = features(n_features)
    responses = np.random.default_rng(2).normal(size=(N_TRAIN, 4))
    kept, new = reduced({"kind": "gram"}, train, test)
    expected = Ridge(alpha=3.0).fit(train.astype(np.float64), responses).predict(test.astype(np.float64))
    found = Ridge(alpha=3.0).fit(kept.astype(np.float64), responses).predict(new.astype(np.float64))
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_rows_that_span_less_than_their_number_give_columns_of_zeros() -> None:
    train, test = features()
    train[30:] = train[:30]
    kept, new = reduced({"kind": "gram"}, train, test)
    assert not kept[:, 30:].any()
    assert not new[:, 30:].any()
    np.testing.assert_allclose(kept @ kept.T, train @ train.T, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("standardize", [False, True])
def test_pca_is_that_of_scikit_learn_on_the_fit_rows(standardize: bool) -> None:
    train, test = features()
    scaler = StandardScaler(with_std=standardize).fit(train[FIT].astype(np.float64))
    pca = PCA(7, svd_solver="full").fit(scaler.transform(train[FIT]))
    found = reduced({"kind": "pca", "n_components": 7, "standardize": standardize}, train, test)
    for rows, wide in zip(found, (train, test), strict=True):
        scores = pca.transform(scaler.transform(wide.astype(np.float64)))
        np.testing.assert_allclose(np.abs(rows), np.abs(scores), rtol=1e-3, atol=1e-3)


def test_sparse_projection_is_that_of_scikit_learn() -> None:
    train, test = features()
    projection = SparseRandomProjection(30, random_state=4).fit(train)
    found = reduced({"kind": "sparse_projection", "n_components": 30, "seed": 4}, train, test)
    for rows, wide in zip(found, (train, test), strict=True):
        np.testing.assert_allclose(rows, projection.transform(wide), rtol=1e-4, atol=1e-4)
