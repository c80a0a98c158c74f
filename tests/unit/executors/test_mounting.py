"""What a job needs of the machine, and its file."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from algokit.errors import MachineError, UsageError
from algokit.executors import Job
from algokit.executors.container import Mount
from algokit.executors.job_file import run_job_file, write_job
from algokit.executors.mounting import job_mounts
from algokit.store import Store
from algokit.types import no_progress
from tests.small_job import small_job


@pytest.fixture
def job(small_demo: Path, tmp_path: Path) -> Job:
    return small_job(small_demo, tmp_path)


def test_data_are_to_read_and_the_store_is_made_by_the_caller(job: Job) -> None:
    assert job_mounts(job) == [Mount(job.data.resolve()), Mount(job.store_root.resolve(), writable=True)]
    assert job.store_root.is_dir()


def test_links_that_lead_out_of_the_data_are_followed(job: Job, tmp_path: Path) -> None:
    """A challenge put together from links: a whole folder of another disk, and one file of a third."""
    linked = tmp_path / "linked"
    (linked / "subj01").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "third").mkdir()
    (tmp_path / "third" / "file").write_text("x")
    (linked / "subj01" / "images").symlink_to(tmp_path / "elsewhere")
    (linked / "subj01" / "file").symlink_to(tmp_path / "third" / "file")
    (linked / "again").symlink_to(linked / "subj01")
    (linked / "dangling").symlink_to(tmp_path / "nowhere")
    (tmp_path / "name").symlink_to(linked)
    sources = [mount.source for mount in job_mounts(replace(job, data=tmp_path / "name"))[:-1]]
    assert sources == [linked, tmp_path / "elsewhere", tmp_path / "third"]


def test_a_job_file_runs_as_the_job_does(job: Job) -> None:
    path = write_job(job)
    assert write_job(job) == path and path.parent == job.store_root / "jobs"
    assert len({path, write_job(job, "one"), write_job(job, "other")}) == 3, "whoever ends first removes its own"
    ran = run_job_file(path, no_progress)
    assert {one.id for one in ran.outcomes if one.made} == {step.id for step in job.plan.steps}
    assert all(Store(job.store_root).has(step.kind, str(step.key)) for step in job.plan.steps)


def test_a_plan_of_other_bytes_is_refused_before_any_work(job: Job, tmp_path: Path) -> None:
    step = job.plan.steps[0].model_copy(update={"key": "0" * 64})
    other = job.plan.model_copy(update={"steps": (step, *job.plan.steps[1:]), "key": "1" * 64})
    with pytest.raises(MachineError) as refusal:
        run_job_file(write_job(replace(job, plan=other)), no_progress)
    assert (refusal.value.findings[0].code, refusal.value.findings[0].where) == ("other-plan", step.id)
    assert not (job.store_root / "features").exists()


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"schema_name": "algokit-job/2"}'])
def test_another_file_is_no_job(text: str, tmp_path: Path) -> None:
    path = tmp_path / "job.json"
    path.write_text(text)
    with pytest.raises(UsageError):
        run_job_file(path, no_progress)


def test_a_job_names_no_place_but_those_it_was_given(job: Job) -> None:
    document = json.loads(write_job(job).read_text())
    assert set(document) == {"schema_name", "plan", "recipe", "data", "manifest", "store_root", "settings"}
    assert (document["data"], document["manifest"]) == (str(job.data.resolve()), None)
