"""Optima: never worse than scipy's from many starts, and not where loose tolerances stop."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

from algokit.studies.bootstrap import bootstrap, resample_weights
from algokit.studies.fit import fit_law
from algokit.studies.laws import LawName, make_law
from algokit.studies.objective import Objective
from algokit.studies.observations import Observations, observe
from algokit.studies.restarts import multi_start


def power_law(n_points: int = 60, noise: float = 0.03, seed: int = 0) -> Observations:
    rng = np.random.default_rng(seed)
    x = np.exp(rng.uniform(0, 9, n_points))
    y = (0.5 + 0.4 * x**-0.35) * np.exp(rng.laplace(0, noise, n_points))
    return observe([x], 1 - y)


def joint_law(n_points: int = 120, noise: float = 0.01, seed: int = 0) -> Observations:
    rng = np.random.default_rng(seed)
    n, d = np.exp(rng.uniform(0, 8, n_points)), np.exp(rng.uniform(0, 9, n_points))
    y = (0.4 + 0.3 * n**-0.5 + 0.5 * d**-0.25) * np.exp(rng.normal(0, noise, n_points))
    return observe([n, d], 1 - y)


def scipys_best(objective: Objective, starts: np.ndarray) -> float:
    """The lowest loss of scipy's bounded quasi-Newton method from every start, with its tightest tolerances."""

    def value_and_slope(theta: np.ndarray) -> tuple[float, np.ndarray]:
        found = objective.pieces(theta[None], np.array([0]))
        return 1e3 * found.loss[0], 1e3 * found.gradient[0]

    bounds = list(zip(objective.law.low, objective.law.high, strict=True))
    options = {"maxiter": 5000, "maxfun": 20000, "ftol": 1e-15, "gtol": 1e-12, "maxcor": 30}
    ends = [
        minimize(value_and_slope, one, jac=True, method="L-BFGS-B", bounds=bounds, options=options) for one in starts
    ]
    return min(end.fun for end in ends) / 1e3


@pytest.mark.parametrize(
    ("law", "points"),
    [
        ("log", power_law()),
        ("power", power_law()),
        ("shifted", power_law()),
        ("broken", power_law()),
        ("joint", joint_law()),
    ],
    ids=["log", "power", "shifted", "broken", "joint"],
)
def test_no_start_of_scipys_ends_lower(law: LawName, points: Observations) -> None:
    found = multi_start(law, points.scaled, points.log_y)
    objective = Objective(make_law(law, points.scaled), points.log_y, np.ones((1, len(points.score))))
    starts = objective.law.starts()
    starts = np.concatenate([starts[:: max(1, len(starts) // 8)], found.theta[:1]])
    assert found.loss[0] <= scipys_best(objective, starts) * (1 + 1e-7) + 1e-12


def test_no_resample_has_a_lower_minimum_that_scipy_finds() -> None:
    points = joint_law(60)
    weights = resample_weights(points.units, 6, seed=1)
    found = bootstrap("joint", points.scaled, points.log_y, weights, multi_start("joint", points.scaled, points.log_y))
    law = make_law("joint", points.scaled)
    starts = law.starts()[7::900]
    for theta, loss, row in zip(found.theta, found.loss, weights, strict=True):
        best = scipys_best(Objective(law, points.log_y, row[None]), np.concatenate([starts, theta[None]]))
        assert loss <= best * (1 + 1e-7) + 1e-12
    assert found.converged.all()


def test_a_resample_is_a_fit_to_the_points_it_drew() -> None:
    points = power_law()
    weights = resample_weights(points.units, 3, seed=5)
    found = bootstrap("power", points.scaled, points.log_y, weights, multi_start("power", points.scaled, points.log_y))
    for theta, row in zip(found.theta, weights, strict=True):
        drawn = np.repeat(np.arange(len(row)), row.astype(int))
        again = multi_start("power", [points.scaled[0][drawn]], points.log_y[drawn])
        np.testing.assert_allclose(theta, again.theta[0], atol=1e-6)


def test_draws_are_those_of_the_generator_and_units_stay_together() -> None:
    units = ["b", "a", "b", "c"]
    weights = resample_weights(units, 20, seed=42)
    drawn = np.random.default_rng(42).integers(0, 3, size=(20, 3))
    for row, draw in zip(weights, drawn, strict=True):
        counts = [int((draw == index).sum()) for index in range(3)]  # b, a, c: as they first appear
        assert row.tolist() == [counts[0], counts[1], counts[0], counts[2]]


def test_noise_free_points_give_the_constants_they_were_made_with() -> None:
    x = np.geomspace(1, 1e4, 40)
    fit = fit_law(observe([x * 1e4], 1 - (0.45 + 0.5 * x**-0.3), scales=[1e4]), "power")
    assert fit.constants == pytest.approx({"S_max": 0.55, "A": 0.5, "alpha": 0.3}, abs=1e-7)


def chinchilla_like() -> Observations:
    """Losses of 240 language models as in Hoffmann et al. 2022: E 1.8, A 480, B 2100, exponents .35 and .37."""
    rng = np.random.default_rng(0)
    n, d = np.exp(rng.uniform(np.log(4e7), np.log(1.6e10), 240)), np.exp(rng.uniform(np.log(1e9), np.log(4e11), 240))
    loss = (1.82 + 480 * n**-0.35 + 2100 * d**-0.37) * np.exp(rng.laplace(0, 0.004, 240))
    return observe([n, d], 1 - loss)


def test_mean_huber_with_default_tolerances_stops_early_and_we_do_not() -> None:
    """The trap of a published replication: the mean of a narrow Huber function is so flat that scipy is content."""
    points = chinchilla_like()
    law = make_law("joint", points.scaled)
    objective = Objective(law, points.log_y, np.ones((1, 240)) / 240)

    def value_and_slope(theta: np.ndarray) -> tuple[float, np.ndarray]:
        found = objective.pieces(theta[None], np.array([0]))
        return found.loss[0], found.gradient[0]

    start = np.array([1.0, 5.0, 0.3, 5.0, 0.5])
    trapped = minimize(value_and_slope, start, jac=True, method="L-BFGS-B")
    assert trapped.success  # so it says
    assert trapped.nit <= 5
    fit = fit_law(points, "joint")
    assert fit.loss / 240 < 0.1 * trapped.fun
    assert abs(trapped.x[4] - 0.37) > 0.05
    assert fit.constants["alpha"] == pytest.approx(0.35, abs=0.02)
    assert fit.constants["beta"] == pytest.approx(0.37, abs=0.02)
