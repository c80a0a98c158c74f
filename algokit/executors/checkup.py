"""Is this machine ready for containers? What is missing is no error: a run needs none, unless it is told to use one."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import replace

from algokit.errors import MachineError
from algokit.executors.apptainer_executor import PROGRAM
from algokit.executors.container import is_inside
from algokit.executors.docker_engine import Engine
from algokit.executors.docker_executor import DEFAULT_IMAGE
from algokit.pipeline.checkup import Check
from algokit.types import Finding


def check_containers() -> Iterator[Check]:
    """The engine, its GPUs and algokit's image; nothing inside of a container, which starts no others."""
    if is_inside():
        return
    apptainer = shutil.which(PROGRAM)
    if apptainer:
        yield Check("Apptainer", apptainer)
    try:
        engine = Engine()
    except MachineError as error:
        yield Check("container engine", "none", _noted(error.findings[0]))
        return
    with contextlib.closing(engine):
        yield from _engine(engine)


def _engine(engine: Engine) -> Iterator[Check]:
    gpus = ", with NVIDIA's runtime" if "nvidia" in engine.info.get("Runtimes", ()) else ""
    yield Check("container engine", f"Docker {engine.version}{gpus}")
    image = engine.find_image(DEFAULT_IMAGE)
    if image is None:
        missing = Finding("not built", DEFAULT_IMAGE, advice="docker build . -t algokit", code="no-image")
        yield Check("image", "none", _noted(missing))
    else:
        yield Check("image", f"{image.name} {image.version}, {image.digest[:19]}")


def _noted(finding: Finding) -> Finding:
    return replace(finding, where=finding.where or "container engine", severity="note")
