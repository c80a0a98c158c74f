"""``algokit doctor``, and the times of ``algokit plan``."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

from algokit.cli import main
from algokit.cli.options import machine_file
from algokit.console.run_view import print_times
from algokit.console.streams import results
from algokit.pipeline import checkup
from algokit.pipeline.machine import read_machine
from algokit.pipeline.times import GroupTime
from algokit.recipe.load import shipped_recipes
from tests.measured_rates import rates

RATES = rates(map_flops=3e9, token_flops=2e9)
UNKNOWN = "time unknown: run algokit doctor --measure"


@pytest.fixture
def algokit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    monkeypatch.setenv("ALGOKIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "80")

    def run(*arguments: object) -> int:
        monkeypatch.setattr(sys, "argv", ["algokit", *map(str, arguments)])
        try:
            main()
        except SystemExit as way_out:
            return int(way_out.code or 0)
        return 0

    return run


def test_a_ready_machine_exits_0_and_says_that_it_was_not_measured(
    algokit: Callable[..., int], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert algokit("doctor", "--json") == 0
    checks = {one["what"]: one for one in json.loads(capsys.readouterr().out)["checks"]}
    assert checks["Python"]["found"] == ".".join(map(str, sys.version_info[:3]))
    assert checks["rates"]["finding"]["code"] == "not-measured"
    assert not (tmp_path / "cache").exists()  # looking leaves nothing behind


def test_a_missing_package_exits_3_with_its_fix(
    algokit: Callable[..., int], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def version(package: str) -> str:
        if package == "timm":
            raise PackageNotFoundError(package)
        return "1.0"

    monkeypatch.setattr("algokit.pipeline.checkup.version", version)
    assert algokit("doctor") == 3
    assert "pip install timm" in capsys.readouterr().out


def test_a_store_that_cannot_be_written_to_exits_3(
    algokit: Callable[..., int], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    assert algokit("doctor", "--store", tmp_path / "file") == 3
    assert "--store" in capsys.readouterr().out


def test_a_plan_has_no_time_before_the_machine_is_measured_and_then_it_has(
    algokit: Callable[..., int], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    demo = shipped_recipes()["demo"]
    assert algokit("plan", demo) == 0
    assert UNKNOWN in capsys.readouterr().out
    assert algokit("plan", demo, "--json") == 0
    assert json.loads(capsys.readouterr().out)["forecast"] == []

    monkeypatch.setattr("algokit.pipeline.measure.measure", lambda *_: RATES)
    assert algokit("doctor", "--measure") == 0
    assert "forward pass, convolutional   3.00 GFLOP" in capsys.readouterr().out
    assert machine_file() == tmp_path / "cache" / "machine.json"
    assert read_machine(machine_file()).devices["cpu"].rates == RATES
    assert algokit("plan", demo) == 0
    shown = capsys.readouterr().out
    assert UNKNOWN not in shown
    assert "time (cpu)" in shown
    assert max(map(len, shown.splitlines())) <= 80
    assert algokit("plan", demo, "--json") == 0
    (forecast,) = json.loads(capsys.readouterr().out)["forecast"]
    assert forecast["device"] == "cpu"
    assert {group["kind"] for group in forecast["groups"]} == {"features", "fit", "ensemble"}


def test_a_run_tells_programs_forecast_beside_actual_and_learns(
    algokit: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    small_demo: Path,
    tmp_path: Path,
) -> None:
    monkeypatch.setattr("algokit.pipeline.measure.measure", lambda *_: RATES)
    assert algokit("doctor", "--measure", "--quiet") == 0
    capsys.readouterr()
    run = ("run", shipped_recipes()["demo"], "--data", small_demo, "--out", tmp_path / "out")
    assert algokit(*run, "--set", "subjects=[subj01]", "--quiet", "--json") == 0
    times = json.loads(capsys.readouterr().out)["times"]
    assert set(times) == {"features/gabor/gabor-4x8", "fit/ridge", "ensemble/mean"}
    assert all(one["forecast_s"] is not None and one["is_whole"] for one in times.values())
    assert set(read_machine(machine_file()).devices["cpu"].learned) == set(times)


def test_a_run_shows_forecast_beside_actual_of_what_took_time(capsys: pytest.CaptureFixture[str]) -> None:
    slow = GroupTime("fit/ridge", 2, 200.0, 100.0, 4000.0, is_whole=True)
    resumed = GroupTime("features/timm/resnet18", 2, 60.0, 60.0, 30.0, is_whole=False)
    print_times(results(), [slow, resumed, GroupTime("ensemble/mean", 2, 0.1, 0.1, 0.2, is_whole=True)])
    shown = capsys.readouterr().out
    assert [line.split("  ")[0] for line in shown.splitlines()[2:]] == ["fit/ridge", "features/timm/resnet18"]
    assert "3 min 20 s" in shown
    assert "1 h 06 min" in shown
    assert "a part was made before" in shown
    print_times(results(), [replace(slow, forecast_s=None, raw_s=None)])
    assert capsys.readouterr().out == ""  # nothing to compare with


def test_a_torchvision_of_another_torch_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkup, "requires", lambda package: ["torch==9.9.9", "torch-other==1", "numpy"])
    (check,) = checkup._pair()
    assert check.finding is not None and check.finding.code == "torch-pair"
    assert (check.finding.expected, check.finding.found) == (
        "torch 9.9.9",
        f"torch {version('torch').partition('+')[0]}",
    )


def test_a_driver_without_a_gpu_in_torch_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    driver = tmp_path / "version"
    monkeypatch.setattr(checkup, "_DRIVER", driver)
    assert list(checkup._driver()) == []
    driver.write_text("NVRM version: NVIDIA UNIX x86_64 Kernel Module  570.86.15  Thu Jan 1\n")
    monkeypatch.setattr(checkup, "_sees_gpu", lambda: False)
    (check,) = checkup._driver()
    assert check.found == "570.86.15" and check.finding is not None and check.finding.code == "no-cuda"
    monkeypatch.setattr(checkup, "_sees_gpu", lambda: True)
    (check,) = checkup._driver()
    assert check.finding is None


@pytest.mark.parametrize("off_s", [-3600.0, 0.0, 3600.0])
def test_a_clock_that_is_not_the_disks_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, off_s: float) -> None:
    now = time.time
    monkeypatch.setattr(checkup.time, "time", lambda: now() + off_s)
    check = checkup._clock(tmp_path)
    assert (check.finding is not None and check.finding.code == "clock") is bool(off_s)
    assert list(tmp_path.iterdir()) == []


def test_data_and_weights_are_looked_at_when_they_are_named(
    algokit: Callable[..., int], capsys: pytest.CaptureFixture[str], small_demo: Path, tmp_path: Path
) -> None:
    assert algokit("doctor", "--data", small_demo, "--recipe", shipped_recipes()["demo"], "--json") == 0
    checks = {one["what"]: one for one in json.loads(capsys.readouterr().out)["checks"]}
    assert "algokit-demo, 2 subjects" in checks["data"]["found"]
    assert "all here" in checks["recipe and weights"]["found"]
    assert algokit("doctor", "--data", tmp_path, "--recipe", shipped_recipes()["clip_linear"], "--json") == 3
    checks = {one["what"]: one for one in json.loads(capsys.readouterr().out)["checks"]}
    assert checks["data"]["finding"] and checks["recipe and weights"]["finding"]["code"] == "weights-missing"


def test_no_engine_is_a_note_because_a_run_needs_none(
    algokit: Callable[..., int], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    assert algokit("doctor", "--json") == 0
    checks = {one["what"]: one for one in json.loads(capsys.readouterr().out)["checks"]}
    found = checks["container engine"]["finding"]
    assert (found["code"], found["severity"]) == ("no-engine", "note") and found["advice"]
