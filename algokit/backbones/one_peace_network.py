"""The vision branch of ONE-PEACE: a pre-norm transformer with norms inside attention and feed-forward layers.

Source: Wang, Wang, Lin et al. 2023, "ONE-PEACE: Exploring one general representation model toward unlimited
modalities", arXiv 2305.11172. Names of the weights are those of the published checkpoint.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional

PATCH_PX = 16
N_CLASS_BIASES = 3
"""Rows of the table of biases behind those of offsets: class to patch, patch to class, class to class."""


class ChannelNorm(nn.Module):
    """Layer norm over the channels of a map."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layer_norm = nn.LayerNorm(channels)

    def forward(self, values: Tensor) -> Tensor:
        """(n, channels, height, width) -> the same, every position normalised by itself."""
        normed: Tensor = self.layer_norm(values.movedim(1, -1))
        return normed.movedim(-1, 1)


class ImageAdapter(nn.Module):
    """Pixels to tokens: three convolutions that never look across a patch, a class token, learned positions."""

    def __init__(self, width: int, heads: int, grid: int) -> None:
        super().__init__()
        narrow = width // 4
        self.grid = grid
        self.embed_images = nn.Sequential(
            nn.Conv2d(3, narrow, 4, stride=4),
            ChannelNorm(narrow),
            nn.GELU(),
            nn.Conv2d(narrow, narrow, 2, stride=2),
            ChannelNorm(narrow),
            nn.GELU(),
            nn.Conv2d(narrow, width, 2, stride=2),
        )
        self.cls_embedding = nn.Parameter(torch.randn(1, 1, width) * width**-0.5)
        self.pos_embed = nn.Parameter(torch.randn(1 + grid**2, width) * width**-0.5)
        biases = nn.Embedding((2 * grid - 1) ** 2 + N_CLASS_BIASES, heads)
        self.rel_pos_table_list = nn.ModuleList([biases])

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Tokens and what attention adds to its logits.

        Parameters
        ----------
        images : (n, 3, 16 grid, 16 grid) float32, preprocessed.

        Returns
        -------
        tokens : (n, 1 + grid ** 2, width), the class token first, patches row by row.
        bias : (heads, n_tokens, n_tokens), of a query (row) for a key (column).
        """
        patches = self.embed_images(images).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.cls_embedding.expand(len(patches), -1, -1), patches], dim=1)
        table = self.rel_pos_table_list[0](bias_index(self.grid, images.device))
        return tokens + self.pos_embed, table.permute(2, 0, 1)


def bias_index(grid: int, device: torch.device) -> Tensor:
    """Which row of the table of biases stands between every two tokens.

    Returns
    -------
    (1 + grid ** 2, 1 + grid ** 2) int64: between patches the offset query - key, counted row by row from the most
    negative one; then the three with the class token.
    """
    side, n_offsets = 2 * grid - 1, (2 * grid - 1) ** 2
    along = torch.arange(grid, device=device)
    offset = along[:, None] - along[None, :] + grid - 1
    between = offset[:, None, :, None] * side + offset[None, :, None, :]  # (row, column) of query, of key
    index = functional.pad(between.reshape(grid**2, grid**2), (1, 0, 1, 0))
    index[0, :] = n_offsets
    index[:, 0] = n_offsets + 1
    index[0, 0] = n_offsets + 2
    return index


class Attention(nn.Module):
    """Self-attention with an additive bias, and a norm in front of its last projection."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q_proj = nn.Linear(width, width)
        self.k_proj = nn.Linear(width, width, bias=False)
        self.v_proj = nn.Linear(width, width)
        self.ln = nn.LayerNorm(width)
        self.out_proj = nn.Linear(width, width)

    def forward(self, tokens: Tensor, bias: Tensor) -> Tensor:
        """(n, n_tokens, width), (heads, n_tokens, n_tokens) -> (n, n_tokens, width)."""
        query, key, value = (
            projection(tokens).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for projection in (self.q_proj, self.k_proj, self.v_proj)
        )
        mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=bias[None])
        attended: Tensor = self.out_proj(self.ln(mixed.transpose(1, 2).flatten(2)))
        return attended


class Gated(nn.Module):
    """Two projections of the same tokens, one through a GELU, multiplied."""

    def __init__(self, width: int, inner_width: int) -> None:
        super().__init__()
        self.wi_0 = nn.Linear(width, inner_width, bias=False)
        self.wi_1 = nn.Linear(width, inner_width, bias=False)

    def forward(self, tokens: Tensor) -> Tensor:
        """(n, n_tokens, width) -> (n, n_tokens, inner_width)."""
        gated: Tensor = functional.gelu(self.wi_0(tokens)) * self.wi_1(tokens)
        return gated


class Block(nn.Module):
    """Attention and a gated feed-forward layer, each on normed tokens, scaled per channel and added."""

    def __init__(self, width: int, heads: int, inner_width: int) -> None:
        super().__init__()
        self.self_attn_layer_norm = nn.LayerNorm(width)
        self.self_attn = Attention(width, heads)
        self.gamma_1 = nn.Parameter(torch.full((width,), 1e-2))
        self.final_layer_norm = nn.LayerNorm(width)
        self.image_ffn = nn.Sequential(
            Gated(width, inner_width),
            nn.Identity(),  # dropout in training; it keeps the places of the checkpoint's names
            nn.LayerNorm(inner_width),
            nn.Linear(inner_width, width),
        )
        self.gamma_2 = nn.Parameter(torch.full((width,), 1e-2))

    def forward(self, tokens: Tensor, bias: Tensor) -> Tensor:
        """(n, n_tokens, width), (heads, n_tokens, n_tokens) -> (n, n_tokens, width)."""
        tokens = tokens + self.gamma_1 * self.self_attn(self.self_attn_layer_norm(tokens), bias)
        fed: Tensor = self.image_ffn(self.final_layer_norm(tokens))
        return tokens + self.gamma_2 * fed


class OnePeaceVision(nn.Module):
    """The network; its layers are the blocks, tokens behind one class token. No norm follows the last one.

    The publisher's vision checkpoint has none either; the whole model's norm of images is part of its alignment with
    text and sound.

    Parameters
    ----------
    width : channels of a token.
    inner_width : channels inside a feed-forward layer.
    grid : patches along a side of the image, of 16 pixels each.

    Raises
    ------
    ValueError : a size is not positive, the image would be larger than 4096 pixels, or heads or 4 do not divide width.
    """

    n_prefix = 1

    def __init__(
        self, width: int = 1536, depth: int = 40, heads: int = 24, inner_width: int = 6144, grid: int = 16
    ) -> None:
        super().__init__()
        if min(width, depth, heads, inner_width, grid) < 1 or grid * PATCH_PX > 4096:
            raise ValueError("sizes are positive, and grid at most 256")
        if width % heads or width % 4:
            raise ValueError(f"width {width} is not a multiple of 4 and of {heads} heads")
        self.layer_names = tuple(f"encoder.layers.{index}" for index in range(depth))
        self.image_adapter = ImageAdapter(width, heads, grid)
        blocks = nn.ModuleList(Block(width, heads, inner_width) for _ in range(depth))
        self.encoder = nn.ModuleDict({"layers": blocks})

    def layers(self, images: Tensor) -> Iterator[tuple[str, Tensor]]:
        """(name, activation) in the order of ``layer_names``.

        Parameters
        ----------
        images : (n, 3, 16 grid, 16 grid) float32, preprocessed.
        """
        tokens, bias = self.image_adapter(images)
        for name in self.layer_names:
            tokens = self.get_submodule(name)(tokens, bias)
            yield name, tokens

    def forward(self, images: Tensor) -> Tensor:
        """(n, 3, 16 grid, 16 grid) -> (n, 1 + grid ** 2, width), the tokens of the last block."""
        *_, (_, tokens) = self.layers(images)
        return tokens
