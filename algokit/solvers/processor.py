"""What the processor is good at, by what Linux says of it; nothing is timed, so a machine always chooses alike."""

from __future__ import annotations

import functools
from pathlib import Path

CPU_INFO = Path("/proc/cpuinfo")


@functools.cache
def may_have_int8_tiles() -> bool:
    """Whether int8 matrices may be multiplied in tiles (AMX); without a look at torch."""
    return " amx_int8" in _cpu_info()


@functools.cache
def has_int8_tiles() -> bool:
    """Whether int8 matrices are multiplied in tiles (AMX), and torch can be told to."""
    import torch

    return may_have_int8_tiles() and hasattr(torch, "_int_mm")


@functools.cache
def prefers_onednn() -> bool:
    """Whether float32 products run faster in oneDNN than in MKL, which leaves wide registers of AMD's unused."""
    import torch

    return "AuthenticAMD" in _cpu_info() and bool(torch.backends.mkldnn.is_available())  # type: ignore[no-untyped-call]


def _cpu_info() -> str:
    try:
        return CPU_INFO.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
