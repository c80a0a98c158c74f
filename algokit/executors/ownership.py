"""Whose a container is: which store it works on, and the process it was started by."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path

STORE_LABEL, OWNER_LABEL = "algokit.store", "algokit.owner"


def labels_of(store: Path) -> dict[str, str]:
    """The labels of a container that this process starts."""
    return {STORE_LABEL: str(store.resolve()), OWNER_LABEL: owner_label()}


def owner_label() -> str:
    """This process, so that it is told from a later one of the same number: machine, number, when it started."""
    return f"{platform.node()} {os.getpid()} {_started(os.getpid())}"


def is_orphan(label: str) -> bool:
    """Whether the process of an `owner_label` was one of this machine and is no more."""
    match = re.fullmatch(r"(.*) (\d+) (\d*)", label)
    return match is not None and match[1] == platform.node() and _started(int(match[2])) != match[3]


def _started(process_id: int) -> str:
    """When a process started, in the kernel's own count; "" where there is none of that number."""
    try:
        status = Path(f"/proc/{process_id}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
    return status.rpartition(")")[2].split()[19]
