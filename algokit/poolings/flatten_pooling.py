"""No pooling: every value of the activation is a feature."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from algokit.backbones import LayerInfo
from algokit.poolings import FlattenSpec


def flatten(values: Tensor, layer: LayerInfo, specs: Sequence[FlattenSpec]) -> list[Tensor]:
    """(n, *shape) -> (n, product of shape), channels first in maps."""
    return [values.flatten(1) for _ in specs]
