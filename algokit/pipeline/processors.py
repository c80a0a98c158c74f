"""How the processors of a CPU share an extraction: two forward passes at the same time, half of them each.

Where one pass has all processors, they wait for each other at the end of every operation, and all but one stand still
while features are written. Two passes with a processor each are a tenth faster than one with both.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor

from algokit.recipe.cost import CPU_PASSES


def n_passes() -> int:
    """How many passes at once; a single one where some of torch's threads would be left out."""
    import torch

    return CPU_PASSES if torch.get_num_threads() % CPU_PASSES == 0 else 1


@contextlib.contextmanager
def threads_of_passes(n: int) -> Iterator[Executor]:
    """Threads for so many passes, among which torch's threads of arithmetic are divided until the block ends."""
    import torch

    before = torch.get_num_threads()
    each = max(1, before // n)
    torch.set_num_threads(each)
    try:
        with ThreadPoolExecutor(n, "pass", torch.set_num_threads, (each,)) as pool:
            yield pool
    finally:
        torch.set_num_threads(before)
