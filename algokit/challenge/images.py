"""Image folders: names, numbers and NSD ids, from one directory listing."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from algokit.types import Finding

_NAMES_SHOWN = 3


@dataclass(frozen=True, slots=True)
class ImageFile:
    """One image: its number from 1 (row + 1 of the responses) and its 0-based NSD id."""

    path: Path
    number: int
    image_id: int


@dataclass(frozen=True)
class ImageFolder:
    """The images of one subject and split.

    Attributes
    ----------
    template : of the names.
    images : sorted by number.
    strangers : names that do not follow the template; hidden files are left out.
    """

    path: Path
    template: str
    images: tuple[ImageFile, ...]
    strangers: tuple[str, ...]

    def name(self, number: int) -> str:
        """The name the image of that number should have, "*" for its NSD id."""
        return self.template.replace("{image_id:05d}", "*").format(number=number)


def scan_images(path: Path, template: str) -> ImageFolder:
    """List a folder once; one that is absent or cannot be listed has no images."""
    pattern = re.compile(re.sub(r"\\{(\w+):\d+d\\}", r"(?P<\1>\\d+)", re.escape(template)))
    images, strangers = [], []
    for entry in _entries(path):
        if match := pattern.fullmatch(entry.name):
            images.append(ImageFile(Path(entry.path), int(match["number"]), int(match["image_id"])))
        elif not entry.name.startswith("."):
            strangers.append(entry.name)
    images.sort(key=lambda image: (image.number, image.path.name))
    return ImageFolder(path, template, tuple(images), tuple(sorted(strangers)))


def _entries(path: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(path) as entries:
            return list(entries)
    except OSError:
        return []


def several(names: Sequence[str]) -> str:
    """The first few names, and how many there are where there are more."""
    shown = ", ".join(names[:_NAMES_SHOWN])
    return shown if len(names) <= _NAMES_SHOWN else f"{shown} and {len(names) - _NAMES_SHOWN} more"


def folder_findings(folder: ImageFolder, n_images: int) -> list[Finding]:
    """How a folder departs from images numbered 1 to ``n_images``, each once, by ascending NSD id.

    One finding for each kind of problem, however many images have it.
    """
    if not folder.path.is_dir():
        advice = "give the folder that holds both the train and the test side of the subjects"
        expected = f"a folder of {n_images} images"
        return [Finding("no image folder", str(folder.path), expected=expected, advice=advice, code="missing-folder")]
    by_number: dict[int, list[str]] = defaultdict(list)
    by_id: dict[int, list[str]] = defaultdict(list)
    for image in folder.images:
        by_number[image.number].append(image.path.name)
        by_id[image.image_id].append(image.path.name)
    missing = [folder.name(number) for number in range(1, n_images + 1) if number not in by_number]
    extra = [name for number, names in by_number.items() if not 1 <= number <= n_images for name in names]
    findings = [
        _missing(folder, missing, n_images),
        _extra(folder, extra, n_images),
        _strangers(folder),
        _shared(folder, "images with the same number", "duplicate-number", by_number),
        _shared(folder, "images with the same NSD id", "duplicate-image-id", by_id),
        _order(folder),
    ]
    return [finding for finding in findings if finding]


def _missing(folder: ImageFolder, names: list[str], n_images: int) -> Finding | None:
    where, expected = _place(folder, names), f"{n_images} images numbered 1 to {n_images}"
    found = f"{len(folder.images)} images, without {several(names)}"
    advice = "download this subject again"
    return Finding("missing image", where, "", expected, found, advice, code="missing-image") if names else None


def _extra(folder: ImageFolder, names: list[str], n_images: int) -> Finding | None:
    where, expected = _place(folder, names), f"{n_images} images numbered 1 to {n_images}"
    found = f"{len(folder.images)} images, with {several(names)}"
    advice = "remove what does not belong here"
    return Finding("extra image", where, "", expected, found, advice, code="extra-image") if names else None


def _strangers(folder: ImageFolder) -> Finding | None:
    names = folder.strangers
    where, expected = _place(folder, names), f"names like {folder.name(1)}"
    advice = "rename or remove it"
    return (
        Finding("name of no image", where, "", expected, several(names), advice, code="image-name") if names else None
    )


def _shared(folder: ImageFolder, what: str, code: str, names_by: Mapping[int, list[str]]) -> Finding | None:
    shared = [" = ".join(names) for names in names_by.values() if len(names) > 1]
    advice = "find out which one belongs to the row of the responses and remove the other"
    return Finding(what, str(folder.path), "", "each once", several(shared), advice, code=code) if shared else None


def _order(folder: ImageFolder) -> Finding | None:
    falls = [
        f"{after.path.name} after {before.path.name}"
        for before, after in pairwise(folder.images)
        if after.image_id < before.image_id
    ]
    expected = "NSD ids that ascend with the numbers"
    advice = "an image was renamed; its responses would be taken from another row"
    what = "images out of order"
    return Finding(what, str(folder.path), "", expected, several(falls), advice, code="image-order") if falls else None


def shared_id_findings(train: ImageFolder, test: ImageFolder) -> list[Finding]:
    """Images of the test split that are also in the training split."""
    names = {image.image_id: image.path.name for image in train.images}
    shared = [f"{image.path.name} = {names[image.image_id]}" for image in test.images if image.image_id in names]
    advice = "a model fitted on images it is scored on scores too high"
    finding = Finding(
        "images in both splits",
        str(test.path),
        expected="NSD ids that are not in the training split",
        found=several(shared),
        advice=advice,
        code="image-in-both-splits",
    )
    return [finding] if shared else []


def _place(folder: ImageFolder, names: Sequence[str]) -> str:
    return str(folder.path / names[0] if len(names) == 1 else folder.path)
