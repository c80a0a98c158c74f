"""Laws and objective: derivatives against finite differences, numbers that no start can push over the edge."""

from __future__ import annotations

import numpy as np
import pytest

from algokit.studies.laws import LAW_NAMES, Law, LawName, make_law
from algokit.studies.objective import Objective

RNG = np.random.default_rng(3)
X = np.exp(RNG.uniform(0, 8, 40))
Z = np.exp(RNG.uniform(0, 6, 40))
LOG_Y = np.log(0.5 + 0.4 * X**-0.3) + RNG.normal(0, 0.05, 40)
WEIGHTS = RNG.integers(0, 4, size=(2, 40)).astype(float)
INSIDE: dict[LawName, list[float]] = {
    "log": [0.2, 0.05],
    "power": [-0.6, -0.5, 0.3],
    "shifted": [-0.6, 0.5, 0.5, 1.0],
    "broken": [-0.7, -0.6, 0.1, 0.4, 4.0, 0.2],
    "joint": [-0.7, -1.0, 0.5, -0.8, 0.2],
}


def law_of(name: LawName) -> Law:
    return make_law(name, [X, Z] if name == "joint" else [X])


def differences(function, theta: np.ndarray, step: float) -> np.ndarray:
    """Central differences of a function of one problem, along each parameter."""
    found = []
    for index in range(len(theta)):
        shift = step * np.eye(len(theta))[index]
        found.append((function(theta + shift) - function(theta - shift)) / (2 * step))
    return np.array(found)


@pytest.mark.parametrize("delta", [1e-3, 0.05, 1.0])
@pytest.mark.parametrize("name", LAW_NAMES)
def test_gradients_and_hessians_are_those_of_finite_differences(name: LawName, delta: float) -> None:
    objective, theta, row = Objective(law_of(name), LOG_Y, WEIGHTS), np.array(INSIDE[name]), np.array([1])
    found = objective.pieces(theta[None], row, delta)
    gradient = differences(lambda one: objective.pieces(one[None], row, delta).loss[0], theta, 1e-6)
    np.testing.assert_allclose(found.gradient[0], gradient, rtol=1e-5, atol=1e-8)
    hessian = differences(lambda one: objective.pieces(one[None], row, delta).gradient[0], theta, 1e-7)
    np.testing.assert_allclose(found.hessian[0], hessian, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", LAW_NAMES)
def test_losses_of_all_resamples_are_scipys_huber(name: LawName) -> None:
    from scipy.special import huber

    objective, theta = Objective(law_of(name), LOG_Y, WEIGHTS), np.array(INSIDE[name])
    residual = objective.law.log_prediction(theta[None])[0] - LOG_Y
    expected = WEIGHTS @ huber(1e-3, residual)
    np.testing.assert_allclose(objective.losses(theta[None])[0], expected, rtol=1e-12)
    np.testing.assert_allclose(objective.pieces(np.tile(theta, (2, 1)), np.arange(2)).loss, expected, rtol=1e-12)


@pytest.mark.parametrize("name", ["power", "shifted", "broken", "joint"])
def test_no_exponent_overflows(name: LawName) -> None:
    """A plain sum of exponentials is infinite from 710 on; every bound and far beyond has to be a number."""
    law = law_of(name)
    corners = np.array([law.low, law.high, np.where(np.arange(len(law.low)) % 2, law.low, law.high)])
    corners = np.concatenate([corners, 0 * corners + 0.5])
    corners[3:, 1] = [800.0, -800.0, 1e5]
    with np.errstate(all="raise", under="ignore"):
        found = Objective(law, LOG_Y, WEIGHTS).pieces(corners, np.zeros(len(corners), np.int64))
    assert all(np.isfinite(part).all() for part in (found.loss, found.gradient, found.hessian))


def test_one_term_alone_is_its_own_logarithm() -> None:
    """With a plateau of exp(-800) the sum is the power term, exactly."""
    law = make_law("power", [X])
    np.testing.assert_array_equal(law.log_prediction(np.array([[-800.0, 1.5, 0.4]]))[0], 1.5 - 0.4 * np.log(X))


def test_the_joint_law_is_the_sum_it_says() -> None:
    theta = np.array([INSIDE["joint"]])
    e, a, alpha, b, beta = theta[0]
    y = np.exp(e) + np.exp(a) * X**-alpha + np.exp(b) * Z**-beta
    np.testing.assert_allclose(np.exp(law_of("joint").log_prediction(theta)[0]), y, rtol=1e-13)


def test_the_broken_law_has_one_exponent_before_the_break_and_another_after_it() -> None:
    theta = np.array([[-800.0, 0.0, 0.1, 0.4, 10.0, np.log(0.2)]])
    x = np.array([1.0, 2.0, 18.0, 19.0])
    log_y = make_law("broken", [np.exp(x)]).log_prediction(theta)[0]
    assert log_y[0] - log_y[1] == pytest.approx(0.1, abs=1e-9)
    assert log_y[2] - log_y[3] == pytest.approx(0.5, abs=1e-9)


def test_a_score_above_one_is_no_value_of_the_logarithmic_law() -> None:
    found = Objective(law_of("log"), LOG_Y, WEIGHTS).pieces(np.array([[0.9, 0.9]]), np.array([0]))
    assert np.isinf(found.loss[0])
