"""Backbones of torchvision.models: layers are module names, read with forward hooks.

torchvision has no intermediates interface of its own that covers its classifiers. Captured activations are copied:
the in-place ReLU behind a convolution would otherwise change what was captured.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from algokit.backbones import BackboneCard, Preprocess, TorchvisionSpec, WeightsRecord
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
from algokit.errors import RecipeError, WeightsError
from algokit.types import Finding

if TYPE_CHECKING:
    from torch import Tensor, nn

RESERVED_OPTIONS = {"weights", "pretrained"}


def describe(spec: TorchvisionSpec) -> BackboneCard:
    """The card: shipped where one covers the spec, else measured on the meta device.

    Raises
    ------
    RecipeError : torchvision has no such model or weights, or the model refuses the options or the image size.
    """
    return covering_card(spec, spec.name, spec.weights) or built_card(spec)


def weights_digest(spec: TorchvisionSpec) -> WeightsRecord:
    """Which weights `load` would use; a random network is built to know its digest.

    Raises
    ------
    WeightsError : they are not on this machine.
    """
    if is_random(spec):
        return random_record(_network(spec, None), spec.seed)
    return weights_file(spec, describe(spec), spec.weights).record()


def load(spec: TorchvisionSpec, device: str) -> TrunkBackbone:
    """Build the network, load the weights strictly, move it to ``device``, eval mode.

    Raises
    ------
    WeightsError : weights are missing or do not fit.
    DeviceError : the device is not there.
    """
    place = torch_device(device)
    card = describe(spec)
    if is_random(spec):
        network = _network(spec, None)
        record = random_record(network, spec.seed)
    else:
        file = weights_file(spec, card, spec.weights)
        record = file.record()
        network = _network(spec, None) if spec.checkpoint else _hub_network(spec)
        if spec.checkpoint:
            load_strictly(network, read_state(file), file.source)
    return TrunkBackbone(card, record, torchvision_trunk(on_device(network, place)))


def built_card(spec: TorchvisionSpec) -> BackboneCard:
    """The card as torchvision itself describes the model, without weights."""
    import torch
    import torchvision.models

    own = _weights_entry(spec)
    with torch.device("meta"):
        network = _network(spec, None).eval()
    preprocess = _preprocess(own)
    layers, flops = measured(torchvision_trunk(network), spec, preprocess.size_px)
    entries: Any = torchvision.models.get_model_weights(spec.name)
    alike = [own, *(entry for entry in entries if entry is not own and _preprocess(entry) == preprocess)]
    card = BackboneCard(
        kind="torchvision",
        name=spec.name,
        source=f"torchvision.models: {spec.name}",
        licence="code BSD-3-Clause; weights: terms of their training data, see torchvision's model pages",
        n_parameters=sum(parameter.numel() for parameter in network.parameters()),
        flops_per_image=flops,
        preprocess=preprocess,
        layers=layers,
        weights={entry.name: entry.url for entry in alike},
    )
    return with_preprocess(card, spec)


def torchvision_trunk(network: nn.Module) -> Trunk:
    """A torchvision model as named intermediates; threads may have passes at the same time."""
    modules = dict(_addressable(network))
    of_thread = threading.local()

    def capture(name: str, _module: nn.Module, _inputs: Any, output: Any) -> None:
        import torch

        calls = getattr(of_thread, "calls", {})
        if name in calls:
            calls[name].append(output.clone() if isinstance(output, torch.Tensor) else None)

    def run(images: Tensor, wanted: Sequence[str]) -> Mapping[str, Tensor]:
        calls: dict[str, list[Any]] = {name: [] for name in wanted}
        of_thread.calls = calls
        try:
            network(images)
        finally:
            of_thread.calls = {}
        return {name: found[0] for name, found in calls.items() if len(found) == 1 and found[0] is not None}

    for name, module in modules.items():
        module.register_forward_hook(partial(capture, name))
    return Trunk(network, tuple(modules), None, run)


def _addressable(module: nn.Module, prefix: str = "") -> Iterator[tuple[str, nn.Module]]:
    """Top-level modules and what plain Sequentials hold, in order of execution; what does nothing in eval mode is out.

    A Sequential of blocks (a stage of a ResNet) is itself a layer; one of single operations stands for its children.
    """
    from torch import nn

    for name, child in module.named_children():
        is_sequence = type(child) is nn.Sequential
        if is_sequence:
            yield from _addressable(child, f"{prefix}{name}.")
        is_chain = is_sequence and any(not list(part.children()) for part in child.children())
        if not is_chain and not isinstance(child, (nn.Dropout, nn.Identity)):
            yield prefix + name, child


def _weights_entry(spec: TorchvisionSpec) -> Any:
    """The weights' entry in torchvision's own table: tag, address and preprocessing."""
    import torchvision.models

    known = torchvision.models.list_models(module=torchvision.models)
    if spec.name not in known:
        raise RecipeError("torchvision.models has no such model", [unknown("torchvision model", spec.name, known)])
    entries = torchvision.models.get_model_weights(spec.name)
    if spec.weights in (PRETRAINED, RANDOM):
        return entries.DEFAULT
    tags = [entry.name for entry in entries]
    if spec.weights not in tags:
        raise RecipeError(f"torchvision has no such weights of {spec.name}", [unknown("tag", spec.weights, tags)])
    return entries[spec.weights]


def _network(spec: TorchvisionSpec, entry: Any) -> nn.Module:
    import torchvision.models

    _weights_entry(spec)
    refuse_options(spec, RESERVED_OPTIONS)
    try:
        with seeded(spec.seed):
            network: nn.Module = torchvision.models.get_model(spec.name, weights=entry, **spec.options)
    except (TypeError, ValueError) as error:
        finding = Finding("torchvision refuses the options", path="options", found=str(error)[:300])
        raise RecipeError(f"{spec.name} cannot be built", [finding]) from error
    return network


def _hub_network(spec: TorchvisionSpec) -> nn.Module:
    """Through torchvision's own loading: it sets what the weights need (transform_input) and mends old key names.

    The file is known to lie in the local cache, so nothing is fetched.
    """
    try:
        return _network(spec, _weights_entry(spec))
    except (RuntimeError, KeyError, OSError) as error:
        finding = Finding("torchvision cannot load this file", found=str(error)[:500])
        raise WeightsError(f"the weights {spec.weights} do not fit {spec.name}", [finding]) from error


def _preprocess(entry: Any) -> Preprocess:
    transforms = entry.transforms()
    return Preprocess(
        size_px=transforms.crop_size[0],
        resize="short_side",
        resize_px=transforms.resize_size[0],
        crop="center",
        interpolation=transforms.interpolation.value,
        mean=tuple(transforms.mean),
        std=tuple(transforms.std),
    )
