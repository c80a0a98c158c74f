"""Numbers with units, short enough for a table."""

from __future__ import annotations

import time

_DECIMAL = ("", "k", "M", "G", "T", "P", "E")


def scaled(value: float, unit: str) -> str:
    """Three significant digits and a decimal prefix: ``scaled(748e6, "B")`` is "748 MB"."""
    power = 0
    while abs(value) >= 999.5 and power < len(_DECIMAL) - 1:
        value, power = value / 1000, power + 1
    digits = f"{value:.0f}" if power == 0 or value >= 99.95 else f"{value:.1f}" if value >= 9.995 else f"{value:.2f}"
    return f"{digits} {_DECIMAL[power]}{unit}".rstrip()


def size(n_bytes: float) -> str:
    """Bytes, in decimal units as disks are sold."""
    return scaled(n_bytes, "B")


def duration(seconds: float) -> str:
    """``0.4 s``, ``12 s``, ``3 min 20 s``, ``5 h 07 min``."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def age(made_s: float, now_s: float | None = None) -> str:
    """How old something made at that time (seconds since 1970) is: ``<1 min``, ``5 min``, ``3 h``, ``12 d``."""
    elapsed = (time.time() if now_s is None else now_s) - made_s
    for unit_s, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if elapsed >= unit_s:
            return f"{int(elapsed // unit_s):,} {unit}"
    return "<1 min"


def plural(n: int, noun: str) -> str:
    """``1 step``, ``1,204 steps``."""
    return f"{n:,} {noun}" + ("" if n == 1 else "s")
