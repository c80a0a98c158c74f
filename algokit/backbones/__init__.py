"""Backbones: a batch of images -> activations with a declared layout.

To add one
----------
1. Write ``<name>_backbone.py`` with a class that satisfies `Backbone` and two functions,
   ``describe(spec) -> BackboneCard`` and ``load(spec, device) -> Backbone``.
2. Give it a spec class here if it needs settings of its own.
3. Add one row to `CATALOGUE`. The contract suite in ``tests/contracts`` then runs over it.

A backbone declares its layout; nobody guesses it. A *card* says everything a plan needs (layers, shapes,
FLOPs, preprocessing, licence) without weights and without torch; cards of the named models are shipped as JSON.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Protocol

from pydantic import Field, ValidationError, model_validator

from algokit.errors import RecipeError
from algokit.frozen import Finite, Frozen, Seed
from algokit.registry import Catalogue
from algokit.types import Finding

if TYPE_CHECKING:
    import torch

Layout = Literal["map", "tokens", "vector"]


class Preprocess(Frozen):
    """From a decoded RGB image to the network's input. Every value is resolved, none is implied."""

    size_px: int = Field(gt=0, le=4096, description="Side of the square input, in pixels")
    resize: Literal["squash", "short_side"] = Field(
        description="squash: straight to resize_px x resize_px; short_side: short side to resize_px, aspect kept"
    )
    resize_px: int = Field(
        gt=0, le=4096, description="Target of the resize; with squash equal to size_px unless cropped"
    )
    crop: Literal["none", "center"] = Field(description="center: cut the central size_px square after the resize")
    interpolation: Literal["nearest", "bilinear", "bicubic", "lanczos"] = "bicubic"
    mean: tuple[Finite, Finite, Finite] = Field(description="Subtracted per RGB channel after dividing by 255")
    std: tuple[Finite, Finite, Finite] = Field(description="Divisor per RGB channel")

    @model_validator(mode="after")
    def _gives_a_square(self) -> Preprocess:
        if self.crop == "none" and (self.resize != "squash" or self.resize_px != self.size_px):
            raise ValueError("without a crop, resize has to be squash and resize_px equal to size_px")
        if self.crop == "center" and self.resize_px < self.size_px:
            raise ValueError(f"no {self.size_px} px can be cropped from {self.resize_px}")
        if min(self.std) < 1e-6:
            raise ValueError("std has to be at least 1e-6")
        return self


class PreprocessOverride(Frozen):
    """The part of a checkpoint's preprocessing that a recipe states itself; the rest comes from the card."""

    size_px: int | None = Field(default=None, gt=0, le=4096)
    resize: Literal["squash", "short_side"] | None = None
    resize_px: int | None = Field(default=None, gt=0, le=4096)
    crop: Literal["none", "center"] | None = None
    interpolation: Literal["nearest", "bilinear", "bicubic", "lanczos"] | None = None
    mean: tuple[Finite, Finite, Finite] | None = None
    std: tuple[Finite, Finite, Finite] | None = None

    def applied_to(self, base: Preprocess) -> Preprocess:
        """``base`` with the stated values replaced.

        Raises
        ------
        RecipeError : the two together give no square input.
        """
        try:
            return Preprocess.model_validate({**base.model_dump(), **self.model_dump(exclude_none=True)})
        except ValidationError as error:
            what = error.errors()[0]["msg"].removeprefix("Value error, ")
            finding = Finding(what, path="preprocess", advice=f"the checkpoint's own: {base}", code="bad-preprocess")
            raise RecipeError("this preprocessing is not possible", [finding]) from error


class LayerInfo(Frozen):
    """One addressable layer: its name, layout and shape for one image.

    map: (channels, height, width). tokens: (n_tokens, channels), the first ``n_prefix`` are class or register
    tokens, the others lie on a height x width grid (0 x 0 where there is none). vector: (channels,).
    """

    name: str
    layout: Layout
    channels: int = Field(gt=0)
    height: int = Field(default=0, ge=0)
    width: int = Field(default=0, ge=0)
    n_prefix: int = Field(default=0, ge=0)
    n_tokens: int = Field(default=0, ge=0)


class BackboneCard(Frozen):
    """What is known about a backbone without loading a weight."""

    kind: str
    name: str
    source: str = Field(description="Library and model name the architecture comes from, or the paper")
    licence: str = ""
    n_parameters: int = Field(ge=0)
    flops_per_image: float = Field(ge=0, description="Multiply-adds counted as two, at the card's input size")
    preprocess: Preprocess
    layers: tuple[LayerInfo, ...] = Field(description="In order from input to output")
    weights: Mapping[str, str] = Field(default_factory=dict, description="Known weight tag -> where it comes from")

    def layer(self, name: str) -> LayerInfo:
        """The layer of that name (KeyError where there is none)."""
        return {layer.name: layer for layer in self.layers}[name]


class _BackboneSpec(Frozen):
    preprocess: PreprocessOverride | None = Field(
        default=None, description="Stated only where it must differ from the checkpoint's own"
    )


class _NetworkSpec(_BackboneSpec):
    weights: str = Field(
        default="pretrained",
        description="'pretrained' (the library's default tag), a tag, or 'random' (untrained, and said so loudly)",
    )
    checkpoint: Path | None = Field(
        default=None, description="A local weights file (.safetensors, .pt, .pth, .bin, .pkl); wins over weights"
    )
    seed: Seed = Field(default=0, description="Seed of the weights when weights: random")
    options: dict[str, str | int | float | bool] = Field(
        default_factory=dict, description="Passed to the model's constructor (pad_type: same)"
    )


class TimmSpec(_NetworkSpec):
    """A model of timm; layers are the ones its ``forward_intermediates`` gives."""

    kind: Literal["timm"]
    name: str = Field(description="timm model name, optionally with a tag: resnet18.a1_in1k")


class OpenClipSpec(_NetworkSpec):
    """The image tower of an open_clip model."""

    kind: Literal["open_clip"]
    name: str = Field(description="open_clip model name: EVA02-L-14")


class TorchvisionSpec(_NetworkSpec):
    """A model of torchvision.models; layers are module names of its trunk (features.2, classifier.1)."""

    kind: Literal["torchvision"]
    name: str = Field(description="torchvision model name: alexnet")


class CornetSpec(_NetworkSpec):
    """CORnet-S; layers are V1, the time steps of V2, V4 and IT (V4.t0 to V4.t3), and the decoder's two stages.

    Options: width (channels of V1).
    """

    kind: Literal["cornet"]
    name: Literal["CORnet-S"] = Field(default="CORnet-S", description="There is one")


class OnePeaceSpec(_NetworkSpec):
    """The vision branch of ONE-PEACE; layers are its blocks, encoder.layers.0 to encoder.layers.39.

    Options: width, depth, heads, inner_width, grid (patches of 16 pixels along a side).
    """

    kind: Literal["one_peace"]
    name: Literal["ONE-PEACE"] = Field(default="ONE-PEACE", description="There is one")


class GaborSpec(_BackboneSpec):
    """Weight-free Gabor pyramid: oriented energy at several scales and a second-order (texture) stage."""

    kind: Literal["gabor"]
    size_px: int = Field(default=96, ge=32, le=512, description="Side of the square grey image the filters see")
    n_orientations: int = Field(default=8, ge=2, le=32)
    wavelengths_px: Annotated[tuple[Annotated[float, Field(ge=3, le=512)], ...], Field(min_length=1)] = Field(
        default=(4.0, 8.0, 16.0, 32.0), description="One energy layer per wavelength, fine to coarse"
    )


class TinySpec(_BackboneSpec):
    """A three-layer network with fixed seeded weights, one layer of every layout; for tests and first tries."""

    kind: Literal["tiny"]
    seed: Seed = 0


BackboneSpec = Annotated[
    TimmSpec | OpenClipSpec | TorchvisionSpec | CornetSpec | OnePeaceSpec | GaborSpec | TinySpec,
    Field(discriminator="kind"),
]

CATALOGUE = Catalogue(
    "backbone",
    {
        "timm": "algokit.backbones.timm_backbone",
        "open_clip": "algokit.backbones.open_clip_backbone",
        "torchvision": "algokit.backbones.torchvision_backbone",
        "cornet": "algokit.backbones.cornet_backbone",
        "one_peace": "algokit.backbones.one_peace_backbone",
        "gabor": "algokit.backbones.gabor_backbone",
        "tiny": "algokit.backbones.tiny_backbone",
    },
)


@dataclass(frozen=True)
class WeightsRecord:
    """Which weights were really loaded; goes into keys and cards.

    Attributes
    ----------
    source : file name, hub tag, "random (seed 0)" or "no weights (...)"; never a machine's path.
    sha256 : digest of the file or of the loaded tensors; "" where there are no weights.
    is_random : True makes the card and the report say so loudly.
    """

    source: str
    sha256: str
    is_random: bool


class Backbone(Protocol):
    """A loaded network on a device."""

    card: BackboneCard
    weights: WeightsRecord

    def activations(self, images: torch.Tensor, layers: Sequence[str]) -> dict[str, torch.Tensor]:
        """One forward pass -> the named layers, each in the layout its card declares.

        Parameters
        ----------
        images : (n, 3, size_px, size_px) float32 on the backbone's device, preprocessed.
        layers : names of the card's layers.
        """
        ...

    def compiled(self) -> Backbone:
        """The same through torch.compile; itself where it has no network worth compiling."""
        ...


class BackboneModule(Protocol):
    """What a member module offers; `CATALOGUE` rows name modules."""

    def describe(self, spec: Any) -> BackboneCard:
        """The card, without weights, with the recipe's preprocessing; may import torch when no card is shipped."""
        ...

    def weights_digest(self, spec: Any) -> WeightsRecord:
        """Which weights `load` would use, without building the network.

        Raises
        ------
        WeightsError : they are not on this machine.
        """
        ...

    def load(self, spec: Any, device: str) -> Backbone:
        """Build the network, load the weights strictly, move it to ``device``, eval mode.

        Raises
        ------
        WeightsError : weights are missing or do not fit.
        """
        ...


CARDS = Path(__file__).parent / "cards"


def shipped_card(kind: str, name: str) -> BackboneCard | None:
    """The card shipped for a named model, or None."""
    path = CARDS / f"{kind}--{name.replace('/', '-')}.json"
    if not path.is_file():
        return None
    return BackboneCard.model_validate(json.loads(path.read_text(encoding="utf-8")))


def shipped_cards() -> list[BackboneCard]:
    """Every card that comes with algokit, by kind and name."""
    return [
        BackboneCard.model_validate(json.loads(path.read_text(encoding="utf-8")))
        for path in sorted(CARDS.glob("*.json"))
    ]
