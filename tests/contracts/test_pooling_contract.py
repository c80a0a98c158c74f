"""What every pooling of the catalogue promises, for every layout it takes."""

import pytest
import torch
from pydantic import TypeAdapter

from algokit.backbones import LayerInfo
from algokit.poolings import CATALOGUE, PoolingMismatchError, PoolingSpec

SPECS = [
    {"kind": "adaptive_max", "grid": 1},
    {"kind": "adaptive_max", "grid": 3},
    {"kind": "adaptive_mean", "grid": 5},
    {"kind": "cls_token"},
    {"kind": "mean_tokens"},
    {"kind": "flatten"},
]
LAYERS = [
    LayerInfo(name="map", layout="map", channels=6, height=4, width=4),
    LayerInfo(name="tokens", layout="tokens", channels=6, height=4, width=4, n_prefix=2, n_tokens=18),
    LayerInfo(name="plain", layout="tokens", channels=6, height=4, width=4, n_tokens=16),
    LayerInfo(name="loose", layout="tokens", channels=6, n_prefix=1, n_tokens=8),
    LayerInfo(name="vector", layout="vector", channels=6),
]
TAKEN = {
    "adaptive_max": {"map", "tokens", "plain"},
    "adaptive_mean": {"map", "tokens", "plain"},
    "cls_token": {"tokens", "loose"},
    "mean_tokens": {"tokens", "plain", "loose"},
    "flatten": {"map", "tokens", "plain", "loose", "vector"},
}


def test_every_row_of_the_catalogue_has_an_example():
    assert {spec["kind"] for spec in SPECS} == set(TAKEN) == set(CATALOGUE.rows())


def values_of(layer, dtype=torch.float32):
    shape = {
        "map": (layer.channels, layer.height, layer.width),
        "tokens": (layer.n_tokens, layer.channels),
        "vector": (layer.channels,),
    }[layer.layout]
    return torch.randn(5, *shape, generator=torch.Generator().manual_seed(0)).to(dtype)


def pairs(taken):
    """Every spec with every layer it takes (or refuses), under a readable id."""
    for document in SPECS:
        spec = TypeAdapter(PoolingSpec).validate_python(document)
        for layer in LAYERS:
            if (layer.name in TAKEN[spec.kind]) == taken:
                yield pytest.param(spec, layer, id=f"{spec.label()}-{layer.name}")


each_pair = pytest.mark.parametrize(("spec", "layer"), list(pairs(taken=True)))


@pytest.mark.parametrize(("spec", "layer"), list(pairs(taken=False)))
def test_a_layout_it_cannot_take_is_refused_before_any_weight_is_loaded(spec, layer):
    with pytest.raises(PoolingMismatchError, match=layer.name):
        spec.n_features(layer)


@each_pair
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16], ids=str)
def test_it_gives_as_many_features_as_its_spec_says_in_the_dtype_it_was_given(spec, layer, dtype):
    (features,) = CATALOGUE.load(spec.kind)(values_of(layer, dtype), layer, [spec])
    assert features.shape == (5, spec.n_features(layer))
    assert features.dtype == dtype


@each_pair
def test_permuting_the_batch_permutes_the_rows(spec, layer):
    pool, values, order = CATALOGUE.load(spec.kind), values_of(layer), torch.tensor([3, 0, 4, 1, 2])
    assert torch.equal(pool(values[order], layer, [spec])[0], pool(values, layer, [spec])[0][order])


@each_pair
def test_it_leaves_its_input_alone(spec, layer):
    values = values_of(layer)
    CATALOGUE.load(spec.kind)(values, layer, [spec])
    assert torch.equal(values, values_of(layer))
