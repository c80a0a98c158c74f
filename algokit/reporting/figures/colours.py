"""Colour maps whose lightness rises all the way, also for colour-blind eyes, as small tables and straight lines.

None is grey anywhere: a grey cortex is what they are seen on.

Source: viridis, plasma and magma (van der Walt and Smith 2015), nine or ten anchors each; plasma without its
yellow end, which white paper swallows, and magma without its black one.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from algokit.frozen import Frozen


class ColourMap(Frozen):
    """A table of colours from low to high, as ``rrggbb``."""

    anchors: tuple[str, ...]

    def rgb(self, shares: NDArray[np.float64] | Sequence[float]) -> NDArray[np.uint8]:
        """(n,) shares 0..1 -> (n, 3) uint8 sRGB."""
        table = np.array([[int(one[at : at + 2], 16) for at in (0, 2, 4)] for one in self.anchors], np.float64)
        places = np.clip(np.asarray(shares, np.float64), 0, 1) * (len(table) - 1)
        columns = [np.interp(places, np.arange(len(table)), table[:, channel]) for channel in range(3)]
        return np.rint(np.column_stack(columns)).astype(np.uint8)

    def hexes(self, n_colours: int) -> list[str]:
        """``n_colours`` evenly spaced colours as ``#rrggbb``; the middle one where only one is wanted."""
        shares = np.linspace(0, 1, n_colours) if n_colours > 1 else np.array([0.5])
        return [f"#{red:02x}{green:02x}{blue:02x}" for red, green, blue in self.rgb(shares)]


VIRIDIS = ColourMap(
    anchors=("440154", "482878", "3e4989", "31688e", "26828e", "1f9e89", "35b779", "6ece58", "b5de2b", "fde725")
)
PLASMA = ColourMap(anchors=("0d0887", "46039f", "7201a8", "9c179e", "bd3786", "d8576b", "ed7953", "fb9f3a", "fdca26"))
MAGMA = ColourMap(anchors=("180f3d", "440f76", "721f81", "9e2f7f", "cd4071", "f1605d", "fd9668", "feca8d", "fcfdbf"))
