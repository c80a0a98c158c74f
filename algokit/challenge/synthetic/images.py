"""Images with natural statistics: dead leaves, that is opaque textured shapes of all sizes in front of each other.

Occlusion and a power law of sizes give the borders, the flat areas and the 1/f amplitude spectrum of photographs
(Lee, Mumford & Huang 2001). Every scene has its own palette, dominant orientation, elongation and texture, so that
scenes differ in what oriented filters see.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

_CANVAS_PX = 256  # drawn large and averaged down, so that borders are not jagged
_N_LEAVES = 700
_N_TILES = 24
_CORNERS = 2 * np.pi * np.arange(12) / 12


def texture_tiles(rng: np.random.Generator) -> NDArray[np.float64]:
    """Seamless oriented noise of unit SD, 8 orientations at each of three scales: (24, 256, 256)."""
    fy, fx = np.fft.fftfreq(_CANVAS_PX)[:, None], np.fft.rfftfreq(_CANVAS_PX)[None, :]
    tiles = []
    for scale in (24, 16, 10.7):
        for angle in np.pi * np.arange(_N_TILES // 3) / (_N_TILES // 3):
            along, across = fx * math.cos(angle) + fy * math.sin(angle), fy * math.cos(angle) - fx * math.sin(angle)
            band = np.exp(-((np.abs(along) - 1 / scale) ** 2 + across**2) / (2 * (0.3 / scale) ** 2))
            noise = np.fft.rfft2(rng.standard_normal((_CANVAS_PX, _CANVAS_PX)))
            tile = np.fft.irfft2(noise * band, s=(_CANVAS_PX, _CANVAS_PX))
            tiles.append(tile / tile.std())
    return np.stack(tiles)


def draw_scene(rng: np.random.Generator, tiles: NDArray[np.float64], size_px: int) -> NDArray[np.uint8]:
    """One scene: (size_px, size_px, 3) uint8 RGB; ``tiles`` as `texture_tiles` gives them."""
    covering = _covering_leaf(rng)
    canvas = _colours(rng)[covering] + _grain(rng, tiles, covering)[..., None]
    picture = Image.fromarray(np.rint(255 * np.clip(canvas, 0, 1)).astype(np.uint8))
    return np.asarray(picture.resize((size_px, size_px), Image.Resampling.BOX))


def _covering_leaf(rng: np.random.Generator) -> NDArray[np.int32]:
    """Which leaf is in front at every pixel (0 where none is): (256, 256)."""
    canvas = Image.new("I", (_CANVAS_PX, _CANVAS_PX), 0)
    pen = ImageDraw.Draw(canvas)
    for number, outline in enumerate(_outlines(rng), start=1):
        pen.polygon(outline.ravel().tolist(), fill=number)
    return np.asarray(canvas)


def _outlines(rng: np.random.Generator) -> NDArray[np.float64]:
    """Ellipses as polygons, back to front: (n_leaves, n_corners, 2) in pixels of the canvas."""
    n, smallest, largest = _N_LEAVES, _CANVAS_PX / 100, _CANVAS_PX / rng.uniform(1.5, 3.0)
    # Density r^-3 by the inverse of its distribution function: every octave of sizes covers the same area.
    radius = (smallest**-2 - rng.random(n) * (smallest**-2 - largest**-2)) ** -0.5
    stretch = np.exp(rng.uniform(0.0, 0.8) * rng.uniform(0.5, 1.0, n))
    angle = rng.uniform(0, np.pi) + rng.normal(0, rng.uniform(0.15, 1.2), n)
    long, short = (radius * stretch)[:, None] * np.cos(_CORNERS), (radius / stretch)[:, None] * np.sin(_CORNERS)
    cos, sin = np.cos(angle)[:, None], np.sin(angle)[:, None]
    centre = rng.uniform(-0.1 * _CANVAS_PX, 1.1 * _CANVAS_PX, (n, 1, 2))
    return np.asarray(np.stack([long * cos - short * sin, long * sin + short * cos], axis=-1) + centre)


def _colours(rng: np.random.Generator) -> NDArray[np.float64]:
    """(n_leaves + 1, 3) around the scene's mean: light varies most, hue a little, as in photographs."""
    n = _N_LEAVES + 1
    light = rng.uniform(0.35, 0.6) + rng.uniform(0.06, 0.25) * rng.standard_normal((n, 1))
    return np.asarray(light + rng.normal(0, 0.06, 3) + rng.normal(0, 0.05, (n, 3)))


def _grain(rng: np.random.Generator, tiles: NDArray[np.float64], covering: NDArray[np.int32]) -> NDArray[np.float64]:
    """Texture on every leaf: (256, 256). A scene prefers a few neighbouring tiles."""
    n = _N_LEAVES + 1
    contrast = rng.uniform(0.01, 0.15) * rng.random(n)
    tile = (rng.integers(_N_TILES) + np.rint(rng.normal(0, 1.5, n)).astype(np.int64)) % _N_TILES
    down, right = rng.integers(0, _CANVAS_PX, (2, n))
    y, x = np.ogrid[:_CANVAS_PX, :_CANVAS_PX]
    grain = tiles[tile[covering], (y + down[covering]) % _CANVAS_PX, (x + right[covering]) % _CANVAS_PX]
    return np.asarray(contrast[covering] * grain)
