"""ONE-PEACE's vision branch against its publisher's, github.com/OFA-Sys/ONE-PEACE at commit 71cfadf.

``one_peace_vision/classification/models_vit.py`` was built at small width; both were given the weights and images of
`formula_weights`, and what theirs gave is kept here. Where ALGOKIT_ONE_PEACE names a checkout, it is run again.
"""

import importlib.util
import os
import pickle
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
import torch
from formula_weights import fingerprint, formula_images, formula_state

from algokit.backbones import OnePeaceSpec, shipped_card
from algokit.backbones.one_peace_backbone import _own_state, describe, load, weights_digest
from algokit.backbones.one_peace_network import OnePeaceVision, bias_index
from algokit.backbones.plain_pickle import read_plain_pickle
from algokit.errors import RecipeError, WeightsError

SIZES = {"width": 48, "depth": 3, "heads": 4, "inner_width": 96, "grid": 4}
SIZE_PX = 64
TABLE = "image_adapter.rel_pos_table_list.0.weight"
THEIRS = {
    "encoder.layers.0": [0.20249, 0.857668, 0.188083, 0.0657617, -0.491722, 0.792586, -0.674263],
    "encoder.layers.1": [0.285431, 1.08193, -0.0355265, 1.63299, -0.476063, 0.573876, 1.07664],
    "encoder.layers.2": [0.331112, 1.15772, -0.369201, 1.58556, -0.809609, 0.395939, 0.683042],
}


def spec(**given):
    return OnePeaceSpec.model_validate({"kind": "one_peace", "options": SIZES, **given})


def ours():
    network = OnePeaceVision(**SIZES).eval()
    network.load_state_dict(formula_state(network.state_dict()), strict=True)
    return network


def their_layers(checkout, images):
    """The tokens of every block of their network, given our weights; its head for classes takes no part."""
    path = Path(checkout) / "one_peace_vision" / "classification" / "models_vit.py"
    found = importlib.util.spec_from_file_location("models_vit", path)
    module = importlib.util.module_from_spec(found)
    with warnings.catch_warnings(action="ignore"):  # about an old place of a function of timm
        found.loader.exec_module(module)
        network = module.OnePeaceViT(
            embed_dim=SIZES["width"],
            layers=SIZES["depth"],
            attention_heads=SIZES["heads"],
            ffn_embed_dim=SIZES["inner_width"],
            bucket_size=SIZES["grid"],
        ).eval()
    state = ours().state_dict()
    state["image_adapter.rel_pos_table.weight"] = state.pop(TABLE)  # as their script for fine-tuning renames it
    left = network.load_state_dict(state, strict=False)
    assert not left.unexpected_keys
    assert set(left.missing_keys) == {
        "image_adapter.rp_bucket",
        "fc_norm.weight",
        "fc_norm.bias",
        "head.weight",
        "head.bias",
    }
    layers = {}
    for index, block in enumerate(network.encoder.layers):
        name = f"encoder.layers.{index}"
        block.register_forward_hook(lambda _m, _i, out, name=name: layers.update({name: out.transpose(0, 1)}))
    with torch.inference_mode():
        tokens = network.forward_features(images).transpose(0, 1)
    assert torch.equal(tokens, layers[f"encoder.layers.{SIZES['depth'] - 1}"])
    return layers


def test_every_layer_is_that_of_the_publishers_implementation():
    with torch.inference_mode():
        found = dict(ours().layers(formula_images(2, SIZE_PX)))
    assert list(found) == list(THEIRS)
    for name, values in found.items():
        assert fingerprint(values) == pytest.approx(THEIRS[name], rel=1e-4, abs=1e-5), name


@pytest.mark.skipif(
    "ALGOKIT_ONE_PEACE" not in os.environ, reason="ALGOKIT_ONE_PEACE names no checkout of OFA-Sys/ONE-PEACE"
)
def test_every_element_is_that_of_the_publishers_implementation_run_now():
    images = formula_images(2, SIZE_PX)
    expected = their_layers(os.environ["ALGOKIT_ONE_PEACE"], images)
    with torch.inference_mode():
        found = dict(ours().layers(images))
    assert found.keys() == expected.keys()
    for name, values in found.items():
        torch.testing.assert_close(values, expected[name], rtol=1e-5, atol=1e-5)
        assert fingerprint(expected[name]) == pytest.approx(THEIRS[name], rel=1e-4, abs=1e-5)


@pytest.mark.skipif(
    "ALGOKIT_ONE_PEACE" not in os.environ, reason="ALGOKIT_ONE_PEACE names no checkout of OFA-Sys/ONE-PEACE"
)
def test_what_is_left_out_of_the_whole_model_is_what_the_publishers_conversion_leaves_out(tmp_path):
    whole = published_whole_state(ours())
    script = Path(os.environ["ALGOKIT_ONE_PEACE"]) / "one_peace_vision" / "convert_to_vision.py"
    command = [sys.executable, script, written(tmp_path / "one-peace.pt", whole), tmp_path / "vision.pkl"]
    subprocess.run(command, check=True, capture_output=True)
    converted = read_plain_pickle(tmp_path / "vision.pkl")["model"]
    assert converted.keys() == published_vision_state(ours()).keys()
    assert _own_state(whole).keys() == _own_state(converted).keys()


def test_the_last_layer_is_the_networks_own_output():
    network, images = ours(), formula_images(1, SIZE_PX)
    with torch.inference_mode():
        assert torch.equal(dict(network.layers(images))["encoder.layers.2"], network(images))


def test_offsets_between_patches_are_counted_query_minus_key_and_the_class_token_has_three_of_its_own():
    grid = 3
    index = bias_index(grid, torch.device("cpu"))
    for query in range(grid**2):
        for key in range(grid**2):
            rows, columns = query // grid - key // grid, query % grid - key % grid
            assert index[1 + query, 1 + key] == (rows + grid - 1) * (2 * grid - 1) + columns + grid - 1
    n_offsets = (2 * grid - 1) ** 2
    assert set(index[0, 1:].tolist()) == {n_offsets}
    assert set(index[1:, 0].tolist()) == {n_offsets + 1}
    assert index[0, 0] == n_offsets + 2


def test_sizes_are_those_of_the_paper():
    card = shipped_card("one_peace", "ONE-PEACE")
    assert [layer.name for layer in card.layers] == [f"encoder.layers.{index}" for index in range(40)]
    assert {(layer.layout, layer.channels, layer.n_prefix, layer.height) for layer in card.layers} == {
        ("tokens", 1536, 1, 16)
    }
    width, inner, n_tokens = 1536, 6144, 257
    attention = 4 * width**2 + 3 * width + 2 * width
    fed = 3 * width * inner + width + 2 * inner
    stem = 384 * (3 * 16 + 1) + 384 * (384 * 4 + 1) + width * (384 * 4 + 1) + 4 * 384
    adapter = stem + width + 257 * width + (31**2 + 3) * 24
    assert card.n_parameters == adapter + 40 * (attention + fed + 6 * width)
    assert card.n_parameters == pytest.approx(1.5e9, rel=0.02)  # the paper's table of branches
    block = n_tokens * (4 * width**2 + 3 * width * inner) + 2 * n_tokens**2 * width
    patches = 64**2 * 384 * 3 * 16 + 32**2 * 384 * 384 * 4 + 16**2 * width * 384 * 4
    assert card.flops_per_image == pytest.approx(2 * (patches + 40 * block), rel=1e-6)


def published_vision_state(network):
    """Names of the publisher's file, as its convert_to_vision.py leaves them: with both tables of indices."""
    grid = SIZES["grid"]
    return {
        **network.state_dict(),
        "image_adapter.rp_bucket": bias_index(grid, torch.device("cpu")),
        "image_adapter.position_idx": torch.arange(grid**2 + 1),
    }


def published_whole_state(network):
    """Names of the whole pretrained model: each modality has an adapter, feed-forward layers, a norm, a projection."""
    renamed = {
        "encoder_wrapper." + key.replace("encoder.layers", "fusion_model.layers"): value
        for key, value in published_vision_state(network).items()
    }
    one = torch.ones(1)
    behind = [f"{modality}_proj" for modality in ("text", "image", "audio")]
    behind += [f"encoder_wrapper.fusion_model.{modality}_layer_norm" for modality in ("text", "image", "audio")]
    others = {
        **{f"{place}.{kind}": one for place in behind for kind in ("weight", "bias")},
        **{f"encoder_wrapper.fusion_model.layers.0.{modality}_ffn.3.bias": one for modality in ("text", "audio")},
        "encoder_wrapper.text_adapter.embed_tokens.weight": one,
        "encoder_wrapper.fusion_model.version": one,
        "decoder_wrapper.image_adapter.pos_embed": one,
        "image_mask_token": one,
        "logit_scale": one,
    }
    return {**renamed, **others}


def written(path, state):
    """The publisher's vision branch is a plain pickle, the whole model torch's own format."""
    if path.suffix == ".pkl":
        with path.open("wb") as handle:
            pickle.dump({"model": state, "__author__": "ofa", "matching_heuristics": True}, handle)
    else:
        torch.save({"model": state}, path)
    return path


@pytest.mark.parametrize(
    ("name", "state_of"),
    [("one-peace-vision.pkl", published_vision_state), ("one-peace.pt", published_whole_state)],
)
def test_a_file_in_a_published_form_loads_by_its_own_key_names(tmp_path, name, state_of):
    network = ours()
    one = spec(checkpoint=written(tmp_path / name, state_of(network)))
    backbone = load(one, "cpu")
    images = formula_images(1, SIZE_PX)
    found = backbone.activations(images, ["encoder.layers.0", "encoder.layers.2"])
    with torch.inference_mode():
        expected = dict(network.layers(images))
    for layer, values in found.items():
        assert torch.equal(values, expected[layer])
    assert backbone.weights == weights_digest(one)
    assert backbone.weights.source == name


def test_what_the_rule_does_not_name_is_neither_dropped_nor_made_up(tmp_path):
    state = published_vision_state(ours())
    state["encoder.layers.0.audio_ffn.3.bias"] = torch.ones(1)
    del state["encoder.layers.2.gamma_2"]
    path = written(tmp_path / "one-peace-vision.pkl", state)
    with pytest.raises(WeightsError, match=r"(?s)encoder\.layers\.2\.gamma_2.*encoder\.layers\.0\.audio_ffn"):
        load(spec(checkpoint=path), "cpu")


def test_a_pickle_that_names_anything_but_tensors_is_refused_and_not_run(tmp_path):
    class Hostile:
        def __reduce__(self):
            return Path.touch, (tmp_path / "touched",)

    path = written(tmp_path / "one-peace-vision.pkl", {"image_adapter.pos_embed": Hostile()})
    with pytest.raises(WeightsError, match="cannot be read"):
        load(spec(checkpoint=path), "cpu")
    assert not (tmp_path / "touched").exists()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"options": {"hight": 3}}, "hight"),
        ({"options": {"width": 50, "heads": 4}}, "not a multiple"),
        ({"options": {"heads": 0}}, "positive"),
        ({"options": {"grid": 257}}, "at most 256"),
        ({"options": {"depth": 1.5}}, "refuses the options"),
        ({"preprocess": {"size_px": 80, "resize_px": 80}}, "80 px"),
        ({"weights": "text"}, "no such weights"),
    ],
    ids=str,
)
def test_the_impossible_is_refused_when_the_backbone_is_described(given, message):
    with pytest.raises(RecipeError, match=message):
        describe(spec(**given))
