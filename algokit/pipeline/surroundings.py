"""What a run ran in: versions and hardware, in the few words that a card keeps; in a container, the container's."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from typing import Any

PACKAGES = ("numpy", "torch", "torchvision", "timm", "open_clip_torch", "scikit-learn", "himalaya", "pillow")


def versions(packages: Iterable[str] = PACKAGES) -> dict[str, str]:
    """Versions of Python and of the packages that are installed; none of them is imported."""
    found = {"python": platform.python_version()}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def hardware(accelerator: str = "") -> dict[str, Any]:
    """The machine in a few words, without its name.

    Parameters
    ----------
    accelerator : the name of the GPU that was used, "" for none.
    """
    return {
        "system": f"{platform.system()} {platform.release()}",
        "machine": platform.machine(),
        "n_cpus": os.cpu_count(),
        "accelerator": accelerator or None,
    }


def usable_processors() -> int:
    """How many processors this process may use: fewer than there are where it was told so."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
