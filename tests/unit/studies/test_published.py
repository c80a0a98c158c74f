"""The published constants of Gokce & Schrimpf 2025, from their own table of scores."""

from __future__ import annotations

from pathlib import Path

import pytest
from published import published_observations

from algokit.studies.fit import Fit, fit_law
from algokit.studies.laws import LawName

N_POINTS = {"samples": 221, "parameters": 191, "joint": 444}
LAWS: dict[str, LawName] = {"samples": "power", "parameters": "power", "joint": "joint"}
LOSS = {"samples": 0.00806978, "parameters": 0.00410027, "joint": 0.01517811}
CONSTANTS = {
    "samples": {"S_max": 0.45994, "A": 0.59125, "alpha": 0.27427},
    "parameters": {"S_max": 0.43815, "A": 0.16141, "alpha": 0.38796},
    "joint": {"S_max": 0.48281, "A": 0.18134, "alpha": 0.57966, "B": 0.49912, "beta": 0.22247},
}
INTERVALS = {
    "samples": {"S_max": (0.44253, 0.47759), "A": (0.54333, 0.67738), "alpha": (0.23695, 0.32248)},
    "parameters": {"S_max": (0.42964, 0.45052), "A": (0.15047, 0.18497), "alpha": (0.30040, 0.50514)},
    "joint": {
        "S_max": (0.46854, 0.50005),
        "A": (0.14833, 0.24742),
        "alpha": (0.47465, 0.72815),
        "B": (0.47581, 0.54661),
        "beta": (0.19401, 0.25501),
    },
}


@pytest.fixture(scope="module", params=list(LAWS))
def fitted(request: pytest.FixtureRequest, reference: Path) -> tuple[str, Fit]:
    name = request.param
    return name, fit_law(published_observations(reference, name), LAWS[name], n_resamples=1000, seed=42)


@pytest.mark.reference
def test_the_filters_keep_the_published_number_of_models(fitted: tuple[str, Fit]) -> None:
    name, fit = fitted
    assert len(fit.observations.score) == N_POINTS[name]


@pytest.mark.reference
def test_constants_are_the_published_ones_to_four_digits(fitted: tuple[str, Fit]) -> None:
    name, fit = fitted
    assert fit.constants == pytest.approx(CONSTANTS[name], abs=6e-6)


@pytest.mark.reference
def test_the_loss_is_the_published_one(fitted: tuple[str, Fit]) -> None:
    name, fit = fitted
    assert fit.loss == pytest.approx(LOSS[name], abs=1e-8)


@pytest.mark.reference
def test_intervals_are_the_published_ones_to_their_monte_carlo_error(fitted: tuple[str, Fit]) -> None:
    """The resamples are numbered as the authors', but of models in another order than theirs may be."""
    name, fit = fitted
    for constant, (low, high) in INTERVALS[name].items():
        found = fit.intervals[constant]
        assert found.low == pytest.approx(low, abs=0.08 * (high - low)), constant
        assert found.high == pytest.approx(high, abs=0.08 * (high - low)), constant
