"""Runs in containers: the inside of one, and the command that starts one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from algokit.errors import UsageError
from algokit.registry import did_you_mean
from algokit.types import Finding, ProgressCallback, no_progress
from algokit.verbs.preparing import Places, RunOptions, default_store, loaded_to_run, prepared_job

if TYPE_CHECKING:
    from algokit.executors import ContainerOptions
    from algokit.pipeline.run import Ran


def execute(job: Path, progress: ProgressCallback = no_progress) -> Ran:
    """Run a job that `algokit run` wrote for a container; what it makes goes into the store that the job names.

    Raises
    ------
    AlgokitError : see `algokit.executors.job_file.run_job_file`.
    """
    from algokit.executors.job_file import run_job_file

    return run_job_file(job, progress)


def container_command(
    recipe: Path,
    *,
    data: Path,
    executor: str,
    manifest: Path | None = None,
    nsd: Path | None = None,
    store: Path | None = None,
    overrides: Sequence[str] = (),
    lock: Path | None = None,
    options: RunOptions | None = None,
    container: ContainerOptions | None = None,
    shell: bool = False,
    progress: ProgressCallback = no_progress,
) -> list[str]:
    """The command, word by word, that runs a recipe's plan in a container; the job it runs is left in the store.

    Parameters
    ----------
    shell : a shell in that container instead.

    Raises
    ------
    UsageError : the executor has no containers.
    AlgokitError : as `algokit.verbs.run`, for all that comes before the work.
    """
    loaded, make = loaded_to_run(recipe, overrides, lock)
    places = Places(data, store or default_store(), manifest, nsd=nsd)
    words = _words_of(executor)
    job = prepared_job(loaded, places, make, options, container, progress).job
    return words(job, shell=shell)


def _words_of(executor: str) -> Callable[..., list[str]]:
    from algokit.executors import apptainer_executor, docker_executor

    makers = {"docker": docker_executor.docker_line, "apptainer": apptainer_executor.apptainer_line}
    if executor in makers:
        return makers[executor]
    advice = did_you_mean(executor, makers)
    expected = "docker or apptainer"
    finding = Finding("has no containers", "--executor", "", expected, executor, advice=advice, code="usage")
    raise UsageError("only a container can be printed or looked into", [finding])
