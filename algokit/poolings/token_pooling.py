"""Poolings of token layers: the class token, or the mean of the patch tokens."""

from __future__ import annotations

from torch import Tensor

from algokit.backbones import LayerInfo
from algokit.poolings import ClsTokenSpec, MeanTokensSpec


def cls_token(values: Tensor, layer: LayerInfo, spec: ClsTokenSpec) -> Tensor:
    """The first prefix token: (n, n_tokens, channels) -> (n, channels)."""
    return values[:, 0]


def mean_tokens(values: Tensor, layer: LayerInfo, spec: MeanTokensSpec) -> Tensor:
    """Mean over the tokens behind the prefix: (n, n_tokens, channels) -> (n, channels)."""
    return values[:, layer.n_prefix :].mean(dim=1)
