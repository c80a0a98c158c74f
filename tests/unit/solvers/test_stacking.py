"""Weights on the simplex and greedy selections, against other routes to the same answer."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import pearsonr

from algokit.solvers.folds import shuffled_folds
from algokit.solvers.member_moments import MemberMoments
from algokit.solvers.stacking import Rule, equal_weights, greedy_weights, simplex_weights, weigh_members

Array = np.ndarray[Any, np.dtype[np.float32]]


def members(n_members: int, n_targets: int = 30, n_rows: int = 60, seed: int = 0) -> tuple[list[Array], Array]:
    """Predictions that are the truth's signal, better or worse, with means and noise of their own."""
    rng = np.random.default_rng(seed)
    signal = rng.standard_normal((n_rows, n_targets))
    truth = (signal + rng.standard_normal(signal.shape) + 3).astype(np.float32)
    shared = rng.standard_normal(signal.shape)
    predictions = []
    for _ in range(n_members):
        gain, own, common = rng.uniform(0, 1.5, (3, n_targets))
        noise = own * rng.standard_normal(signal.shape) + common * shared
        predictions.append((gain * signal + noise + rng.standard_normal(n_targets)).astype(np.float32))
    return predictions, truth


def error(moments: MemberMoments, weights: np.ndarray) -> np.ndarray:
    quadratic = np.einsum("ti,tij,tj->t", weights, moments.gram, weights)
    return quadratic - 2 * np.einsum("ti,ti->t", weights, moments.covariance) + moments.truth


def best_on_faces(gram: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """The best point of all faces of the simplex, each by its own linear system."""
    n_members = len(covariance)
    best, lowest = np.zeros(n_members), np.inf
    for size in range(1, n_members + 1):
        for face in map(list, combinations(range(n_members), size)):
            system = np.block([[gram[np.ix_(face, face)], np.ones((size, 1))], [np.ones((1, size)), np.zeros((1, 1))]])
            solution = np.linalg.solve(system, [*covariance[face], 1.0])[:-1]
            value = solution @ gram[np.ix_(face, face)] @ solution - 2 * covariance[face] @ solution
            if (solution >= 0).all() and value < lowest:
                best, lowest = np.zeros(n_members), value
                best[face] = solution
    return best


@pytest.mark.parametrize("n_members", [1, 2, 3, 5, 7])
def test_simplex_weights_are_the_best_of_all_faces(n_members: int) -> None:
    moments = MemberMoments.of(*members(n_members))
    expected = [best_on_faces(*each) for each in zip(moments.gram, moments.covariance, strict=True)]
    np.testing.assert_allclose(simplex_weights(moments), expected, atol=1e-8)


def test_simplex_weights_are_those_of_a_general_optimiser() -> None:
    moments = MemberMoments.of(*members(10, n_targets=8, n_rows=200))
    found = simplex_weights(moments)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-12)
    assert (found >= 0).all()
    for weights, gram, covariance in zip(found, moments.gram, moments.covariance, strict=True):
        gram, covariance = gram / 200, covariance / 200
        general = minimize(
            lambda w, gram=gram, covariance=covariance: w @ gram @ w / 2 - covariance @ w,
            np.full(10, 0.1),
            jac=lambda w, gram=gram, covariance=covariance: gram @ w - covariance,
            bounds=[(0, 1)] * 10,
            constraints={"type": "eq", "fun": lambda w: w.sum() - 1},
            method="SLSQP",
            options={"ftol": 1e-14, "maxiter": 500},
        )
        np.testing.assert_allclose(weights, general.x, atol=1e-5)


def test_the_weights_of_two_members_are_the_closed_form() -> None:
    predictions, truth = members(2, n_targets=200)
    a, b, y = (values - values.mean(axis=0, dtype=np.float64) for values in (*predictions, truth))
    share = ((y - b) * (a - b)).sum(axis=0) / np.square(a - b).sum(axis=0)
    found = simplex_weights(MemberMoments.of(predictions, truth))
    np.testing.assert_allclose(found[:, 0], share.clip(0, 1), atol=1e-9)
    assert 0 < (found[:, 0] == 0).mean() < 1


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_simplex_weights_are_exact_for_predictions_of_any_size(scale: float) -> None:
    predictions, truth = members(4)
    moments = MemberMoments.of([np.float32(scale) * one for one in predictions], truth)
    ours = error(moments, simplex_weights(moments))
    for other in np.random.default_rng(0).dirichlet(np.full(4, 0.3), size=(200, len(ours))):
        assert (ours <= error(moments, other) + 1e-9 * (1 + moments.truth)).all()


def test_equal_members_give_their_weight_to_the_first() -> None:
    predictions, truth = members(2)
    alone = simplex_weights(MemberMoments.of(predictions, truth))
    doubled = simplex_weights(MemberMoments.of([*predictions, predictions[0], predictions[1]], truth))
    np.testing.assert_allclose(doubled[:, :2], alone, atol=1e-6)
    np.testing.assert_array_equal(doubled[:, 2:], 0)
    same = MemberMoments.of([predictions[0]] * 3, truth)
    np.testing.assert_array_equal(simplex_weights(same), np.eye(3)[np.zeros(len(alone), int)])


def test_a_constant_member_is_a_prediction_of_the_mean() -> None:
    """It takes what the other overshoots: that one's weight is its regression slope, within 0 and 1."""
    predictions, truth = members(1, n_targets=100)
    constant = np.full_like(truth, 0.1)
    found = simplex_weights(MemberMoments.of([constant, predictions[0]], truth))
    x, y = (values - values.mean(axis=0, dtype=np.float64) for values in (predictions[0], truth))
    np.testing.assert_allclose(found[:, 1], ((x * y).sum(axis=0) / (x * x).sum(axis=0)).clip(0, 1), atol=1e-9)


@pytest.mark.parametrize(
    "rule", [simplex_weights, lambda moments: greedy_weights(moments, 6)], ids=["simplex", "greedy"]
)
def test_where_nothing_can_be_learned_weights_are_equal(rule: Rule) -> None:
    predictions, truth = members(3)
    truth[:, 0] = 0.1
    for one in predictions:
        one[:, 1] = 0.3
    moments = MemberMoments.of(predictions, truth)
    found = rule(moments)
    np.testing.assert_allclose(found[:2], 1 / 3)
    assert not np.allclose(found[2:], 1 / 3)
    assert moments.pearson_r(found)[:2].tolist() == [0, 0]


def naive_greedy(predictions: list[Array], truth: Array, n_picks: int) -> np.ndarray:
    picks: list[int] = []
    best, kept = -np.inf, 0
    for _ in range(n_picks):
        r = [
            pearsonr(np.mean([predictions[i] for i in [*picks, one]], axis=0), truth)[0]
            for one in range(len(predictions))
        ]
        picks.append(int(np.argmax(np.array(r) >= max(r) - 1e-10)))
        if r[picks[-1]] > best + 1e-10:
            best, kept = r[picks[-1]], len(picks)
    return np.bincount(picks[:kept], minlength=len(predictions)) / kept


@pytest.mark.parametrize(("n_members", "n_picks"), [(1, 3), (2, 1), (3, 8), (6, 12)])
def test_greedy_weights_are_those_of_a_plain_loop(n_members: int, n_picks: int) -> None:
    predictions, truth = (np.asarray(one, dtype=np.float64) for one in members(n_members, n_targets=12))
    found = greedy_weights(MemberMoments.of(list(predictions), truth), n_picks)
    expected = [naive_greedy([one[:, t] for one in predictions], truth[:, t], n_picks) for t in range(12)]
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_greedy_finds_what_helps_only_beside_several_copies_of_the_best() -> None:
    """A second member whose equal share lowers r, and a smaller one raises it."""
    rng = np.random.default_rng(1)
    signal, noise, other = np.linalg.qr(np.column_stack([np.ones(200), rng.standard_normal((200, 3))]))[0].T[1:]
    truth = signal[:, None]
    moments = MemberMoments.of([(signal + 0.3 * noise)[:, None], (-3 * noise + 0.5 * other)[:, None]], truth)
    one, several = greedy_weights(moments, 2), greedy_weights(moments, 20)
    assert one.tolist() == [[1, 0]]
    assert 0 < several[0, 1] < 0.5
    assert moments.pearson_r(several) > moments.pearson_r(one)


def test_r_from_moments_is_scipys_over_any_rows() -> None:
    predictions, truth = members(3)
    weights = np.random.default_rng(0).dirichlet(np.ones(3), size=truth.shape[1])
    joined = sum(w * one for w, one in zip(weights.T, predictions, strict=True))
    parts = [
        MemberMoments.of([one[rows] for one in predictions], truth[rows]) for rows in np.split(np.arange(60), [7, 30])
    ]
    for moments, rows in ((parts[1], slice(7, 30)), (MemberMoments.pooled(parts), slice(60))):
        expected = pearsonr(joined[rows], truth[rows], axis=0).statistic
        np.testing.assert_allclose(moments.pearson_r(weights), expected, atol=1e-9)


def test_members_that_cancel_have_no_r() -> None:
    predictions, truth = members(1)
    opposite = MemberMoments.of([predictions[0], -predictions[0]], truth)
    np.testing.assert_array_equal(opposite.pearson_r(equal_weights(opposite)), 0)


def test_weights_are_scored_on_rows_they_have_not_seen() -> None:
    predictions, truth = members(3, n_targets=5)
    folds = shuffled_folds(np.arange(50), 4, 0)  # rows 50.. belong to nobody
    found = weigh_members(predictions, truth, folds, simplex_weights)
    r, mean_r = [], []
    for fold in folds:
        rest = np.setdiff1d(np.arange(50), fold)
        weights = simplex_weights(MemberMoments.of([one[rest] for one in predictions], truth[rest]))
        joined = sum(w * one[fold] for w, one in zip(weights.T, predictions, strict=True))
        r.append(pearsonr(joined, truth[fold], axis=0).statistic)
        mean_r.append(pearsonr(np.mean([one[fold] for one in predictions], axis=0), truth[fold], axis=0).statistic)
    np.testing.assert_allclose(found.r, np.mean(r, axis=0), atol=1e-6)
    np.testing.assert_allclose(found.mean_r, np.mean(mean_r, axis=0), atol=1e-6)
    every = simplex_weights(MemberMoments.of([one[:50] for one in predictions], truth[:50]))
    np.testing.assert_allclose(found.weights, every.T, atol=1e-6)


def test_noise_members_never_look_better_than_the_mean_out_of_fold() -> None:
    """On their own rows weights win even over noise; on other rows they must not."""
    rng = np.random.default_rng(0)
    noise = [rng.standard_normal((60, 400)).astype(np.float32) for _ in range(6)]
    truth = rng.standard_normal((60, 400)).astype(np.float32)
    found = weigh_members(noise, truth, shuffled_folds(np.arange(60), 5, 0), simplex_weights)
    own = MemberMoments.of(noise, truth)
    assert (own.pearson_r(simplex_weights(own)) - own.pearson_r(equal_weights(own))).mean() > 0.05
    assert abs(found.r.mean()) < 0.02


@pytest.mark.parametrize(
    "rule", [simplex_weights, lambda moments: greedy_weights(moments, 6)], ids=["simplex", "greedy"]
)
def test_blocks_change_not_a_bit(rule: Rule) -> None:
    predictions, truth = members(4, n_targets=37)
    folds = shuffled_folds(np.arange(60), 5, 0)
    whole = weigh_members(predictions, truth, folds, rule)
    done: list[int] = []
    for block_targets in (1, 8, 36):
        found = weigh_members(predictions, truth, folds, rule, block_targets=block_targets, progress=done.append)
        for name in ("weights", "r", "mean_r"):
            np.testing.assert_array_equal(getattr(found, name), getattr(whole, name))
    assert done[-2:] == [36, 37]
