"""The shipped cards against the libraries, and against numbers published elsewhere."""

import subprocess
import sys

import open_clip
import pytest
import timm
import torch
import torchvision

from algokit.backbones import CARDS, CATALOGUE, shipped_card
from algokit.backbones.write_cards import card_text, specs

SPECS = {f"{spec.kind}--{spec.name}": spec for spec in specs()}
LIBRARY_SPECS = {name: spec for name, spec in SPECS.items() if spec.kind in ("timm", "open_clip", "torchvision")}


def library_network(spec):
    """The network straight from its library on the meta device."""
    with torch.device("meta"):
        if spec.kind == "timm":
            return timm.create_model(spec.name)
        if spec.kind == "torchvision":
            return torchvision.models.get_model(spec.name)
        return open_clip.create_model(spec.name, device="meta").visual


def shape_of(output, is_channels_last):
    return tuple((output.movedim(-1, 1) if is_channels_last else output).shape[1:])


@pytest.mark.parametrize("spec", LIBRARY_SPECS.values(), ids=LIBRARY_SPECS)
def test_layers_are_the_outputs_of_the_librarys_own_modules_in_shape_and_order(spec):
    card = shipped_card(spec.kind, spec.name)
    network = library_network(spec)
    modules, found = dict(getattr(network, "trunk", network).named_modules()), {}
    for layer in card.layers:
        modules[layer.name].register_forward_hook(
            lambda _m, _i, output, name=layer.name: found.setdefault(name, output)
        )
    with torch.no_grad():
        network.eval()(torch.empty(1, 3, card.preprocess.size_px, card.preprocess.size_px, device="meta"))
    assert list(found) == [layer.name for layer in card.layers]
    for layer in card.layers:
        shape = {
            "map": (layer.channels, layer.height, layer.width),
            "tokens": (layer.n_tokens, layer.channels),
            "vector": (layer.channels,),
        }[layer.layout]
        assert shape_of(found[layer.name], is_channels_last=spec.name.startswith("samvit")) == shape
        assert layer.layout != "tokens" or layer.n_tokens == layer.n_prefix + layer.height * layer.width
    assert card.n_parameters == sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_a_card_is_what_its_generator_writes(spec):
    written = card_text(CATALOGUE.load(spec.kind).built_card(spec))
    assert written == card_text(shipped_card(spec.kind, spec.name))


def test_every_shipped_card_has_a_spec_in_the_generator():
    assert {path.stem for path in CARDS.glob("*.json")} == set(SPECS)


PUBLISHED_GMAC = {
    "timm--resnet18": 1.8,  # He et al. 2016, table 1
    "torchvision--resnet50": 4.089,  # torchvision's table of weights, as the others
    "torchvision--alexnet": 0.714,
    "torchvision--squeezenet1_0": 0.819,
    "timm--vit_giant_patch14_dinov2": 1784.2,  # timm's model card
    "torchvision--vgg16": 15.47,
    "torchvision--vgg19": 19.632,
}


@pytest.mark.parametrize("name", PUBLISHED_GMAC)
def test_flops_are_twice_the_published_multiply_adds(name):
    card = shipped_card(*name.split("--"))
    assert card.flops_per_image / 2e9 == pytest.approx(PUBLISHED_GMAC[name], rel=0.01)


@pytest.mark.parametrize(
    ("name", "depth", "width", "patch_px", "mlp_width"),
    [
        ("timm--vit_base_patch16_224", 12, 768, 16, 3072),
        ("timm--vit_large_patch16_224", 24, 1024, 16, 4096),
        ("timm--vit_small_patch14_dinov2", 12, 384, 14, 1536),
        ("timm--vit_base_patch14_reg4_dinov2", 12, 768, 14, 3072),
        ("timm--vit_large_patch14_reg4_dinov2", 24, 1024, 14, 4096),
        ("timm--vit_giant_patch14_dinov2", 40, 1536, 14, 6144),  # gated: two matrices of 4096, then one
        ("timm--vit_base_patch16_siglip_224", 12, 768, 16, 3072),
        ("open_clip--ViT-B-32", 12, 768, 32, 3072),
        ("open_clip--ViT-L-14", 24, 1024, 14, 4096),
        ("open_clip--EVA01-g-14", 40, 1408, 14, 6144),
        ("open_clip--EVA02-E-14", 64, 1792, 14, 15360),
    ],
)
def test_flops_of_a_transformer_follow_from_its_sizes(name, depth, width, patch_px, mlp_width):
    card = shipped_card(*name.split("--"))
    n_patches = (card.preprocess.size_px // patch_px) ** 2
    n_tokens = n_patches + card.layers[0].n_prefix
    block = n_tokens * (4 * width**2 + 2 * width * mlp_width) + 2 * n_tokens**2 * width
    multiply_adds = n_patches * 3 * patch_px**2 * width + depth * block
    assert card.flops_per_image == pytest.approx(2 * multiply_adds, rel=1e-3)


PUBLISHED_PROFILES = {  # of image towers: millions of parameters, GFLOP; open_clip's docs/model_profile.csv
    "ViT-B-32": (87.85, 8.82),
    "ViT-B-16": (86.19, 35.13),
    "ViT-L-14": (303.97, 162.03),
    "ViT-L-14-336": (304.29, 381.92),
    "ViT-H-14": (632.08, 334.59),
    "ViT-g-14": (1012.65, 534.06),
    "ViT-bigG-14": (1844.91, 967.5),
    "ViT-B-16-SigLIP": (92.88, 35.42),
    "ViT-SO400M-14-SigLIP-384": (428.23, 670.35),
    "EVA01-g-14": (1012.59, 534.06),
    "EVA02-B-16": (86.26, 35.13),
    "EVA02-L-14": (304.11, 162.0),
    "EVA02-E-14": (4350.56, 2264.33),
    "EVA02-E-14-plus": (4350.56, 2264.33),
    "convnext_xxlarge": (846.54, 395.94),
}


@pytest.mark.parametrize("name", PUBLISHED_PROFILES)
def test_parameters_and_flops_of_image_towers_are_those_open_clip_publishes(name):
    card = shipped_card("open_clip", name)
    millions, gflops = PUBLISHED_PROFILES[name]
    assert card.n_parameters / 1e6 == pytest.approx(millions, abs=0.01)
    assert card.flops_per_image / 1e9 == pytest.approx(gflops, rel=0.02)  # theirs count the head behind the last layer


PUBLISHED_PARAMETERS_M = {
    "torchvision--alexnet": 61.1,
    "torchvision--squeezenet1_0": 1.248,
    "torchvision--vgg16": 138.36,  # torchvision's table of weights, as the next
    "torchvision--vgg19": 143.67,
    "timm--mobilenetv2_100": 3.5,
    "timm--vit_small_patch14_dinov2": 22.1,  # timm's model cards, as the next two
    "timm--vit_base_patch14_reg4_dinov2": 86.6,
    "timm--vit_giant_patch14_dinov2": 1136.5,
    "timm--samvit_large_patch16": 308,  # Kirillov et al. 2023
    "timm--samvit_huge_patch16": 636,
    "open_clip--RN50": 38.32,  # open_clip's docs/model_profile.csv
}


@pytest.mark.parametrize("name", PUBLISHED_PARAMETERS_M)
def test_parameters_are_as_published(name):
    millions = shipped_card(*name.split("--")).n_parameters / 1e6
    assert millions == pytest.approx(PUBLISHED_PARAMETERS_M[name], rel=0.01)


def test_planning_with_shipped_cards_imports_no_torch_and_needs_no_network():
    script = """
import socket, sys
socket.socket.connect = lambda *_: sys.exit("a connection was opened")
import algokit.backbones as backbones
from algokit.backbones.write_cards import specs
from algokit.errors import WeightsError
for spec in specs():
    module = backbones.CATALOGUE.load(spec.kind)
    assert module.describe(spec) == backbones.shipped_card(spec.kind, spec.name)
    try:
        module.weights_digest(spec)
    except WeightsError:
        pass
heavy = {"torch", "timm", "open_clip", "torchvision"} & set(sys.modules)
sys.exit(f"imported {heavy}" if heavy else 0)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
