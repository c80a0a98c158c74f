"""What benchmarks share: the page their tables go to, the processor's name, what they say while they work."""

from __future__ import annotations

import platform
import sys
from pathlib import Path

PAGE = Path(__file__).resolve().parents[1] / "docs" / "benchmarks.md"
TOLD = ("avx2", "avx512f", "amx_int8")


def write_section(script: str, name: str, text: str) -> None:
    """Replace what stands between the marks of this section of docs/benchmarks.md."""
    start, stop = f"<!-- {name}: written by benchmarks/{script} -->", f"<!-- end of {name} -->"
    page = PAGE.read_text(encoding="utf-8")
    before, after = page.partition(start)[0], page.partition(stop)[2]
    PAGE.write_text(f"{before}{start}\n{text}\n{stop}{after}", encoding="utf-8")


def cpu() -> str:
    """The processor, and which of the instructions that matter here it has."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    flags = next((line for line in lines if line.startswith("flags")), "").split()
    return f"{names[0] if names else platform.machine()} ({', '.join(flag for flag in TOLD if flag in flags)})"


def say(text: str) -> None:
    """A line of progress."""
    print(text, file=sys.stderr, flush=True)
