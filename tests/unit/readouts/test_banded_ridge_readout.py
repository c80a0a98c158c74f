"""A penalty per band and target: chosen by what drives the target, exact, and the same as ridge with one band."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from himalaya.backend import get_backend, set_backend
from pydantic import TypeAdapter, ValidationError
from sklearn.linear_model import Ridge

from algokit.errors import MachineError
from algokit.readouts import BandedRidgeSpec, FeatureSpace, FoldsSpec, ReadoutResult, ReadoutSpec, RidgeSpec, Rows
from algokit.readouts.banded_ridge_readout import fit_banded_ridge
from algokit.readouts.ridge_readout import fit_ridge
from algokit.solvers import band_choice
from algokit.solvers.band_choice import candidate_mixes
from algokit.solvers.folds import cut_folds

N, N_TEST, N_TARGETS = 70, 9, 10
ROWS = Rows(fit=np.delete(np.arange(N), np.arange(3, N, 9)), val=np.arange(3, N, 9))
FOLDS = FoldsSpec(n=4)
HALF = N_TARGETS // 2
Array = np.ndarray[Any, np.dtype[np.float32]]


def challenge() -> tuple[list[FeatureSpace], Array]:
    """Two bands far from 0 with more features than rows together; each drives half of the targets."""
    rng = np.random.default_rng(0)
    both = [(rng.standard_normal((N + N_TEST, width)) + 5).astype(np.float32) for width in (30, 60)]
    weights = [rng.standard_normal((one.shape[1], HALF)) for one in both]
    signals = [one[:N] @ weight / weight.shape[0] ** 0.5 for one, weight in zip(both, weights, strict=True)]
    responses = np.concatenate(signals, axis=1) + 0.2 * rng.standard_normal((N, N_TARGETS)) + 3
    return [FeatureSpace(name, one[:N], one[N:]) for name, one in zip("ab", both, strict=True)], responses.astype("f4")


def fit(spaces: list[FeatureSpace], responses: Array, **settings: Any) -> ReadoutResult:
    spec = BandedRidgeSpec(
        **{"kind": "banded_ridge", "alphas": (0.1, 1, 10, 100), "n_iter": 8, "folds": FOLDS} | settings
    )
    return fit_banded_ridge(spaces, [responses], ROWS, spec, device="cpu", progress=lambda done, name: None)


def bands(found: ReadoutResult) -> np.ndarray[Any, np.dtype[np.float64]]:
    assert found.band_alpha is not None
    return found.band_alpha


def test_the_band_that_drives_a_target_gets_the_smaller_penalty() -> None:
    found = fit(*challenge())
    first, second = bands(found)
    assert (first[:HALF] < second[:HALF]).all()
    assert (second[HALF:] < first[HALF:]).all()
    np.testing.assert_array_equal(found.space_index, np.repeat([0, 1], HALF))
    np.testing.assert_array_equal(found.alpha, np.minimum(first, second))


@pytest.mark.parametrize("standardize", [False, True])
def test_one_band_equals_ridge(standardize: bool) -> None:
    spaces, responses = challenge()
    ours = fit(spaces[1:], responses, standardize=standardize)
    spec = RidgeSpec(kind="ridge", alphas=(0.1, 1, 10, 100), folds=FOLDS, standardize=standardize)
    ridge = fit_ridge(spaces[1:], [responses], ROWS, spec, device="cpu", progress=lambda done, name: None)
    np.testing.assert_allclose(ours.cv_score, ridge.cv_score, atol=1e-4)
    np.testing.assert_array_equal(ours.alpha, ridge.alpha)
    np.testing.assert_array_equal(bands(ours), ours.alpha[None])
    np.testing.assert_allclose(ours.test_predictions, ridge.test_predictions, atol=1e-4)
    np.testing.assert_allclose(ours.val_predictions, ridge.val_predictions, atol=1e-4)


def test_predictions_and_scores_are_those_of_ridge_on_features_scaled_by_their_penalties() -> None:
    spaces, responses = challenge()
    found = fit(spaces, responses)
    folds = cut_folds(ROWS, FOLDS)
    for target in range(N_TARGETS):
        scale = bands(found)[:, target] ** -0.5
        train, test = (
            np.concatenate([getattr(one, part) * by for one, by in zip(spaces, scale, strict=True)], axis=1)
            for part in ("train", "test")
        )

        def predicted(rows: Any, new: Any, of: Any = (train, responses[:, target])) -> Any:
            return Ridge(alpha=1.0).fit(of[0][rows].astype(float), of[1][rows]).predict(new)

        np.testing.assert_allclose(found.test_predictions[:, target], predicted(np.arange(N), test), atol=1e-4)
        np.testing.assert_allclose(found.val_predictions[:, target], predicted(ROWS.fit, train[ROWS.val]), atol=1e-4)
        r = [
            np.corrcoef(predicted(np.setdiff1d(ROWS.fit, fold), train[fold]), responses[fold, target])[0, 1]
            for fold in folds
        ]
        np.testing.assert_allclose(found.cv_score[target], np.mean(r), atol=1e-5)


def test_no_target_scores_worse_than_with_its_best_single_space() -> None:
    spaces, responses = challenge()
    spec = RidgeSpec(kind="ridge", alphas=(0.1, 1, 10, 100), folds=FOLDS)
    ridge = fit_ridge(spaces, [responses], ROWS, spec, device="cpu", progress=lambda done, name: None)
    assert (fit(spaces, responses, n_iter=0).cv_score > ridge.cv_score - 1e-5).all()


def test_batches_of_targets_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    spaces, responses = challenge()
    whole = fit(spaces, responses)
    monkeypatch.setattr(band_choice, "WIDE_BYTES", 1)
    monkeypatch.setattr("algokit.solvers.memory.BLOCK_BYTES", 3 * 4 * N)
    apart = fit(spaces, responses)
    np.testing.assert_array_equal(bands(apart), bands(whole))
    np.testing.assert_allclose(apart.cv_score, whole.cv_score, atol=1e-6)
    np.testing.assert_allclose(apart.test_predictions, whole.test_predictions, atol=1e-5)


def test_a_target_without_variance_keeps_all_bands_alike_and_the_largest_alpha() -> None:
    spaces, responses = challenge()
    responses[:, 2] = 0.1
    found = fit(spaces, responses)
    np.testing.assert_array_equal(bands(found)[:, 2], [200, 200])
    assert found.cv_score[2] == 0


def test_the_seed_decides_the_mixes_and_nothing_else_does() -> None:
    first, again, other = (candidate_mixes(3, 6, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(first[:4], other[:4])
    assert (first[4:] != other[4:]).any()
    np.testing.assert_allclose(first.sum(axis=1), 1)
    assert candidate_mixes(1, 6, 0).tolist() == [[1.0]]


def test_himalayas_backend_is_what_it_was() -> None:
    before = get_backend().name
    try:
        set_backend("numpy")
        fit(*challenge(), n_iter=0)
        assert get_backend().name == "numpy"
    finally:
        set_backend(before)


def test_made_up_weights_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HIMALAYA_SKIP_FIT", "1")
    with pytest.warns(UserWarning, match="Skip fit"), pytest.raises(MachineError, match="HIMALAYA_SKIP_FIT"):
        fit(*challenge())


@pytest.mark.parametrize(
    "bad", [{"n_iter": -1}, {"alphas": [0]}, {"seed": -1}, {"folds": {"n": 1}}, {"bands": "layer"}]
)
def test_a_bad_spec_is_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(ReadoutSpec).validate_python({"kind": "banded_ridge", **bad})
