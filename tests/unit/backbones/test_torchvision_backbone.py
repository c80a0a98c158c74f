import threading
import weakref
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
import torchvision
from safetensors.torch import load_file
from torch.nn import functional

from algokit.backbones import TorchvisionSpec
from algokit.backbones.torchvision_backbone import describe, load, torchvision_trunk, weights_digest
from algokit.errors import RecipeError, WeightsError


def spec(name, **given):
    return TorchvisionSpec.model_validate({"kind": "torchvision", "name": name, **given})


def images_for(card, n=2):
    return torch.randn(
        n, 3, card.preprocess.size_px, card.preprocess.size_px, generator=torch.Generator().manual_seed(0)
    )


def twin(one):
    """The same random network, built by torchvision alone."""
    torch.manual_seed(one.seed)
    return torchvision.models.get_model(one.name).eval()


def names(card):
    return [layer.name for layer in card.layers]


def test_layers_of_alexnet_are_its_operations_in_order():
    card = describe(spec("alexnet"))
    assert names(card) == [
        *(f"features.{i}" for i in range(13)),
        "avgpool",
        *(f"classifier.{i}" for i in (1, 2, 4, 5, 6)),
    ]
    assert [card.layer(name).layout for name in ("features.2", "avgpool", "classifier.6")] == ["map", "map", "vector"]


def test_activations_of_alexnet_are_those_of_its_operations_one_after_the_other():
    one = spec("alexnet", weights="random", seed=2)
    backbone = load(one, "cpu")
    network = twin(one)
    values = images = images_for(backbone.card)
    found = backbone.activations(images, names(backbone.card))
    with torch.inference_mode():
        for part, modules in (("features", network.features), ("classifier", network.classifier)):
            if part == "classifier":
                values = network.avgpool(values).flatten(1)
            for index, module in enumerate(modules):
                values = module(values.clone())
                if f"{part}.{index}" in found:
                    torch.testing.assert_close(found[f"{part}.{index}"], values)


def test_an_in_place_operation_behind_a_layer_does_not_change_what_was_captured():
    backbone = load(spec("squeezenet1_0", weights="random"), "cpu")
    found = backbone.activations(images_for(backbone.card), ["features.0", "features.1"])
    assert found["features.0"].min() < 0
    torch.testing.assert_close(found["features.1"], functional.relu(found["features.0"]))
    densenet = twin(spec("densenet121"))  # its last ReLU is a function called in place
    images = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        assert torchvision_trunk(densenet).run(images, ["features.norm5"])["features.norm5"].min() < 0


def test_stages_of_a_resnet_are_layers_and_nothing_of_a_pass_is_kept():
    one = spec("resnet18", weights="random")
    network = twin(one)
    trunk = torchvision_trunk(network)
    images = images_for(describe(one), 1)
    with torch.inference_mode():
        found = trunk.run(images, ["layer1", "layer1.1", "layer4", "fc"])
        assert torch.equal(found["layer1"], found["layer1.1"])
        assert torch.equal(found["fc"], network(images))
        stem = network.maxpool(network.relu(network.bn1(network.conv1(images))))
        torch.testing.assert_close(found["layer1"], network.layer1(stem))
        with pytest.raises(RuntimeError):
            trunk.run(images[:, :1], ["layer1"])
        n_hooks = sum(len(module._forward_hooks) for module in network.modules())
        kept = weakref.ref(trunk.run(images, ["layer1"])["layer1"])
        network(images)
    assert kept() is None
    assert sum(len(module._forward_hooks) for module in network.modules()) == n_hooks


def test_passes_of_two_threads_do_not_see_each_others_layers():
    network = twin(spec("resnet18", weights="random"))
    trunk = torchvision_trunk(network)
    images = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    wanted = [["layer1", "fc"], ["layer2", "fc"]]
    with torch.inference_mode():
        alone = [trunk.run(images[[row]], wanted[row]) for row in range(2)]
    both = threading.Barrier(2, timeout=60)

    def wait(*_):
        both.wait()

    network.layer2.register_forward_pre_hook(wait)

    def run(row):
        with torch.inference_mode():
            return trunk.run(images[[row]], wanted[row])

    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(run, range(2)))
    for row in range(2):
        assert set(found[row]) == set(wanted[row])
        for name, values in found[row].items():
            torch.testing.assert_close(values, alone[row][name])


def test_channels_last_activations_are_not_offered_as_maps():
    layers = describe(spec("swin_t")).layers
    assert all(layer.height == layer.width != layer.channels for layer in layers if layer.layout == "map")
    assert "features.3" not in [layer.name for layer in layers]


@pytest.mark.parametrize("name", ["alexnet", "squeezenet1_0", "resnet50", "vgg16", "efficientnet_b0"])
def test_preprocessing_is_that_of_the_default_weights(name):
    transforms = torchvision.models.get_model_weights(name).DEFAULT.transforms()
    preprocess = describe(spec(name)).preprocess
    assert ([preprocess.resize_px], [preprocess.size_px]) == (transforms.resize_size, transforms.crop_size)
    assert (preprocess.resize, preprocess.crop) == ("short_side", "center")
    assert (preprocess.mean, preprocess.std) == (tuple(transforms.mean), tuple(transforms.std))
    assert preprocess.interpolation == transforms.interpolation.value


def test_another_tag_brings_its_own_preprocessing():
    assert describe(spec("resnet50")).preprocess.resize_px == 232
    assert describe(spec("resnet50", weights="IMAGENET1K_V1")).preprocess.resize_px == 256


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"name": "alxnet"}, "did you mean alexnet"),
        ({"name": "raft_small"}, "no such model"),  # torchvision has it, but it takes pairs of images
        ({"name": "alexnet", "weights": "IMAGENET1K_V2"}, "did you mean IMAGENET1K_V1"),
        ({"name": "alexnet", "options": {"dropuot": 0.1}}, "dropuot"),
        ({"name": "alexnet", "options": {"weights": "DEFAULT"}}, r"options\.weights"),
        ({"name": "alexnet", "preprocess": {"size_px": 16}}, "16 px"),
    ],
    ids=str,
)
def test_the_impossible_is_refused_when_the_backbone_is_described(document, message):
    with pytest.raises(RecipeError, match=message):
        describe(TorchvisionSpec.model_validate({"kind": "torchvision", **document}))


def test_pretrained_weights_come_from_torchs_local_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    entry = torchvision.models.SqueezeNet1_1_Weights.IMAGENET1K_V1
    monkeypatch.setattr(entry.value, "url", "https://download.invalid/squeezenet1_1.pth")
    with pytest.raises(WeightsError, match=r"squeezenet1_1\.pth"):
        load(spec("squeezenet1_1"), "cpu")
    random = spec("squeezenet1_1", weights="random", seed=4)
    (tmp_path / "hub" / "checkpoints").mkdir(parents=True)
    torch.save(twin(random).state_dict(), tmp_path / "hub" / "checkpoints" / "squeezenet1_1.pth")
    backbone = load(spec("squeezenet1_1"), "cpu")
    images = images_for(backbone.card)
    assert backbone.weights == weights_digest(spec("squeezenet1_1"))
    assert (backbone.weights.source, backbone.weights.is_random) == ("squeezenet1_1.pth", False)
    assert torch.equal(
        backbone.activations(images, ["features.12"])["features.12"],
        load(random, "cpu").activations(images, ["features.12"])["features.12"],
    )


@pytest.mark.reference
def test_the_kits_squeezenet_loads_strictly_and_gives_torchvisions_own_output(reference):
    weights = reference / "weights" / "squeezenet1_0_real.safetensors"
    backbone = load(spec("squeezenet1_0", checkpoint=weights), "cpu")
    network = torchvision.models.squeezenet1_0().eval()
    network.load_state_dict(load_file(weights), strict=True)
    images = images_for(backbone.card)
    with torch.inference_mode():
        expected = {f"features.{i}": network.features[: i + 1](images) for i in range(len(network.features))}
    found = backbone.activations(images, names(backbone.card))
    torch.testing.assert_close(found["features.12"], expected["features.12"])
    torch.testing.assert_close(found["features.2"], expected["features.2"])
    assert torch.equal(found["classifier.3"].flatten(1), network(images))
    assert backbone.weights.sha256.startswith("30a4b5723f89eb4c")  # the kit's README
