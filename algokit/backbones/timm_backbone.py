"""Backbones of timm: intermediates come from the models' own ``forward_intermediates``."""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from algokit.backbones import BackboneCard, Preprocess, TimmSpec, WeightsRecord
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
    WeightsFile,
    is_random,
    load_strictly,
    random_record,
    read_state,
    refuse_options,
    seeded,
    unknown,
    weights_file,
)
from algokit.errors import RecipeError, WeightsError
from algokit.types import Finding

if TYPE_CHECKING:
    from timm.models import PretrainedCfg
    from torch import Tensor, nn

RESERVED_OPTIONS = {"pretrained", "pretrained_cfg", "pretrained_cfg_overlay", "checkpoint_path", "features_only"}


def describe(spec: TimmSpec) -> BackboneCard:
    """The card: shipped where one covers the spec, else measured on the meta device.

    Raises
    ------
    RecipeError : timm has no such model or tag, or the model refuses the options or the image size.
    """
    return covering_card(spec, *_name_and_tag(spec)) or built_card(spec)


def weights_digest(spec: TimmSpec) -> WeightsRecord:
    """Which weights `load` would use; a random network is built to know its digest.

    Raises
    ------
    WeightsError : they are not on this machine.
    """
    if is_random(spec):
        return random_record(_network(spec), spec.seed)
    return weights_file(spec, describe(spec), _name_and_tag(spec)[1]).record()


def load(spec: TimmSpec, device: str) -> TrunkBackbone:
    """Build the network, load the weights strictly, move it to ``device``, eval mode.

    Raises
    ------
    WeightsError : weights are missing or do not fit.
    DeviceError : the device is not there.
    """
    place = torch_device(device)
    card = describe(spec)
    if is_random(spec):
        network = _network(spec)
        record = random_record(network, spec.seed)
    else:
        file = weights_file(spec, card, _name_and_tag(spec)[1])
        record = file.record()
        network = _network(spec) if spec.checkpoint else _hub_network(spec, file)
        if spec.checkpoint:
            load_strictly(network, read_state(file), file.source)
    return TrunkBackbone(card, record, timm_trunk(on_device(network, place)))


def built_card(spec: TimmSpec) -> BackboneCard:
    """The card as timm itself describes the model, without weights."""
    import torch

    with torch.device("meta"):
        network = _network(spec).eval()
    name = _name_and_tag(spec)[0]
    preprocess = _preprocess(_settings(spec), spec)
    layers, flops = measured(timm_trunk(network), spec, preprocess.size_px)
    alike = _tags_alike(spec)
    card = BackboneCard(
        kind="timm",
        name=name,
        source=f"timm: {name}",
        licence="code Apache-2.0; weights " + ", ".join(f"{tag} {known.license}" for tag, known in alike.items()),
        n_parameters=sum(parameter.numel() for parameter in network.parameters()),
        flops_per_image=flops,
        preprocess=preprocess,
        layers=layers,
        weights={tag: _location(known) for tag, known in alike.items()},
    )
    return with_preprocess(card, spec)


def timm_trunk(network: Any) -> Trunk:
    """A timm model as named intermediates; open_clip's timm towers use it too.

    Raises
    ------
    RecipeError : the model does not offer its intermediates, or not under unique module names.
    """
    names = _intermediate_names(network)
    has_tokens = "return_prefix_tokens" in inspect.signature(network.forward_intermediates).parameters
    n_prefix = int(getattr(network, "num_prefix_tokens", 0)) if has_tokens else None
    output: dict[str, Any] = {"output_fmt": "NLC" if has_tokens else "NCHW"}
    if n_prefix:  # models without prefix tokens fail when asked for them
        output["return_prefix_tokens"] = True

    def run(images: Tensor, wanted: Sequence[str]) -> Mapping[str, Tensor]:
        indices = sorted({names.index(name) for name in wanted})
        outputs = network.forward_intermediates(
            images, indices=indices, intermediates_only=True, norm=False, stop_early=True, **output
        )
        if n_prefix:
            outputs = [_joined(prefix, patches) for patches, prefix in outputs]
        return {names[index]: values for index, values in zip(indices, outputs, strict=True)}

    return Trunk(network, names, n_prefix, run)


def _joined(prefix: Tensor, patches: Tensor) -> Tensor:
    """(n, n_prefix, channels) and (n, n_patches, channels) -> all tokens; the very tensor that timm cut, where it did.

    A copy of every activation would cost a small transformer one or two percent of its time.
    """
    import torch

    n_images, n_prefix, channels = prefix.shape
    cut_from_one = (
        not torch.compiler.is_compiling()
        and prefix.device.type != "meta"
        and prefix.stride() == patches.stride()
        and prefix.data_ptr() + n_prefix * prefix.stride(1) * prefix.element_size() == patches.data_ptr()
        and prefix.untyped_storage().data_ptr() == patches.untyped_storage().data_ptr()
    )
    if not cut_from_one:
        return torch.cat([prefix, patches], dim=1)
    return prefix.as_strided((n_images, n_prefix + patches.shape[1], channels), prefix.stride())


def _intermediate_names(network: Any) -> tuple[str, ...]:
    info = getattr(network, "feature_info", None)
    names = tuple(entry["module"] for entry in getattr(info, "info", info) or ())
    if not hasattr(network, "forward_intermediates") or not names or len(set(names)) < len(names):
        finding = Finding(
            "this model does not offer its intermediates by name",
            found=type(network).__name__,
            advice="choose a timm model with forward_intermediates and unique feature_info names",
        )
        raise RecipeError("this timm model cannot be a backbone", [finding])
    return names


def _name_and_tag(spec: TimmSpec) -> tuple[str, str]:
    name, _, tag = spec.name.partition(".")
    if tag and spec.weights not in (PRETRAINED, RANDOM, tag):
        finding = Finding("two tags", path="weights", found=f"{spec.name} and {spec.weights}", advice="give one")
        raise RecipeError(f"{spec.name} names its weights twice", [finding])
    return name, tag or spec.weights


def _full_name(spec: TimmSpec) -> str:
    """``name`` or ``name.tag``, known to timm."""
    import timm

    name, tag = _name_and_tag(spec)
    if not timm.is_model(name):
        raise RecipeError("timm has no such model", [unknown("timm model", name, timm.list_models())])
    known = [full.partition(".")[2] for full in timm.models.get_arch_pretrained_cfgs(name)]
    if tag in (PRETRAINED, RANDOM):
        return name
    if tag not in known:
        raise RecipeError(f"timm has no such weights of {name}", [unknown("tag", tag, known)])
    return f"{name}.{tag}"


def _network(spec: TimmSpec, **weights: Any) -> nn.Module:
    """The model with initial weights drawn from the seed, or with those that ``weights`` tells timm to load."""
    import timm

    full_name = _full_name(spec)
    refuse_options(spec, RESERVED_OPTIONS)
    options: dict[str, Any] = {"pretrained": False, **weights, **spec.options}
    try:
        with seeded(spec.seed):
            network: nn.Module = timm.create_model(full_name, **options)
    except (TypeError, ValueError, AssertionError) as error:
        finding = Finding("timm refuses the options", path="options", found=str(error)[:300])
        raise RecipeError(f"{spec.name} cannot be built", [finding]) from error
    return network


def _hub_network(spec: TimmSpec, file: WeightsFile) -> nn.Module:
    """Through timm's own loading, which knows how published files differ from its modules."""
    try:
        return _network(spec, pretrained=True, pretrained_cfg_overlay={"file": str(file.path)})
    except (RuntimeError, KeyError, OSError) as error:
        finding = Finding("timm cannot load this file", where=file.source, found=str(error)[:500])
        raise WeightsError(f"the weights {file.source} do not fit {spec.name}", [finding]) from error


def _settings(spec: TimmSpec) -> PretrainedCfg:
    """What timm says about the tag: preprocessing, classes, licence, where its weights are."""
    import timm
    from timm.models import PretrainedCfg

    return timm.get_pretrained_cfg(_full_name(spec)) or PretrainedCfg()


def _preprocess(settings: PretrainedCfg, spec: TimmSpec) -> Preprocess:
    size_px = int(spec.options.get("img_size") or settings.input_size[-1])
    is_squashed = settings.crop_mode == "squash"
    return Preprocess.model_validate(
        {
            "size_px": size_px,
            "resize": "squash" if is_squashed else "short_side",
            "resize_px": math.floor(size_px / settings.crop_pct),
            "crop": "none" if is_squashed and settings.crop_pct == 1 else "center",
            "interpolation": settings.interpolation,
            "mean": settings.mean,
            "std": settings.std,
        }
    )


def _tags_alike(spec: TimmSpec) -> dict[str, PretrainedCfg]:
    """The tags for which everything a card says is the same; that of the spec first."""
    import timm

    own = _settings(spec)
    found = {
        other.tag or "": other
        for other in timm.models.get_arch_pretrained_cfgs(spec.name).values()
        if other.num_classes == own.num_classes and _preprocess(other, spec) == _preprocess(own, spec)
    }
    return {tag: found[tag] for tag in sorted(found, key=lambda tag: tag != own.tag) if _location(found[tag])}


def _location(settings: PretrainedCfg) -> str:
    if settings.hf_hub_id:
        return "/".join(part for part in (settings.hf_hub_id, settings.hf_hub_filename) if part)
    return str(settings.url or "")
