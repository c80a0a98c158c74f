from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict, replace

import pytest

from algokit.errors import MemoryShortageError
from algokit.readouts import Blocks
from algokit.solvers.memory import OPERATOR_BYTES, SearchSizes, default_blocks, fitting_blocks, peak_bytes

TRUE_SIZE = SearchSizes(8859, 982, 159, 100_000, 39_548, 8, 30)
GIGABYTE = 10**9

RUN = """
import json, sys
from pathlib import Path
import numpy as np
import torch
from algokit.readouts import FeatureSpace, Rows
from algokit.solvers.folds import contiguous_folds
from algokit.solvers.search import SearchSettings, search_ridge
from algokit.solvers.targets import Targets

torch.set_num_threads(1)

def search(n_fit, n_val, n_test, n_features, n_targets, n_folds, n_alphas):
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((n_fit + n_val + n_test, n_features), dtype=np.float32)
    n = n_fit + n_val
    responses = rng.standard_normal((n, n_targets), dtype=np.float32)
    split = Rows(np.arange(n_fit), np.arange(n_fit, n))
    settings = SearchSettings(tuple(np.logspace(*EXPONENTS, n_alphas)), contiguous_folds(split.fit, n_folds))
    Path("/proc/self/clear_refs").write_text("5")
    before = status("VmRSS")
    search_ridge([FeatureSpace("x", rows[:n], rows[n:])], Targets([responses], split, "cpu"), settings)
    return status("VmHWM") - before

def status(name):
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(name))

EXPONENTS = json.loads(sys.argv[2])
search(30, 2, 2, 50, 3, 2, 2)
print(search(**json.loads(sys.argv[1])))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads the largest resident set from /proc")
@pytest.mark.parametrize(
    ("sizes", "exponents"),
    [
        (SearchSizes(1000, 80, 50, 1500, 1000, 4, 4), (2, 5)),  # float32
        (SearchSizes(1000, 80, 50, 1500, 1000, 4, 11), (-6, 5)),  # float64, eigenvectors
        (SearchSizes(2000, 100, 50, 300, 1000, 4, 4), (2, 5)),  # features fewer than rows
        (SearchSizes(520, 20, 400, 600, 30000, 2, 2), (2, 5)),  # results
    ],
)
def test_the_forecast_is_above_what_a_search_takes_and_not_far_above(
    sizes: SearchSizes, exponents: tuple[int, int]
) -> None:
    command = [sys.executable, "-c", RUN, json.dumps(asdict(sizes)), json.dumps(exponents)]
    took = int(subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout)
    forecast = peak_bytes(sizes, default_blocks("cpu", sizes.n_fit + sizes.n_val))
    assert took <= forecast <= 4 * took, f"{took / 1e6:.0f} MB of {forecast / 1e6:.0f}"


def test_memory_grows_with_targets_by_the_results_alone() -> None:
    twice = replace(TRUE_SIZE, n_targets=2 * TRUE_SIZE.n_targets)
    blocks = default_blocks("cpu", 9841)
    growth = (peak_bytes(twice, blocks) - peak_bytes(TRUE_SIZE, blocks)) / TRUE_SIZE.n_targets
    assert growth == 4 * (982 + 159 + 30) + 8 + 40


def test_int8_slices_are_counted_where_the_processor_multiplies_them_in_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    blocks, peaks = default_blocks("cpu", 9841), []
    for has_tiles in (False, True):
        monkeypatch.setattr("algokit.solvers.memory.may_have_int8_tiles", lambda answer=has_tiles: answer)
        peaks.append(peak_bytes(TRUE_SIZE, blocks))
    assert OPERATOR_BYTES < peaks[1] - peaks[0] < 0.1 * peaks[0]


def test_where_there_is_room_blocks_are_the_default_ones() -> None:
    assert fitting_blocks(TRUE_SIZE, 64 * GIGABYTE, "cpu") == default_blocks("cpu", 9841)


@pytest.mark.parametrize("share", [0.999, 0.99, 0.98])
def test_with_less_memory_blocks_get_smaller_until_they_fit(share: float) -> None:
    default = default_blocks("cpu", 9841)
    free = int(share * peak_bytes(TRUE_SIZE, default) / 0.9)
    found = fitting_blocks(TRUE_SIZE, free, "cpu")
    assert found != default
    assert found.targets <= default.targets
    assert peak_bytes(TRUE_SIZE, found) <= 0.9 * free


def test_what_cannot_fit_is_refused_with_what_it_needs() -> None:
    with pytest.raises(MemoryShortageError) as caught:
        fitting_blocks(TRUE_SIZE, 2 * GIGABYTE, "cpu")
    (finding,) = caught.value.findings
    assert "GB" in finding.expected
    assert "1.80 GB" in finding.found
    assert "larger machine" in finding.advice


def test_a_block_that_was_asked_for_is_kept_or_refused_with_one_that_fits() -> None:
    sizes = SearchSizes(900, 100, 10, 500, 10**6, 5, 10)
    assert fitting_blocks(sizes, 100 * GIGABYTE, "cpu", asked=77).targets == 77
    assert fitting_blocks(replace(sizes, n_targets=9), 3 * GIGABYTE, "cpu", asked=10**6).targets == 10**6
    with pytest.raises(MemoryShortageError) as caught:
        fitting_blocks(sizes, 3 * GIGABYTE, "cpu", asked=10**6)
    (finding,) = caught.value.findings
    advised = int(finding.advice.rpartition(" ")[2])
    assert fitting_blocks(sizes, 3 * GIGABYTE, "cpu", asked=advised) == Blocks(advised, OPERATOR_BYTES)
