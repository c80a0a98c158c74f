"""The benchmarks run, at a size where they measure nothing, and say what they promise to say."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from algokit.challenge.synthetic import DemoSettings, write_demo

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


@pytest.fixture(scope="module")
def ridge_lines() -> list[str]:
    command = [sys.executable, str(BENCHMARKS / "ridge.py"), "--json", "--scale", "0.02", "--repeats", "1"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


def test_the_last_line_of_the_ridge_benchmark_is_its_ratios_and_its_agreement(ridge_lines: list[str]) -> None:
    summary = json.loads(ridge_lines[-1])
    for name in (
        "dual_vs_himalaya_best",
        "dual_vs_himalaya_ridgecv",
        "seed_setting_vs_himalaya",
        "primal_vs_himalaya_best",
    ):
        assert summary[name] > 0
    assert summary["peak_memory_ratio"] > -1
    assert summary["max_abs_delta_r"] < 1e-4
    assert summary["alpha_agreement"] == 1
    assert summary["max_relative_prediction_error"] < 1e-3


def test_the_tables_of_the_ridge_benchmark_name_every_route(ridge_lines: list[str]) -> None:
    table = "\n".join(ridge_lines[:-1])
    for route in ("algokit", "himalaya KernelRidgeCV, tuned batches", "himalaya RidgeCV", "scikit-learn", "naive loop"):
        assert route in table
    for problem in ("dual", "primal", "seed"):
        assert f"### {problem}: n " in table


def test_growth_and_the_true_size_can_be_measured() -> None:
    ridge = [sys.executable, str(BENCHMARKS / "ridge.py"), "--scale", "0.01", "--repeats", "1", "--json"]
    for options in (["--growth"], ["--gpu", "--device", "cpu"]):
        ran = subprocess.run([*ridge, *options], capture_output=True, text=True, check=True)
        summary = json.loads(ran.stdout.splitlines()[-1])
        assert summary
        if "--gpu" in options:
            assert [one["n_features"] for one in summary["spaces"]] == [10, 81, 327, 1000]
            assert all(one["ratio_to_floor"] > 0 for one in summary["spaces"])


def test_the_last_line_of_the_extraction_benchmark_is_its_ratios() -> None:
    command = [sys.executable, str(BENCHMARKS / "extract.py"), "--json", "--images", "8", "--batch-size", "2"]
    command += ["--repeats", "1", "--models", "vit=test_vit", "conv=test_resnet"]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    summary = json.loads(lines[-1])
    assert summary["vit_layers"] == 6  # the depth timm gives its test model
    for name in ("vit_vs_bare", "conv_vs_bare", "vit_vs_pass_per_layer", "vit_vs_hooks_to_disk"):
        assert summary[name] > 0
    table = "\n".join(lines[:-1])
    for route in ("bare forward pass", "algokit", "pass per layer", "hooks to disk"):
        assert f"| {route} |" in table


def test_benchmarks_of_a_gpu_run_on_one_that_is_stood_in_for() -> None:
    gpu = [sys.executable, str(BENCHMARKS.parent / "tests" / "stand_ins" / "gpus.py"), "1"]
    extract = [str(BENCHMARKS / "extract.py"), "--images", "8", "--batch-size", "2", "--models", "vit=test_vit"]
    ridge = [str(BENCHMARKS / "ridge.py"), "--scale", "0.01"]
    summaries = []
    for one in (extract, ridge):
        ran = subprocess.run(
            [*gpu, *one, "--gpu", "--json", "--repeats", "1"], capture_output=True, text=True, check=True
        )
        assert json.loads(ran.stderr.splitlines()[-1])["0"] > 100
        summaries.append(json.loads(ran.stdout.splitlines()[-1]))
    assert summaries[0]["vit_vs_bare"] > 0
    assert summaries[1]["device"] == "stand-in"


def test_the_cost_of_float16_features_can_be_measured(tmp_path: Path) -> None:
    write_demo(tmp_path / "demo", settings=DemoSettings(n_train=40, n_test=12, image_px=32, vertex_fraction=0.002))
    command = [sys.executable, str(BENCHMARKS / "extract.py"), "--dtype", "--json", "--data", str(tmp_path / "demo")]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    summary = json.loads(lines[-1])
    assert 0 <= summary["mean_abs_delta_r"] <= summary["max_abs_delta_r"] < 0.2
    assert 0 <= summary["same_choice"] <= 1


def test_the_last_line_of_the_scaling_law_benchmark_is_its_ratio_and_its_worse_optima() -> None:
    command = [sys.executable, str(BENCHMARKS / "scaling_laws.py"), "--json", "--points", "120", "--resamples", "10"]
    command += ["--starts", "6", "--compared", "2", "--repeats", "1"]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    summary = json.loads(lines[-1])
    assert summary["vs_scipy_loop"] == pytest.approx(summary["scipy_loop_s"] / summary["algokit_s"])
    assert summary["worse_optima"] == 0
    assert summary["compared_optima"] == 3  # all points, and two resamples
    assert "scaled up from 18 calls" in "\n".join(lines[:-1])


def test_the_startup_benchmark_names_every_route_and_what_our_commands_add() -> None:
    command = [sys.executable, str(BENCHMARKS / "startup.py"), "--json", "--repeats", "1"]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    summary = json.loads(lines[-1])
    assert summary["help_vs_typer"] == pytest.approx(summary["help_s"] / summary["typer_s"])
    assert 0 < summary["python_s"] < summary["run_help_s"]
    assert "| `algokit --help` |" in "\n".join(lines[:-1])


def test_the_learning_curve_benchmark_says_what_ten_points_cost_beside_the_largest() -> None:
    command = [sys.executable, str(BENCHMARKS / "learning_curve.py"), "--json", "--repeats", "1"]
    command += ["--images", "120", "--features", "150", "--targets", "20", "--points", "4", "--draws", "2"]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    summary = json.loads(lines[-1])
    assert summary["curve_over_largest"] == pytest.approx(summary["curve_s"] / summary["largest_s"])
    assert summary["draws_over_one"] == pytest.approx(summary["draws_s"] / (2 * summary["curve_s"]))
    assert summary["sizes"][-1] == 120 and len(summary["sizes"]) == 4
    assert "the largest point, 120 images" in "\n".join(lines)
