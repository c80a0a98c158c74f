"""A network as named intermediates: what every network backbone shares, whatever library it comes from."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from algokit.backbones import BackboneCard, LayerInfo, WeightsRecord, shipped_card
from algokit.backbones.weights import PRETRAINED, RANDOM, NetworkSpec
from algokit.errors import DeviceError, MachineError, RecipeError
from algokit.types import Finding

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn


Run: TypeAlias = "Callable[[Tensor, Sequence[str]], Mapping[str, Tensor]]"


@dataclass(frozen=True)
class Trunk:
    """A network and the way to read its intermediates in one forward pass.

    Attributes
    ----------
    names : layer names from input to output, as the library spells them.
    n_prefix : class and register tokens in front of the patch tokens; None where the network has no token layers.
    run : (images, names) -> activations of those names; a name the pass does not reach exactly once is absent.
    """

    network: nn.Module
    names: tuple[str, ...]
    n_prefix: int | None
    run: Run


class TrunkBackbone:
    """A loaded network on a device; satisfies the `Backbone` protocol."""

    def __init__(self, card: BackboneCard, weights: WeightsRecord, trunk: Trunk) -> None:
        self.card = card
        self.weights = weights
        self._trunk = trunk

    def activations(self, images: Tensor, layers: Sequence[str]) -> dict[str, Tensor]:
        """One forward pass -> the named layers, each in the layout its card declares.

        Parameters
        ----------
        images : (n, 3, size_px, size_px) float32 on the backbone's device, preprocessed.
        layers : names of the card's layers.
        """
        import torch

        with torch.inference_mode():
            outputs = self._trunk.run(images, layers)
        return {name: outputs[name] for name in layers}

    def compiled(self) -> TrunkBackbone:
        """The same network, compiled by torch: the first batch takes minutes, the others less time.

        Raises
        ------
        MachineError : at the first batch, where torch cannot compile it here.
        """
        return TrunkBackbone(self.card, self.weights, replace(self._trunk, run=_compiled(self._trunk.run)))


def _compiled(run: Run) -> Run:
    """Through torch.compile; kernels are made at the first batch.

    Raises
    ------
    MachineError : at the first batch, where torch cannot: there is no C++ compiler, or an operation it does not know.
    """
    import torch
    from torch._dynamo.exc import TorchDynamoException

    fast = torch.compile(run, dynamic=False)

    def told(images: Tensor, names: Sequence[str]) -> Mapping[str, Tensor]:
        try:
            return fast(images, names)
        except TorchDynamoException as error:
            advice = "install a C++ compiler, or leave --compile out"
            finding = Finding("torch.compile failed", found=str(error).strip()[:300], advice=advice, code="no-compile")
            raise MachineError("this network cannot be compiled here", [finding]) from error

    return told


def on_device(network: nn.Module, device: torch.device) -> nn.Module:
    """The network in float32, evaluation mode, without gradients, on ``device``."""
    return network.float().eval().requires_grad_(False).to(device)


def torch_device(device: str) -> torch.device:
    """The device of that name, if this machine has it; there is no fallback.

    Raises
    ------
    DeviceError : the name is not a device, or the device is not there.
    """
    import torch

    n_cuda = torch.cuda.device_count() if torch.cuda.is_available() else 0
    try:
        place = torch.device(device)
    except RuntimeError:
        place = None
    present = place is not None and (
        place.type == "cpu"
        or (place.type == "cuda" and (place.index or 0) < n_cuda)
        or (place.type == "mps" and torch.backends.mps.is_available())
    )
    if place is None or not present:
        finding = Finding(
            "this device is not here", found=repr(device), expected=f"cpu, or one of {n_cuda} CUDA devices"
        )
        raise DeviceError(f"cannot run on {device}", [finding])
    return place


def covering_card(spec: NetworkSpec, name: str, tag: str) -> BackboneCard | None:
    """The shipped card of ``name``, if all it says holds for this spec too; None where the library must be asked.

    Constructor options and another input size change shapes; a tag the card does not list has another preprocessing.
    """
    card = shipped_card(spec.kind, name)
    if card is None or spec.options or tag not in (PRETRAINED, RANDOM, *card.weights):
        return None
    return with_preprocess(card, spec) if _input_px(spec, card.preprocess.size_px) == card.preprocess.size_px else None


def with_preprocess(card: BackboneCard, spec: NetworkSpec) -> BackboneCard:
    """The card with the preprocessing the recipe states."""
    if spec.preprocess is None:
        return card
    return card.model_copy(update={"preprocess": spec.preprocess.applied_to(card.preprocess)})


def _input_px(spec: NetworkSpec, default_px: int) -> int:
    return (spec.preprocess and spec.preprocess.size_px) or default_px


def measured(trunk: Trunk, spec: NetworkSpec, default_px: int) -> tuple[tuple[LayerInfo, ...], float]:
    """Layers and FLOPs of one image, found by a forward pass on the meta device (no weights, no arithmetic).

    Returns
    -------
    layers : those of the trunk's names whose output is a map, tokens or a vector.
    flops : multiply-adds counted as two.

    Raises
    ------
    RecipeError : the network does not take images of that size.
    """
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    size_px = _input_px(spec, default_px)
    images = torch.empty(1, 3, size_px, size_px, device="meta")
    try:
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            outputs = trunk.run(images, trunk.names)
    except (AssertionError, RuntimeError) as error:
        advice = "a transformer needs its input size in options (timm: img_size; open_clip: force_image_size)"
        finding = Finding("image size not taken", found=f"{size_px} px", expected=str(error)[:200], advice=advice)
        raise RecipeError(f"{spec.name} does not take these images", [finding]) from error
    named = ((name, outputs[name]) for name in trunk.names if name and name in outputs)
    layers = (_layer(name, values.shape, trunk.n_prefix) for name, values in named)
    return tuple(layer for layer in layers if layer is not None), float(counter.get_total_flops())


def _layer(name: str, shape: Sequence[int], n_prefix: int | None) -> LayerInfo | None:
    """Layout of one activation of one square image; None where it is not certain."""
    match tuple(shape)[1:]:
        case (channels,):
            return LayerInfo(name=name, layout="vector", channels=channels)
        case (n_tokens, channels) if n_prefix is not None:
            side = math.isqrt(n_tokens - n_prefix)
            side = side if side**2 == n_tokens - n_prefix else 0
            return LayerInfo(
                name=name,
                layout="tokens",
                channels=channels,
                height=side,
                width=side,
                n_prefix=n_prefix,
                n_tokens=n_tokens,
            )
        case (channels, height, width) if height == width:  # channels-last maps of a square image fail this
            return LayerInfo(name=name, layout="map", channels=channels, height=height, width=width)
    return None
