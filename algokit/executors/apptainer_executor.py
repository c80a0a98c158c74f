"""Runs the plan with Apptainer, as clusters have it: the same container, in its words."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from uuid import uuid4

from algokit.atomic import sweep_partial
from algokit.errors import MachineError, UsageError
from algokit.executors import Job
from algokit.executors.container import ContainerSpec, Mount, csv_field
from algokit.executors.lines import Listener
from algokit.executors.outcomes import KILLED, Ended, concluded
from algokit.executors.preparing import prepared_container
from algokit.executors.stopping import ended_late, signals_end
from algokit.pipeline.run import Ran
from algokit.types import Finding, ProgressCallback

PROGRAM = "apptainer"
DEFAULT_IMAGE = "algokit.sif"


def run_in_apptainer(job: Job, progress: ProgressCallback) -> Ran:
    """Run the job in a container that Apptainer starts; it has ended when this returns or raises.

    Raises
    ------
    MachineError : no Apptainer, or no image.
    RunError : it took too long, or was ended from outside.
    AlgokitError : whatever the job raises inside.
    """
    if shutil.which(PROGRAM) is None:
        advice = "module load apptainer, where a cluster has it so; or run with --executor docker"
        finding = Finding("not on the PATH", PROGRAM, advice=advice, code="no-engine")
        raise MachineError("there is no Apptainer", [finding])
    image = _image(job)
    path, spec = prepared_container(job, image, memory_bytes=job.container.memory_bytes, run=uuid4().hex[:8])
    try:
        ran = _listened(spec, job, progress)
    finally:
        path.unlink(missing_ok=True)
    return replace(ran, executor={"kind": "apptainer", "image": Path(image).name})


def apptainer_line(job: Job, *, shell: bool = False) -> list[str]:
    """The words of the ``apptainer exec`` that runs the job, whose file stays in the store; or of ``apptainer shell``.

    Raises
    ------
    UsageError : GPUs by number or id, which Apptainer leaves to the scheduler.
    """
    _, spec = prepared_container(job, job.container.image or DEFAULT_IMAGE, memory_bytes=job.container.memory_bytes)
    return apptainer_words(spec, shell=shell)


def apptainer_words(spec: ContainerSpec, *, shell: bool = False) -> list[str]:
    """The same container in Apptainer's words. It runs as the caller and reads its root only, without being told."""
    if spec.gpus and (spec.gpus.ids or spec.gpus.count > 0):
        advice = "--gpus all; which ones they are is the scheduler's, or CUDA_VISIBLE_DEVICES'"
        finding = Finding("Apptainer gives all GPUs or none", where="--gpus", advice=advice, code="usage")
        raise UsageError("--gpus cannot be had with Apptainer", [finding])
    words = [PROGRAM, "shell" if shell else "exec", "--containall", "--no-home", "--pwd", "/tmp"]
    words += ["--nv"] if spec.gpus else []
    words += ["--memory", str(spec.memory_bytes)] if spec.memory_bytes else []
    words += [word for mount in spec.mounts for word in _mounted(mount)]
    for name, value in spec.environment.items():
        words += ["--env", f"{name}={value}"]
    return [*words, spec.image] if shell else [*words, spec.image, "algokit", *spec.command]


def _mounted(mount: Mount) -> tuple[str, str]:
    """``--bind`` cannot say every path; ``--mount`` can, and older versions do not know it."""
    source, inside = str(mount.source), str(mount.inside)
    if not re.search(r"[:,\\]", source + inside):
        return "--bind", f"{source}:{inside}:{'rw' if mount.writable else 'ro'}"
    fields = ["type=bind", f"source={source}", f"destination={inside}", *([] if mount.writable else ["ro"])]
    return "--mount", ",".join(csv_field(one) for one in fields)


def _image(job: Job) -> str:
    image = job.container.image or DEFAULT_IMAGE
    if "://" in image or Path(image).exists():
        return image
    advice = f"apptainer build {DEFAULT_IMAGE} docker-daemon://algokit:latest, where Docker is; --image names the file"
    finding = Finding("no such image here", where="--image", found=image, advice=advice, code="no-image")
    raise MachineError("there is no image to run in", [finding])


@contextlib.contextmanager
def _running(words: Sequence[str]) -> Iterator[subprocess.Popen[bytes]]:
    """The process, whose stderr comes among its stdout; it has ended when the block ends, however that is."""
    process = subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, start_new_session=True
    )
    try:
        yield process
    finally:
        _kill(process)
        process.wait()
        if process.stdout:
            process.stdout.close()


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End it and all that it started: the program is a child of Apptainer's, which does not take it along."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _listened(spec: ContainerSpec, job: Job, progress: ProgressCallback) -> Ran:
    """Run the container to its end and hear what it says."""
    listener, timeout_s = Listener(progress), job.container.timeout_s
    words = apptainer_words(replace(spec, command=(*spec.command, "--lines")))
    try:
        with signals_end(), _running(words) as process, ended_late(partial(_kill, process), timeout_s) as was_late:
            for line in process.stdout or ():
                listener.hear(line)
            listener.end()
            code = process.wait()
    finally:
        if listener.writer:
            sweep_partial(job.store_root, listener.writer)
    return concluded(listener, Ended(KILLED if code < 0 else code, was_late=was_late.is_set(), timeout_s=timeout_s))
