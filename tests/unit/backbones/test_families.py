"""One small member per family of networks: its layers lead to its own output, and no prefix token gets into a map."""

import functools

import pytest
import torch
from pydantic import TypeAdapter

from algokit.backbones import CATALOGUE, BackboneSpec
from algokit.poolings import CATALOGUE as POOLINGS
from algokit.poolings import AdaptiveMaxSpec, AdaptiveMeanSpec


def timm_rest(network, last):
    return network.forward_head(network.norm(last))


FAMILIES = {  # what a recipe says, and what the network itself puts behind its last layer
    "timm ViT": (
        {"kind": "timm", "name": "vit_tiny_patch16_224", "options": {"img_size": 48, "depth": 2}},
        timm_rest,
    ),
    "timm ConvNet": (
        {"kind": "timm", "name": "test_convnext"},
        lambda network, last: network.forward_head(network.norm_pre(last)),
    ),
    "SAM": (
        {
            "kind": "timm",
            "name": "samvit_base_patch16",  # blocks 0 and 1 see windows of 3 x 3 patches, block 2 sees all
            "options": {"img_size": 64, "depth": 3, "embed_dim": 48, "num_heads": 2, "window_size": 3},
        },
        lambda network, last: network.forward_head(network.neck(last)),
    ),
    "DINOv2 with registers": (
        {"kind": "timm", "name": "vit_small_patch14_reg4_dinov2", "options": {"img_size": 56, "depth": 2}},
        timm_rest,
    ),
    "SigLIP": (
        {"kind": "timm", "name": "vit_base_patch16_siglip_224", "options": {"img_size": 48, "depth": 2}},
        timm_rest,
    ),
    "open_clip transformer": (
        {"kind": "open_clip", "name": "ViT-S-32"},
        lambda tower, last: tower.ln_post(last[:, 0]) @ tower.proj,
    ),
    "open_clip tower of timm": (
        {"kind": "open_clip", "name": "vit_medium_patch16_gap_256"},
        timm_rest,
    ),
    "open_clip ResNet": ({"kind": "open_clip", "name": "RN50"}, lambda tower, last: tower.attnpool(last)),
    "torchvision": ({"kind": "torchvision", "name": "resnet18"}, lambda _network, last: last),
    "CORnet-S": ({"kind": "cornet", "options": {"width": 8}}, lambda _network, last: last),
    "ONE-PEACE": (
        {"kind": "one_peace", "options": {"width": 32, "depth": 2, "heads": 2, "inner_width": 64, "grid": 3}},
        lambda _network, last: last,
    ),
}


@functools.cache
def family(name):
    """The loaded backbone, the network inside it, two images, and every layer."""
    spec = TypeAdapter(BackboneSpec).validate_python({"weights": "random", **FAMILIES[name][0]})
    backbone = CATALOGUE.load(spec.kind).load(spec, "cpu")
    size_px = backbone.card.preprocess.size_px
    images = torch.randn(2, 3, size_px, size_px, generator=torch.Generator().manual_seed(0))
    found = backbone.activations(images, [layer.name for layer in backbone.card.layers])
    return backbone, backbone._trunk.network, images, found


def families_of(layout):
    """Names of the families whose first layer has that layout."""
    tokens = {"timm ViT", "DINOv2 with registers", "SigLIP", "ONE-PEACE"}
    tokens |= {"open_clip transformer", "open_clip tower of timm"}
    return sorted(tokens if layout == "tokens" else FAMILIES.keys() - tokens)


@pytest.mark.parametrize("name", FAMILIES)
def test_the_last_layer_and_the_rest_of_the_network_give_the_networks_own_output(name):
    backbone, network, images, found = family(name)
    rest, last = FAMILIES[name][1], found[backbone.card.layers[-1].name]
    with torch.inference_mode():
        torch.testing.assert_close(rest(network, last), network(images), rtol=1e-4, atol=1e-5)


def pooled(values, layer):
    made = [
        POOLINGS.load(spec.kind)(values, layer, [spec])[0]
        for spec in (AdaptiveMaxSpec(kind="adaptive_max", grid=2), AdaptiveMeanSpec(kind="adaptive_mean", grid=3))
    ]
    return torch.cat(made, dim=1)


@pytest.mark.parametrize("name", families_of("tokens"))
def test_prefix_tokens_change_nothing_that_is_pooled_from_a_layer_and_patches_do(name):
    backbone, _, _, found = family(name)
    for layer in backbone.card.layers:
        values = found[layer.name].clone()
        before = pooled(values, layer)
        values[:, : layer.n_prefix] = 1e6
        assert torch.equal(pooled(values, layer), before)
        values[:, layer.n_prefix] = 1e6
        assert not torch.equal(pooled(values, layer), before)


@pytest.mark.parametrize("name", families_of("map"))
def test_rows_and_columns_of_a_map_are_those_of_the_image(name):
    """The first layer of all these is local: far from the one corner of an image that changed, it does not change."""
    backbone, _, images, found = family(name)
    first = backbone.card.layers[0].name
    changed = images.clone()
    changed[:, :, :4, -4:] += 1  # top right
    difference = (backbone.activations(changed, [first])[first] - found[first]).abs().sum((0, 1))
    assert difference[0, -1] > 0
    assert difference[-1, 0] == difference[0, 0] == difference[-1, -1] == 0


@pytest.mark.parametrize("name", ["timm ViT", "DINOv2 with registers", "SigLIP"])
def test_patch_tokens_lie_on_their_grid_row_by_row(name):
    """As timm itself lays them out, prefix tokens apart."""
    backbone, network, images, found = family(name)
    layer = backbone.card.layers[-1]
    with torch.inference_mode():
        (theirs,) = network.forward_intermediates(images, indices=1, intermediates_only=True)
    patches = found[layer.name][:, layer.n_prefix :].transpose(1, 2).unflatten(2, (layer.height, layer.width))
    torch.testing.assert_close(patches, theirs)


def test_windowed_attention_gives_maps_with_channels_first():
    _, network, images, found = family("SAM")
    outputs = []
    handles = [block.register_forward_hook(lambda _m, _i, out: outputs.append(out)) for block in network.blocks]
    with torch.inference_mode():
        network(images)
    for handle in handles:
        handle.remove()
    for values, output in zip(found.values(), outputs, strict=True):
        assert output.shape == (2, 4, 4, 48)  # rows, columns, channels
        torch.testing.assert_close(values, output.movedim(-1, 1))
