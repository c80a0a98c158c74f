"""Fit on the small, test on the large; refuse what the data do not say."""

from __future__ import annotations

import numpy as np
import pytest
from test_optimise import joint_law, power_law

from algokit.errors import FitRefusedError, UsageError
from algokit.studies.extrapolation import compare_laws, hold_out, predict_within, reach_of
from algokit.studies.fit import fit_law
from algokit.studies.laws import LAW_NAMES
from algokit.studies.observations import observe

X = np.geomspace(1, 1e5, 60)


def saturating(noise: float) -> np.ndarray:
    rng = np.random.default_rng(1)
    return 1 - (0.5 + 0.4 * X**-0.4) * np.exp(rng.normal(0, noise, len(X)))


def test_the_law_the_points_follow_extrapolates_best() -> None:
    found = compare_laws(observe([X], saturating(0.002)), ["log", "power"])
    assert [one.law for one in found] == ["power", "log"]
    assert found[0].mean_error < 0.01 < found[1].mean_error
    assert found[1].bias > 0  # a straight line goes on rising


def test_only_small_points_are_fitted_and_the_error_is_that_of_the_others() -> None:
    points = observe([X], saturating(0.002))
    small = X <= 1e4
    found = hold_out(points, "power", factor=10)
    fit = fit_law(points.take(small), "power")
    assert (found.n_small, found.n_large) == (small.sum(), (~small).sum())
    assert found.mean_error == pytest.approx(np.abs(fit.predict(X[~small]) - points.score[~small]).mean())
    assert found.factor == pytest.approx(X[-1] / X[small].max())


def test_laws_of_another_number_of_predictors_are_not_compared() -> None:
    assert [one.law for one in compare_laws(joint_law(), LAW_NAMES)] == ["joint"]


def test_a_prediction_is_given_as_far_as_was_tested_and_not_further() -> None:
    points = observe([X], saturating(0.002))
    fit, reach = fit_law(points, "power", n_resamples=50), reach_of(points)
    assert reach == pytest.approx(hold_out(points, "power").factor)
    score, low, high = predict_within(fit, [0.9 * reach * 1e5], reach=reach)
    assert low <= score <= high
    assert score == pytest.approx(0.5 - 0.4 * (0.9 * reach * 1e5) ** -0.4, abs=0.005)
    for far in (1.1 * reach * 1e5, 0.9 / reach):
        with pytest.raises(UsageError, match="no prediction this far away"):
            predict_within(fit, [far], reach=reach)


def test_nothing_beyond_the_data_is_predicted_where_nothing_could_be_tested() -> None:
    assert reach_of(observe([np.linspace(5, 10, 20)], np.linspace(0.1, 0.2, 20))) == 1.0


def codes(refusal: pytest.ExceptionInfo[FitRefusedError]) -> set[str]:
    return {finding.code for finding in refusal.value.findings}


def test_a_straight_line_has_no_plateau_to_report() -> None:
    rng = np.random.default_rng(0)
    y = 0.9 * X**-0.05 * np.exp(rng.normal(0, 0.01, len(X)))
    with pytest.raises(FitRefusedError) as refusal:
        fit_law(observe([X], 1 - y), "power", n_resamples=100)
    assert codes(refusal) == {"plateau-not-identified"}


def test_scores_that_do_not_depend_on_the_predictor_have_no_exponent() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(FitRefusedError) as refusal:
        fit_law(observe([X], 0.3 + rng.normal(0, 0.02, len(X))), "power", n_resamples=100)
    assert codes(refusal)


@pytest.mark.parametrize(("n_points", "n_distinct"), [(5, 5), (30, 3)])
def test_too_few_points_are_refused(n_points: int, n_distinct: int) -> None:
    x = np.resize(np.geomspace(1, 1000, n_distinct), n_points)
    with pytest.raises(FitRefusedError) as refusal:
        fit_law(observe([x], 1 - 0.5 - 0.4 * x**-0.3), "power")
    assert codes(refusal) == {"too-few-points"}


def test_restarts_that_disagree_are_refused() -> None:
    """Six parameters of a broken law on a few points of a plain one: many as good answers."""
    points = power_law(20, noise=0.04, seed=7)
    with pytest.raises(FitRefusedError) as refusal:
        fit_law(points, "broken")
    assert "restarts-disagree" in codes(refusal)


def test_what_would_be_refused_can_be_had_with_its_reasons() -> None:
    rng = np.random.default_rng(0)
    y = 0.9 * X**-0.05 * np.exp(rng.normal(0, 0.01, len(X)))
    fit = fit_law(observe([X], 1 - y), "power", anyway=True)
    assert [finding.code for finding in fit.findings] == ["plateau-not-identified"]


def test_values_without_a_logarithm_and_the_wrong_number_of_predictors_are_refused() -> None:
    with pytest.raises(UsageError, match="above 0"):
        observe([[0.0, 1.0]], [0.1, 0.2])
    with pytest.raises(UsageError, match="below 1"):
        observe([[1.0, 2.0]], [0.1, 1.0])
    with pytest.raises(UsageError, match="number of predictors"):
        fit_law(power_law(), "joint")
