"""Forward passes that share the batches of one extraction; features come back in the batches' order."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from queue import SimpleQueue
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from algokit.backbones import Preprocess
from algokit.interrupts import WorkInThreads
from algokit.pipeline.forward import Forward
from algokit.pipeline.processors import threads_of_passes

_Batch: TypeAlias = tuple[int, NDArray[np.uint8]]


class Team:
    """Passes at work at the same time: one per GPU, or several on the CPU.

    Even a single GPU works in a thread of its own, so that it does not wait while features are written. The only pass
    of a CPU does not: the processors do both.
    """

    def __init__(self, forwards: Sequence[Forward]) -> None:
        self._forwards = forwards
        self._work = WorkInThreads()
        self._free: SimpleQueue[Forward] = SimpleQueue()
        for one in forwards:
            self._free.put(one)

    @property
    def preprocess(self) -> Preprocess:
        """How images are prepared."""
        return self._forwards[0].backbone.card.preprocess

    @property
    def takes_turns(self) -> bool:
        """Whether decoding and writing go on between two passes only, because all processors are in one."""
        return [one.device for one in self._forwards] == ["cpu"]

    @property
    def n_ahead(self) -> int:
        """How many batches may have been made beside the one that was taken last."""
        return 0 if self.takes_turns else len(self._forwards)

    @property
    def note(self) -> str:
        """What a device had to change; the first one's that had to."""
        return next((one.note for one in self._forwards if one.note), "")

    def busy_share(self, elapsed_s: float) -> float:
        """The part of the time that the passes worked, on average."""
        return min(1.0, sum(one.busy_s for one in self._forwards) / (elapsed_s * len(self._forwards)))

    def features(self, batches: Iterable[_Batch]) -> Generator[list[NDArray[Any]], None, None]:
        """Per batch and step (n, n_features), of the real images.

        Parameters
        ----------
        batches : (how many images are real, pixels), as `algokit.pipeline.images.batches` gives them.
        """
        if self.takes_turns:
            yield from map(self._made, batches)
            return
        pending: deque[Future[list[NDArray[Any]]]] = deque()
        with ExitStack() as until_made:
            pool = until_made.enter_context(self._threads())
            until_made.callback(self._work.give_up)  # nobody wants what is left when something stops
            for batch in batches:
                pending.append(pool.submit(self._made, batch))
                if len(pending) > len(self._forwards):  # one batch waits, so that no device does
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()

    def _threads(self) -> AbstractContextManager[Executor]:
        n = len(self._forwards)
        on_cpu = self._forwards[0].device == "cpu"
        return threads_of_passes(n) if on_cpu else ThreadPoolExecutor(n, "device")

    def _made(self, batch: _Batch) -> list[NDArray[Any]]:
        n_real, pixels = batch
        forward = self._free.get()
        try:
            with self._work.of_this_thread():
                return [values[:n_real] for values in forward(pixels)]
        finally:
            self._free.put(forward)
