"""Runs the plan in this process."""

from __future__ import annotations

from dataclasses import replace

from algokit.errors import DeviceError
from algokit.executors import Job, Ran
from algokit.pipeline.run import run_plan
from algokit.pipeline.settings import accelerator_name, checked_device
from algokit.store import Store
from algokit.types import Finding, ProgressCallback


def run_here(job: Job, progress: ProgressCallback) -> Ran:
    """Run the job on this machine.

    Raises
    ------
    DeviceError : the device asked for is not here, or its memory is too small.
    """
    import torch

    settings = replace(job.settings, device=checked_device(job.settings.device))
    try:
        outcomes = run_plan(job.plan, job.recipe, job.inputs, Store(job.store_root), settings, progress)
    except (MemoryError, torch.OutOfMemoryError) as error:
        found = str(error).splitlines()[0] if str(error) else type(error).__name__
        advice = "a smaller --batch-size, or another --device; finished steps are kept"
        finding = Finding("not enough memory", where=settings.device, found=found, advice=advice, code="no-memory")
        raise DeviceError("the machine is too small for this step", [finding]) from error
    return Ran(tuple(outcomes), settings.device, accelerator_name(settings.device))
