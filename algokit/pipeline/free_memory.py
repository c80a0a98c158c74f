"""How much memory this process may still take: of the machine, of its control group, of a GPU."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path("/")
V1_UNLIMITED = 2**60  # version 1 says "no limit" with a number about as large as an address


def free_bytes(device: str) -> int:
    """Of the device, as torch names it: what programs can get without swapping; for the CPU within its control group.

    Unknown (no Linux, no such files) is taken as without limit.
    """
    if device.startswith("cuda"):
        import torch

        return int(torch.cuda.mem_get_info(device)[0])
    return max(0, min([_available(), *_group_rooms()]))


def limit_bytes() -> int | None:
    """The smallest limit of the control groups this process is in; None where there is none, or no Linux."""
    return min((limit for limit, _ in _groups()), default=None)


def _available() -> int:
    match = re.search(r"^MemAvailable:\s+(\d+) kB", _text(ROOT / "proc/meminfo"), re.MULTILINE)
    return 1024 * int(match[1]) if match else V1_UNLIMITED


def _group_rooms() -> Iterator[int]:
    """Room in each control group that has a limit; pages of files do not count as used."""
    return (limit - used for limit, used in _groups())


def _groups() -> Iterator[tuple[int, int]]:
    """(limit, used) of each control group this process is in, up to the top, that has a limit."""
    for line in _text(ROOT / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            yield from _limited(ROOT / "sys/fs/cgroup", path, "memory.max", "memory.current")
        elif "memory" in controllers.split(","):
            names = ("memory.limit_in_bytes", "memory.usage_in_bytes")
            yield from _limited(ROOT / "sys/fs/cgroup/memory", path, *names)


def _limited(top: Path, path: str, limit_name: str, usage_name: str) -> Iterator[tuple[int, int]]:
    parts = [part for part in path.split("/") if part not in ("", "..")]
    for depth in range(len(parts), -1, -1):
        folder = top.joinpath(*parts[:depth])
        limit, usage = _text(folder / limit_name).strip(), _text(folder / usage_name).strip()
        if limit.isdigit() and usage.isdigit() and int(limit) < V1_UNLIMITED:
            yield int(limit), int(usage) - _reclaimable(_text(folder / "memory.stat"))


def _reclaimable(stat: str) -> int:
    match = re.search(r"^(?:total_)?inactive_file (\d+)$", stat, re.MULTILINE)
    return int(match[1]) if match else 0


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
