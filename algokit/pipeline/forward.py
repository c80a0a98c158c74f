"""Batches of images -> pooled features on the host: one forward pass gives every layer and every pooling."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from algokit.backbones import Backbone, LayerInfo, Preprocess
from algokit.errors import RunError
from algokit.poolings import CATALOGUE as POOLINGS
from algokit.poolings import PoolingSpec
from algokit.recipe.plan import Space, Step
from algokit.types import Finding

if TYPE_CHECKING:
    import torch
    from torch import Tensor

_POOLING: TypeAdapter[Any] = TypeAdapter(PoolingSpec)
_LARGEST_HALF = 65504.0


def normalised(pixels: Tensor, how: Preprocess) -> Tensor:
    """(n, size_px, size_px, 3) uint8 RGB -> the network's input: (n, 3, size_px, size_px) float32, same device.

    On the CPU channels stay last in memory: convolutions take that as fast, their maps come out so, and are pooled
    several times faster (`algokit.poolings.adaptive_pooling`).
    """
    n, height, width, channels = pixels.shape
    rows = pixels.reshape(n * height, width * channels).float().div_(255.0)
    mean, std = (rows.new_tensor(one).repeat(width) for one in (how.mean, how.std))  # long rows are what vectors like
    values = rows.sub_(mean).div_(std).view(pixels.shape).permute(0, 3, 1, 2)
    return values if values.device.type == "cpu" else values.contiguous()


@dataclass
class Forward:
    """A loaded backbone with the feature steps wanted of it.

    Attributes
    ----------
    largest_batch : images per forward pass (0: as many as there come), halved when the device runs out of memory.
    note : says so; "" where that has not happened.
    busy_s : seconds the device has worked, moving included.
    """

    backbone: Backbone
    spaces: Sequence[Space]
    steps: Sequence[Step]
    device: str
    largest_batch: int = 0
    note: str = ""
    busy_s: float = 0.0
    _groups: list[_Group] = field(init=False)

    def __post_init__(self) -> None:
        self._groups = _grouped(self.spaces)

    def __call__(self, pixels: NDArray[np.uint8]) -> list[NDArray[Any]]:
        """(n, size_px, size_px, 3) RGB -> per step (n, n_features) in the recipe's dtype.

        Raises
        ------
        RunError : a feature is not finite in that dtype.
        """
        started = time.perf_counter()
        try:
            return self._halved_until_it_fits(pixels)
        finally:
            self.busy_s += time.perf_counter() - started

    def _halved_until_it_fits(self, pixels: NDArray[np.uint8]) -> list[NDArray[Any]]:
        import torch

        while True:
            try:
                size = self.largest_batch or len(pixels)
                parts = [self.once(pixels[start : start + size]) for start in range(0, len(pixels), size)]
            except torch.OutOfMemoryError:
                if size == 1:
                    raise
            else:
                return parts[0] if len(parts) == 1 else [np.concatenate(one) for one in zip(*parts, strict=True)]
            self.largest_batch = (size + 1) // 2  # outside of except, which keeps the tensors alive
            torch.cuda.empty_cache()
            self.note = f", {self.largest_batch} images per pass: the device's memory ran full"

    def once(self, pixels: NDArray[np.uint8]) -> list[NDArray[Any]]:
        """One forward pass, whatever its size."""
        import torch

        with torch.inference_mode():
            host = torch.from_numpy(pixels)
            if self.device.startswith("cuda"):
                host = host.pin_memory()
            images = normalised(host.to(self.device, non_blocking=True), self.backbone.card.preprocess)
            activations = self._activations(images)
            pooled: dict[int, Tensor] = {}
            for group in self._groups:
                pooled |= group.pooled(activations[group.layer.name].float())
            in_order = [pooled[position] for position in range(len(self.spaces))]
            return self._stored(in_order)

    def _activations(self, images: Tensor) -> Mapping[str, Tensor]:
        import torch

        layers = list(dict.fromkeys(space.layer.name for space in self.spaces))
        autocast = self.steps[0].params.get("autocast")
        if autocast is None:
            return self.backbone.activations(images, layers)
        with torch.autocast(images.device.type, dtype=getattr(torch, autocast)):
            return self.backbone.activations(images, layers)

    def _stored(self, features: Sequence[Tensor]) -> list[NDArray[Any]]:
        """In the recipe's dtype, on the host; converted on the device, so that half as much is moved."""
        import torch

        dtype: torch.dtype = getattr(torch, self.steps[0].params["dtype"])
        extremes = torch.stack([torch.stack(torch.aminmax(values)) for values in features])
        largest = extremes.abs().amax(dim=1).tolist()  # of NaN and numbers it is NaN
        limit = _LARGEST_HALF if dtype == torch.float16 else np.inf
        for step, magnitude in zip(self.steps, largest, strict=True):
            if not (magnitude <= limit and np.isfinite(magnitude)):
                _refuse(step, magnitude)
        return [values.to(dtype).cpu().numpy() for values in features]


@dataclass(frozen=True)
class _Group:
    """The poolings of one kind of one layer, which share work: position of the space -> pooling."""

    layer: LayerInfo
    pool: Callable[..., Sequence[Tensor]]
    specs: dict[int, Any]

    def pooled(self, values: Tensor) -> dict[int, Tensor]:
        together = self.pool(values, self.layer, list(self.specs.values()))
        return dict(zip(self.specs, together, strict=True))


def _grouped(spaces: Sequence[Space]) -> list[_Group]:
    groups: dict[tuple[str, str], _Group] = {}
    specs = [_POOLING.validate_python(space.pooling) for space in spaces]
    members = {kind: POOLINGS.load(kind) for kind in {spec.kind for spec in specs}}
    for position, (space, spec) in enumerate(zip(spaces, specs, strict=True)):
        name = space.layer.name, spec.kind
        if name not in groups:
            groups[name] = _Group(space.layer, members[spec.kind], {})
        groups[name].specs[position] = spec
    return list(groups.values())


def _refuse(step: Step, magnitude: float) -> None:
    dtype = step.params["dtype"]
    finding = Finding(
        f"a feature is not finite in {dtype}",
        where=step.id,
        found=f"largest magnitude {magnitude:g}",
        advice="set features.dtype: float32" if dtype == "float16" else "check the weights",
        code="feature-not-finite",
    )
    raise RunError("the backbone gave features that cannot be stored", [finding])
