"""Weights of the network backbones: which file, which digest, and nothing loaded by halves.

The network is never used here. A hub's weights are looked for in its own local cache, so that a run is offline by
construction; torch is imported only where tensors are touched.
"""

from __future__ import annotations

import contextlib
import hashlib
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from algokit.backbones import (
    BackboneCard,
    CornetSpec,
    OnePeaceSpec,
    OpenClipSpec,
    TimmSpec,
    TorchvisionSpec,
    WeightsRecord,
)
from algokit.backbones.plain_pickle import read_plain_pickle
from algokit.backbones.published import PRETRAINED as PRETRAINED  # members know both by this module
from algokit.backbones.published import RANDOM as RANDOM
from algokit.backbones.published import Published, tagged
from algokit.errors import RecipeError, WeightsError
from algokit.registry import did_you_mean
from algokit.types import Finding

if TYPE_CHECKING:
    import torch
    from torch import nn

NetworkSpec: TypeAlias = TimmSpec | OpenClipSpec | TorchvisionSpec | CornetSpec | OnePeaceSpec

FORMATS = (".safetensors", ".pt", ".pth", ".bin", ".pkl")
_SHOWN_KEYS = 8


@dataclass(frozen=True)
class WeightsFile:
    """A weights file on this machine and the name it goes by in cards and messages.

    Attributes
    ----------
    source : file name or ``owner/repository``; never a machine's path.
    digest_start : what the publisher says the sha256 begins with; "" where nothing is said.
    """

    path: Path
    source: str
    digest_start: str = ""

    def record(self) -> WeightsRecord:
        """The record with the sha256 of the file's bytes.

        Raises
        ------
        WeightsError : the digest is not the one the publisher states.
        """
        with self.path.open("rb") as handle:
            sha256 = hashlib.file_digest(handle, "sha256").hexdigest()
        if not sha256.startswith(self.digest_start):
            finding = Finding(
                "the file's sha256 is not the one in its name",
                where=self.path.name,
                expected=f"{self.digest_start}...",
                found=sha256[:12],
                advice="it was cut short or changed: algokit fetch RECIPE downloads it again",
                code="weights-damaged",
            )
            raise WeightsError(f"the weights {self.source} are damaged", [finding])
        return WeightsRecord(source=self.source, sha256=sha256, is_random=False)


def is_random(spec: NetworkSpec) -> bool:
    """Whether the recipe asks for an untrained network."""
    return spec.weights == RANDOM and spec.checkpoint is None


def weights_file(spec: NetworkSpec, card: BackboneCard, tag: str) -> WeightsFile:
    """The file ``load`` will read: the checkpoint of the spec, else the tag's file in the hub's local cache.

    Parameters
    ----------
    tag : a tag of the card, or "pretrained" for its first one.

    Raises
    ------
    WeightsError : there is no such file on this machine.
    RecipeError : the model has no such tag.
    """
    if spec.checkpoint is not None:
        if spec.checkpoint.is_file():
            return WeightsFile(spec.checkpoint, spec.checkpoint.name)
        finding = Finding("no such weights file", where=str(spec.checkpoint), advice="check checkpoint in the recipe")
        raise WeightsError(f"the checkpoint of {spec.name} is missing", [finding])
    wanted = tagged(card, tag)
    path = wanted.found()
    if path is None:
        raise _absent(wanted)
    return WeightsFile(path, wanted.source, wanted.digest_start(path))


def refuse_options(spec: NetworkSpec, reserved: Iterable[str]) -> None:
    """Constructor options that would bring in weights behind the recipe's back are refused.

    Raises
    ------
    RecipeError : names every such option.
    """
    findings = [
        Finding("not an option of the model", path=f"options.{option}", advice="use weights or checkpoint")
        for option in sorted(set(reserved) & set(spec.options))
    ]
    if findings:
        raise RecipeError(f"{spec.name}: options may not say where weights come from", findings)


def unknown(what: str, word: str, known: Mapping[str, object] | list[str]) -> Finding:
    """The finding for a name no library knows."""
    return Finding(f"unknown {what}", found=repr(word), advice=did_you_mean(word, known))


def _absent(wanted: Published) -> WeightsError:
    where = wanted.source if wanted.is_url else f"{wanted.repository} ({' or '.join(wanted.files)})"
    finding = Finding(
        "weights are not on this machine",
        path=f"{wanted.kind} {wanted.name}",
        expected=where,
        advice="algokit fetch RECIPE downloads them, or give checkpoint: FILE; a run never downloads",
        code="weights-missing",
    )
    return WeightsError(f"the weights of {wanted.name} are missing", [finding])


def read_state(file: WeightsFile) -> dict[str, torch.Tensor]:
    """The tensors of a weights file, on the CPU; pickles are read with ``weights_only``.

    Raises
    ------
    WeightsError : the file is of another format, damaged, or holds no tensors by name.
    """
    import torch
    from safetensors.torch import load_file

    if file.path.suffix not in FORMATS:
        raise _unreadable(file, f"format {file.path.suffix or 'without suffix'}", " or ".join(FORMATS))
    try:
        if file.path.suffix == ".safetensors":
            return dict(load_file(file.path))
        with warnings.catch_warnings(action="ignore"):  # about pickles nobody will load
            loaded = (
                read_plain_pickle(file.path)
                if file.path.suffix == ".pkl"
                else torch.load(file.path, map_location="cpu", weights_only=True)
            )
    except Exception as error:  # every reader raises its own kinds, and torch's text advises to run the file's code
        raise _unreadable(file, type(error).__name__, "a dictionary of tensors, undamaged") from error
    for wrapper in ("state_dict", "model"):
        if isinstance(loaded, dict) and isinstance(loaded.get(wrapper), dict):
            loaded = loaded[wrapper]
    if not isinstance(loaded, dict) or not all(isinstance(value, torch.Tensor) for value in loaded.values()):
        raise _unreadable(file, type(loaded).__name__, "a dictionary of tensors")
    return {str(key).removeprefix("module."): value for key, value in loaded.items()}


def _unreadable(file: WeightsFile, found: str, expected: str) -> WeightsError:
    advice = "save the network's state_dict() again, best as .safetensors, or get the file again"
    finding = Finding("cannot be read as weights", where=file.path.name, found=found, expected=expected, advice=advice)
    return WeightsError(f"the weights {file.source} cannot be read", [finding])


def load_strictly(network: nn.Module, state: Mapping[str, torch.Tensor], source: str) -> None:
    """Put ``state`` into the network if, and only if, names and shapes are exactly the network's.

    Raises
    ------
    WeightsError : lists missing, unexpected and misshapen weights, all at once; the network is unchanged.
    """
    own = network.state_dict()
    shapes = [
        f"{key} {tuple(state[key].shape)} for {tuple(own[key].shape)}"
        for key in own
        if key in state and state[key].shape != own[key].shape
    ]
    problems = {
        "lacks weights the network has": [key for key in own if key not in state],
        "has weights the network lacks": [key for key in state if key not in own],
        "has weights of another shape": shapes,
    }
    findings = [
        Finding(f"the file {what}", where=source, found=_listed(keys), code="weights-mismatch")
        for what, keys in problems.items()
        if keys
    ]
    if findings:
        raise WeightsError(f"the weights {source} are not of this network", findings)
    network.load_state_dict(state, strict=True)


def _listed(keys: list[str]) -> str:
    more = f", ... ({len(keys)} in all)" if len(keys) > _SHOWN_KEYS else ""
    return ", ".join(keys[:_SHOWN_KEYS]) + more


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Draw the initial weights built inside from ``seed``; the global generators are as before afterwards."""
    import torch

    # torch.manual_seed would reseed every device too, and fork_rng restores only those it is told about
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        yield


def random_record(network: nn.Module, seed: int) -> WeightsRecord:
    """The record of an untrained network: sha256 over names, types, shapes and bytes of its tensors."""
    import torch

    digest = hashlib.sha256()
    for name, tensor in sorted(network.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.cpu().flatten().view(torch.uint8).numpy())
    return WeightsRecord(source=f"random (seed {seed})", sha256=digest.hexdigest(), is_random=True)
