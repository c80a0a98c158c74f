"""The two streams, and plain lines on them."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from typing import Any

from rich.console import Console
from rich.table import Table


def results() -> Console:
    """stdout: what was asked for."""
    return Console(highlight=False, markup=False, emoji=False)


def messages() -> Console:
    """stderr: progress, warnings and errors."""
    return Console(stderr=True, highlight=False, markup=False, emoji=False)


def say(text: str) -> None:
    """One line of result, not wrapped: a path must stay whole."""
    results().print(text, soft_wrap=True)


def write_json(document: Any) -> None:
    """One JSON document and nothing else on stdout."""
    sys.stdout.write(json.dumps(document, indent=1, allow_nan=False) + "\n")
    sys.stdout.flush()


def print_warnings(stream: Console, warnings: Iterable[str]) -> None:
    """One block per warning, wrapped beside its label."""
    grid = Table.grid(padding=(0, 1))
    grid.add_column(style="bold yellow")
    grid.add_column()
    for warning in warnings:
        grid.add_row("warning:", warning)
    stream.print(grid)
