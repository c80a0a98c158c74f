"""``algokit ...`` without the seconds it takes to load: in copies of a process that has loaded everything."""

from __future__ import annotations

import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from unittest.mock import patch


def typed(arguments: Sequence[str], said: Path) -> int:
    """``algokit ...`` in this process, its words in a file: the exit code."""
    from algokit.cli import main

    with said.open("w", encoding="utf-8") as file:
        words = {"argv": ["algokit", *arguments], "stdout": file, "stderr": file}
        try:
            with patch.multiple(sys, **words):
                main()
        except SystemExit as way_out:
            return int(way_out.code or 0)
    return 0


def begun(act: Callable[[], int]) -> int:
    """Start something in a copy of this process, whose exit code is what it returns: its process id."""
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        code = 99
        try:
            code = act()
            threading._shutdown()  # what Python itself waits for at its end: a pool's thread may still be at work
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    return child


def waited(child: int) -> int:
    """How a process ended: its exit code, or minus the signal."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def forked(act: Callable[[], int]) -> int:
    """Something in a copy of this process, to its end."""
    return waited(begun(act))


def one_thread() -> None:
    """A process is forked safely while it has one thread; torch takes no more then."""
    import torch

    torch.set_num_threads(1)
    assert len([*Path("/proc/self/task").iterdir()]) == 1
