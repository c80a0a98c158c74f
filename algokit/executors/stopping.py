"""The end of what was started outside of this process: when time is up, and when this process is ended itself."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType


@contextlib.contextmanager
def ended_late(kill: Callable[[], None], after_s: float | None) -> Iterator[threading.Event]:
    """Call ``kill`` when the time is up (never where None); the event says whether it was."""
    was_late = threading.Event()

    def end() -> None:
        was_late.set()
        kill()

    timer = threading.Timer(after_s or 0.0, end)
    timer.daemon = True
    if after_s is not None:
        timer.start()
    try:
        yield was_late
    finally:
        timer.cancel()


@contextlib.contextmanager
def signals_end() -> Iterator[None]:
    """Whoever ends this process ends the container too: a signal that would kill it on the spot unwinds it instead."""

    def end(number: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    if threading.current_thread() is not threading.main_thread():  # signals are the main thread's business
        yield
        return
    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
