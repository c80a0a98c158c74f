"""A job as a file: the host writes it, a container or another machine runs it. Paths are the same on both sides."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from algokit.atomic import write_text_atomically
from algokit.challenge import DigestCache, load_manifest, open_challenge
from algokit.errors import MachineError, UsageError
from algokit.executors import Job
from algokit.executors.local_executor import run_here
from algokit.frozen import Frozen
from algokit.pipeline.inputs import read_inputs
from algokit.pipeline.run import Ran
from algokit.pipeline.settings import RunSettings
from algokit.recipe.plan import Plan
from algokit.recipe.planning import make_plan
from algokit.recipe.schema import Recipe
from algokit.store import JOBS, digest_of
from algokit.types import Finding, ProgressCallback


class JobFile(Frozen):
    """The file. Paths are absolute and without links, so that they say the same inside of a container."""

    schema_name: Literal["algokit-job/1"] = "algokit-job/1"
    plan: Plan
    recipe: Recipe
    data: Path
    manifest: Path | None
    store_root: Path
    settings: RunSettings


def write_job(job: Job, run: str = "") -> Path:
    """Write the file into the store, which every executor can read; its name says what is in it.

    Parameters
    ----------
    run : whoever removes the file gives it a name of its own, as others may run the same job meanwhile.

    Raises
    ------
    DiskError : the store is full or not writable.
    """
    document = _document(job)
    name = digest_of(document.model_dump(mode="json"))[:16] + (f"-{run}" if run else "")
    path = document.store_root / JOBS / f"{name}.json"
    write_text_atomically(path, document.model_dump_json(indent=1) + "\n")
    return path


def run_job_file(path: Path, progress: ProgressCallback) -> Ran:
    """Run a job here, after making sure that what the plan says holds here too.

    Raises
    ------
    UsageError : the file is not there, or not a job of this version.
    MachineError : this algokit, or the files seen from here, give other keys than the plan has.
    AlgokitError : whatever reading the data or a step raises.
    """
    file = _read(path)
    challenge = open_challenge(file.data, load_manifest(file.manifest) if file.manifest else None)
    digests = DigestCache(file.store_root / "digests.json")
    data, inputs = read_inputs(challenge, list(file.plan.subjects), digests, progress)
    _refuse_other(file.plan, make_plan(file.recipe, data, version("algokit")))
    job = Job(file.plan, file.recipe, inputs, file.store_root, file.settings, file.data, file.manifest)
    return run_here(job, progress)


def _document(job: Job) -> JobFile:
    return JobFile(
        plan=job.plan,
        recipe=job.recipe,
        data=job.data.resolve(),
        manifest=job.manifest.resolve() if job.manifest else None,
        store_root=job.store_root.resolve(),
        settings=job.settings,
    )


def _read(path: Path) -> JobFile:
    try:
        return JobFile.model_validate_json(path.read_bytes())
    except OSError as error:
        finding = Finding("cannot be read", str(path), found=error.strerror or str(error), code="unreadable")
        raise UsageError("there is no job to run", [finding]) from error
    except ValidationError as error:
        first = error.errors()[0]
        found = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
        advice = "jobs are written by algokit run --executor docker or apptainer; host and image need the same version"
        raise UsageError("this is no job", [Finding("not a job", str(path), found=found, advice=advice)]) from error


def _refuse_other(planned: Plan, found: Plan) -> None:
    """The host's plan names bytes; they must be those that would be made here."""
    if planned.key == found.key and planned.key is not None:
        return
    here = {step.id: step.key for step in found.steps}
    first = next((step.id for step in planned.steps if here.get(step.id) != step.key), "the plan")
    finding = Finding(
        "planned with other files or another algokit than are seen here",
        where=first,
        expected=f"algokit {planned.algokit_version}, key {str(planned.key)[:12]}",
        found=f"algokit {found.algokit_version}, key {str(found.key)[:12]}",
        advice="build the image again from this checkout (docker build . -t algokit), or plan again if files changed",
        code="other-plan",
    )
    raise MachineError("the container would make something else than was planned", [finding])
