"""Run algokit and send it a signal at one exact moment, instead of sleeping and hoping.

``python stopping.py SIGNAL EVENT PATTERN COUNT ARGUMENTS...``: the signal comes just before the COUNT-th audit event of
that name (``open``, ``os.rename``; see the audit table of Python's manual) whose paths match the pattern. As
``finalizer:SIGINT`` it comes in a finalizer, where Python drops exceptions; the event must be of the main thread then.
"""

from __future__ import annotations

import os
import re
import runpy
import signal
import sys
from typing import Any


class Finalized:
    """Something in whose finalizer a signal comes."""

    def __init__(self, number: signal.Signals) -> None:
        self.number = number

    def __del__(self) -> None:
        send(self.number)
        while True:  # until the signal is seen
            pass


def send(number: signal.Signals) -> None:
    """Send a signal to this process."""
    os.kill(os.getpid(), number)


def main() -> None:
    """Put the watch up, then be ``python -m algokit``."""
    _, moment, event, pattern, count, *arguments = sys.argv
    place, _, name = moment.rpartition(":")
    act = Finalized if place else send
    number, left = signal.Signals[name], int(count)

    def watch(happening: str, details: tuple[Any, ...]) -> None:
        nonlocal left
        if happening == event and re.search(pattern, " ".join(str(part) for part in details[:2])):
            left -= 1
            if left == 0:
                act(number)

    sys.addaudithook(watch)
    sys.argv = ["algokit", *arguments]
    runpy.run_module("algokit", run_name="__main__")


main()
