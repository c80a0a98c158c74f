"""The two streams, and plain lines on them."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from typing import Any, TextIO

from rich.console import Console
from rich.table import Table


class _Console(Console):
    """A console whose reader may leave: the command goes on, and its exit code stays what it would have been."""

    def on_broken_pipe(self) -> None:
        self.quiet = True
        _forsake(sys.stderr if self.stderr else sys.stdout)


def _forsake(stream: TextIO) -> None:
    """Send what is still buffered for a reader who left to nowhere."""
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, stream.fileno())
    os.close(devnull)


def results() -> Console:
    """stdout: what was asked for."""
    return _Console(highlight=False, markup=False, emoji=False)


def messages() -> Console:
    """stderr: progress, warnings and errors."""
    return _Console(stderr=True, highlight=False, markup=False, emoji=False)


def say(text: str) -> None:
    """One line of result, not wrapped: a path must stay whole."""
    results().print(text, soft_wrap=True)


def write_json(document: Any) -> None:
    """One JSON document and nothing else on stdout."""
    try:
        sys.stdout.write(json.dumps(document, indent=1, allow_nan=False) + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        _forsake(sys.stdout)


def print_warnings(stream: Console, warnings: Iterable[str]) -> None:
    """One block per warning, wrapped beside its label."""
    grid = Table.grid(padding=(0, 1))
    grid.add_column(style="bold yellow")
    grid.add_column()
    for warning in warnings:
        grid.add_row("warning:", warning)
    stream.print(grid)
