"""Forecast beside actual, and what may be learned from a run."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from algokit import verbs
from algokit.errors import DiskError
from algokit.pipeline import run as running
from algokit.pipeline.machine import Machine, read_machine, with_rates, with_runs, write_machine
from algokit.pipeline.measure import _best_s, measure
from algokit.pipeline.run import Ran
from algokit.pipeline.times import GroupTime, learn_from, step_times
from algokit.recipe.load import shipped_recipes
from algokit.verbs.running import _learned
from tests.measured_rates import rates
from tests.unit.pipeline.tiny_runs import Runner

RATES = rates()


@pytest.fixture
def machine_file(tmp_path: Path) -> Path:
    path = tmp_path / "machine.json"
    write_machine(path, with_rates(read_machine(path), RATES))
    return path


@pytest.fixture
def runner(small_demo: Path, tmp_path: Path) -> Runner:
    return Runner(small_demo, tmp_path)


def learned(path: Path) -> dict[str, float]:
    return {group: one.ratio for group, one in read_machine(path).devices["cpu"].learned.items()}


def test_a_machine_reads_back_what_was_written_and_another_one_finds_nothing(machine_file: Path) -> None:
    assert read_machine(machine_file).devices["cpu"].rates == RATES
    document = json.loads(machine_file.read_text())
    machine_file.write_text(json.dumps({**document, "machine": "another"}))
    assert not read_machine(machine_file).devices
    machine_file.write_text("{")
    assert not read_machine(machine_file).devices


def test_a_new_measurement_forgets_what_runs_taught_about_the_old_rates(machine_file: Path) -> None:
    taught = with_runs(read_machine(machine_file), "cpu", {"fit/ridge": (10.0, 20.0)})
    assert taught.devices["cpu"].learned
    assert not with_rates(taught, RATES).devices["cpu"].learned


def test_every_step_made_is_in_one_group_and_its_seconds_add_up(runner: Runner, machine_file: Path) -> None:
    plan, outcomes = runner.run()
    times = step_times(plan, Ran(tuple(outcomes), "cpu", ""), machine_file)
    assert {one.group: one.n_steps for one in times} == {
        "features/tiny/tiny": 8,
        "fit/ridge": 4,
        "ensemble/mean": 2,
    }
    assert sum(one.actual_s for one in times) == pytest.approx(sum(one.seconds for one in outcomes))
    assert all(one.is_whole and one.forecast_s for one in times)
    plan, kept = runner.run()
    assert step_times(plan, Ran(tuple(kept), "", ""), machine_file) == ()


def test_without_rates_there_is_no_forecast_and_nothing_is_learned(runner: Runner, tmp_path: Path) -> None:
    plan, outcomes = runner.run()
    ran = Ran(tuple(outcomes), "cpu", "")
    times = step_times(plan, ran, tmp_path / "none.json")
    assert {one.forecast_s for one in times} == {None}
    assert all(one.actual_s > 0 for one in times)
    learn_from(times, ran, tmp_path / "none.json")
    assert not (tmp_path / "none.json").exists()
    assert verbs.forecasts(plan, tmp_path / "none.json") == ()


def test_rates_of_another_device_forecast_nothing(runner: Runner, machine_file: Path) -> None:
    plan, outcomes = runner.run()
    assert {one.forecast_s for one in step_times(plan, Ran(tuple(outcomes), "cuda:1", "a GPU"), machine_file)} == {None}


def test_the_next_forecast_is_nearer_to_what_a_run_took(runner: Runner, machine_file: Path) -> None:
    plan = runner.plan()
    before = {one.group: one for one in verbs.forecasts(plan, machine_file)[0].groups}
    times = [
        GroupTime(group, one.n_steps, one.seconds, one.raw_s, 40 * one.raw_s, is_whole=True)
        for group, one in before.items()
    ]
    for _ in range(500):
        learn_from(times, Ran((), "cpu", ""), machine_file)
    for one in verbs.forecasts(plan, machine_file)[0].groups:
        assert before[one.group].seconds < one.seconds < 40 * one.raw_s
    slowest = max(verbs.forecasts(plan, machine_file)[0].groups, key=lambda one: one.raw_s)
    assert slowest.seconds == pytest.approx(40 * slowest.raw_s, rel=0.2)


def test_steps_that_a_stopped_run_had_begun_are_compared_with_nothing(
    runner: Runner, machine_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:

        def stop(*_: object) -> None:
            raise KeyboardInterrupt

        patch.setattr(running, "extract_features", stop)
        with pytest.raises(KeyboardInterrupt):
            runner.run()
    plan, outcomes = runner.run()
    resumed = {one.id for one in outcomes if one.resumed}
    assert resumed == {step.id for step in plan.of_kind("features") if step.member == "first" and "subj01" in step.id}
    ran = Ran(tuple(outcomes), "cpu", "")
    times = {one.group: one for one in step_times(plan, ran, machine_file)}
    assert not times["features/tiny/tiny"].is_whole
    learn_from(list(times.values()), ran, machine_file)
    assert set(learned(machine_file)) == {"fit/ridge", "ensemble/mean"}
    _, again = runner.run("members.0.readout.folds.n=4")
    assert not any(one.resumed for one in again)  # what is finished is no longer marked


def test_the_card_has_forecast_beside_actual_and_they_change_nothing_else(
    small_demo: Path, machine_file: Path, tmp_path: Path
) -> None:
    report = verbs.run(
        shipped_recipes()["demo"],
        data=small_demo,
        out=tmp_path / "out",
        store=tmp_path / "store",
        machine_file=machine_file,
        overrides=("subjects=[subj01]",),
    )
    card = json.loads((tmp_path / "out" / "card.json").read_text())
    groups, steps_s = card["timings"]["groups"], card["timings"]["steps_s"]
    assert set(groups) == {"features/gabor/gabor-4x8", "fit/ridge", "ensemble/mean"}
    for group, one in groups.items():
        kind = group.split("/")[0]
        assert one["forecast_s"] is not None
        assert one["actual_s"] == pytest.approx(
            sum(seconds for step, seconds in steps_s.items() if step.startswith(kind)), abs=0.001 * one["n_steps"]
        )
    assert groups == {one.group: one.document() for one in report.times}
    assert set(learned(machine_file)) == set(groups)
    del card["timings"]["groups"]  # as an older algokit wrote it
    (tmp_path / "older.json").write_text(json.dumps(card))
    found = verbs.diff(tmp_path / "older.json", tmp_path / "out").diff
    assert found.is_same
    assert not found.inputs


def test_a_machine_file_that_cannot_be_written_fails_no_finished_run(
    machine_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise DiskError("the disk is full")

    monkeypatch.setattr("algokit.pipeline.times.write_machine", full)
    times = [GroupTime("fit/ridge", 1, 10.0, 10.0, 20.0, is_whole=True)]
    (warning,) = _learned(times, Ran((), "cpu", ""), machine_file)
    assert warning == "what this run taught about times is not kept: the disk is full"


@pytest.mark.parametrize("passes", [1, 2])
def test_every_rate_is_the_work_that_was_done_over_the_seconds_it_took(
    passes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def in_two_seconds(work: Callable[[], object], least_s: float) -> float:
        work()
        return 2.0

    monkeypatch.setattr("algokit.pipeline.measure._best_s", in_two_seconds)
    monkeypatch.setattr("algokit.pipeline.measure.NETWORKS", {"map": "resnet18", "token": "resnet50"})
    monkeypatch.setattr("algokit.pipeline.measure._SIDE", {"cpu": 256})
    monkeypatch.setattr("algokit.pipeline.measure._BLOCK_BYTES", 1 << 22)
    monkeypatch.setattr("algokit.pipeline.measure._N_IMAGES", 2)
    monkeypatch.setattr("algokit.pipeline.measure._BATCH", {"cpu": 1})
    monkeypatch.setattr("algokit.pipeline.measure.n_passes", lambda: passes)
    seen = []
    rates = measure("cpu", tmp_path, 1, seen.append)
    assert (rates.device, rates.accelerator) == ("cpu", "")
    assert rates.map_flops == pytest.approx(passes * 2 * 1.82e9 / 2, rel=0.01)  # published: 1.82 G multiply-adds
    assert rates.token_flops == pytest.approx(passes * 2 * 4.09e9 / 2, rel=0.01)  # published: 4.09
    assert rates.product_flops == 2 * 256**3 / 2
    assert rates.images == 2 / 2
    assert rates.memory_bytes == 2 * 2**22 / 2  # each byte is read and written
    assert min(rates.disk_write_bytes, rates.disk_read_bytes) > 0
    assert not list(tmp_path.iterdir())
    assert [one.done for one in seen] == [0, 1, 2, 3, 4, 6]


def test_the_best_of_the_tries_counts_and_the_first_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(np.cumsum([0.0, 3.0, 0.0, 2.0, 0.0, 4.0]))
    calls = []
    monkeypatch.setattr("time.perf_counter", lambda: next(clock))
    assert _best_s(lambda: calls.append(1), least_s=8.0) == 2.0
    assert len(calls) == 4


def test_a_machine_is_told_by_what_it_is_and_never_by_its_name() -> None:
    import platform

    words = Machine(machine=read_machine(None).machine).machine
    assert platform.machine() in words
    assert platform.node() not in words or not platform.node()


def test_a_group_time_is_written_as_a_card_has_it() -> None:
    time = GroupTime("fit/ridge", 2, None, None, 1.23456, is_whole=True)
    assert time.document() == {"n_steps": 2, "forecast_s": None, "actual_s": 1.235, "is_whole": True}
    assert replace(time, forecast_s=2.0).document()["forecast_s"] == 2.0
