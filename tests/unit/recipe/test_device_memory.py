"""The forecast of a forward pass's memory, against what a pass without arithmetic holds at once."""

from __future__ import annotations

import weakref
from typing import Any

import pytest
import timm
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from algokit.backbones import shipped_card
from algokit.backbones.timm_backbone import timm_trunk
from algokit.recipe.cost import DeviceMemory, device_memory


class LiveBytes(TorchDispatchMode):
    """Bytes of all tensors made inside that are alive, and the most there were at once."""

    def __init__(self) -> None:
        super().__init__()
        self.peak = 0
        self._sizes: dict[int, int] = {}

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = function(*args, **(kwargs or {}))
        for one in result if isinstance(result, tuple | list) else [result]:
            if isinstance(one, torch.Tensor):
                storage = one.untyped_storage()
                if storage._cdata not in self._sizes:
                    self._sizes[storage._cdata] = storage.nbytes()
                    weakref.finalize(storage, self._sizes.pop, storage._cdata, None)
                self.peak = max(self.peak, sum(self._sizes.values()))
        return result


@pytest.mark.parametrize(
    ("name", "factor"), [("vit_base_patch16_224", 1.5), ("resnet18", 5), ("resnet50", 5), ("mobilenetv2_100", 5)]
)
def test_the_memory_of_an_image_is_what_a_pass_holds_at_once(name: str, factor: float) -> None:
    card = shipped_card("timm", name)
    assert card is not None
    with torch.device("meta"):
        trunk = timm_trunk(timm.create_model(name).eval())
        image = torch.empty(1, 3, card.preprocess.size_px, card.preprocess.size_px)
    with torch.inference_mode(), LiveBytes() as live:
        kept = trunk.run(image, [layer.name for layer in card.layers])
    forecast = device_memory(card, card.layers, 0)
    inside = forecast.image_bytes - 4 * image.numel()  # the image was there before
    assert sum(4 * one.numel() for one in kept.values()) < live.peak
    assert live.peak / factor < inside < live.peak * factor
    assert forecast.network_bytes == 4 * card.n_parameters


def test_a_batch_holds_the_network_once_and_every_image() -> None:
    assert DeviceMemory(network_bytes=1000, image_bytes=7).of_batch(32) == 1000 + 32 * 7


def test_all_layers_of_a_pass_are_held_at_once() -> None:
    card = shipped_card("timm", "vit_base_patch16_224")
    assert card is not None
    one, all_of_them = (device_memory(card, layers, 0) for layers in (card.layers[:1], card.layers))
    token_bytes = 4 * 197 * 768
    assert all_of_them.image_bytes - one.image_bytes == 11 * token_bytes
