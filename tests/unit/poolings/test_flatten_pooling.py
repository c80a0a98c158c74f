import torch

from algokit.backbones import LayerInfo
from algokit.poolings import FlattenSpec
from algokit.poolings.flatten_pooling import flatten

SPEC = FlattenSpec(kind="flatten")


def test_a_map_is_flattened_channel_by_channel():
    layer = LayerInfo(name="m", layout="map", channels=2, height=1, width=2)
    assert flatten(torch.tensor([[[[1.0, 2.0]], [[3.0, 4.0]]]]), layer, [SPEC])[0].tolist() == [[1, 2, 3, 4]]


def test_tokens_are_flattened_token_by_token_with_their_prefix():
    layer = LayerInfo(name="t", layout="tokens", channels=2, height=1, width=1, n_prefix=1, n_tokens=2)
    assert flatten(torch.tensor([[[1.0, 2.0], [3.0, 4.0]]]), layer, [SPEC])[0].tolist() == [[1, 2, 3, 4]]


def test_a_vector_stays_as_it_is():
    layer = LayerInfo(name="v", layout="vector", channels=3)
    assert flatten(torch.tensor([[1.0, 2.0, 3.0]]), layer, [SPEC])[0].tolist() == [[1, 2, 3]]
