import pytest
import torch
from torch import nn

from algokit.backbones import TimmSpec
from algokit.backbones.trunk import Trunk, covering_card, measured, on_device, torch_device
from algokit.errors import DeviceError


def spec(**given):
    return TimmSpec.model_validate({"kind": "timm", "name": "resnet18", **given})


def trunk_of(n_prefix=None, **shapes):
    return Trunk(
        nn.Identity(), tuple(shapes), n_prefix, lambda _images, names: {n: torch.empty(shapes[n]) for n in names}
    )


def test_layouts_follow_the_shapes_of_one_square_image():
    layers, _ = measured(trunk_of(5, a=(1, 3, 4, 4), b=(1, 9, 7), c=(1, 10)), spec(), 8)
    assert [layer.layout for layer in layers] == ["map", "tokens", "vector"]
    assert (layers[1].n_tokens, layers[1].n_prefix, layers[1].height, layers[1].width) == (9, 5, 2, 2)


def test_tokens_that_fill_no_square_have_no_grid():
    (layer,), _ = measured(trunk_of(1, a=(1, 9, 7)), spec(), 8)
    assert (layer.height, layer.width, layer.n_tokens) == (0, 0, 9)


def test_channels_last_maps_and_tokens_of_unknown_prefix_are_left_out_rather_than_guessed():
    layers, _ = measured(trunk_of(None, swin=(1, 7, 7, 96), tokens=(1, 50, 96), kept=(1, 96, 7, 7)), spec(), 8)
    assert [layer.name for layer in layers] == ["kept"]


@pytest.mark.parametrize("device", ["cuda:99", "gpu", "meta"])
def test_a_device_that_is_not_here_is_an_error_and_never_a_fallback(device):
    with pytest.raises(DeviceError, match=device):
        torch_device(device)


def test_the_network_is_float32_in_eval_mode_without_gradients():
    network = on_device(nn.Sequential(nn.Linear(2, 2), nn.Dropout()).half(), torch_device("cpu"))
    assert not network.training
    assert all(p.dtype == torch.float32 and not p.requires_grad for p in network.parameters())


@pytest.mark.parametrize(
    "given",
    [{"options": {"output_stride": 8}}, {"preprocess": {"size_px": 160}}, {"weights": "tv_in1k"}],
    ids=["options", "input size", "a tag of other preprocessing"],
)
def test_a_shipped_card_does_not_speak_for_what_would_change_it(given):
    one = spec(**given)
    assert covering_card(one, "resnet18", one.weights) is None


def test_a_shipped_card_carries_the_recipes_preprocessing():
    card = covering_card(spec(preprocess={"resize": "squash", "resize_px": 224, "crop": "none"}), "resnet18", "random")
    assert (card.preprocess.resize, card.preprocess.resize_px, card.preprocess.crop) == ("squash", 224, "none")
    assert card.preprocess.mean == (0.485, 0.456, 0.406)
