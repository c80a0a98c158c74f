"""Is this machine ready? What is here, what is missing, and how each is mended. Reads, and writes one empty file."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryFile

from algokit.pipeline.free_memory import V1_UNLIMITED, free_bytes
from algokit.pipeline.machine import Machine
from algokit.types import Finding

PACKAGES = ("torch", "torchvision", "timm", "open_clip_torch", "scikit-learn", "himalaya", "numpy", "pillow")
_LOW_DISK_BYTES = 10e9


@dataclass(frozen=True)
class Check:
    """One thing looked at: what was found, and the finding where it is not as it should be."""

    what: str
    found: str
    finding: Finding | None = None


def check_machine(store: Path, machine: Machine) -> list[Check]:
    """Every check, in the order in which things are needed.

    Parameters
    ----------
    store : where artefacts go.
    machine : what was measured.
    """
    return [_python(), *_packages(), *_devices(), _memory(), _disk(store), _rates(machine)]


def _python() -> Check:
    return Check("Python", ".".join(map(str, sys.version_info[:3])))


def _packages() -> Iterator[Check]:
    for package in PACKAGES:
        try:
            yield Check(package, version(package))
        except PackageNotFoundError:
            finding = Finding("not installed", package, advice=f"pip install {package}", code="no-package")
            yield Check(package, "absent", finding)


def _devices() -> Iterator[Check]:
    try:
        import torch
    except (ImportError, OSError) as error:  # OSError: a library of the system is missing
        found = f"{type(error).__name__}: {error}"
        advice = "install torch again, for this Python and this system"
        yield Check("device", "none", Finding("torch cannot be loaded", "torch", found=found, advice=advice))
        return
    if not torch.cuda.is_available():
        yield Check("device", f"cpu, {torch.get_num_threads()} threads; no CUDA device is visible")
    for index in range(torch.cuda.device_count()):
        name, room = torch.cuda.get_device_name(index), torch.cuda.mem_get_info(index)
        yield Check(f"device cuda:{index}", f"{name}, {room[0] / 1e9:.1f} of {room[1] / 1e9:.1f} GB free")


def _memory() -> Check:
    free = free_bytes("cpu")
    return Check("memory", "unknown" if free >= V1_UNLIMITED else f"{free / 1e9:.1f} GB free")


def _disk(store: Path) -> Check:
    where = store
    while not where.exists() and where != where.parent:
        where = where.parent
    try:
        with TemporaryFile(dir=where):
            free = shutil.disk_usage(where).free
    except OSError as error:
        advice = "give a folder that can be written to (--store, ALGOKIT_CACHE)"
        finding = Finding("cannot be written to", str(store), found=str(error.strerror), advice=advice)
        return Check("store", str(store), finding)
    low = Finding(
        "little room for features",
        str(store),
        found=f"{free / 1e9:.1f} GB free",
        advice="algokit plan RECIPE says how much a recipe needs; --store puts it elsewhere",
        severity="warning",
        code="low-disk",
    )
    return Check("store", f"{store}, {free / 1e9:.1f} GB free", low if free < _LOW_DISK_BYTES else None)


def _rates(machine: Machine) -> Check:
    if machine.devices:
        return Check("rates", "measured: " + ", ".join(sorted(machine.devices)))
    finding = Finding(
        "not measured, so plans give no times",
        "rates",
        advice="algokit doctor --measure",
        severity="note",
        code="not-measured",
    )
    return Check("rates", "none", finding)
