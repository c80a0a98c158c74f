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


def library_network(spec):
    """The network straight from its library on the meta device."""
    with torch.device("meta"):
        if spec.kind == "timm":
            return timm.create_model(spec.name)
        if spec.kind == "torchvision":
            return torchvision.models.get_model(spec.name)
        return open_clip.create_model(spec.name, device="meta").visual


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
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
        assert tuple(found[layer.name].shape[1:]) == shape
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
    "torchvision--resnet50": 4.089,  # torchvision's table of weights, as the next two
    "torchvision--alexnet": 0.714,
    "torchvision--squeezenet1_0": 0.819,
    "open_clip--convnext_xxlarge": 198.0,  # LAION's model card
}


@pytest.mark.parametrize("name", PUBLISHED_GMAC)
def test_flops_are_twice_the_published_multiply_adds(name):
    card = shipped_card(*name.split("--"))
    assert card.flops_per_image / 2e9 == pytest.approx(PUBLISHED_GMAC[name], rel=0.01)


@pytest.mark.parametrize(
    ("name", "depth", "width", "patch_px", "mlp_width"),
    [
        ("timm--vit_base_patch16_224", 12, 768, 16, 3072),
        ("open_clip--ViT-B-32", 12, 768, 32, 3072),
        ("open_clip--ViT-L-14", 24, 1024, 14, 4096),
        ("open_clip--EVA01-g-14", 40, 1408, 14, 6144),
        ("open_clip--EVA02-E-14", 64, 1792, 14, 15360),
    ],
)
def test_flops_of_a_transformer_follow_from_its_sizes(name, depth, width, patch_px, mlp_width):
    n_patches = (224 // patch_px) ** 2
    n_tokens = n_patches + 1
    block = n_tokens * (4 * width**2 + 2 * width * mlp_width) + 2 * n_tokens**2 * width
    multiply_adds = n_patches * 3 * patch_px**2 * width + depth * block
    assert shipped_card(*name.split("--")).flops_per_image == pytest.approx(2 * multiply_adds, rel=1e-3)


PUBLISHED_PARAMETERS_M = {
    "torchvision--alexnet": 61.1,
    "torchvision--squeezenet1_0": 1.248,
    "timm--mobilenetv2_100": 3.5,
    "open_clip--EVA02-E-14": 4350,
    "open_clip--convnext_xxlarge": 847,
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
