"""Numbers on the surface -> the pixels of its eight views, as a small palette PNG with a transparent ground."""

from __future__ import annotations

import io
from base64 import b64encode

import numpy as np
from numpy.typing import NDArray

from algokit.reporting.figures.surface import HEIGHT_PX, WIDTH_PX, Floats, Surface

_GREYS = ((196, 196, 196), (158, 158, 158), (104, 104, 104))  # gyri, sulci, outline: mid-tones for either ground


def paint(surface: Surface, shares: Floats, colours: NDArray[np.uint8], *, blend: bool) -> bytes:
    """The PNG file of one map.

    Parameters
    ----------
    shares : (20484,) float64, 0..1 from the first to the last colour, NaN where the brain stays grey.
    colours : (n_colours, 3) uint8, at most 252.
    blend : whether colours run into each other between vertices; categories must not.
    """
    sheet = np.zeros(HEIGHT_PX * WIDTH_PX, np.uint8)
    depth = (surface.weights * surface.sulcal_depth[surface.corners]).sum(axis=1)
    sheet[surface.pixels] = np.where(depth > 0, 2, 1)
    seen, share = _shares_at_pixels(surface, shares, blend)
    n_colours = len(colours)
    sheet[surface.pixels[seen]] = 4 + np.clip(np.rint(share * (n_colours - 1)), 0, n_colours - 1).astype(np.uint8)
    sheet[_outline(sheet)] = 3
    return _png(sheet.reshape(HEIGHT_PX, WIDTH_PX), np.vstack([np.array(((0, 0, 0), *_GREYS)), colours]))


def _shares_at_pixels(surface: Surface, shares: Floats, blend: bool) -> tuple[NDArray[np.bool_], Floats]:
    """Which pixels have a colour - those whose nearest vertex has one - and the share there."""
    rows = np.arange(len(surface.corners))
    nearest = surface.corners[rows, surface.weights.argmax(axis=1)]
    seen = np.isfinite(shares[nearest])
    if not blend:
        return seen, shares[nearest[seen]]
    around = shares[surface.corners[seen]]
    weights = np.where(np.isfinite(around), surface.weights[seen], 0.0)
    mixed: Floats = (np.nan_to_num(around) * weights).sum(axis=1) / weights.sum(axis=1)
    return seen, mixed


def _outline(sheet: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Painted pixels with an empty one beside them."""
    painted = sheet.reshape(HEIGHT_PX, WIDTH_PX) > 0
    inner = painted.copy()
    inner[1:] &= painted[:-1]
    inner[:-1] &= painted[1:]
    inner[:, 1:] &= painted[:, :-1]
    inner[:, :-1] &= painted[:, 1:]
    return (painted & ~inner).ravel()


def _png(sheet: NDArray[np.uint8], palette: NDArray[np.int64]) -> bytes:
    from PIL import Image

    image = Image.fromarray(sheet).convert("P")
    image.putpalette(palette.astype(np.uint8).tobytes())
    file = io.BytesIO()
    image.save(file, format="PNG", optimize=True, transparency=0)
    return file.getvalue()


def data_uri(png: bytes) -> str:
    """The file as the address of an image."""
    return "data:image/png;base64," + b64encode(png).decode()
