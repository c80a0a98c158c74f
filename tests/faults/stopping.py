"""Run algokit and send it a signal at one exact moment, instead of sleeping and hoping.

``python stopping.py SIGNAL EVENT PATTERN COUNT ARGUMENTS...``: the signal comes just before the COUNT-th audit event of
that name (``open``, ``os.rename``; see the audit table of Python's manual) whose paths match the pattern.
"""

from __future__ import annotations

import os
import re
import runpy
import signal
import sys
from typing import Any


def main() -> None:
    """Put the watch up, then be ``python -m algokit``."""
    _, name, event, pattern, count, *arguments = sys.argv
    number, left = signal.Signals[name], int(count)

    def watch(happening: str, details: tuple[Any, ...]) -> None:
        nonlocal left
        if happening == event and re.search(pattern, " ".join(str(part) for part in details[:2])):
            left -= 1
            if left == 0:
                os.kill(os.getpid(), number)

    sys.addaudithook(watch)
    sys.argv = ["algokit", *arguments]
    runpy.run_module("algokit", run_name="__main__")


main()
