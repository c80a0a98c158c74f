"""Where published weights come from, and where they lie on this machine. The network is never used here.

A hub's weights lie in its own cache (huggingface_hub's for ``owner/repository``, torch.hub's for URLs), so that other
programs share them; what is told of them here is found without loading torch.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from algokit.backbones import BackboneCard
from algokit.backbones.torch_cache import checkpoints_folder
from algokit.errors import RecipeError
from algokit.registry import did_you_mean
from algokit.types import Finding

PRETRAINED, RANDOM = "pretrained", "random"
_PLAIN = ("model.safetensors", "pytorch_model.bin")
_OPEN_CLIP = ("open_clip_model.safetensors", "open_clip_pytorch_model.safetensors", "open_clip_pytorch_model.bin")
_SHA256 = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True)
class Published:
    """Weights of a backbone as their publisher offers them.

    Attributes
    ----------
    kind, name, tag : of the backbone, as its card spells them; together they say which weights are meant.
    location : a URL, or ``owner/repository`` on the hub, perhaps with ``/file`` behind it.
    licence : in the card's words.
    n_parameters : of the part of the network that the card is about.
    """

    kind: str
    name: str
    tag: str
    location: str
    licence: str = ""
    n_parameters: int = 0

    @property
    def is_url(self) -> bool:
        """Whether it is one file at an address, and not a repository of the hub."""
        return "://" in self.location

    @property
    def repository(self) -> str:
        """``owner/repository`` of the hub."""
        return "/".join(self.location.split("/")[:2])

    @property
    def files(self) -> tuple[str, ...]:
        """Names the file may have, the best first: of one repository the first that is there holds the weights."""
        if self.is_url:
            return (self.location.split("?")[0].rsplit("/", 1)[-1],)
        stated = "/".join(self.location.split("/")[2:])
        if stated:
            return (stated,)
        return (*_OPEN_CLIP, *_PLAIN) if self.kind == "open_clip" else (*_PLAIN, *_OPEN_CLIP)

    @property
    def source(self) -> str:
        """How cards and messages call the file; never a machine's path."""
        return self.files[0] if self.is_url else self.location

    @property
    def folder(self) -> Path:
        """Where it lies on this machine once it is there."""
        if self.is_url:
            return checkpoints_folder()
        from huggingface_hub import constants
        from huggingface_hub.file_download import repo_folder_name

        return Path(constants.HF_HUB_CACHE) / repo_folder_name(repo_id=self.repository, repo_type="model")

    def found(self) -> Path | None:
        """The file on this machine; None where it is not here."""
        return next(self._candidates(), None)

    def _candidates(self) -> Iterator[Path]:
        if self.is_url:
            path = self.folder / self.files[0]
            if path.is_file():
                yield path
            return
        from huggingface_hub import try_to_load_from_cache

        for name in self.files:
            cached = try_to_load_from_cache(self.repository, name)
            if isinstance(cached, str) and Path(cached).is_file():
                yield Path(cached)

    def digest_start(self, path: Path) -> str:
        """What the publisher says the file's sha256 begins with; "" where nothing is said.

        torch.hub's files carry it in their name, some addresses as a folder; the hub's cache names a large file by it.
        """
        if self.is_url:
            *folders, name = self.location.split("/")
            stated = re.search(r"-([0-9a-f]{8,64})\.", name)
            return stated[1] if stated else next((one for one in folders if _SHA256.fullmatch(one)), "")
        # One step only: a blob may itself be a link, into a store that names files otherwise.
        blob = path.readlink().name if path.is_symlink() else ""
        return blob if _SHA256.fullmatch(blob) else ""


def published(spec: Any, card: BackboneCard) -> Published | None:
    """The published weights a recipe's backbone asks for; None where it asks for none, random ones or a local file.

    Raises
    ------
    RecipeError : the model has no weights of that name.
    """
    asked = getattr(spec, "weights", None)
    if asked is None or asked == RANDOM or getattr(spec, "checkpoint", None) is not None:
        return None
    named = spec.name.removeprefix(f"{card.name}.")  # timm's resnet18.a1_in1k
    return tagged(card, named if asked == PRETRAINED and named != spec.name else asked)


def tagged(card: BackboneCard, tag: str) -> Published:
    """The weights of one tag of a card; "pretrained" is its first.

    Raises
    ------
    RecipeError : the card has no such tag.
    """
    tag = next(iter(card.weights), tag) if tag == PRETRAINED else tag
    if tag not in card.weights:
        finding = Finding("unknown weights", found=repr(tag), advice=did_you_mean(tag, card.weights))
        raise RecipeError(f"{card.kind} has no weights of that name", [finding])
    stated = re.search(rf"(?:^|[\s,;]){re.escape(tag)} ([^,;]+)", card.licence)
    licence = stated[1].strip() if stated else card.licence
    return Published(card.kind, card.name, tag, card.weights[tag], licence, card.n_parameters)
