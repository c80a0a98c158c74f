from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from algokit.readouts import FeatureSpace
from algokit.solvers.factorise import factorise
from algokit.solvers.leave_out import LeaveOut, leave_out

N = 40
SCORED, ALSO_LEFT = np.array([3, 17, 4, 30, 8]), np.array([0, 1, 22, 39])
KEPT = np.setdiff1d(np.arange(N), np.concatenate([SCORED, ALSO_LEFT]))


def ridge_without(features: NDArray[np.float64], targets: NDArray[np.float64], alpha: float) -> NDArray[np.float64]:
    """Effects (prediction less the mean of the rows kept) at the scored rows, by solving for weights."""
    centre = features[KEPT].mean(0)
    centred, responses = features[KEPT] - centre, targets[KEPT] - targets[KEPT].mean(0)
    u, s, vt = np.linalg.svd(centred, full_matrices=False)
    keep = s > 1e-10 * s[0]
    weights = (vt[keep].T * (s[keep] / (s[keep] ** 2 + alpha))) @ (u[:, keep].T @ responses)
    return np.asarray((features[SCORED] - centre) @ weights)


def features_of(n_features: int, mean: float = 0.0, duplicates: int = 0) -> NDArray[np.float32]:
    rng = np.random.default_rng(n_features)
    rows = (mean * rng.standard_normal(n_features) + rng.standard_normal((N, n_features))).astype(np.float32)
    rows[N - duplicates :] = rows[:duplicates]
    return rows


def held_out(rows: NDArray[np.float32]) -> LeaveOut:
    space = FeatureSpace("space", rows, rows[:0])
    factors = factorise(space, np.arange(N), standardize=False, device="cpu")
    return leave_out(factors, torch.from_numpy(SCORED), torch.from_numpy(ALSO_LEFT))


def effects(held: LeaveOut, alpha: float, targets: NDArray[np.float64]) -> NDArray[np.float64]:
    operator = held.operator(alpha)[0].double().numpy()
    kept = targets[held.kept.numpy()]
    return np.asarray(operator @ (held.kept_basis().numpy().T @ kept if held.compact else kept))


@pytest.mark.parametrize("alpha", [1e-6, 1.0, 1e3, 1e9, 1e15])
@pytest.mark.parametrize("mean", [0.0, 30.0])
@pytest.mark.parametrize("n_features", [1, 3, 20, 30, 31, 36, 39, 200])
def test_predictions_of_rows_left_out_equal_a_fit_without_them(n_features: int, mean: float, alpha: float) -> None:
    rows = features_of(n_features, mean)
    targets = 5 + np.random.default_rng(1).standard_normal((N, 4))
    expected = ridge_without(rows.astype(np.float64), targets, alpha)
    # relative to their own size, which falls with 1 / alpha
    atol = 2e-6 * np.abs(expected).max()
    np.testing.assert_allclose(effects(held_out(rows), alpha, targets), expected, rtol=0, atol=atol)


@pytest.mark.parametrize("n_features", [20, 200])
def test_rows_given_twice_are_predicted_exactly(n_features: int) -> None:
    rows = features_of(n_features, duplicates=12)  # some twins are split between kept and left
    targets = np.random.default_rng(1).standard_normal((N, 4))
    np.testing.assert_allclose(
        effects(held_out(rows), 0.1, targets), ridge_without(rows.astype(np.float64), targets, 0.1), atol=1e-8
    )


def test_operators_have_one_column_per_row_kept_or_per_direction() -> None:
    few, many = held_out(features_of(5)), held_out(features_of(200))
    assert (few.compact, few.width) == (True, 5)
    assert (many.compact, many.width) == (False, len(KEPT))
    np.testing.assert_array_equal(many.kept, KEPT)


def test_a_feature_seen_only_in_rows_left_out_is_not_trusted_to_the_compact_form() -> None:
    rows = features_of(5)
    rows[KEPT, 2] = 0
    held = held_out(rows)
    targets = np.random.default_rng(1).standard_normal((N, 4))
    assert not held.compact
    expected = ridge_without(rows.astype(np.float64), targets, 1e-3)
    np.testing.assert_allclose(effects(held, 1e-3, targets), expected, atol=1e-8)


def test_condition_tells_a_near_singular_system() -> None:
    rows = features_of(200, duplicates=12)
    held = held_out(rows)
    (_, harmless), (_, hopeless) = (held.operator(alpha) for alpha in (1e3, 1e-13))
    assert harmless < 100
    assert hopeless > 1e10
