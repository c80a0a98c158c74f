"""Adaptive max and mean pooling of maps, and of patch tokens laid out on their grid, to k x k cells."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, channels_last
from torch.nn.functional import adaptive_avg_pool2d, adaptive_max_pool2d

from algokit.backbones import LayerInfo
from algokit.poolings import AdaptiveMaxSpec, AdaptiveMeanSpec


def adaptive_max(values: Tensor, layer: LayerInfo, specs: Sequence[AdaptiveMaxSpec]) -> list[Tensor]:
    """Largest value of every cell.

    Cell i of k covers rows floor(i h / k) to ceil((i + 1) h / k) - 1, so cells overlap where k does not divide h.

    Parameters
    ----------
    values : (n, channels, height, width) map or (n, n_tokens, channels) tokens; prefix tokens are dropped.

    Returns
    -------
    Per spec (n, channels * k * k), channel by channel, each cell row by row.
    """
    whole = _map(values, layer)
    pooled: dict[int, Tensor] = {}
    for side in sorted({_side(spec) for spec in specs}, reverse=True):
        finer = [pooled[other] for other in pooled if other % side == 0]  # each cell is then a block of those cells
        pooled[side] = adaptive_max_pool2d(finer[-1] if finer else whole, side)
    return [pooled[_side(spec)].flatten(1) for spec in specs]


def adaptive_mean(values: Tensor, layer: LayerInfo, specs: Sequence[AdaptiveMeanSpec]) -> list[Tensor]:
    """Mean of every cell; cells and order as in `adaptive_max`."""
    cells = _map(values, layer)
    return [adaptive_avg_pool2d(cells, _side(spec)).flatten(1) for spec in specs]


def _map(values: Tensor, layer: LayerInfo) -> Tensor:
    """The activation as (n, channels, height, width); on the CPU with channels last in memory.

    Torch's adaptive pooling of the CPU works on vectors of channels then, several times faster than cell by cell, and
    that is how tokens lie anyway.
    """
    if layer.layout == "tokens":
        patches = values[:, layer.n_prefix :].transpose(1, 2)
        values = patches.reshape(len(values), layer.channels, layer.height, layer.width)
    return values.contiguous(memory_format=channels_last) if values.device.type == "cpu" else values


def _side(spec: AdaptiveMaxSpec | AdaptiveMeanSpec) -> int:
    if not isinstance(spec.grid, int):  # torch would take two sides for height and width
        raise TypeError("expand a list of grids with each() first")
    return spec.grid
