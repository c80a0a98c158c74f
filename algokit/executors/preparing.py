"""From a job to the container that runs it: the one place that looks at this machine for that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from algokit.executors import Job
from algokit.executors.container import ContainerSpec, caller, chosen_gpus, container_spec, device_inside
from algokit.executors.job_file import write_job
from algokit.executors.mounting import job_mounts, weights_environment
from algokit.pipeline.surroundings import usable_processors

_DRIVER = Path("/proc/driver/nvidia/version")


def prepared_container(
    job: Job,
    image: str,
    *,
    memory_bytes: int | None,
    as_root: bool = False,
    labels: Mapping[str, str] | None = None,
    run: str = "",
) -> tuple[Path, ContainerSpec]:
    """The file of the job, written into its store, and the container that runs it.

    Parameters
    ----------
    as_root : root inside is the caller outside.
    run : see `algokit.executors.job_file.write_job`.

    Raises
    ------
    UsageError : contradicting options, or folders that would hide the image's own.
    DiskError : the store cannot be written.
    """
    gpus = chosen_gpus(job.container.gpus, job.settings.device, has_driver=_DRIVER.exists())
    mounts = job_mounts(job)
    settings = replace(job.settings, device=device_inside(job.settings.device, gpus))
    path = write_job(replace(job, settings=settings), run)
    spec = container_spec(
        job.plan,
        mounts,
        ["execute", str(path)],
        image=image,
        caller=(0, 0, ()) if as_root else caller(),
        environment=weights_environment(job.recipe),
        n_threads=job.container.n_threads or usable_processors(),
        gpus=gpus,
        memory_bytes=memory_bytes,
        labels=labels,
    )
    return path, spec
