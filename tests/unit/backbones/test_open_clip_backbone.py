import logging

import open_clip
import pytest
import torch
from safetensors.torch import save_file

from algokit.backbones import OpenClipSpec
from algokit.backbones.open_clip_backbone import describe, load, weights_digest
from algokit.errors import RecipeError, WeightsError


def spec(name, **given):
    return OpenClipSpec.model_validate({"kind": "open_clip", "name": name, **given})


def images_for(card, n=1):
    return torch.randn(
        n, 3, card.preprocess.size_px, card.preprocess.size_px, generator=torch.Generator().manual_seed(0)
    )


def quietly_created(name, **options):
    logging.disable(logging.WARNING)  # "no pretrained weights loaded"
    model = open_clip.create_model(name, **options).eval()
    logging.disable(logging.NOTSET)
    return model


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A whole small CLIP model and a file of its weights, made by open_clip alone."""
    torch.manual_seed(3)
    model = quietly_created("ViT-S-32")
    path = tmp_path_factory.mktemp("weights") / "clip.safetensors"
    save_file(model.state_dict(), path)
    return model, path


def module_outputs(tower, images, names):
    found, modules = {}, dict(tower.named_modules())
    hooks = [
        modules[name].register_forward_hook(lambda _m, _i, out, name=name: found.update({name: out.clone()}))
        for name in names
    ]
    with torch.inference_mode():
        tower(images)
    for hook in hooks:
        hook.remove()
    return found


def test_the_image_tower_of_a_whole_models_file_gives_the_models_own_activations(small):
    model, path = small
    one = spec("ViT-S-32", checkpoint=path)
    backbone = load(one, "cpu")
    images, names = images_for(backbone.card), [layer.name for layer in backbone.card.layers]
    expected = module_outputs(model.visual, images, names)
    assert names == [f"transformer.resblocks.{i}" for i in range(12)]
    for name, values in backbone.activations(images, names).items():
        torch.testing.assert_close(values, expected[name])
    assert backbone.weights == weights_digest(one)


def test_the_last_intermediate_gives_the_models_own_image_features(small):
    model, path = small
    backbone = load(spec("ViT-S-32", checkpoint=path), "cpu")
    images = images_for(backbone.card)
    last = backbone.activations(images, ["transformer.resblocks.11"])["transformer.resblocks.11"]
    visual = model.visual
    with torch.inference_mode():
        features = visual.ln_post(last[:, 0]) @ visual.proj
        torch.testing.assert_close(features, model.encode_image(images), rtol=1e-4, atol=1e-5)


def test_a_file_of_the_image_tower_alone_is_taken_too_and_one_of_another_tower_is_not(small, tmp_path):
    model, path = small
    tower = {key: value.contiguous() for key, value in model.visual.state_dict().items()}
    save_file(tower, tmp_path / "tower.safetensors")
    images = images_for(describe(spec("ViT-S-32")))
    name = "transformer.resblocks.5"
    a, b = (load(spec("ViT-S-32", checkpoint=file), "cpu") for file in (path, tmp_path / "tower.safetensors"))
    assert torch.equal(a.activations(images, [name])[name], b.activations(images, [name])[name])
    del tower["proj"]
    save_file(tower, tmp_path / "cut.safetensors")
    with pytest.raises(WeightsError, match=r"lacks weights the network has.*proj"):
        load(spec("ViT-S-32", checkpoint=tmp_path / "cut.safetensors"), "cpu")


@pytest.mark.parametrize("name", ["EVA02-B-16", "RN50"])
def test_intermediates_of_other_towers_are_the_outputs_of_the_modules_they_are_named_for(name):
    backbone = load(spec(name, weights="random"), "cpu")
    tower = backbone._trunk.network
    images, names = images_for(backbone.card), [layer.name for layer in backbone.card.layers]
    found = backbone.activations(images, names)
    expected = module_outputs(tower, images, names)
    for layer in backbone.card.layers:
        torch.testing.assert_close(found[layer.name], expected[layer.name])


def test_layers_of_the_towers():
    layouts = {
        name: {(layer.layout, layer.n_prefix) for layer in describe(spec(name)).layers}
        for name in ("ViT-B-32", "EVA02-L-14", "ViT-B-16-SigLIP", "convnext_xxlarge", "RN50")
    }
    assert layouts == {
        "ViT-B-32": {("tokens", 1)},
        "EVA02-L-14": {("tokens", 1)},
        "ViT-B-16-SigLIP": {("tokens", 0)},
        "convnext_xxlarge": {("map", 0)},
        "RN50": {("map", 0)},
    }
    names = [layer.name for layer in describe(spec("convnext_xxlarge")).layers]
    assert names == ["stages.0", "stages.1", "stages.2", "stages.3"]


def test_quick_gelu_follows_the_tag(small, monkeypatch):
    model, path = small
    tags = {"quick": {"hf_hub": "a/b/", "quick_gelu": True}, "plain": {"hf_hub": "a/c/"}}
    monkeypatch.setitem(open_clip.pretrained._PRETRAINED, "ViT-S-32", tags)
    quick_model = quietly_created("ViT-S-32", force_quick_gelu=True)
    quick_model.load_state_dict(model.state_dict())
    images, name = images_for(describe(spec("ViT-S-32", weights="plain"))), "transformer.resblocks.0"
    expected = {
        "quick": module_outputs(quick_model.visual, images, [name])[name],
        "plain": module_outputs(model.visual, images, [name])[name],
    }
    for tag, values in expected.items():
        backbone = load(spec("ViT-S-32", checkpoint=path, weights=tag), "cpu")
        torch.testing.assert_close(backbone.activations(images, [name])[name], values)
    assert (expected["quick"] - expected["plain"]).abs().max() > 1e-3


def test_a_file_of_a_model_whose_tags_differ_in_their_activation_must_name_its_tag(tmp_path):
    path = tmp_path / "clip.safetensors"
    path.write_bytes(b"")
    with pytest.raises(RecipeError, match="name the tag the file belongs to"):
        describe(spec("ViT-B-32", checkpoint=path))
    assert describe(spec("ViT-B-32", checkpoint=path, weights="laion2b_s34b_b79k")).name == "ViT-B-32"


@pytest.mark.parametrize(
    ("name", "weights", "mean", "resize", "size_px"),
    [
        ("ViT-B-32", "openai", 0.48145466, "short_side", 224),  # CLIP's own values
        ("EVA02-L-14-336", "pretrained", 0.48145466, "short_side", 336),
        ("convnext_xxlarge", "pretrained", 0.48145466, "short_side", 256),
        ("ViT-B-16-SigLIP", "webli", 0.5, "squash", 224),
        ("ViT-L-14-CLIPA", "datacomp1b", 0.485, "squash", 224),
    ],
)
def test_preprocessing_is_that_of_the_tag(name, weights, mean, resize, size_px):
    preprocess = describe(spec(name, weights=weights)).preprocess
    assert (preprocess.mean[0], preprocess.resize, preprocess.size_px, preprocess.resize_px) == (
        mean,
        resize,
        size_px,
        size_px,
    )
    assert preprocess.crop == ("none" if resize == "squash" else "center")


def test_pretrained_weights_come_from_the_hubs_local_cache(small, tmp_path, monkeypatch):
    model, _ = small
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    one = spec("ViT-S-32", weights="datacomp")
    monkeypatch.setitem(
        open_clip.pretrained._PRETRAINED, "ViT-S-32", {"datacomp": {"hf_hub": "some/ViT-S-32/", "url": ""}}
    )
    with pytest.raises(WeightsError, match=r"some/ViT-S-32 .*algokit fetch RECIPE"):
        load(one, "cpu")
    root = tmp_path / "models--some--ViT-S-32"
    (root / "refs").mkdir(parents=True)
    (root / "refs" / "main").write_text("abc")
    (root / "snapshots" / "abc").mkdir(parents=True)
    torch.save(model.state_dict(), root / "snapshots" / "abc" / "open_clip_pytorch_model.bin")
    backbone = load(one, "cpu")
    images, name = images_for(backbone.card), "transformer.resblocks.11"
    torch.testing.assert_close(
        backbone.activations(images, [name])[name], module_outputs(model.visual, images, [name])[name]
    )
    assert backbone.weights.source == "some/ViT-S-32"


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"name": "EVA02-L-16"}, "did you mean EVA02-L-14"),
        ({"name": "ViT-B-32", "weights": "openia"}, "did you mean openai"),
        ({"name": "ViT-B-32", "options": {"pretrained": "openai"}}, r"options\.pretrained"),
        ({"name": "ViT-B-32", "options": {"quick": True}}, "quick"),
        ({"name": "ViT-B-32", "preprocess": {"size_px": 256}}, "force_image_size"),
    ],
    ids=str,
)
def test_the_impossible_is_refused_when_the_backbone_is_described(document, message):
    with pytest.raises(RecipeError, match=message):
        describe(OpenClipSpec.model_validate({"kind": "open_clip", **document}))


def test_building_a_tower_says_nothing_through_the_root_logger(caplog):
    load(spec("ViT-S-32", weights="random"), "cpu")
    assert not caplog.records
    assert logging.root.manager.disable == logging.NOTSET
