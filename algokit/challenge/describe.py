"""Which manifest a folder is held against, and the manifest of a folder that has none."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal, TypeAlias, get_args

import numpy as np

from algokit.challenge.images import ImageFolder, scan_images
from algokit.challenge.layout import ArrayFile, Tree, in_another_case, locate, trees
from algokit.challenge.manifest import MANIFEST_NAME, Manifest, Side, SubjectEntry, load_manifest, shipped_manifest
from algokit.challenge.npy_header import NpyHeader, read_header
from algokit.challenge.png import read_png_header
from algokit.errors import DataError
from algokit.types import HEMISPHERES, Finding, Severity

Origin: TypeAlias = Literal["given", "folder", "shipped", "described"]
Votes: TypeAlias = Mapping[str, list[int]]

_IMAGES_SAMPLED = 5
_SIZES = ("n_train", "n_test", *HEMISPHERES)


def applicable_manifest(root: Path, given: Manifest | None, shipped: Manifest) -> tuple[Manifest, Origin]:
    """The manifest ``root`` is held against, and where it comes from.

    The one given; else the one in the folder; else the shipped one, where the training responses of any subject have
    the official shape or none can be read; else what the folder says of itself.

    Raises
    ------
    DataError : the manifest in the folder is broken, or the folder cannot be described.
    """
    if given:
        return given, "given"
    if (root / MANIFEST_NAME).is_file():
        return load_manifest(root / MANIFEST_NAME), "folder"
    tree = locate(root, shipped)
    arrays = [array for subject in tree.subjects() for array in tree.arrays(subject)] if tree else []
    training = [(array, _header(array)) for array in arrays if array.role == "train_fmri"]
    shapes = [(array.shape, header.shape) for array, header in training if header]
    if not shapes or any(official == found for official, found in shapes):
        return shipped, "shipped"
    return describe_directory(root), "described"


def describe_directory(root: Path) -> Manifest:
    """The manifest of a folder by what is in it: every size is what most of its files say; repeats stay unknown.

    Raises
    ------
    DataError : there is no challenge in it, or nothing in it tells one of the sizes.
    """
    shipped = shipped_manifest()
    tree = located(root, shipped)
    votes = {subject: _votes(tree, subject) for subject in tree.subjects()}
    if findings := [_untold(tree, subject, size) for subject in votes for size in _SIZES if not votes[subject][size]]:
        raise DataError(f"{root} has no {MANIFEST_NAME} and cannot be described without one", findings)
    update = {
        "name": "custom",
        "version": 1,
        "image_px": _most((size for one in votes.values() for size in one["image_px"]), shipped.image_px),
        "fsaverage_size": _most((n for one in votes.values() for n in one["fsaverage_size"]), shipped.fsaverage_size),
        "subjects": {subject: _entry(one) for subject, one in votes.items()},
    }
    return shipped.model_copy(update=update)


def located(root: Path, manifest: Manifest) -> Tree:
    """The challenge in ``root``.

    Raises
    ------
    DataError : there is none, under no layout of the manifest.
    OSError : the folder cannot be listed.
    """
    tree = locate(root, manifest)
    if tree:
        return tree
    if root.is_dir():
        os.scandir(root).close()
    layouts = [layout.train.format(subject="subj01") for layout in manifest.layouts.values()]
    finding = Finding(
        "no subject folder here" if root.is_dir() else "no such folder",
        where=str(root),
        expected=" or ".join(dict.fromkeys(layouts)),
        advice="give the folder that holds the subjects, or that holds the train and the test side",
        code="no-challenge",
    )
    if renamed := _in_another_case(root, manifest):
        raise DataError(f"no challenge data in {root}", renamed)
    raise DataError(f"no challenge data in {root}", [finding])


def case_finding(found: Path, expected: Path, severity: Severity = "error") -> Finding:
    """The finding for a name that is there in another case: ``found``, on the way to ``expected``."""
    name = expected.parts[len(found.parts) - 1]
    advice = f"rename it to {name}"
    return Finding("name in another case", str(found), "", name, found.name, advice, severity, "name-case")


def _in_another_case(root: Path, manifest: Manifest) -> list[Finding]:
    folders = [
        tree.folder(subject, side)
        for tree in trees(root, manifest)
        for subject in manifest.subjects
        for side in get_args(Side)
    ]
    found = [(in_another_case(folder, root), folder) for folder in folders]
    return list(dict.fromkeys(case_finding(name, folder) for name, folder in found if name))


def _votes(tree: Tree, subject: str) -> Votes:
    """Size -> what each file of the subject says it is."""
    votes: dict[str, list[int]] = defaultdict(list)
    for side in get_args(Side):
        folder = scan_images(*tree.image_template(subject, side))
        votes[f"n_{side}"] += [image.number for image in folder.images[-1:] if image.number]
        votes["image_px"] += _widths(folder)
    for array in tree.arrays(subject):
        header, words = _header(array), tree.manifest.files[array.role].shape
        if header and len(header.shape) == len(words) and 0 not in header.shape:
            for word, size in zip(words, header.shape, strict=True):
                votes[str(array.hemisphere) if word == "n_vertices" else str(word)].append(size)
            votes[str(array.hemisphere)] += [n for n in [_n_marked(array)] if n]
    return votes


def _widths(folder: ImageFolder) -> list[int]:
    widths = []
    for image in folder.images[:_IMAGES_SAMPLED]:
        try:
            widths.append(read_png_header(image.path).width)
        except (OSError, ValueError):
            continue
    return [width for width in widths if width]


def _n_marked(array: ArrayFile) -> int:
    if array.role != "all_vertices":
        return 0
    try:
        return int(np.count_nonzero(array.values()))
    except (OSError, ValueError):
        return 0


def _header(array: ArrayFile) -> NpyHeader | None:
    try:
        return read_header(array.path)
    except (OSError, ValueError):
        return None


def _entry(votes: Votes) -> SubjectEntry:
    n_train, n_test, *n_vertices = (_most(votes[size], 1) for size in _SIZES)
    return SubjectEntry(n_train=n_train, n_test=n_test, n_vertices=dict(zip(HEMISPHERES, n_vertices, strict=True)))


def _most(sizes: Iterable[int], otherwise: int) -> int:
    counted = Counter(sizes).most_common(1)
    return counted[0][0] if counted else otherwise


def _untold(tree: Tree, subject: str, size: str) -> Finding:
    side: Side = "test" if size == "n_test" else "train"
    what = f"nothing tells the number of {f'{size} vertices' if size in HEMISPHERES else f'{side} images'}"
    advice = f"complete the folder, or state the sizes in a {MANIFEST_NAME}"
    return Finding(what, str(tree.folder(subject, side)), advice=advice, code="cannot-describe")
