"""Runs the plan in a container of a Docker engine: the same program, offline, as the caller, into the same store."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from algokit.atomic import sweep_partial
from algokit.executors import Job
from algokit.executors.container import ContainerSpec
from algokit.executors.docker_words import docker_words
from algokit.executors.lines import Listener
from algokit.executors.outcomes import Ended, concluded
from algokit.executors.ownership import STORE_LABEL, labels_of
from algokit.executors.preparing import prepared_container
from algokit.executors.stopping import ended_late, signals_end
from algokit.pipeline.free_memory import V1_UNLIMITED, free_bytes
from algokit.pipeline.run import Ran
from algokit.types import ProgressCallback

if TYPE_CHECKING:
    from algokit.executors.docker_engine import Engine

DEFAULT_IMAGE = "algokit"


def run_in_docker(job: Job, progress: ProgressCallback) -> Ran:
    """Run the job in a container, which is gone when this returns or raises.

    Raises
    ------
    MachineError : no engine, image or GPU; killed for memory; every way out has its advice.
    RunError : it took too long, or was ended from outside.
    AlgokitError : whatever the job raises inside.
    """
    from algokit.executors.docker_engine import Engine  # loads the SDK, which lists and plans do without

    with contextlib.closing(Engine()) as engine:
        image = engine.image(job.container.image or DEFAULT_IMAGE, job.container.consents, progress)
        path, spec = _prepared(job, engine, uuid4().hex[:8])
        try:
            engine.remove_orphans(spec.labels[STORE_LABEL])
            ran = _listened(engine, spec, job, progress)
        finally:
            path.unlink(missing_ok=True)
    return replace(ran, executor={"kind": "docker", "image": image.digest})


def docker_line(job: Job, *, shell: bool = False) -> list[str]:
    """The words of the ``docker run`` that runs the job, whose file stays in the store; with ``shell``, a shell there.

    Raises
    ------
    MachineError : no engine answers.
    """
    from algokit.executors.docker_engine import Engine

    with contextlib.closing(Engine()) as engine:
        _, spec = _prepared(job, engine)
    return docker_words(spec, shell=shell)


def _prepared(job: Job, engine: Engine, run: str = "") -> tuple[Path, ContainerSpec]:
    free = free_bytes("cpu")  # a container that wants more is ended, and nothing else on the machine is
    return prepared_container(
        job,
        job.container.image or DEFAULT_IMAGE,
        memory_bytes=job.container.memory_bytes or (free if free < V1_UNLIMITED else None),
        as_root=engine.is_rootless,
        labels=labels_of(job.store_root),
        run=run,
    )


def _listened(engine: Engine, spec: ContainerSpec, job: Job, progress: ProgressCallback) -> Ran:
    """Run the container to its end and hear what it says."""
    listener, timeout_s = Listener(progress), job.container.timeout_s
    spec = replace(spec, command=(*spec.command, "--lines"))
    try:
        with signals_end(), engine.running(spec) as container, ended_late(container.kill, timeout_s) as was_late:
            for is_stdout, chunk in container.output():
                (listener.hear if is_stdout else listener.hear_aside)(chunk)
            listener.end()
            code, was_out_of_memory = container.result()
    finally:
        if listener.writer:  # what it left half-written is nobody's now
            sweep_partial(job.store_root, listener.writer)
    return concluded(listener, Ended(code, was_out_of_memory, was_late.is_set(), spec.memory_bytes, timeout_s))
