"""Runs the plan in this process."""

from __future__ import annotations

from algokit.errors import DeviceError
from algokit.executors import Job
from algokit.pipeline.run import Ran, run_plan
from algokit.store import Store
from algokit.types import Finding, ProgressCallback


def run_here(job: Job, progress: ProgressCallback) -> Ran:
    """Run the job in this process.

    Raises
    ------
    DeviceError : the device asked for is not here, or its memory is too small.
    """
    try:
        return run_plan(job.plan, job.recipe, job.inputs, Store(job.store_root), job.settings, progress)
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, MemoryError) and type(error).__name__ != "OutOfMemoryError":  # torch's own
            raise
        found = str(error).splitlines()[0] if str(error) else type(error).__name__
        advice = "a smaller --batch-size, or another --device; finished steps are kept"
        finding = Finding("not enough memory", where=job.settings.device, found=found, advice=advice, code="no-memory")
        raise DeviceError("the machine is too small for this step", [finding]) from error
