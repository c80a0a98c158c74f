"""Does a 95 % interval hold the truth 95 times in a hundred?"""

from __future__ import annotations

import numpy as np
import pytest

from algokit.studies.fit import fit_law
from algokit.studies.observations import observe

TRUTH = {"S_max": 0.5, "A": 0.4, "alpha": 0.35}
N_TABLES = 200


@pytest.mark.slow
def test_intervals_hold_the_known_constants_of_two_hundred_simulated_tables() -> None:
    held = dict.fromkeys(TRUTH, 0)
    for seed in range(N_TABLES):
        rng = np.random.default_rng(1000 + seed)
        x = np.exp(rng.uniform(0, 9, 80))
        y = (1 - TRUTH["S_max"] + TRUTH["A"] * x ** -TRUTH["alpha"]) * np.exp(rng.normal(0, 0.02, 80))
        fit = fit_law(observe([x], 1 - y), "power", n_resamples=200, seed=seed)
        for name, truth in TRUTH.items():
            held[name] += fit.intervals[name].low <= truth <= fit.intervals[name].high
    for name, n_held in held.items():
        assert 0.92 <= n_held / N_TABLES <= 0.98, name
