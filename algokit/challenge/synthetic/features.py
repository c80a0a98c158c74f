"""The features the demo's brains read: Gabor energy and texture, computed in the Fourier domain.

The definition is that of the ``gabor`` backbone at its default settings, reached by another road (no filter is ever
sampled in space), so that each is a check of the other. Numbers here repeat that definition on purpose.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIZE_PX = 96
N_ORIENTATIONS = 8
WAVELENGTHS_PX = (4, 8, 16, 32)
LAYERS = (*(f"gabor.{i}" for i in range(len(WAVELENGTHS_PX))), "texture")
_TEXTURE_WAVELENGTH = 8  # samples of the finest maps, which lie 2 px apart: four times 4 px
_OCTAVE_SD = 0.5621  # SD of a window that makes a filter one octave wide, in wavelengths
_ANGLES = np.pi * np.arange(N_ORIENTATIONS) / N_ORIENTATIONS


def grey(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """An RGB image -> (96, 96) float32 luma in 0..1, resized as the backbone's preprocessing does."""
    resized = Image.fromarray(image).resize((SIZE_PX, SIZE_PX), Image.Resampling.BICUBIC)
    return np.asarray(np.asarray(resized, np.float32) / 255 @ np.array([0.299, 0.587, 0.114], np.float32))


class GaborFeatures:
    """Filter banks of the five layers, ready for use."""

    def __init__(self) -> None:
        self._first = [_spectra(SIZE_PX, wavelength) for wavelength in WAVELENGTHS_PX]
        self._second = _spectra(SIZE_PX // 2, _TEXTURE_WAVELENGTH)

    def maps(self, luma: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        """One grey image (96, 96) -> layer -> (channels, side, side)."""
        spectrum = _mirrored_spectrum(luma[None])
        steps = [wavelength // 2 for wavelength in WAVELENGTHS_PX]
        maps = [_energy(spectrum, bank, step) for bank, step in zip(self._first, steps, strict=True)]
        texture = _energy(_mirrored_spectrum(maps[0]), self._second, _TEXTURE_WAVELENGTH // 2)
        return dict(zip(LAYERS, [*maps, texture], strict=True))


def pooled(maps: NDArray[np.float32], grid: int) -> NDArray[np.float32]:
    """(channels, side, side) -> (channels * grid * grid,): maxima over the cells of a grid that divides the side."""
    channels, cell = len(maps), maps.shape[1] // grid
    return np.asarray(maps.reshape(channels, grid, cell, grid, cell).max((2, 4)).ravel())


def _spectra(side: int, wavelength: float) -> NDArray[np.float32]:
    """Transfer functions (orientations, 2 side, 2 side): a Gaussian around +1/wavelength, less its value at zero."""
    frequency = np.fft.fftfreq(2 * side)

    def bump(fx: float, fy: float) -> NDArray[np.float64]:
        dy, dx = ((frequency - f + 0.5) % 1 - 0.5 for f in (fy, fx))
        decay = -2 * (np.pi * _OCTAVE_SD * wavelength) ** 2
        return np.asarray(np.exp(decay * (dy[:, None] ** 2 + dx[None, :] ** 2)))

    banks = [bump(np.cos(angle) / wavelength, np.sin(angle) / wavelength) for angle in _ANGLES]
    return np.stack([2 * (bank - bank[0, 0] * bump(0, 0)) for bank in banks]).astype(np.float32)


def _mirrored_spectrum(maps: NDArray[np.float32]) -> NDArray[np.complex64]:
    """Spectrum of maps continued by mirroring, which makes them periodic in twice their side."""
    wide = np.concatenate([maps, maps[..., ::-1]], axis=-1)
    return np.asarray(np.fft.fft2(np.concatenate([wide, wide[..., ::-1, :]], axis=-2)), np.complex64)


def _energy(spectrum: NDArray[np.complex64], bank: NDArray[np.float32], step: int) -> NDArray[np.float32]:
    """(inputs, n, n) spectra through (orientations, n, n) filters -> (inputs * orientations, side, side) energy.

    Sampling every ``step`` is a sum over aliases: the inverse transform is only as large as what is kept.
    """
    n = spectrum.shape[-1]
    kept, side = n // step, n // (2 * step)
    first = (n // 2 - 1 - (side - 1) * step) // 2
    turn = np.exp(2j * np.pi * np.fft.fftfreq(n) * first).astype(np.complex64)
    shifted = spectrum * turn[:, None] * turn
    product = shifted[:, None] * bank
    folded = product.reshape(*product.shape[:2], step, kept, step, kept).sum((2, 4))
    waves = np.fft.ifft2(folded)[..., :side, :side] / step**2
    return np.abs(waves).astype(np.float32).reshape(-1, side, side)
