"""Adaptive max and mean pooling of maps, and of patch tokens laid out on their grid, to k x k cells."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
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
        pooled[side] = _largest_of_cells(finer[-1] if finer else whole, side)
    return [pooled[_side(spec)].flatten(1) for spec in specs]


def adaptive_mean(values: Tensor, layer: LayerInfo, specs: Sequence[AdaptiveMeanSpec]) -> list[Tensor]:
    """Mean of every cell; cells and order as in `adaptive_max`."""
    cells = _map(values, layer)
    return [adaptive_avg_pool2d(cells, _side(spec)).flatten(1) for spec in specs]


def _largest_of_cells(maps: Tensor, side: int) -> Tensor:
    """(n, channels, side, side); on the CPU by height and then by width, which looks at every value less often."""
    if maps.device.type != "cpu":
        return adaptive_max_pool2d(maps, side)
    return _largest_along(3, _largest_along(2, maps, side), side)


def _largest_along(dim: int, maps: Tensor, n_cells: int) -> Tensor:
    shape = list(maps.shape)
    n_values, shape[dim] = shape[dim], n_cells
    cells = torch.empty(shape, dtype=maps.dtype, memory_format=torch.channels_last)
    for cell in range(n_cells):
        first, after = cell * n_values // n_cells, -(-(cell + 1) * n_values // n_cells)
        torch.amax(maps.narrow(dim, first, after - first), dim, out=cells.select(dim, cell))
    return cells


def _map(values: Tensor, layer: LayerInfo) -> Tensor:
    """The activation as (n, channels, height, width); on the CPU with the channels of a place side by side in memory.

    The CPU pools vectors of channels then, several times faster than cell by cell, and that is how tokens lie anyway.
    """
    if layer.layout == "tokens":
        patches = values[:, layer.n_prefix :].transpose(1, 2)
        values = patches.reshape(len(values), layer.channels, layer.height, layer.width)
    if values.device.type != "cpu" or values.stride(1) == 1:
        return values
    return values.contiguous(memory_format=torch.channels_last)


def _side(spec: AdaptiveMaxSpec | AdaptiveMeanSpec) -> int:
    if not isinstance(spec.grid, int):  # torch would take two sides for height and width
        raise TypeError("expand a list of grids with each() first")
    return spec.grid
