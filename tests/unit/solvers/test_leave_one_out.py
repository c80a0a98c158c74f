"""Leave-one-out r and GCV against fits that leave every row out in turn, an explicit hat matrix, and scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge, RidgeCV

from algokit.readouts import FeatureSpace, Rows
from algokit.solvers.factorise import factorise
from algokit.solvers.folds import shuffled_folds
from algokit.solvers.leave_one_out import LeaveOneOut
from algokit.solvers.search import SearchSettings, search_ridge
from algokit.solvers.targets import Targets

N, N_TEST, N_TARGETS = 40, 6, 8
ROWS = Rows(fit=np.delete(np.arange(N), [1, 8, 20, 21]), val=np.array([1, 8, 20, 21]))
NO_VAL = Rows(fit=np.arange(N), val=np.arange(0))
ALPHAS = (0.01, 1.0, 100.0, 1e4, 1e12)
Floats = np.ndarray[Any, np.dtype[np.float64]]


def problem(n_features: int, noise: float = 1.0) -> tuple[FeatureSpace, Any]:
    rng = np.random.default_rng(n_features)
    rows = (rng.standard_normal((N + N_TEST, n_features)) + 3).astype(np.float32)
    drive = rows[:N] @ rng.standard_normal((n_features, N_TARGETS)) / n_features**0.5
    responses = drive + noise * rng.standard_normal((N, N_TARGETS)) + 5
    return FeatureSpace("space", rows[:N], rows[N:]), responses.astype(np.float32)


def solved(space: FeatureSpace, responses: Any, rows: Rows) -> LeaveOneOut:
    factors = factorise(space, rows.fit, standardize=False, device="cpu")
    return LeaveOneOut.of(factors, Targets([responses], rows, "cpu", 3))


def by_hand(x: Floats, y: Floats, alpha: float) -> Floats:
    """Every row from a fit on the others, less the mean of the others."""
    found = np.empty_like(y)
    for row in range(len(x)):
        kept = np.arange(len(x)) != row
        mean = x[kept].mean(axis=0)
        weights = Ridge(alpha=alpha, fit_intercept=False).fit(x[kept] - mean, y[kept] - y[kept].mean(axis=0)).coef_
        found[row] = (x[row] - mean) @ weights.T
    return found


def columnwise_r(a: Floats, b: Floats) -> Floats:
    return np.array([np.corrcoef(one, other)[0, 1] for one, other in zip(a.T, b.T, strict=True)])


@pytest.mark.parametrize("rows", [ROWS, NO_VAL], ids=["val", "no val"])
@pytest.mark.parametrize("n_features", [5, 38, 120])
def test_r_is_that_of_fits_that_leave_every_row_out_in_turn(n_features: int, rows: Rows) -> None:
    space, responses = problem(n_features)
    ours = solved(space, responses, rows)
    x, y = space.train[rows.fit].astype(float), responses[rows.fit].astype(float)
    theirs = np.stack([columnwise_r(by_hand(x, y, alpha), y) for alpha in ALPHAS])
    alphas = torch.tensor(ALPHAS, dtype=torch.float64)
    np.testing.assert_allclose(ours.r(alphas), theirs, atol=2e-5)
    each = alphas[torch.arange(N_TARGETS) % len(ALPHAS)]
    chosen = theirs[np.arange(N_TARGETS) % len(ALPHAS), np.arange(N_TARGETS)]
    np.testing.assert_allclose(ours.r_at(each), chosen, atol=2e-5)


@pytest.mark.parametrize("rows", [ROWS, NO_VAL], ids=["val", "no val"])
@pytest.mark.parametrize("n_features", [5, 120])
def test_gcv_is_its_formula_with_the_explicit_hat_matrix(n_features: int, rows: Rows) -> None:
    space, responses = problem(n_features)
    n = len(rows.fit)
    x, y = space.train[rows.fit].astype(float), responses[rows.fit].astype(float)
    x -= x.mean(axis=0)
    errors = []
    for alpha in (*ALPHAS, np.inf):
        hat = np.full((n, n), 1 / n) + x @ x.T @ np.linalg.inv(np.eye(n) + x @ x.T / alpha) / alpha
        errors.append(n * np.square(y - hat @ y).sum(axis=0) / np.trace(np.eye(n) - hat) ** 2)
    ours = solved(space, responses, rows).gcv(torch.tensor(ALPHAS, dtype=torch.float64))
    np.testing.assert_allclose(ours, 1 - np.stack(errors[:-1]) / errors[-1], atol=1e-5)


@pytest.mark.parametrize("selection", ["loo", "gcv"])
def test_the_choice_is_near_scikit_learns_by_leave_one_out_error(selection: Any) -> None:
    space, responses = problem(30, noise=0.7)
    alphas = tuple(np.logspace(-1, 4, 6))
    settings = SearchSettings(alphas, shuffled_folds(ROWS.fit, 4, 0), selection=selection)
    found = search_ridge([space], Targets([responses], ROWS, "cpu"), settings)
    x, y = space.train[ROWS.fit].astype(float), responses[ROWS.fit].astype(float)
    theirs = RidgeCV(alphas, alpha_per_target=True).fit(x, y)
    steps = np.abs(np.log10(found.alpha) - np.log10(theirs.alpha_))
    assert steps.max() < 1.5
    assert np.mean(steps < 0.5) >= 0.5
    at_choice = [columnwise_r(by_hand(x, y[:, [t]], found.alpha[t]), y[:, [t]])[0] for t in range(N_TARGETS)]
    np.testing.assert_allclose(found.cv_score, at_choice, atol=2e-5)
    assert any("cv_score is" in note for note in found.notes)


@pytest.mark.parametrize("selection", ["loo", "gcv"])
def test_predictions_are_those_of_folds_with_the_same_choice(selection: Any) -> None:
    spaces, responses = [problem(30)[0], problem(5)[0]], problem(5)[1]
    folds = shuffled_folds(ROWS.fit, 4, 0)
    targets = Targets([responses], ROWS, "cpu")
    found = search_ridge(spaces, targets, SearchSettings((1.0, 100.0), folds, selection=selection))
    assert set(found.space_index) == {1}
    for target in range(N_TARGETS):
        space, alpha = spaces[found.space_index[target]], found.alpha[target]
        val = Ridge(alpha).fit(space.train[ROWS.fit].astype(float), responses[ROWS.fit, target])
        test = Ridge(alpha).fit(space.train.astype(float), responses[:, target])
        np.testing.assert_allclose(found.val_predictions[:, target], val.predict(space.train[ROWS.val]), atol=1e-4)
        np.testing.assert_allclose(found.test_predictions[:, target], test.predict(space.test), atol=1e-4)


@pytest.mark.parametrize("selection", ["loo", "gcv"])
def test_val_rows_reach_no_choice_and_no_score(selection: Any) -> None:
    space, responses = problem(120)
    settings = SearchSettings(ALPHAS, shuffled_folds(ROWS.fit, 4, 0), selection=selection)
    other = responses.copy()
    other[ROWS.val] = 1e3
    ours, theirs = (search_ridge([space], Targets([y], ROWS, "cpu"), settings) for y in (responses, other))
    for name in ("alpha", "cv_score", "val_predictions"):
        np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name))


def test_noise_scores_about_0_under_the_largest_penalty_and_not_minus_1() -> None:
    rng = np.random.default_rng(0)
    space = problem(120)[0]
    noise = rng.standard_normal((N, 400)).astype(np.float32)
    r = solved(space, noise, NO_VAL).r(torch.tensor([1e12], dtype=torch.float64))
    assert abs(float(r.mean())) < 0.05


@pytest.mark.parametrize("selection", ["loo", "gcv"])
def test_what_has_no_variance_scores_0_and_keeps_the_largest_penalty(selection: Any) -> None:
    space, responses = problem(5)
    responses[:, 2] = 0.1
    flat = FeatureSpace("flat", *(np.full((rows, 4), 0.1, np.float32) for rows in (N, N_TEST)))
    settings = SearchSettings(ALPHAS, shuffled_folds(ROWS.fit, 4, 0), selection=selection)
    found = search_ridge([flat, space], Targets([responses], ROWS, "cpu"), settings)
    assert (found.cv_score[2], found.alpha[2], found.space_index[2]) == (0, ALPHAS[-1], 0)
    assert np.isfinite(found.cv_score).all()
    assert (np.delete(found.space_index, 2) == 1).all()


@pytest.mark.parametrize("smallest", [1e-300, 1e-30])
def test_penalties_next_to_nothing_stay_finite(smallest: float) -> None:
    space, responses = problem(120)
    alphas = torch.tensor([smallest, 1.0], dtype=torch.float64)
    ours = solved(space, responses, NO_VAL)
    assert torch.isfinite(ours.r(alphas)).all()
    assert torch.isfinite(ours.gcv(alphas)).all()
