"""Is this machine ready? What is here, what is missing, and how each is mended. Reads, and writes one empty file."""

from __future__ import annotations

import os
import re
import shutil
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from tempfile import TemporaryFile

from algokit.pipeline.free_memory import V1_UNLIMITED, free_bytes, limit_bytes
from algokit.pipeline.machine import Machine
from algokit.types import Finding

PACKAGES = ("torch", "torchvision", "timm", "open_clip_torch", "scikit-learn", "himalaya", "numpy", "pillow")
_LOW_DISK_BYTES = 10e9
_CLOCK_S, _DAY_S = 2.0, 86400.0
_DRIVER = Path("/proc/driver/nvidia/version")


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
    return [
        _python(),
        *_packages(),
        *_pair(),
        *_devices(),
        *_driver(),
        _memory(),
        _disk(store),
        _clock(store),
        _rates(machine),
    ]


def _python() -> Check:
    return Check("Python", ".".join(map(str, sys.version_info[:3])))


def _packages() -> Iterator[Check]:
    for package in PACKAGES:
        try:
            yield Check(package, version(package))
        except PackageNotFoundError:
            finding = Finding("not installed", package, advice=f"pip install {package}", code="no-package")
            yield Check(package, "absent", finding)


def _pair() -> Iterator[Check]:
    """torchvision is built for one version of torch, and fails in strange ways beside another."""
    try:
        needed = next((one for one in requires("torchvision") or () if re.match(r"torch\b(?!\w)", one)), "")
        found = version("torch").partition("+")[0]
    except PackageNotFoundError:
        return  # told above
    exactly = re.search(r"==([0-9.]+)", needed)
    if exactly is None or exactly[1] == found:
        yield Check("torch and torchvision", "belong together")
        return
    finding = Finding(
        "torchvision was built for another torch",
        "torchvision",
        expected=f"torch {exactly[1]}",
        found=f"torch {found}",
        advice="install both again together: pip install -c constraints.txt torch torchvision",
        code="torch-pair",
    )
    yield Check("torch and torchvision", "do not belong together", finding)


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


def _driver() -> Iterator[Check]:
    """NVIDIA's driver, where there is one: with it, a torch that sees no GPU is not as it should be."""
    try:
        words = _DRIVER.read_text(encoding="ascii", errors="replace").splitlines()[0]
    except (OSError, IndexError):
        return
    found = re.search(r"[0-9]+\.[0-9.]+", words)
    finding = None
    if not _sees_gpu():
        advice = "in a container: docker run --gpus all; else a torch with CUDA and a driver that is new enough for it"
        finding = Finding(
            "there is a driver, but torch sees no GPU", "driver", found=words, advice=advice, code="no-cuda"
        )
    yield Check("NVIDIA driver", found[0] if found else words, finding)


def _sees_gpu() -> bool:
    try:
        import torch
    except (ImportError, OSError):
        return True  # that torch cannot be loaded is told above
    return bool(torch.cuda.is_available())


def _memory() -> Check:
    free, limit = free_bytes("cpu"), limit_bytes()
    words = "unknown" if free >= V1_UNLIMITED else f"{free / 1e9:.1f} GB free"
    return Check("memory", words if limit is None else f"{words}, limited to {limit / 1e9:.1f} GB here")


def existing(place: Path) -> Path:
    """The place, or the nearest folder above it that is there."""
    while not place.exists() and place != place.parent:
        place = place.parent
    return place


def _disk(store: Path) -> Check:
    where = existing(store)
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


def _clock(store: Path) -> Check:
    """What was read before is known by its time, so the clock and the store's disk have to agree on it."""
    where = existing(store)
    try:
        with TemporaryFile(dir=where) as file:
            file.write(b"0")
            file.flush()
            off_s = os.fstat(file.fileno()).st_mtime - time.time()
    except OSError:
        return Check("clock", "not compared with the store's disk")  # that it cannot be written is told above
    built_s = Path(__file__).stat().st_mtime
    if abs(off_s) <= _CLOCK_S and time.time() > built_s - _DAY_S:
        return Check("clock", "agrees with the store's disk")
    words = f"{off_s:+.0f} s between them" if abs(off_s) > _CLOCK_S else "before algokit was installed"
    advice = "set the clock (timedatectl set-ntp true), on the file server too"
    finding = Finding("the clock is wrong", "clock", found=words, advice=advice, severity="warning", code="clock")
    return Check("clock", words, finding)


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
