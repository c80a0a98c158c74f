import torch

from algokit.backbones import LayerInfo
from algokit.poolings import ClsTokenSpec, MeanTokensSpec
from algokit.poolings.token_pooling import cls_token, mean_tokens

LAYER = LayerInfo(name="t", layout="tokens", channels=2, height=2, width=1, n_prefix=2, n_tokens=4)
VALUES = torch.tensor(
    [[[1.0, 2.0], [90.0, 90.0], [3.0, 5.0], [5.0, 9.0]], [[-1.0, 0.0], [90.0, 90.0], [0.0, 1.0], [2.0, 3.0]]]
)


def test_the_class_token_is_the_first_of_the_prefix():
    assert cls_token(VALUES, LAYER, [ClsTokenSpec(kind="cls_token")])[0].tolist() == [[1, 2], [-1, 0]]


def test_the_mean_leaves_class_and_register_tokens_out():
    assert mean_tokens(VALUES, LAYER, [MeanTokensSpec(kind="mean_tokens")])[0].tolist() == [[4, 7], [1, 2]]
