"""No pooling: every value of the activation is a feature."""

from __future__ import annotations

from torch import Tensor

from algokit.backbones import LayerInfo
from algokit.poolings import FlattenSpec


def flatten(values: Tensor, layer: LayerInfo, spec: FlattenSpec) -> Tensor:
    """(n, *shape) -> (n, product of shape), in memory order."""
    return values.flatten(1)
