"""What every executor keeps: it makes what is missing, keeps what is there, and never swaps the device."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from algokit.errors import DeviceError
from algokit.executors import CATALOGUE, Job
from algokit.pipeline.settings import RunSettings
from algokit.store import Store
from algokit.types import Progress, no_progress
from tests.small_job import small_job

STAND_INS = Path(__file__).resolve().parents[1] / "stand_ins"


@pytest.fixture(params=CATALOGUE.rows())
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """Every member; Docker's with a real engine, Apptainer's with a program that stands in for it."""
    if request.param == "docker":
        request.getfixturevalue("engine")
    monkeypatch.setenv("PATH", os.pathsep.join([str(STAND_INS), os.environ["PATH"]]))
    monkeypatch.setenv("APPTAINER_PYTHON", sys.executable)
    monkeypatch.chdir(tmp_path)
    Path("algokit.sif").touch()
    return str(request.param)


@pytest.fixture
def job(small_demo: Path, tmp_path: Path) -> Job:
    return small_job(small_demo, tmp_path)


def test_every_step_of_the_plan_is_made_once_and_verifies(kind: str, job: Job) -> None:
    heard: list[Progress] = []
    ran = CATALOGUE.load(kind)(job, heard.append)
    assert {one.id for one in ran.outcomes if one.made} == {step.id for step in job.plan.steps}
    store = Store(job.store_root)
    assert all(store.open(step.kind, str(step.key)).meta["id"] == step.id for step in job.plan.steps)
    assert (ran.device, ran.accelerator) == ("cpu", "")
    assert any(one.done == one.total for one in heard)


def test_what_is_in_the_store_is_kept(kind: str, job: Job) -> None:
    CATALOGUE.load(kind)(job, no_progress)
    again = CATALOGUE.load(kind)(job, no_progress)
    assert not any(one.made for one in again.outcomes)
    assert len(again.outcomes) == len(job.plan.steps)


@pytest.mark.parametrize("device", ["cuda:99", "tpu"])
def test_a_device_that_is_not_there_is_an_error_before_any_work(kind: str, device: str, job: Job) -> None:
    with pytest.raises(DeviceError):
        CATALOGUE.load(kind)(replace(job, settings=RunSettings(device, 8, 1)), no_progress)
    assert not any((job.store_root / one).exists() for one in ("features", "fit", "shards", "history"))
