"""A folder held against its manifest by names, headers and sizes: every structural problem, without reading values."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TypeAlias, get_args

from algokit.challenge.arrays import array_findings
from algokit.challenge.describe import Origin, applicable_manifest, case_finding, located
from algokit.challenge.images import ImageFolder, folder_findings, scan_images, several, shared_id_findings
from algokit.challenge.layout import ArrayFile, Tree, in_another_case, names_in
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
    DataError : there is no challenge in ``root``, its manifest is broken, or ``root`` cannot be read.
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
        raise DataError(f"{root} cannot be read", [_unreadable(Path(error.filename or root), error)]) from error
    # A folder above several subjects is found with each of them.
    return Survey(tree, origin, manifest == shipped, subjects, folders, tuple(dict.fromkeys(findings)))


def _subjects(tree: Tree) -> tuple[str, ...]:
    there = tree.subjects()
    if known := tuple(subject for subject in there if subject in tree.manifest.subjects):
        return known
    expected, found = " or ".join(tree.manifest.subjects), several(there)
    what, advice = "no subject of the manifest", "check that the manifest belongs to this folder"
    finding = Finding(what, str(tree.root), "", expected, found, advice, code="no-challenge")
    raise DataError(f"no subject of {tree.manifest.name} in {tree.root}", [finding])


def _arrays(tree: Tree, subject: str) -> list[Finding]:
    blocked = {
        folder: finding
        for folder in dict.fromkeys(array.path.parent for array in tree.arrays(subject))
        if (finding := _blocked(folder, tree.base))
    }
    arrays = [array for array in tree.arrays(subject) if array.path.parent not in blocked]
    there = {array.path.parent / name for array in arrays for name in names_in(array.path.parent)}
    present = [array for array in arrays if array.path in there]
    return [
        *blocked.values(),
        *_missing(arrays, there, tree.base),
        *(finding for array in present for finding in array_findings(array)),
    ]


def _blocked(folder: Path, base: Path) -> Finding | None:
    """The finding about the first folder on the way to ``folder`` that is there and cannot be listed."""
    for place in (*(parent for parent in reversed(folder.parents) if parent.is_relative_to(base)), folder):
        try:
            os.scandir(place).close()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            return _unreadable(place, error)
    return None


def _unreadable(path: Path, error: OSError) -> Finding:
    what, advice = (error.strerror or str(error)).lower(), "give yourself the right to read it (chmod u+rX)"
    return Finding(what, str(path), advice=advice, code="unreadable")


def _missing(arrays: Iterable[ArrayFile], there: Set[Path], base: Path) -> Iterable[Finding]:
    """One finding for each role; what is not required may be absent as a whole, but not in part."""
    for _, group in groupby(arrays, key=lambda array: array.role):
        files = list(group)
        absent = []
        for path in (array.path for array in files if array.path not in there):
            if renamed := in_another_case(path, base):
                yield case_finding(renamed, path)
            else:
                absent.append(path)
        if absent and (files[0].required or len(absent) < len(files)):
            where = absent[0] if len(absent) == 1 else absent[0].parent
            expected, found = several([path.name for path in absent]), "nothing of that name"
            advice = "download this subject again"
            yield Finding("missing file", str(where), "", expected, found, advice, code="missing-file")


def _images(tree: Tree, subject: str, folders: ImageFolders) -> list[Finding]:
    geometry = tree.manifest.geometry(subject)
    train, test = folders[subject, "train"], folders[subject, "test"]
    return [
        *_folder(tree, train, geometry.n_train),
        *_folder(tree, test, geometry.n_test),
        *shared_id_findings(train, test),
    ]


def _folder(tree: Tree, folder: ImageFolder, n_images: int) -> list[Finding]:
    if blocked := _blocked(folder.path, tree.base):
        return [blocked]
    if renamed := in_another_case(folder.path, tree.base):
        return [case_finding(renamed, folder.path)]
    return folder_findings(folder, n_images)
