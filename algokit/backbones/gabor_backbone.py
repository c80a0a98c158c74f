"""A weight-free Gabor pyramid: oriented contrast energy at several scales, and the energy of that energy.

Layer ``gabor.i`` is the modulus of a complex Gabor filter of wavelength i, one channel per orientation, sampled every
half wavelength. The filters are one octave wide, give 0 for a constant and 1 for a full-contrast grating of their
own wavelength and orientation. Layer ``texture`` passes the finest energy maps through Gabors four times as long:
it answers to borders and stripes made of texture. Beyond its border an image continues as its mirror image.

Source: Adelson & Bergen 1985 (energy), Landy & Bergen 1991 (texture), Kay et al. 2008 (as a model of visual cortex).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from algokit.backbones import BackboneCard, GaborSpec, LayerInfo, Preprocess, WeightsRecord

if TYPE_CHECKING:
    import torch

FORMULA = "no weights (Gabor formula 1)"  # goes into keys: raise the number when a filter's values change
SIGMA = 3 / math.pi * math.sqrt(math.log(2) / 2)  # SD of the window in wavelengths: one octave between half heights
TEXTURE_RATIO = 4.0  # wavelength of the texture stage over the finest wavelength
LUMA = (0.299, 0.587, 0.114)
_REACH = 5.0  # the window is cut off beyond this many SDs


@dataclass(frozen=True)
class _Stage:
    """One bank of filters: ``wavelength`` in samples of its square input maps of side ``size``."""

    name: str
    n_inputs: int
    size: int
    wavelength: float

    @property
    def stride(self) -> int:
        return max(1, round(self.wavelength / 2))

    @property
    def n_out(self) -> int:
        return max(1, self.size // self.stride)

    def flops(self, n_orientations: int) -> float:
        """One complex matrix product per axis, for every orientation and the constant's correction."""
        n_products = self.n_inputs * (n_orientations + 1)
        return 8.0 * n_products * self.n_out * self.size * (self.size + self.n_out)


def _preprocess(spec: GaborSpec) -> Preprocess:
    base = Preprocess(
        size_px=spec.size_px,
        resize="squash",
        resize_px=spec.size_px,
        crop="none",
        interpolation="bicubic",
        mean=(0.0, 0.0, 0.0),
        std=(1.0, 1.0, 1.0),
    )
    return spec.preprocess.applied_to(base) if spec.preprocess else base


def _stages(spec: GaborSpec) -> list[_Stage]:
    size = _preprocess(spec).size_px
    stages = [_Stage(f"gabor.{i}", 1, size, wavelength) for i, wavelength in enumerate(spec.wavelengths_px)]
    finest = stages[0]
    wavelength = TEXTURE_RATIO * finest.wavelength / finest.stride
    return [*stages, _Stage("texture", spec.n_orientations, finest.n_out, wavelength)]


def describe(spec: GaborSpec) -> BackboneCard:
    """The card, by arithmetic alone."""
    stages, n = _stages(spec), spec.n_orientations
    return BackboneCard(
        kind="gabor",
        name=f"gabor-{len(spec.wavelengths_px)}x{n}",
        source="algokit, after Adelson & Bergen 1985 and Kay et al. 2008",
        n_parameters=0,
        flops_per_image=sum(stage.flops(n) for stage in stages),
        preprocess=_preprocess(spec),
        layers=tuple(
            LayerInfo(name=s.name, layout="map", channels=s.n_inputs * n, height=s.n_out, width=s.n_out) for s in stages
        ),
    )


def weights_digest(spec: GaborSpec) -> WeightsRecord:
    """There are no weights."""
    return WeightsRecord(FORMULA, "", False)


def load(spec: GaborSpec, device: str) -> GaborBackbone:
    """Build the filters on ``device``."""
    return GaborBackbone(spec, device)


def _axis_filters(stage: _Stage, frequencies: NDArray[np.float64]) -> NDArray[np.complex128]:
    """One axis of separable filters, mirrored border and subsampling included, as matrices.

    Parameters
    ----------
    frequencies : (n_filters,) cycles per sample along this axis.

    Returns
    -------
    (n_filters, n_out, size).
    """
    sigma = SIGMA * stage.wavelength
    first = (stage.size - 1 - (stage.n_out - 1) * stage.stride) // 2
    centres = first + stage.stride * np.arange(stage.n_out)
    reach = math.ceil(_REACH * sigma)
    taps = np.arange(-reach, stage.size + reach)
    distance = centres[:, None] - taps
    window = np.exp(-0.5 * (distance / sigma) ** 2) * (np.abs(distance) <= reach) / (sigma * math.sqrt(2 * math.pi))
    waves = window * np.exp(2j * np.pi * frequencies[:, None, None] * distance)
    place = taps % (2 * stage.size)
    mirrored = np.minimum(place, 2 * stage.size - 1 - place)
    return np.asarray(waves @ np.eye(stage.size)[mirrored])


class _Energy:
    """A filter bank on a device: maps -> modulus of the complex responses."""

    def __init__(self, stage: _Stage, n_orientations: int, device: str) -> None:
        import torch

        angles = np.pi * np.arange(n_orientations) / n_orientations
        # The last filter is the window alone; a share of it makes every filter blind to a constant.
        columns = _axis_filters(stage, np.append(np.cos(angles), 0.0) / stage.wavelength)
        rows = _axis_filters(stage, np.append(np.sin(angles), 0.0) / stage.wavelength)
        self._columns = torch.from_numpy(columns).to(torch.complex64).to(device)
        self._rows = torch.from_numpy(rows).to(torch.complex64).to(device)
        self._constant = math.exp(-2 * (math.pi * SIGMA) ** 2)

    def __call__(self, maps: torch.Tensor) -> torch.Tensor:
        """(n, n_inputs, size, size) -> (n, n_inputs * n_orientations, n_out, n_out)."""
        import torch

        half = torch.einsum("kyh,nchw->nckyw", self._rows, maps.to(torch.complex64))
        waves = torch.einsum("nckyw,kxw->nckyx", half, self._columns)
        return 2 * (waves[:, :, :-1] - self._constant * waves[:, :, -1:]).abs().flatten(1, 2)


class GaborBackbone:
    """The pyramid on a device; satisfies `algokit.backbones.Backbone`."""

    def __init__(self, spec: GaborSpec, device: str) -> None:
        self.card = describe(spec)
        self.weights = weights_digest(spec)
        *energies, texture = _stages(spec)
        self._energies = {stage.name: _Energy(stage, spec.n_orientations, device) for stage in energies}
        self._texture = _Energy(texture, spec.n_orientations, device)

    def compiled(self) -> GaborBackbone:
        """Itself."""
        return self

    def activations(self, images: torch.Tensor, layers: Sequence[str]) -> dict[str, torch.Tensor]:
        """The named layers of a batch; see `algokit.backbones.Backbone`."""
        grey = images.new_tensor(LUMA).view(1, 3, 1, 1).mul(images).sum(1, keepdim=True)
        wanted = {*layers, "gabor.0"} if "texture" in layers else set(layers)
        maps = {name: stage(grey) for name, stage in self._energies.items() if name in wanted}
        if "texture" in layers:
            maps["texture"] = self._texture(maps["gabor.0"])
        return {name: maps[name] for name in layers}
