"""What every backbone of the catalogue promises, whatever library it comes from."""

import socket

import pytest
import torch
from pydantic import TypeAdapter

from algokit.backbones import CATALOGUE, BackboneCard, BackboneSpec

EXAMPLES = {
    "timm": [
        {"kind": "timm", "name": "test_resnet", "weights": "random"},
        {"kind": "timm", "name": "test_vit", "weights": "random"},
    ],
    "open_clip": [{"kind": "open_clip", "name": "ViT-S-32", "weights": "random"}],
    "torchvision": [
        {"kind": "torchvision", "name": "squeezenet1_0", "weights": "random", "preprocess": {"size_px": 64}}
    ],
    "cornet": [{"kind": "cornet", "weights": "random", "options": {"width": 8}, "preprocess": {"size_px": 64}}],
    "one_peace": [
        {
            "kind": "one_peace",
            "weights": "random",
            "options": {"width": 32, "depth": 2, "heads": 2, "inner_width": 64, "grid": 4},
        }
    ],
    "gabor": [{"kind": "gabor", "size_px": 32}],
    "tiny": [{"kind": "tiny"}],
}
CASES = [(kind, example) for kind, examples in EXAMPLES.items() for example in examples]


def test_every_row_of_the_catalogue_has_an_example():
    assert set(EXAMPLES) == set(CATALOGUE.rows())


@pytest.fixture(scope="module", params=CASES, ids=lambda case: case[1].get("name", case[0]))
def case(request):
    kind, example = request.param
    spec = TypeAdapter(BackboneSpec).validate_python(example)
    module = CATALOGUE.load(kind)
    return spec, module, module.load(spec, "cpu")


@pytest.fixture(autouse=True)
def _no_network(monkeypatch):
    def refuse(*_):
        raise AssertionError("a backbone opened a connection")

    monkeypatch.setattr(socket.socket, "connect", refuse)


def images_for(backbone, n=3):
    size_px = backbone.card.preprocess.size_px
    return torch.randn(n, 3, size_px, size_px, generator=torch.Generator().manual_seed(1))


def names(backbone):
    return [layer.name for layer in backbone.card.layers]


def test_the_card_is_the_description_and_survives_json(case):
    spec, module, backbone = case
    card = module.describe(spec)
    assert card == backbone.card
    assert card.kind == spec.kind
    assert BackboneCard.model_validate_json(card.model_dump_json()) == card
    assert len(set(names(backbone))) == len(names(backbone)) > 0
    assert card.flops_per_image > 0


def test_activations_have_the_layout_the_card_declares(case):
    _, _, backbone = case
    found = backbone.activations(images_for(backbone), names(backbone))
    for layer in backbone.card.layers:
        shape = {
            "map": (3, layer.channels, layer.height, layer.width),
            "tokens": (3, layer.n_tokens, layer.channels),
            "vector": (3, layer.channels),
        }[layer.layout]
        assert found[layer.name].shape == shape
        assert found[layer.name].dtype == torch.float32
        assert not found[layer.name].requires_grad
        assert torch.isfinite(found[layer.name]).all()
        if layer.layout == "tokens" and layer.height:
            assert layer.n_tokens == layer.n_prefix + layer.height * layer.width


def test_an_image_gives_the_same_rows_alone_and_in_any_batch_order(case):
    _, _, backbone = case
    images, wanted = images_for(backbone), names(backbone)
    together = backbone.activations(images, wanted)
    reversed_ = backbone.activations(images.flip(0), wanted)
    alone = backbone.activations(images[1:2], wanted)
    for name in wanted:
        torch.testing.assert_close(reversed_[name].flip(0), together[name], rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(alone[name], together[name][1:2], rtol=1e-4, atol=1e-4)


def test_one_layer_alone_equals_the_same_layer_among_all_and_images_stay_as_they_are(case):
    _, _, backbone = case
    images = images_for(backbone, 1)
    before = images.clone()
    every = backbone.activations(images, names(backbone))
    for name in (names(backbone)[0], names(backbone)[-1]):
        assert torch.equal(backbone.activations(images, [name])[name], every[name])
    assert list(backbone.activations(images, names(backbone)[::-1])) == names(backbone)[::-1]
    assert torch.equal(images, before)


def test_the_digest_is_that_of_the_loaded_weights_and_loading_again_gives_the_same_network(case):
    spec, module, backbone = case
    state = torch.random.get_rng_state()
    again = module.load(spec, "cpu")
    assert module.weights_digest(spec) == again.weights == backbone.weights
    assert torch.equal(torch.random.get_rng_state(), state)
    images, name = images_for(backbone, 1), names(backbone)[-1]
    assert torch.equal(again.activations(images, [name])[name], backbone.activations(images, [name])[name])
    assert (spec.kind not in ("gabor", "tiny")) == backbone.weights.is_random
