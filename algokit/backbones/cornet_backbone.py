"""CORnet-S, a recurrent network with the areas of the ventral stream; no library has it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from algokit.backbones import Preprocess
from algokit.backbones.own_network import OwnNetwork

if TYPE_CHECKING:
    from torch import Tensor, nn

_COUNTER = ".num_batches_tracked"


def _build(**options: Any) -> nn.Module:
    from algokit.backbones.cornet_network import CornetS

    return CornetS(**options)


def _preprocess(**_options: Any) -> Preprocess:
    """As the authors prepare ImageNet's validation images."""
    return Preprocess(
        size_px=224,
        resize="short_side",
        resize_px=256,
        crop="center",
        interpolation="bilinear",
        mean=(0.485, 0.456, 0.406),
        std=(0.229, 0.224, 0.225),
    )


def _own_state(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """All tensors of the file; counters of training batches, which old files lack and nothing here reads, become 0."""
    import torch

    norms = [key.removesuffix(".running_mean") for key in state if key.endswith(".running_mean")]
    return {**{norm + _COUNTER: torch.tensor(0) for norm in norms}, **state}


_CORNET = OwnNetwork(
    kind="cornet",
    source="Kubilius, Schrimpf et al. 2019, arXiv 1909.06161; reference implementation: dicarlolab/CORnet",
    licence="code Apache-2.0; weights imagenet1k GPL-3.0 (stated for the reference implementation)",
    weights={"imagenet1k": "https://s3.amazonaws.com/cornet-models/cornet_s-1d3f7974.pth"},
    build=_build,
    preprocess=_preprocess,
    own_state=_own_state,
)
describe = _CORNET.describe
weights_digest = _CORNET.weights_digest
load = _CORNET.load
built_card = _CORNET.built_card
