"""A network small enough for every test: fixed seeded weights, one layer of every layout.

``conv`` is a map (8, 8, 8) of rectified local filters; ``tokens`` are its 2 x 2 patches on a 4 x 4 grid behind one
prefix token; ``vector`` is a rectified linear map of their mean.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from algokit.backbones import BackboneCard, LayerInfo, Preprocess, TinySpec, WeightsRecord

if TYPE_CHECKING:
    import torch

_SHAPES = {"conv": (8, 3, 4, 4), "patch": (12, 8, 2, 2), "prefix": (12, 12), "vector": (10, 12)}


def describe(spec: TinySpec) -> BackboneCard:
    """The card."""
    base = Preprocess(
        size_px=16,
        resize="squash",
        resize_px=16,
        crop="none",
        interpolation="bicubic",
        mean=(0.5, 0.5, 0.5),
        std=(0.5, 0.5, 0.5),
    )
    preprocess = spec.preprocess.applied_to(base) if spec.preprocess else base
    side, grid = preprocess.size_px // 2, preprocess.size_px // 4
    sizes = {name: math.prod(shape) for name, shape in _SHAPES.items()}
    return BackboneCard(
        kind="tiny",
        name="tiny",
        source="algokit",
        n_parameters=sum(sizes.values()),
        flops_per_image=2.0 * (side**2 * sizes["conv"] + grid**2 * sizes["patch"] + sizes["prefix"] + sizes["vector"]),
        preprocess=preprocess,
        layers=(
            LayerInfo(name="conv", layout="map", channels=8, height=side, width=side),
            LayerInfo(
                name="tokens", layout="tokens", channels=12, height=grid, width=grid, n_prefix=1, n_tokens=1 + grid**2
            ),
            LayerInfo(name="vector", layout="vector", channels=10),
        ),
    )


def weights_digest(spec: TinySpec) -> WeightsRecord:
    """The weights are part of the definition, so they are not random in the sense of an untrained network."""
    digest = hashlib.sha256()
    for weight in _weights(spec.seed).values():
        digest.update(weight.numpy().tobytes())
    return WeightsRecord(f"tiny (seed {spec.seed})", digest.hexdigest(), False)


def load(spec: TinySpec, device: str) -> TinyBackbone:
    """Draw the weights and move them to ``device``."""
    return TinyBackbone(spec, device)


def _weights(seed: int) -> dict[str, torch.Tensor]:
    import torch

    generator = torch.Generator().manual_seed(seed)
    drawn = {name: torch.randn(shape, generator=generator) for name, shape in _SHAPES.items()}
    return {name: weight / weight[0].numel() ** 0.5 for name, weight in drawn.items()}


class TinyBackbone:
    """The network on a device; satisfies `algokit.backbones.Backbone`."""

    def __init__(self, spec: TinySpec, device: str) -> None:
        self.card = describe(spec)
        self.weights = weights_digest(spec)
        self._weights = {name: weight.to(device) for name, weight in _weights(spec.seed).items()}

    def compiled(self) -> TinyBackbone:
        """Itself."""
        return self

    def activations(self, images: torch.Tensor, layers: Sequence[str]) -> dict[str, torch.Tensor]:
        """The named layers of a batch; see `algokit.backbones.Backbone`."""
        import torch
        from torch.nn import functional

        conv = functional.conv2d(images, self._weights["conv"], stride=2, padding=1).relu()
        patches = functional.conv2d(conv, self._weights["patch"], stride=2).flatten(2).transpose(1, 2)
        prefix = patches.mean(1, keepdim=True) @ self._weights["prefix"].T
        tokens = torch.cat([prefix, patches], dim=1)
        vector = (tokens.mean(1) @ self._weights["vector"].T).relu()
        found = {"conv": conv, "tokens": tokens, "vector": vector}
        return {name: found[name] for name in layers}
