import math

import pytest
import timm
import torch
from safetensors.torch import load_file, save_file
from timm.data import create_transform, resolve_model_data_config

from algokit.backbones import TimmSpec
from algokit.backbones.timm_backbone import describe, load, weights_digest
from algokit.errors import DeviceError, RecipeError, WeightsError


def spec(name, **given):
    return TimmSpec.model_validate({"kind": "timm", "name": name, **given})


def images_for(card, n=2):
    return torch.randn(
        n, 3, card.preprocess.size_px, card.preprocess.size_px, generator=torch.Generator().manual_seed(0)
    )


def module_outputs(network, images, names):
    """What the modules of those names give inside the network's own forward pass."""
    found, modules = {}, dict(network.named_modules())
    hooks = [
        modules[name].register_forward_hook(lambda _m, _i, out, name=name: found.update({name: out.clone()}))
        for name in names
    ]
    with torch.inference_mode():
        network(images)
    for hook in hooks:
        hook.remove()
    return found


def timm_twin(one, **options):
    """The same random network, built by timm alone."""
    torch.manual_seed(one.seed)
    return timm.create_model(one.name, **options).eval()


FAMILIES = {
    "test_efficientnet": {},  # stages
    "test_resnet": {},
    "test_convnext": {},
    "test_vit": {},  # tokens behind a class token
    "eva02_tiny_patch14_224": {"img_size": 56},
    "deit_tiny_distilled_patch16_224": {"img_size": 64},  # two prefix tokens
    "vit_small_patch14_reg4_dinov2": {"img_size": 56},  # class and four register tokens
    "vit_pwee_patch16_reg1_gap_256": {"img_size": 64},  # a register token, no class token
    "mobilenetv3_small_050": {},
    "densenet121": {},
}


@pytest.mark.parametrize("name", FAMILIES)
def test_intermediates_are_the_outputs_of_the_modules_they_are_named_for(name):
    one = spec(name, weights="random", options=FAMILIES[name])
    backbone = load(one, "cpu")
    images, names = images_for(backbone.card), [layer.name for layer in backbone.card.layers]
    expected = module_outputs(timm_twin(one, **FAMILIES[name]), images, names)
    for layer, values in backbone.activations(images, names).items():
        torch.testing.assert_close(values, expected[layer], rtol=1e-5, atol=1e-5)


def test_tokens_that_timm_cut_apart_are_joined_without_a_copy():
    backbone = load(spec("vit_tiny_patch16_224", weights="random", options={"img_size": 32}), "cpu")
    blocks = []
    handle = backbone._trunk.network.blocks[0].register_forward_hook(lambda *given: blocks.append(given[-1]))
    found = backbone.activations(images_for(backbone.card), ["blocks.0"])["blocks.0"]
    handle.remove()
    assert found.shape == blocks[0].shape
    assert found.data_ptr() == blocks[0].data_ptr()


@pytest.mark.parametrize(
    ("name", "n_prefix"),
    [("vit_small_patch14_reg4_dinov2", 5), ("deit_tiny_distilled_patch16_224", 2), ("vit_base_patch16_siglip_224", 0)],
)
def test_prefix_tokens_are_counted(name, n_prefix):
    patch_px = 14 if "patch14" in name else 16
    card, side = describe(spec(name, options={"img_size": 4 * patch_px})), 4
    assert {(layer.n_prefix, layer.height, layer.n_tokens) for layer in card.layers} == {
        (n_prefix, side, n_prefix + side**2)
    }


def test_layers_of_mobilenet_are_the_ends_of_its_five_stages():
    layers = describe(spec("mobilenetv2_100")).layers
    assert [layer.name for layer in layers] == ["blocks.0", "blocks.1", "blocks.2", "blocks.4", "blocks.6"]
    assert [(layer.channels, layer.height) for layer in layers] == [(16, 112), (24, 56), (32, 28), (96, 14), (320, 7)]


@pytest.mark.parametrize(
    "name",
    [
        "mobilenetv2_100",
        "resnet18",
        "resnet50.a1h_in1k",
        "convnext_base",
        "vit_base_patch16_siglip_224",
        "vit_base_patch14_dinov2",
    ],
)
def test_preprocessing_is_that_of_timms_own_evaluation_transform(name):
    preprocess = describe(spec(name)).preprocess
    with torch.device("meta"):
        config = resolve_model_data_config(timm.create_model(name))
    resize, crop, *_, normalize = create_transform(**config).transforms
    expected = (preprocess.resize_px,) * 2 if preprocess.resize == "squash" else preprocess.resize_px
    assert resize.size == expected
    assert resize.interpolation.value == preprocess.interpolation
    assert tuple(crop.size) == (preprocess.size_px,) * 2
    assert preprocess.crop == ("center" if preprocess.resize == "short_side" else "none")
    assert tuple(normalize.mean.tolist()) == pytest.approx(preprocess.mean)
    assert tuple(normalize.std.tolist()) == pytest.approx(preprocess.std)


def test_an_input_size_given_as_option_sets_the_preprocessing_and_the_grid():
    card = describe(spec("vit_tiny_patch16_224", options={"img_size": 96}))
    assert (card.preprocess.size_px, card.preprocess.resize_px) == (96, math.floor(96 / 0.9))
    assert card.layers[0].height == 6


def test_seeds_give_different_networks_and_the_same_seed_the_same():
    digests = [weights_digest(spec("test_resnet", weights="random", seed=seed)) for seed in (0, 1, 0)]
    assert digests[0] == digests[2]
    assert digests[0].sha256 != digests[1].sha256
    assert digests[0].source == "random (seed 0)"


def test_a_local_checkpoint_gives_the_networks_own_activations_and_its_file_digest(tmp_path):
    other = spec("test_resnet", weights="random", seed=7)
    network = timm_twin(other)
    path = tmp_path / "seven.safetensors"
    save_file(network.state_dict(), path)
    backbone = load(spec("test_resnet", checkpoint=path), "cpu")
    images = images_for(backbone.card)
    assert torch.equal(
        backbone.activations(images, ["layer4"])["layer4"], load(other, "cpu").activations(images, ["layer4"])["layer4"]
    )
    assert backbone.weights == weights_digest(spec("test_resnet", checkpoint=path))
    assert (backbone.weights.source, backbone.weights.is_random) == ("seven.safetensors", False)


def test_a_checkpoint_of_another_network_is_refused_with_what_differs(tmp_path):
    save_file(timm.create_model("test_vit").state_dict(), tmp_path / "vit.safetensors")
    with pytest.raises(WeightsError, match=r"lacks.*conv1\.0\.weight[\s\S]*network lacks.*blocks\.0"):
        load(spec("test_resnet", checkpoint=tmp_path / "vit.safetensors"), "cpu")


@pytest.fixture
def hub(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))

    def put(repo, state):
        root = tmp_path / f"models--{repo.replace('/', '--')}"
        (root / "refs").mkdir(parents=True)
        (root / "refs" / "main").write_text("abc")
        (root / "snapshots" / "abc").mkdir(parents=True)
        save_file(state, root / "snapshots" / "abc" / "model.safetensors")

    return put


def test_pretrained_weights_come_from_the_hubs_local_cache(hub):
    network = timm_twin(spec("test_vit", seed=3))
    hub("timm/test_vit.r160_in1k", network.state_dict())
    for one in (spec("test_vit"), spec("test_vit.r160_in1k"), spec("test_vit", weights="r160_in1k")):
        backbone = load(one, "cpu")
        images = images_for(backbone.card)
        expected = module_outputs(network, images, ["blocks.1"])["blocks.1"]
        torch.testing.assert_close(backbone.activations(images, ["blocks.1"])["blocks.1"], expected)
        assert backbone.weights == weights_digest(one)
        assert backbone.weights.source == "timm/test_vit.r160_in1k"


def test_hub_weights_that_do_not_fit_are_an_error(hub):
    hub("timm/test_vit.r160_in1k", timm.create_model("test_resnet").state_dict())
    with pytest.raises(WeightsError, match="do not fit"):
        load(spec("test_vit"), "cpu")


def test_absent_weights_are_an_error_and_never_a_random_network(hub):
    for step in (weights_digest, lambda one: load(one, "cpu")):
        with pytest.raises(WeightsError, match=r"timm/test_vit\.r160_in1k"):
            step(spec("test_vit"))


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"name": "resnet81"}, "did you mean resnet18"),
        ({"name": "resnet18.a1_in2k"}, "did you mean a1_in1k"),
        ({"name": "resnet18.a1_in1k", "weights": "tv_in1k"}, "two tags"),
        ({"name": "resnet18", "options": {"pad_typo": "same"}}, "pad_typo"),
        ({"name": "resnet18", "options": {"pretrained": True}}, r"options\.pretrained"),
        (
            {"name": "resnet18", "options": {"checkpoint_path": "x", "features_only": True}},
            r"(?s)checkpoint_path.*features_only",
        ),
        ({"name": "test_vit", "preprocess": {"size_px": 100}}, "img_size"),
        ({"name": "crossvit_9_240"}, "forward_intermediates"),
    ],
    ids=lambda value: "-".join(map(str, value.values())) if isinstance(value, dict) else "",
)
def test_the_impossible_is_refused_when_the_backbone_is_described(document, message):
    with pytest.raises(RecipeError, match=message):
        describe(TimmSpec.model_validate({"kind": "timm", **document}))


def test_a_device_that_is_not_here_is_an_error():
    with pytest.raises(DeviceError):
        load(spec("test_resnet", weights="random"), "cuda:99")


@pytest.fixture
def mobilenet(reference):
    return reference / "weights" / "mobilenetv2_100_real.safetensors"


def kit_spec(checkpoint, **options):
    return spec("mobilenetv2_100", checkpoint=checkpoint, options=options)


@pytest.mark.reference
def test_the_kits_mobilenet_loads_strictly_and_gives_timms_own_activations(mobilenet):
    backbone = load(kit_spec(mobilenet, pad_type="same"), "cpu")
    network = timm.create_model("mobilenetv2_100", pad_type="same").eval()
    network.load_state_dict(load_file(mobilenet), strict=True)
    images, names = images_for(backbone.card), [layer.name for layer in backbone.card.layers]
    expected = module_outputs(network, images, names)
    for name, values in backbone.activations(images, names).items():
        assert torch.equal(values, expected[name])
    assert backbone.weights.sha256.startswith("30d591ba0aefc366")  # the kit's README


@pytest.mark.reference
def test_the_kits_mobilenet_without_its_padding_gives_other_features(mobilenet):
    images = images_for(describe(kit_spec(mobilenet)))
    same, default = (load(kit_spec(mobilenet, **options), "cpu") for options in ({"pad_type": "same"}, {}))
    for layer in same.card.layers:
        a, b = (backbone.activations(images, [layer.name])[layer.name] for backbone in (same, default))
        assert torch.corrcoef(torch.stack([a.flatten(), b.flatten()]))[0, 1] < 0.99


@pytest.mark.reference
def test_the_kits_squeezenet_is_refused_by_mobilenet(reference):
    squeezenet = reference / "weights" / "squeezenet1_0_real.safetensors"
    with pytest.raises(WeightsError, match="weights the network lacks"):
        load(spec("mobilenetv2_100", checkpoint=squeezenet), "cpu")
