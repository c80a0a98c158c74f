"""Image towers of open_clip models; the text tower is never built.

The settings of the weights' own tag hold: preprocessing, and QuickGELU, which open_clip leaves to the caller when
weights come from a file and which silently changes every activation.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from algokit.backbones import BackboneCard, OpenClipSpec, Preprocess, WeightsRecord
from algokit.backbones.timm_backbone import timm_trunk
from algokit.backbones.trunk import (
    Trunk,
    TrunkBackbone,
    covering_card,
    measured,
    on_device,
    torch_device,
    with_preprocess,
)
from algokit.backbones.weights import (
    PRETRAINED,
    RANDOM,
    is_random,
    load_strictly,
    random_record,
    read_state,
    refuse_options,
    seeded,
    unknown,
    weights_file,
)
from algokit.errors import RecipeError
from algokit.types import Finding

if TYPE_CHECKING:
    import torch
    from torch import Tensor

RESERVED_OPTIONS = {"pretrained", "pretrained_image", "pretrained_image_path", "load_weights", "device", "text_cfg"}
TINY_TEXT = {"context_length": 8, "vocab_size": 8, "width": 8, "heads": 1, "layers": 1}
LICENCES = {
    "openai": "MIT",
    "laion": "MIT",
    "merged2b": "MIT",
    "datacomp": "MIT",
    "commonpool": "MIT",
    "metaclip": "CC-BY-NC-4.0",
    "webli": "Apache-2.0",
    "dfn": "Apple's own",
}


def describe(spec: OpenClipSpec) -> BackboneCard:
    """The card: shipped where one covers the spec, else measured on the meta device.

    Raises
    ------
    RecipeError : open_clip has no such model or tag, or the model refuses the options or the image size.
    """
    if spec.checkpoint:
        _tag_settings(spec)  # refuses a file whose tag matters and is not said
    return covering_card(spec, spec.name, spec.weights) or built_card(spec)


def weights_digest(spec: OpenClipSpec) -> WeightsRecord:
    """Which weights `load` would use; a random tower is built to know its digest.

    Raises
    ------
    WeightsError : they are not on this machine.
    """
    if is_random(spec):
        return random_record(_tower(spec), spec.seed)
    return weights_file(spec, describe(spec), spec.weights).record()


def load(spec: OpenClipSpec, device: str) -> TrunkBackbone:
    """Build the image tower, load the weights strictly, move it to ``device``, eval mode.

    Raises
    ------
    WeightsError : weights are missing or do not fit.
    DeviceError : the device is not there.
    """
    place = torch_device(device)
    card = describe(spec)
    tower = _tower(spec)
    if is_random(spec):
        record = random_record(tower, spec.seed)
    else:
        file = weights_file(spec, card, spec.weights)
        record = file.record()
        load_strictly(tower, _of_image_tower(read_state(file)), file.source)
    return TrunkBackbone(card, record, tower_trunk(on_device(tower, place)))


def built_card(spec: OpenClipSpec) -> BackboneCard:
    """The card as open_clip itself describes the image tower, without weights."""
    import torch

    with torch.device("meta"):
        tower = _tower(spec, "meta").eval()
    image_px = tower.image_size
    size_px = int(image_px if isinstance(image_px, int) else image_px[0])
    tags = _tags(spec.name)
    preprocess = _preprocess(_tag_settings(spec), size_px)
    layers, flops = measured(tower_trunk(tower), spec, size_px)
    alike = {tag: settings for tag, settings in tags.items() if _preprocess(settings, size_px) == preprocess}
    card = BackboneCard(
        kind="open_clip",
        name=spec.name,
        source=f"open_clip: image tower of {spec.name}",
        licence="code MIT; weights " + ", ".join(f"{tag} {_licence(tag)}" for tag in alike),
        n_parameters=sum(parameter.numel() for parameter in tower.parameters()),
        flops_per_image=flops,
        preprocess=preprocess,
        layers=layers,
        weights={tag: settings["hf_hub"].rstrip("/") or settings["url"] for tag, settings in alike.items()},
    )
    return with_preprocess(card, spec)


def tower_trunk(tower: Any) -> Trunk:
    """An image tower as named intermediates; the towers that are timm models are read as such."""
    if hasattr(tower, "trunk"):
        return timm_trunk(tower.trunk)
    is_transformer = hasattr(tower, "transformer")
    names = (
        tuple(f"transformer.resblocks.{index}" for index in range(len(tower.transformer.resblocks)))
        if is_transformer
        else ("avgpool", "layer1", "layer2", "layer3", "layer4")  # avgpool ends the stem
    )
    output = {"output_fmt": "NLC", "output_extra_tokens": True} if is_transformer else {}

    def run(images: Tensor, wanted: Sequence[str]) -> Mapping[str, Tensor]:
        import torch

        indices = sorted({names.index(name) for name in wanted})
        found = tower.forward_intermediates(images, indices=indices, intermediates_only=True, stop_early=True, **output)
        outputs = found["image_intermediates"]
        if is_transformer:
            prefixes = found["image_intermediates_prefix"]
            outputs = [torch.cat(pair, dim=1) for pair in zip(prefixes, outputs, strict=True)]
        return {names[index]: values for index, values in zip(indices, outputs, strict=True)}

    return Trunk(tower, names, 1 if is_transformer else None, run)


def _tags(name: str) -> dict[str, dict[str, Any]]:
    import open_clip

    known = open_clip.list_models()
    if name not in known:
        raise RecipeError("open_clip has no such model", [unknown("open_clip model", name, known)])
    return {tag: open_clip.get_pretrained_cfg(name, tag) for tag in open_clip.list_pretrained_tags_by_model(name)}


def _tag_settings(spec: OpenClipSpec) -> Mapping[str, Any]:
    """What open_clip says about the tag the weights belong to (the first one for pretrained and random)."""
    tags = _tags(spec.name)
    if spec.weights not in (PRETRAINED, RANDOM, *tags):
        raise RecipeError(f"open_clip has no such weights of {spec.name}", [unknown("tag", spec.weights, tags)])
    uses_quick_gelu = {bool(settings.get("quick_gelu")) for settings in tags.values()}
    if spec.checkpoint and spec.weights == PRETRAINED and len(uses_quick_gelu) > 1:
        finding = Finding(
            "the file's tag is not said",
            path="weights",
            expected=" or ".join(tags),
            advice="tags of this model differ in their activation function; name the tag the file belongs to",
        )
        raise RecipeError(f"a checkpoint of {spec.name} needs its tag", [finding])
    return tags[spec.weights] if spec.weights in tags else next(iter(tags.values()), {})


def _tower(spec: OpenClipSpec, device: str = "cpu") -> Any:
    import open_clip

    settings = _tag_settings(spec)
    refuse_options(spec, RESERVED_OPTIONS)
    options = {"force_quick_gelu": bool(settings.get("quick_gelu")), **spec.options}
    try:
        with seeded(spec.seed), _quiet():
            model = open_clip.create_model(
                spec.name, pretrained_text=False, device=device, text_cfg=dict(TINY_TEXT), **options
            )
    except (TypeError, ValueError, AssertionError) as error:
        finding = Finding("open_clip refuses the options", path="options", found=str(error)[:300])
        raise RecipeError(f"{spec.name} cannot be built", [finding]) from error
    return model.visual


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """open_clip warns through the root logger that it loaded no weights: it was not asked to, we load them after."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)


def _of_image_tower(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The image tower's part of a whole model's weights, or all of them where the file holds just the tower."""
    tower = {key.removeprefix("visual."): value for key, value in state.items() if key.startswith("visual.")}
    return tower or dict(state)


def _preprocess(settings: Mapping[str, Any], size_px: int) -> Preprocess:
    from dataclasses import asdict

    from open_clip.transform import PreprocessCfg

    config = {**asdict(PreprocessCfg()), **settings}
    squash = config["resize_mode"] == "squash"
    return Preprocess(
        size_px=size_px,
        resize="squash" if squash else "short_side",
        resize_px=size_px,
        crop="none" if squash else "center",
        interpolation=config["interpolation"],
        mean=config["mean"],
        std=config["std"],
    )


def _licence(tag: str) -> str:
    known = (licence for start, licence in LICENCES.items() if tag.startswith(start))
    return next(known, "see its publisher")
