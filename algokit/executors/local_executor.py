"""Runs the plan in this process."""

from __future__ import annotations

from dataclasses import replace

from algokit.executors import Job, Ran
from algokit.pipeline.run import run_plan
from algokit.pipeline.settings import accelerator_name, checked_device
from algokit.store import Store
from algokit.types import ProgressCallback


def run_here(job: Job, progress: ProgressCallback) -> Ran:
    """Run the job on this machine.

    Raises
    ------
    DeviceError : the device asked for is not here.
    """
    settings = replace(job.settings, device=checked_device(job.settings.device))
    outcomes = run_plan(job.plan, job.recipe, job.inputs, Store(job.store_root), settings, progress)
    return Ran(tuple(outcomes), settings.device, accelerator_name(settings.device))
