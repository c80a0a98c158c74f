"""Adaptive max and mean pooling of maps, and of patch tokens laid out on their grid, to k x k cells."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, adaptive_max_pool2d

from algokit.backbones import LayerInfo
from algokit.poolings import AdaptiveMaxSpec, AdaptiveMeanSpec


def adaptive_max(values: Tensor, layer: LayerInfo, spec: AdaptiveMaxSpec) -> Tensor:
    """Largest value of every cell.

    Cell i of k covers rows floor(i h / k) to ceil((i + 1) h / k) - 1, so cells overlap where k does not divide h.

    Parameters
    ----------
    values : (n, channels, height, width) map or (n, n_tokens, channels) tokens; prefix tokens are dropped.

    Returns
    -------
    (n, channels * k * k), channel by channel, each cell row by row.
    """
    pooled: Tensor = adaptive_max_pool2d(_map(values, layer), _side(spec))
    return pooled.flatten(1)


def adaptive_mean(values: Tensor, layer: LayerInfo, spec: AdaptiveMeanSpec) -> Tensor:
    """Mean of every cell; cells and order as in `adaptive_max`."""
    pooled: Tensor = adaptive_avg_pool2d(_map(values, layer), _side(spec))
    return pooled.flatten(1)


def _map(values: Tensor, layer: LayerInfo) -> Tensor:
    """The activation as (n, channels, height, width)."""
    if layer.layout == "map":
        return values
    patches = values[:, layer.n_prefix :].transpose(1, 2)
    return patches.reshape(len(values), layer.channels, layer.height, layer.width)


def _side(spec: AdaptiveMaxSpec | AdaptiveMeanSpec) -> int:
    if not isinstance(spec.grid, int):  # torch would take two sides for height and width
        raise TypeError("expand a list of grids with each() first")
    return spec.grid
