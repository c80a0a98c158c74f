"""The vision branch of ONE-PEACE, 1.5 billion parameters; no library has it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from algokit.backbones import Preprocess
from algokit.backbones.own_network import OwnNetwork

if TYPE_CHECKING:
    from torch import Tensor, nn

_WHOLE_MODEL = "encoder_wrapper."
_OTHER_PARTS = ("text", "audio", "decoder", "mask", "logit_scale", "version", "image_proj", "image_layer_norm")
_INDEX_TABLES = ("image_adapter.rp_bucket", "image_adapter.position_idx")
_OLD_TABLE, _TABLE = "image_adapter.rel_pos_table.weight", "image_adapter.rel_pos_table_list.0.weight"


def _build(**options: Any) -> nn.Module:
    from algokit.backbones.one_peace_network import OnePeaceVision

    return OnePeaceVision(**options)


def _preprocess(*, grid: int = 16, **_options: Any) -> Preprocess:
    """As the publisher's own interface to the pretrained model prepares images."""
    return Preprocess(
        size_px=16 * grid,
        resize="squash",
        resize_px=16 * grid,
        crop="none",
        interpolation="bicubic",
        mean=(0.48145466, 0.4578275, 0.40821073),
        std=(0.26862954, 0.26130258, 0.27577711),
    )


def _own_state(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The vision branch's tensors of its own file, or of the whole model's; every other name is left as it is.

    Of the whole model, known by names in ``encoder_wrapper.``, these are left out: whatever has text, audio, decoder,
    mask, logit_scale or version in its name, and the norm and projection behind the last block of images. This is what
    the publisher leaves out of the vision branch's file. Of both, the two tables of indices: they follow from the grid.
    """
    if any(key.startswith(_WHOLE_MODEL) for key in state):
        state = {
            _vision_name(key): value for key, value in state.items() if not any(part in key for part in _OTHER_PARTS)
        }
    kept = {key: value for key, value in state.items() if key not in _INDEX_TABLES}
    if _OLD_TABLE in kept and _TABLE not in kept:
        kept[_TABLE] = kept.pop(_OLD_TABLE)
    return kept


def _vision_name(key: str) -> str:
    """``encoder_wrapper.fusion_model.layers.0.gamma_1`` -> ``encoder.layers.0.gamma_1``."""
    inner = key.removeprefix(_WHOLE_MODEL)
    return inner.replace("fusion_model.", "encoder.", 1) if inner.startswith("fusion_model.") else inner


_ONE_PEACE = OwnNetwork(
    kind="one_peace",
    source="Wang, Wang, Lin et al. 2023, arXiv 2305.11172; reference implementation: OFA-Sys/ONE-PEACE",
    licence="code Apache-2.0; weights vision Apache-2.0 (stated for the reference implementation)",
    weights={
        "vision": "https://one-peace-shanghai.oss-accelerate.aliyuncs.com/one_peace_checkpoints/one-peace-vision.pkl"
    },
    build=_build,
    preprocess=_preprocess,
    own_state=_own_state,
)
describe = _ONE_PEACE.describe
weights_digest = _ONE_PEACE.weights_digest
load = _ONE_PEACE.load
built_card = _ONE_PEACE.built_card
