"""Several devices share the batches of an extraction, and nobody can tell from the features."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from tiny_runs import Runner

from algokit.backbones.tiny_backbone import TinyBackbone
from algokit.errors import DeviceError
from algokit.interrupts import GivenUp, WorkInThreads
from algokit.pipeline import run as run_module
from algokit.pipeline.processors import n_passes
from algokit.pipeline.settings import RunSettings, accelerator_names, checked
from algokit.pipeline.team import Team
from algokit.recipe.plan import Plan


class Device:
    """A forward pass that takes its time and gives back what it was given."""

    def __init__(self, name: str, work: Callable[[int], None], note: str = "") -> None:
        self.device, self.note, self.busy_s, self.seen = name, note, 0.0, list[int]()
        self.backbone = SimpleNamespace(card=SimpleNamespace(preprocess=None))
        self._work = work

    def __call__(self, pixels: np.ndarray) -> list[np.ndarray]:
        self.seen.append(int(pixels[0]))
        self._work(int(pixels[0]))
        return [pixels, -pixels]


def numbered(n: int) -> list[tuple[int, np.ndarray]]:
    return [(2, np.array([2 * index, 2 * index + 1, -1])) for index in range(n)]


def features(devices: list[Device], n: int) -> list[list[np.ndarray]]:
    return list(Team(devices).features(numbered(n)))  # type: ignore[arg-type]


def test_features_come_in_the_order_of_the_batches_whoever_is_faster() -> None:
    all_others = threading.Event()
    slow = Device("cuda:0", lambda first: all_others.wait(20) and None)
    fast = Device("cuda:1", lambda first: all_others.set() if len(fast.seen) == 2 else None)
    found = features([slow, fast], 3)
    assert [one[0].tolist() for one in found] == [[2 * index, 2 * index + 1] for index in range(3)]
    assert all((one[1] == -one[0]).all() for one in found)
    assert sorted(slow.seen + fast.seen) == [0, 2, 4]
    assert (len(slow.seen), len(fast.seen)) == (1, 2), "the faster one does more"


def test_devices_work_at_the_same_time() -> None:
    both = threading.Barrier(2, timeout=20)
    devices = [Device(name, lambda first: both.wait() and None) for name in ("cuda:0", "cuda:1")]
    assert len(features(devices, 4)) == 4


def test_one_gpu_goes_on_while_its_features_are_written() -> None:
    begun = [threading.Event() for _ in range(3)]
    device = Device("cuda", lambda first: begun[first // 2].set())
    made = Team([device]).features(numbered(3))  # type: ignore[list-item]
    next(made)
    assert begun[1].wait(20), "the next batch is at work before anybody asks for it"


@pytest.fixture
def n_threads() -> Iterator[Callable[[int], None]]:
    """Sets torch's number of threads until the test ends."""
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


def test_passes_of_a_cpu_share_its_threads_and_give_them_back(n_threads: Callable[[int], None]) -> None:
    threads: list[int] = []
    both = threading.Barrier(2, timeout=20)

    def counted(first: int) -> None:
        both.wait()
        threads.append(torch.get_num_threads())

    n_threads(6)
    assert len(features([Device("cpu", counted), Device("cpu", counted)], 4)) == 4
    assert threads == [3, 3, 3, 3]
    assert torch.get_num_threads() == 6


def test_a_pass_at_work_is_given_up_when_something_stops() -> None:
    begun, ended = threading.Event(), threading.Event()

    def for_long(first: int) -> None:
        if first == 0:
            return
        begun.set()
        until = time.monotonic() + 30
        while time.monotonic() < until:
            time.sleep(0.001)
        ended.set()

    made = Team([Device("cpu", for_long), Device("cpu", for_long)]).features(numbered(5))  # type: ignore[list-item]
    next(made)
    assert begun.wait(20)
    made.close()
    assert not ended.is_set()


def test_work_that_begins_after_all_is_given_up_does_not_begin() -> None:
    work, begun = WorkInThreads(), []
    work.give_up()
    with pytest.raises(GivenUp), work.of_this_thread():
        begun.append(1)
    assert not begun


@pytest.mark.parametrize(("n_processors", "expected"), [(1, 1), (2, 2), (3, 1), (4, 2), (64, 2)])
def test_no_processor_is_left_out(n_processors: int, expected: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: n_processors)
    assert n_passes() == expected


@pytest.fixture
def alone(small_demo: Path, tmp_path: Path) -> Runner:
    (tmp_path / "one").mkdir()
    return Runner(small_demo, tmp_path / "one")


@pytest.fixture
def shared(small_demo: Path, tmp_path: Path) -> Runner:
    (tmp_path / "two").mkdir()
    return Runner(small_demo, tmp_path / "two")


def who_works(monkeypatch: pytest.MonkeyPatch) -> set[tuple[int, str]]:
    """Networks and threads that have had a pass from now on."""
    at_work: set[tuple[int, str]] = set()
    real = TinyBackbone.activations

    def noted(self: TinyBackbone, *given: Any) -> Any:
        at_work.add((id(self), threading.current_thread().name))
        return real(self, *given)

    monkeypatch.setattr(TinyBackbone, "activations", noted)
    return at_work


def assert_same_features(plan: Plan, one: Runner, other: Runner) -> None:
    for step in plan.of_kind("features"):
        for split, rows in one.arrays(plan, step.id).items():
            np.testing.assert_array_equal(other.arrays(plan, step.id)[split], rows)


@pytest.mark.parametrize(
    ("threads", "compiled", "workers"),
    [(2, False, {"pass_0", "pass_1"}), (2, True, {"MainThread"}), (3, False, {"MainThread"})],
)
def test_two_passes_of_a_cpu_give_the_features_of_one(
    alone: Runner,
    shared: Runner,
    threads: int,
    compiled: bool,
    workers: set[str],
    n_threads: Callable[[int], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    n_threads(1)
    plan, _ = alone.run("subjects=[subj01]")
    n_threads(threads)
    at_work = who_works(monkeypatch)
    monkeypatch.setattr(run_module, "checked", lambda settings: replace(settings, compile=compiled))
    shared.run("subjects=[subj01]")
    assert at_work
    assert {thread for _, thread in at_work} <= workers
    assert_same_features(plan, alone, shared)


def test_what_stops_one_device_stops_the_extraction() -> None:
    def breaks(first: int) -> None:
        if first == 4:
            raise ValueError("batch 2")

    with pytest.raises(ValueError, match="batch 2"):
        features([Device("cuda:0", breaks), Device("cuda:1", breaks)], 6)


def test_the_share_of_busy_time_is_that_of_all_devices() -> None:
    devices = [Device("cuda:0", lambda first: None), Device("cuda:1", lambda first: None, note=", halved")]
    devices[0].busy_s, devices[1].busy_s = 3.0, 1.0
    team = Team(devices)  # type: ignore[arg-type]
    assert (team.busy_share(4.0), team.note) == (0.5, ", halved")


def test_two_devices_give_the_features_of_one(alone: Runner, shared: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    plan, _ = alone.run("subjects=[subj01]")
    at_work = who_works(monkeypatch)
    monkeypatch.setattr(run_module, "checked", lambda settings: replace(settings, more_devices=("cpu",)))
    shared.run("subjects=[subj01]")
    assert len({network for network, _ in at_work}) == 2 * len(plan.members)
    assert_same_features(plan, alone, shared)


@pytest.mark.parametrize(
    ("given", "first", "others"),
    [("cuda:1,cuda:0", "cuda:1", ("cuda:0",)), ("cuda,cuda:1", "cuda", ("cuda:1",)), ("cpu", "cpu", ())],
)
def test_devices_are_named_with_commas_between(
    given: str, first: str, others: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    settings = checked(RunSettings(given))
    assert (settings.device, settings.more_devices) == (first, others)


@pytest.mark.parametrize("given", ["cpu,cpu", "cuda:0,cuda:0", "cuda,cuda:0", "cpu,cuda", "cuda:0,cuda:2", "cuda:0,"])
def test_devices_that_cannot_work_together_are_refused(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(DeviceError):
        checked(RunSettings(given))


@pytest.mark.parametrize("given", ["cuda", "auto", "cpu"])
def test_a_gpu_computes_in_full_float32_like_a_cpu(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)
    before = torch.get_float32_matmul_precision()
    try:
        torch.set_float32_matmul_precision("high")
        checked(RunSettings(given))
        assert torch.backends.cudnn.allow_tf32 == (given == "cpu")
        assert torch.get_float32_matmul_precision() == ("high" if given == "cpu" else "highest")
    finally:
        torch.set_float32_matmul_precision(before)


def test_gpus_that_worked_are_named_once_each(monkeypatch: pytest.MonkeyPatch) -> None:
    names = {"cuda:0": "one kind", "cuda:1": "another", "cuda:2": "one kind"}
    monkeypatch.setattr(torch.cuda, "get_device_name", names.__getitem__)
    assert accelerator_names("cuda:0,cuda:1,cuda:2") == "one kind, another"
    assert accelerator_names("cpu") == accelerator_names("") == ""
