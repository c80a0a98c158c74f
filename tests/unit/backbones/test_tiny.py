"""The tiny network: its card tells the truth, its weights are fixed."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
import torch
from scipy.signal import correlate
from torch.utils.flop_counter import FlopCounterMode

from algokit.backbones import PreprocessOverride, TinySpec, tiny_backbone

SPEC = TinySpec(kind="tiny")
LAYERS = ("conv", "tokens", "vector")


def batch(n: int = 3, size: int = 16) -> torch.Tensor:
    return torch.rand(n, 3, size, size, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("size", [16, 24])
def test_activations_have_the_shapes_the_card_declares(size: int) -> None:
    spec = TinySpec(kind="tiny", preprocess=PreprocessOverride(size_px=size, resize_px=size))
    card = tiny_backbone.describe(spec)
    found = tiny_backbone.load(spec, "cpu").activations(batch(3, size), LAYERS)
    conv, tokens, vector = (card.layer(name) for name in LAYERS)
    assert found["conv"].shape == (3, conv.channels, conv.height, conv.width)
    assert found["tokens"].shape == (3, tokens.n_tokens, tokens.channels)
    assert tokens.n_tokens == tokens.n_prefix + tokens.height * tokens.width
    assert found["vector"].shape == (3, vector.channels)
    assert [layer.layout for layer in card.layers] == ["map", "tokens", "vector"]


def test_conv_is_a_rectified_correlation_with_the_drawn_filters() -> None:
    weights = torch.randn(8, 3, 4, 4, generator=torch.Generator().manual_seed(0)).numpy() / np.sqrt(48)
    image = np.pad(batch(1)[0].numpy(), ((0, 0), (1, 1), (1, 1)))
    expected = [np.maximum(correlate(image, kernel, mode="valid")[0, ::2, ::2], 0) for kernel in weights]
    found = tiny_backbone.load(SPEC, "cpu").activations(batch(1), ["conv"])["conv"][0]
    np.testing.assert_allclose(found.numpy(), np.stack(expected), atol=1e-5)


def test_an_image_gives_the_same_activations_alone_and_in_a_batch() -> None:
    backbone = tiny_backbone.load(SPEC, "cpu")
    together, alone = backbone.activations(batch(), LAYERS), backbone.activations(batch()[1:2], LAYERS)
    for name in LAYERS:
        torch.testing.assert_close(alone[name][0], together[name][1])


def test_the_cards_flops_and_parameters_are_those_torch_counts() -> None:
    backbone = tiny_backbone.load(SPEC, "cpu")
    with FlopCounterMode(display=False) as counter:
        backbone.activations(batch(1), LAYERS)
    assert backbone.card.flops_per_image == counter.get_total_flops()
    assert backbone.card.n_parameters == 8 * 3 * 4 * 4 + 12 * 8 * 2 * 2 + 12 * 12 + 10 * 12


def test_the_seed_fixes_the_weights_and_the_record_names_them() -> None:
    record, other = tiny_backbone.weights_digest(SPEC), tiny_backbone.weights_digest(TinySpec(kind="tiny", seed=1))
    assert record == tiny_backbone.load(SPEC, "cpu").weights == tiny_backbone.weights_digest(SPEC)
    assert (record.source, record.is_random) == ("tiny (seed 0)", False)
    assert len(record.sha256) == len(hashlib.sha256().hexdigest())
    assert record.sha256 != other.sha256
