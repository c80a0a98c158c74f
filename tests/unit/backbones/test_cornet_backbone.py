"""CORnet-S against its authors' implementation, github.com/dicarlolab/CORnet, cornet/cornet_s.py at commit d0cc17d.

Both were given the weights and images of `formula_weights`; what theirs gave is kept here. Where ALGOKIT_CORNET names a
checkout of that repository, it is run again.
"""

import importlib.util
import os
from pathlib import Path

import pytest
import torch
from formula_weights import fingerprint, formula_images, formula_state

from algokit.backbones import CornetSpec, shipped_card
from algokit.backbones.cornet_backbone import describe, load, weights_digest
from algokit.backbones.cornet_network import CornetS
from algokit.errors import RecipeError, WeightsError

SIZE_PX = 64
THEIRS = {
    "V1": [0.843207, 1.29459, 0, 0, 0, 0.377746, 0],
    "V2.t0": [0.970579, 1.48696, 0, 0, 1.42646, 0, 0],
    "V2.t1": [1.30893, 1.84488, 0.703661, 0, 0.989232, 0.797524, 0],
    "V4.t0": [1.1987, 1.74515, 0, 0.159816, 0.979756, 0, 0.146825],
    "V4.t1": [1.7274, 2.12846, 0, 0, 2.52312, 0, 0],
    "V4.t2": [2.42776, 2.8635, 0, 0, 4.12502, 0, 0],
    "V4.t3": [3.33855, 4.12101, 0, 0, 6.35711, 0, 0],
    "IT.t0": [2.62472, 4.22328, 8.29914, 0, 0, 10.1434, 0],
    "IT.t1": [3.74938, 5.10269, 10.6747, 0.869858, 0, 12.5042, 1.02963],
    "decoder.avgpool": [3.74938, 4.56276, 15.7089, 1.93472, 0.204629, 15.9791, 1.80903],
    "decoder.linear": [-0.598435, 5.23187, -2.54535, 1.26393, -11.516, -2.9566, 0.892963],
}


def spec(**given):
    return CornetSpec.model_validate({"kind": "cornet", **given})


def ours(**sizes):
    with torch.device("meta"):
        network = CornetS(**sizes)
    network = network.to_empty(device="cpu").eval()
    missing = network.load_state_dict(formula_state(network.state_dict()), strict=False).missing_keys
    assert all(key.endswith("num_batches_tracked") for key in missing)
    return network


def theirs(checkout):
    """Their network with the weights of the formula, and every call of the modules that end an area or the decoder."""
    found = importlib.util.spec_from_file_location("cornet_s", Path(checkout) / "cornet" / "cornet_s.py")
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    network = module.CORnet_S().eval()
    network.load_state_dict(formula_state(network.state_dict()), strict=False)
    calls = {name: [] for name in ("V1", "V2.output", "V4.output", "IT.output", "decoder.avgpool", "decoder.linear")}
    modules = dict(network.named_modules())
    for name, outputs in calls.items():
        modules[name].register_forward_hook(lambda _m, _i, out, outputs=outputs: outputs.append(out.clone()))
    return network, calls


def their_layers(checkout, images):
    network, calls = theirs(checkout)
    with torch.inference_mode():
        network(images)
    found = {}
    for name, outputs in calls.items():
        if name.endswith(".output"):
            found |= {name.replace("output", f"t{step}"): values for step, values in enumerate(outputs)}
        else:
            found[name] = outputs[0].flatten(1) if name.startswith("decoder") else outputs[0]
    return found


def test_every_layer_is_that_of_the_authors_implementation():
    with torch.inference_mode():
        found = dict(ours().layers(formula_images(2, SIZE_PX)))
    assert list(found) == list(THEIRS)
    for name, values in found.items():
        assert fingerprint(values) == pytest.approx(THEIRS[name], rel=1e-4, abs=1e-5), name


@pytest.mark.skipif("ALGOKIT_CORNET" not in os.environ, reason="ALGOKIT_CORNET names no checkout of dicarlolab/CORnet")
def test_every_element_is_that_of_the_authors_implementation_run_now():
    images = formula_images(2, SIZE_PX)
    expected = their_layers(os.environ["ALGOKIT_CORNET"], images)
    with torch.inference_mode():
        found = dict(ours().layers(images))
    assert found.keys() == expected.keys()
    for name, values in found.items():
        torch.testing.assert_close(values, expected[name], rtol=1e-5, atol=1e-5)
        assert fingerprint(expected[name]) == pytest.approx(THEIRS[name], rel=1e-4, abs=1e-5)


def test_the_last_layer_is_the_networks_own_output():
    network, images = ours(width=8), formula_images(1, SIZE_PX)
    with torch.inference_mode():
        layers = dict(network.layers(images))
        assert torch.equal(layers["decoder.linear"], network(images))
        torch.testing.assert_close(layers["decoder.avgpool"], layers["IT.t1"].mean((2, 3)))


def test_parameters_and_work_follow_from_the_papers_sizes():
    def area(n_in, n_out, n_steps, side):
        inner = n_out * 4 * n_out * 2 + 9 * (4 * n_out) ** 2  # 1 x 1 to four times the channels, 3 x 3, 1 x 1 back
        norms = 2 * n_out + n_steps * 2 * (4 * n_out + 4 * n_out + n_out)
        weights = n_in * n_out + n_out**2 + inner + norms
        first = 4 * side**2 * (n_in * n_out + 4 * n_out**2) + side**2 * (n_out**2 + inner - 4 * n_out**2)
        return weights, first + (n_steps - 1) * side**2 * inner

    areas = [area(64, 128, 2, 28), area(128, 256, 4, 14), area(256, 512, 2, 7)]
    v1 = (49 * 3 * 64 + 128 + 9 * 64**2 + 128, 112**2 * 49 * 3 * 64 + 56**2 * 9 * 64**2)
    decoder = (512 * 1000 + 1000, 512 * 1000)
    card = shipped_card("cornet", "CORnet-S")
    assert card.n_parameters == sum(weights for weights, _ in (v1, *areas, decoder))
    assert card.flops_per_image == 2 * sum(work for _, work in (v1, *areas, decoder))
    assert card.n_parameters == pytest.approx(53.4e6, rel=1e-3)  # as the paper's table states


def published(tmp_path, network, *, with_counters=True):
    """A file as the authors' training script wrote it: a wrapped network's names, beside much else."""
    state = {f"module.{key}": value for key, value in network.state_dict().items()}
    if not with_counters:
        state = {key: value for key, value in state.items() if not key.endswith("num_batches_tracked")}
    path = tmp_path / "cornet_s.pth"
    torch.save({"state_dict": state, "epoch": 43, "flags": {"model": "S"}, "optimizer": {"state": {}}}, path)
    return path


@pytest.mark.parametrize("with_counters", [True, False])
def test_a_file_in_the_published_form_loads_by_its_own_key_names(tmp_path, with_counters):
    network = ours(width=8)
    path = published(tmp_path, network, with_counters=with_counters)
    one = spec(checkpoint=path, options={"width": 8}, preprocess={"size_px": SIZE_PX})
    backbone = load(one, "cpu")
    images = formula_images(1, SIZE_PX)
    found = backbone.activations(images, ["V4.t2", "decoder.linear"])
    with torch.inference_mode():
        expected = dict(network.layers(images))
    assert torch.equal(found["V4.t2"], expected["V4.t2"])
    assert torch.equal(found["decoder.linear"], expected["decoder.linear"])
    assert backbone.weights == weights_digest(one)
    assert backbone.weights.source == "cornet_s.pth"


def test_the_weights_names_are_those_of_the_authors_network(tmp_path):
    network = ours(width=8)
    names = set(network.state_dict())
    assert {"V1.conv1.weight", "V4.norm2_3.running_var", "IT.norm_skip.bias", "decoder.linear.bias"} <= names
    assert "V2.norm1_2.weight" not in names
    network.IT.conv3 = torch.nn.Identity()
    with pytest.raises(WeightsError, match=r"lacks weights the network has.*IT\.conv3\.weight"):
        load(spec(checkpoint=published(tmp_path, network), options={"width": 8}), "cpu")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"options": {"n_steps": 3}}, "n_steps"),
        ({"options": {"width": 0}}, "positive"),
        ({"weights": "imagenet1j"}, "did you mean imagenet1k"),
    ],
    ids=str,
)
def test_the_impossible_is_refused_when_the_backbone_is_described(given, message):
    with pytest.raises(RecipeError, match=message):
        describe(spec(**given))
