"""Networks written here, because no library has them: what each says of itself, and what follows from that.

A module class lives in ``<name>_network.py`` and names its weights as the published checkpoint does, so that the file
loads by its own key names. ``<name>_backbone.py`` is the member: one `OwnNetwork`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from algokit.backbones import BackboneCard, Preprocess, WeightsRecord
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
    NetworkSpec,
    is_random,
    load_strictly,
    random_record,
    read_state,
    seeded,
    unknown,
    weights_file,
)
from algokit.errors import RecipeError
from algokit.types import Finding

if TYPE_CHECKING:
    from torch import Tensor, nn

State = Mapping[str, "Tensor"]


class Layered(Protocol):
    """A network that gives its layers one after the other, as its forward pass reaches them."""

    layer_names: tuple[str, ...]
    n_prefix: int | None

    def layers(self, images: Tensor) -> Iterator[tuple[str, Tensor]]:
        """(name, activation) in the order of ``layer_names``."""
        ...


@dataclass(frozen=True)
class OwnNetwork:
    """A published network, rebuilt; its methods are the functions of a member module.

    Attributes
    ----------
    source : the paper and the reference implementation.
    weights : tag -> where the publisher keeps the file; the first is the default.
    build : options of the recipe -> the network with initial weights.
    preprocess : options of the recipe -> how the checkpoint's images are prepared.
    own_state : the file's tensors -> those of this network, by the rule its docstring states.
    """

    kind: str
    source: str
    licence: str
    weights: Mapping[str, str]
    build: Callable[..., nn.Module]
    preprocess: Callable[..., Preprocess]
    own_state: Callable[[State], State]

    def describe(self, spec: NetworkSpec) -> BackboneCard:
        """The card: shipped where one covers the spec, else measured on the meta device.

        Raises
        ------
        RecipeError : there are no such weights, or the network refuses the options or the image size.
        """
        if spec.weights not in (PRETRAINED, RANDOM, *self.weights):
            finding = unknown("tag", spec.weights, self.weights)
            raise RecipeError(f"there are no such weights of {spec.name}", [finding])
        return covering_card(spec, spec.name, spec.weights) or self.built_card(spec)

    def weights_digest(self, spec: NetworkSpec) -> WeightsRecord:
        """Which weights `load` would use; a random network is built to know its digest.

        Raises
        ------
        WeightsError : they are not on this machine.
        """
        if is_random(spec):
            return random_record(self._network(spec), spec.seed)
        return weights_file(spec, self.describe(spec), spec.weights).record()

    def load(self, spec: NetworkSpec, device: str) -> TrunkBackbone:
        """Build the network, load the weights strictly, move it to ``device``, eval mode.

        Raises
        ------
        WeightsError : weights are missing or do not fit.
        DeviceError : the device is not there.
        """
        import torch

        place = torch_device(device)
        card = self.describe(spec)
        if is_random(spec):
            network = self._network(spec)
            record = random_record(network, spec.seed)
        else:
            file = weights_file(spec, card, spec.weights)
            record = file.record()
            with torch.device("meta"):  # initial weights of a giant take minutes, and none of them stays
                network = self._network(spec)
            network = network.to_empty(device="cpu")
            load_strictly(network, self.own_state(read_state(file)), file.source)
        return TrunkBackbone(card, record, layered_trunk(on_device(network, place)))

    def built_card(self, spec: NetworkSpec) -> BackboneCard:
        """The card as the network itself describes it, without weights."""
        import torch

        with torch.device("meta"):
            network = self._network(spec).eval()
        preprocess = self.preprocess(**spec.options)
        layers, flops = measured(layered_trunk(network), spec, preprocess.size_px)
        card = BackboneCard(
            kind=self.kind,
            name=spec.name,
            source=self.source,
            licence=self.licence,
            n_parameters=sum(parameter.numel() for parameter in network.parameters()),
            flops_per_image=flops,
            preprocess=preprocess,
            layers=layers,
            weights=self.weights,
        )
        return with_preprocess(card, spec)

    def _network(self, spec: NetworkSpec) -> nn.Module:
        try:
            with seeded(spec.seed):
                return self.build(**spec.options)
        except (TypeError, ValueError) as error:
            finding = Finding(f"{spec.name} refuses the options", path="options", found=str(error)[:300])
            raise RecipeError(f"{spec.name} cannot be built", [finding]) from error


def layered_trunk(network: Any) -> Trunk:
    """A `Layered` network as named intermediates; the pass ends with the last layer that is wanted."""

    def run(images: Tensor, wanted: Sequence[str]) -> Mapping[str, Tensor]:
        found: dict[str, Tensor] = {}
        for name, values in network.layers(images):
            if name in wanted:
                found[name] = values
            if len(found) == len(set(wanted)):
                break
        return found

    return Trunk(network, network.layer_names, network.n_prefix, run)
