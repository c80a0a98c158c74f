"""No Ctrl-C is lost: one that Python drops is sent again."""

from __future__ import annotations

import _thread
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

AGAIN_AFTER_S = 0.01


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
