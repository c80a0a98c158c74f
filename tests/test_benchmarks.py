"""The benchmarks run, at a size where they measure nothing, and say what they promise to say."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"


@pytest.fixture(scope="module")
def lines() -> list[str]:
    command = [sys.executable, str(BENCHMARKS / "scoring.py"), "--json"]
    command += ["--subjects", "2", "--fraction", "0.003", "--repeats", "1"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


def test_the_last_line_of_the_scoring_benchmark_is_its_ratios_and_its_memory(lines: list[str]) -> None:
    summary = json.loads(lines[-1])
    assert summary["vs_scipy_loop"] == pytest.approx(summary["scipy_loop_s"] / summary["algokit_s"])
    assert summary["vs_numpy"] == pytest.approx(summary["numpy_s"] / summary["algokit_s"])
    assert 1e6 < summary["peak_memory_bytes"] < 1.5e9
    assert summary["n_values"] == 2 * 159 * (57 + 62)  # the true numbers of images, 0.3 % of the vertices
    assert summary["scipy_measured_vertices"] == 57 + 62


def test_the_table_names_every_route(lines: list[str]) -> None:
    table = "\n".join(lines[:-1])
    for route in ("algokit", "scipy.stats.pearsonr", "NumPy"):
        assert route in table
    assert "extrapolated from 119 vertices" in table


def test_a_submission_without_its_data_is_refused() -> None:
    command = [sys.executable, str(BENCHMARKS / "scoring.py"), "--submission", "somewhere"]
    ran = subprocess.run(command, capture_output=True, text=True)
    assert ran.returncode == 2
    assert "belong together" in ran.stderr
