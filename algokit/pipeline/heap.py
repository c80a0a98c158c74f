"""Memory that a forward pass frees, kept for the next one.

The GNU C library gives free memory back to the kernel soon. Every batch would wait for the pages of its activations
anew, up to a tenth of the time of a small transformer on a CPU. Other C libraries are left as they are, and blocks
above 32 MiB too, which go straight to the kernel: much is computed in those.

Source: mallopt(3), malloc_trim(3); the library's arena.c on heaps of threads.
"""

from __future__ import annotations

import contextlib
import ctypes
import platform
import sys
from collections.abc import Iterator

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD = -1, -2, -3  # names of mallopt's parameters
_LARGEST_BLOCK_BYTES = 2**25  # the library allows no more
_KEPT_BYTES = 2**30  # at most; of free memory at the end of the heap
_USUALLY_KEPT_BYTES = 2 * _LARGEST_BLOCK_BYTES  # what the library's own adjustment arrives at
# A thread's memory comes in heaps of so many bytes. An empty one is given back, unless that would leave less than the
# padding; taken anew for every batch, they cost a convolutional network a tenth of its time.
_HEAP_BYTES = 2 * _LARGEST_BLOCK_BYTES
_USUAL_PAD_BYTES = 2**17


@contextlib.contextmanager
def reused_memory() -> Iterator[None]:
    """Freed memory stays with this process until the block ends, and is given back then."""
    if not (sys.platform == "linux" and platform.libc_ver()[0] == "glibc"):
        yield
        return
    library = ctypes.CDLL(None)
    library.mallopt(_MMAP_THRESHOLD, _LARGEST_BLOCK_BYTES)
    library.mallopt(_TRIM_THRESHOLD, _KEPT_BYTES)
    library.mallopt(_TOP_PAD, _HEAP_BYTES)
    try:
        yield
    finally:
        library.mallopt(_TRIM_THRESHOLD, _USUALLY_KEPT_BYTES)
        library.mallopt(_TOP_PAD, _USUAL_PAD_BYTES)
        library.malloc_trim(0)
