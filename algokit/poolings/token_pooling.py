"""Poolings of token layers: the class token, or the mean of the patch tokens."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from algokit.backbones import LayerInfo
from algokit.poolings import ClsTokenSpec, MeanTokensSpec


def cls_token(values: Tensor, layer: LayerInfo, specs: Sequence[ClsTokenSpec]) -> list[Tensor]:
    """The first prefix token: (n, n_tokens, channels) -> (n, channels)."""
    return [values[:, 0] for _ in specs]


def mean_tokens(values: Tensor, layer: LayerInfo, specs: Sequence[MeanTokensSpec]) -> list[Tensor]:
    """Mean over the tokens behind the prefix: (n, n_tokens, channels) -> (n, channels)."""
    return [values[:, layer.n_prefix :].mean(dim=1) for _ in specs]
