"""A folder held against its manifest by names, headers and sizes: every structural problem, without reading values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TypeAlias, get_args

from algokit.challenge.arrays import array_findings
from algokit.challenge.describe import Origin, applicable_manifest, located
from algokit.challenge.images import ImageFolder, folder_findings, scan_images, several, shared_id_findings
from algokit.challenge.layout import ArrayFile, Tree
from algokit.challenge.manifest import Manifest, Side, shipped_manifest
from algokit.errors import DataError
from algokit.types import Finding

ImageFolders: TypeAlias = Mapping[tuple[str, Side], ImageFolder]


@dataclass(frozen=True)
class Survey:
    """What was found.

    Attributes
    ----------
    origin : where the manifest comes from.
    is_official : whether it says the same as the shipped one.
    subjects : those of the manifest that are there.
    folders : their images.
    findings : what departs from the manifest.
    """

    tree: Tree
    origin: Origin
    is_official: bool
    subjects: tuple[str, ...]
    folders: ImageFolders
    findings: tuple[Finding, ...]


def survey(root: Path, given: Manifest | None) -> Survey:
    """Look at every name and every header once.

    Raises
    ------
    DataError : there is no challenge in ``root``, its manifest is broken, or a folder cannot be read.
    """
    try:
        shipped = shipped_manifest()
        manifest, origin = applicable_manifest(root, given, shipped)
        tree = located(root, manifest)
        subjects = _subjects(tree)
        folders = {
            (subject, side): scan_images(*tree.image_template(subject, side))
            for subject in subjects
            for side in get_args(Side)
        }
        findings = [
            finding for subject in subjects for finding in (*_arrays(tree, subject), *_images(tree, subject, folders))
        ]
    except OSError as error:
        finding = Finding((error.strerror or str(error)).lower(), str(error.filename or root), code="unreadable")
        raise DataError(f"{root} cannot be read", [finding]) from error
    return Survey(tree, origin, manifest == shipped, subjects, folders, tuple(findings))


def _subjects(tree: Tree) -> tuple[str, ...]:
    there = tree.subjects()
    if known := tuple(subject for subject in there if subject in tree.manifest.subjects):
        return known
    expected, found = " or ".join(tree.manifest.subjects), several(there)
    finding = Finding("no subject of the manifest", str(tree.root), "", expected, found, code="no-challenge")
    raise DataError(f"no subject of {tree.manifest.name} in {tree.root}", [finding])


def _arrays(tree: Tree, subject: str) -> list[Finding]:
    arrays = list(tree.arrays(subject))
    present = [array for array in arrays if array.path.exists()]
    return [*_missing(arrays), *(finding for array in present for finding in array_findings(array))]


def _missing(arrays: Iterable[ArrayFile]) -> Iterable[Finding]:
    """One finding for each role; what is not required may be absent as a whole, but not in part."""
    for _, group in groupby(arrays, key=lambda array: array.role):
        files = list(group)
        absent = [array.path for array in files if not array.path.exists()]
        if absent and (files[0].required or len(absent) < len(files)):
            where = absent[0] if len(absent) == 1 else absent[0].parent
            expected, found = several([path.name for path in absent]), "nothing of that name"
            advice = "download this subject again"
            yield Finding("missing file", str(where), "", expected, found, advice, code="missing-file")


def _images(tree: Tree, subject: str, folders: ImageFolders) -> list[Finding]:
    geometry = tree.manifest.geometry(subject)
    train, test = folders[subject, "train"], folders[subject, "test"]
    return [
        *folder_findings(train, geometry.n_train),
        *folder_findings(test, geometry.n_test),
        *shared_id_findings(train, test),
    ]
