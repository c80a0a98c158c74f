"""No Ctrl-C is lost: one that Python drops is sent again, and threads can be told to give up their work.

Source: PyThreadState_SetAsyncExc in Python's C API.
"""

from __future__ import annotations

import _thread
import contextlib
import ctypes
import signal
import sys
import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

AGAIN_AFTER_S = 0.01


class GivenUp(BaseException):
    """Raised in a thread whose work nobody wants any more."""


class WorkInThreads:
    """Work that can be given up between two operations, as the main thread's is at Ctrl-C."""

    def __init__(self) -> None:
        self._lock, self._threads, self._given_up = threading.Lock(), set[int](), False

    @contextlib.contextmanager
    def of_this_thread(self) -> Iterator[None]:
        """The block is given up when all work is.

        Raises
        ------
        GivenUp : at once where that has happened, else wherever the block has arrived.
        """
        me = threading.get_ident()
        with self._lock:
            if self._given_up:
                raise GivenUp
            self._threads.add(me)
        try:
            yield
        finally:
            with self._lock:
                self._threads.discard(me)

    def give_up(self) -> None:
        """Raise in every thread that is at work; a long operation ends first."""
        with self._lock:
            self._given_up = True
            for one in self._threads:
                ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(one), ctypes.py_object(GivenUp))


def send_dropped_interrupts_again() -> None:
    """From now on an interrupt ends the command, wherever it lands.

    In a finalizer, or in the callback of a weak reference, there is nobody to raise to: Python reports the exception as
    ignored and goes on.
    """
    report = sys.unraisablehook

    def hook(dropped: UnraisableHookArgs) -> None:
        if not issubclass(dropped.exc_type, KeyboardInterrupt):
            report(dropped)
        elif not sys.is_finalizing():
            # Not threading.Thread, which takes a lock that this thread may be holding just now.
            _thread.start_new_thread(_interrupt_again, ())

    sys.unraisablehook = hook


def _interrupt_again() -> None:
    time.sleep(AGAIN_AFTER_S)  # until then the main thread has left the place that drops exceptions
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
