"""How many images go through a backbone at once, where nobody says.

On the CPU always 16, so that the passes at work (`algokit.pipeline.processors`) hold `algokit.recipe.cost.BATCH`: the
rate hardly depends on it, the last bits of a feature do, and a second run anywhere should give the same bytes. On a GPU
it is measured; an extraction that resumes goes on with the number it began with.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

_SMALLEST, _LARGEST = 8, 512
_WORTH = 1.05  # twice the memory for less than that is not worth it


def fastest_batch(forward: Callable[[NDArray[np.uint8]], object], size_px: int) -> int:
    """The number of images per pass, a power of two, beyond which the device gets no faster or has no memory.

    Parameters
    ----------
    forward : takes (n, size_px, size_px, 3) pixels through the network and back to the host.
    """
    import torch

    best, best_rate, n_images = _SMALLEST, 0.0, _SMALLEST
    while n_images <= _LARGEST:
        pixels = np.zeros((n_images, size_px, size_px, 3), np.uint8)
        try:
            forward(pixels)  # kernels are chosen and memory is taken the first time
            started = time.perf_counter()
            forward(pixels)
        except torch.OutOfMemoryError:
            break
        rate = n_images / (time.perf_counter() - started)
        if rate < _WORTH * best_rate:
            break
        best, best_rate, n_images = n_images, rate, 2 * n_images
    torch.cuda.empty_cache()
    return best
