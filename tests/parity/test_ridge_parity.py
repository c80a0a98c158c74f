"""Our ridge against scikit-learn's and himalaya's, on the same folds, in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from himalaya.kernel_ridge import KernelRidgeCV
from himalaya.ridge import RidgeCV
from himalaya.scoring import correlation_score
from sklearn.linear_model import Ridge
from sklearn.model_selection import PredefinedSplit

from algokit.readouts import FeatureSpace, FoldsSpec, ReadoutResult, RidgeSpec, Rows
from algokit.readouts.ridge_readout import fit_ridge
from algokit.solvers.folds import shuffled_folds

N, N_TEST, N_TARGETS, N_FOLDS = 120, 15, 40, 5
ALPHAS = tuple(10.0 ** np.arange(-2, 7))
ROWS = Rows(fit=np.delete(np.arange(N), np.arange(3, N, 10)), val=np.arange(3, N, 10))
FOLDS = shuffled_folds(ROWS.fit, N_FOLDS, seed=3)
Array = np.ndarray[Any, np.dtype[Any]]

# dual; square; primal, nearly as wide as a fold's training rows, narrow, one feature; means 30 times the spread
CASES = [(500, 0.0), (120, 0.0), (85, 0.0), (70, 0.0), (12, 0.0), (1, 0.0), (500, 30.0), (12, 30.0)]


def challenge(n_features: int, mean: float, seed: int = 0) -> tuple[FeatureSpace, Array]:
    """Features of falling variance, and targets of every signal-to-noise ratio with means of their own."""
    rng = np.random.default_rng(seed)
    spread = np.arange(1, n_features + 1) ** -0.5
    rows = (mean * rng.choice([-1, 1], n_features) + rng.standard_normal((N + N_TEST, n_features))) * spread
    rows = rows.astype(np.float32)
    signal = rows[:N] @ (rng.standard_normal((n_features, N_TARGETS)) * spread[:, None])
    signal = (signal - signal.mean(0)) / signal.std(0) * np.linspace(0, 2, N_TARGETS)
    responses = signal + rng.standard_normal((N, N_TARGETS)) + rng.standard_normal(N_TARGETS)
    return FeatureSpace("space", rows[:N], rows[N:]), responses.astype(np.float32)


def ours(
    space: FeatureSpace, *responses: Array, alphas: tuple[float, ...] = ALPHAS, standardize: bool = False
) -> ReadoutResult:
    folds = FoldsSpec(n=N_FOLDS, kind="shuffled", seed=3)
    spec = RidgeSpec(kind="ridge", alphas=alphas, folds=folds, standardize=standardize)
    return fit_ridge([space], responses, ROWS, spec, device="cpu", progress=lambda done, name: None)


def sklearn_predictions(features: Array, responses: Array, rows: Array, alpha: float, new: Array) -> Array:
    model = Ridge(alpha=alpha, solver="svd").fit(features[rows].astype(np.float64), responses[rows].astype(np.float64))
    return np.asarray(model.predict(new.astype(np.float64))).reshape(len(new), -1)


def sklearn_scores(space: FeatureSpace, responses: Array, alphas: tuple[float, ...] = ALPHAS) -> Array:
    """(n_alphas, n_targets), mean over folds of r."""
    scores = np.zeros((len(alphas), responses.shape[1]))
    for fold in FOLDS:
        rest = np.setdiff1d(ROWS.fit, fold)
        for index, alpha in enumerate(alphas):
            predicted = sklearn_predictions(space.train, responses, rest, alpha, space.train[fold])
            scores[index] += correlation_score(responses[fold].astype(np.float64), predicted) / len(FOLDS)
    return scores


def assert_same_choice(found: ReadoutResult, scores: Array) -> None:
    """Chosen r within 1e-4 of the best, and the alpha itself the same unless the two best are that near."""
    np.testing.assert_allclose(found.cv_score, scores.max(axis=0), atol=1e-4)
    gap = np.diff(np.sort(scores, axis=0)[-2:], axis=0)[0]
    clear = gap > 1e-5
    np.testing.assert_array_equal(found.alpha[clear], np.array(ALPHAS)[scores.argmax(axis=0)][clear])


@pytest.mark.parametrize(("n_features", "mean"), CASES)
def test_alphas_and_r_equal_scikit_learns_fits_fold_by_fold(n_features: int, mean: float) -> None:
    space, responses = challenge(n_features, mean)
    scores = sklearn_scores(space, responses)
    found = ours(space, responses)
    assert_same_choice(found, scores)
    if n_features > 1:
        assert len(np.unique(found.alpha)) >= 3


@pytest.mark.parametrize("alpha", [1e-2, 1.0, 1e3, 1e8, 1e15])
@pytest.mark.parametrize(("n_features", "mean"), CASES)
def test_r_of_every_single_alpha_equals_scikit_learns(n_features: int, mean: float, alpha: float) -> None:
    space, responses = challenge(n_features, mean)
    # at 1e15 a float64 fit with an intercept has itself lost its predictions in the mean: use their limit, same r
    reference = sklearn_scores(space, responses - responses.mean(0), (min(alpha, 1e8),))[0]
    np.testing.assert_allclose(ours(space, responses, alphas=(alpha,)).cv_score, reference, atol=2e-5)


@pytest.mark.parametrize(("n_features", "mean"), CASES)
def test_predictions_equal_scikit_learns_refit_at_the_chosen_alpha(n_features: int, mean: float) -> None:
    space, responses = challenge(n_features, mean)
    found = ours(space, responses)
    for alpha in np.unique(found.alpha):
        chosen = found.alpha == alpha
        for rows, new, predictions in (
            (ROWS.fit, space.train[ROWS.val], found.val_predictions),
            (np.arange(N), space.test, found.test_predictions),
        ):
            expected = sklearn_predictions(space.train, responses[:, chosen], rows, alpha, new)
            error = np.abs(predictions[:, chosen] - expected)
            assert (error <= 1e-3 * expected.std(axis=0) + 1e-6 * np.abs(expected)).all()


@pytest.mark.parametrize("n_features", [12, 300])
@pytest.mark.parametrize("alpha", [1e-2, 1.0, 100.0])
def test_weights_equal_scikit_learns(n_features: int, alpha: float) -> None:
    """Predictions at the origin and at the unit vectors are the intercept and the weights."""
    space, responses = challenge(n_features, 0.0)
    probes = np.concatenate([np.zeros((1, n_features)), np.eye(n_features)]).astype(np.float32)
    predictions = ours(FeatureSpace("space", space.train, probes), responses, alphas=(alpha,)).test_predictions
    model = Ridge(alpha=alpha).fit(space.train.astype(np.float64), responses.astype(np.float64))
    np.testing.assert_allclose(predictions[0], model.intercept_, atol=1e-4)
    np.testing.assert_allclose(predictions[1:] - predictions[0], model.coef_.T, atol=1e-4)


@pytest.mark.parametrize(("n_features", "mean"), [(500, 0.0), (120, 0.0), (70, 0.0), (12, 0.0), (500, 30.0)])
@pytest.mark.parametrize("estimator", ["ridge", "kernel"])
def test_alphas_and_r_equal_himalayas_on_the_same_folds(n_features: int, mean: float, estimator: str) -> None:
    space, responses = challenge(n_features, mean)
    features, truth = space.train[ROWS.fit].astype(np.float64), responses[ROWS.fit].astype(np.float64)
    fold_of_row = np.argmax([np.isin(ROWS.fit, fold) for fold in FOLDS], axis=0)
    shared: dict[str, Any] = {"alphas": ALPHAS, "fit_intercept": True, "cv": PredefinedSplit(fold_of_row)}
    if estimator == "ridge":
        params = {"score_func": correlation_score, "warn": False}
        model = RidgeCV(solver_params=params, **shared).fit(features, truth)
    else:
        params = {"score_func": correlation_score}
        model = KernelRidgeCV(kernel="linear", solver_params=params, warn=False, **shared).fit(features, truth)
    found = ours(space, responses)
    np.testing.assert_allclose(found.cv_score, model.cv_scores_, atol=1e-4)
    chosen, theirs = (np.searchsorted(ALPHAS, 0.99 * alphas) for alphas in (found.alpha, model.best_alphas_))
    scores = sklearn_scores(space, responses)
    lost = np.abs(np.take_along_axis(scores, np.stack([chosen, theirs]), axis=0) - scores.max(axis=0))
    same = chosen == theirs
    assert lost[:, ~same].max(initial=0) < 1e-4
    assert same.mean() > 0.9
    predicted = model.predict(space.train[ROWS.val].astype(np.float64))
    np.testing.assert_allclose(found.val_predictions[:, same], predicted[:, same], atol=1e-3 * predicted.std())


def test_standardised_features_equal_scikit_learn_on_features_divided_by_hand() -> None:
    space, responses = challenge(200, 5.0)
    sd = space.train[ROWS.fit].astype(np.float64).std(axis=0)
    by_hand = FeatureSpace("space", space.train / sd, space.test / sd)
    assert_same_choice(ours(space, responses, standardize=True), sklearn_scores(by_hand, responses))


@pytest.mark.parametrize("n_features", [12, 500])
def test_batches_of_one_permuted_targets_and_hemispheres_apart_change_nothing(n_features: int) -> None:
    space, responses = challenge(n_features, 0.0)
    whole = ours(space, responses)
    order = np.random.default_rng(0).permutation(N_TARGETS)
    ones = [np.ascontiguousarray(responses[:, [target]]) for target in range(N_TARGETS)]
    halves = [ours(space, half) for half in (responses[:, :17], responses[:, 17:])]
    for name in ("alpha", "cv_score", "val_predictions", "test_predictions"):
        expected = getattr(whole, name)
        atol = 1e-5 * np.abs(expected).max()
        np.testing.assert_allclose(getattr(ours(space, *ones), name), expected, atol=atol)
        np.testing.assert_allclose(getattr(ours(space, responses[:, order]), name), expected[..., order], atol=atol)
        np.testing.assert_allclose(np.concatenate([getattr(half, name) for half in halves], -1), expected, atol=atol)
