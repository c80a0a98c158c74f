"""Every departure of a challenge directory from its manifest, in one list."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

from algokit.challenge.arrays import pickled
from algokit.challenge.images import several
from algokit.challenge.layout import ArrayFile, Tree
from algokit.challenge.manifest import MANIFEST_NAME, Manifest, Side
from algokit.challenge.mapping import mapping_findings
from algokit.challenge.npy_header import read_header
from algokit.challenge.png import png_findings
from algokit.challenge.survey import Survey, survey
from algokit.challenge.values import disagreements, is_readable, value_findings
from algokit.errors import DataError
from algokit.types import Finding, Progress, ProgressCallback, no_progress


def check_data(
    root: Path, manifest: Manifest | None = None, *, quick: bool = False, progress: ProgressCallback = no_progress
) -> list[Finding]:
    """Check a challenge directory against its manifest.

    Parameters
    ----------
    root, manifest : as for `open_challenge`.
    quick : look at names, headers and sizes only, not at the values of arrays and not into images.

    Returns
    -------
    Errors make the data unusable, warnings cost something, notes inform. Empty where all is as the manifest says.
    """
    root = Path(root)
    try:
        found = survey(root, manifest)
    except DataError as error:
        return list(error.findings)
    return [
        *_about_the_manifest(found),
        *_about_subjects(found),
        *_about_scoring(found),
        *found.findings,
        *_about_mappings(found),
        *_about_strays(found),
        *([] if quick else _about_values(found, progress)),
        *_about_other_folders(found.tree),
    ]


def _about_the_manifest(found: Survey) -> Iterator[Finding]:
    if found.origin == "described":
        what = "no manifest describes this folder; it was checked against what most of its own files say"
        advice = f"once it is as it should be, `algokit data manifest DIR` writes that down for a {MANIFEST_NAME} in it"
        yield Finding(what, str(found.tree.root), advice=advice, severity="note", code="self-described")


def _about_subjects(found: Survey) -> Iterator[Finding]:
    tree, known = found.tree, found.tree.manifest.subjects
    where = str(tree.root)
    if absent := [subject for subject in known if subject not in found.subjects]:
        expected = f"{len(known)} subjects"
        advice = "a submission needs every subject; the others can be worked with"
        what = "missing subjects"
        yield Finding(what, where, "", expected, f"no {several(absent)}", advice, "warning", "missing-subject")
    if extra := [subject for subject in tree.subjects() if subject not in known]:
        expected, advice = several(list(known)), "they are ignored"
        what = "subjects the manifest does not have"
        yield Finding(what, where, "", expected, several(extra), advice, "warning", "extra-subject")


def _about_scoring(found: Survey) -> Iterator[Finding]:
    whats = {"test_fmri": ("no test responses", "no-test-responses"), "noise_ceiling": ("no ceilings", "no-ceilings")}
    for role, (what, code) in whats.items():
        without = [subject for subject in found.subjects if not _has(found.tree, subject, role)]
        if without:
            advice = "the test split cannot be scored here"
            where = str(found.tree.root)
            yield Finding(what, where, found=f"none for {several(without)}", advice=advice, severity="note", code=code)


def _has(tree: Tree, subject: str, role: str) -> bool:
    return any(array.path.exists() for array in tree.arrays(subject) if array.role == role)


def _about_mappings(found: Survey) -> Iterator[Finding]:
    for array in _arrays(found):
        if array.role == "roi_mapping" and array.roi_class and _is_pickled(array.path):
            yield from mapping_findings(array.path, found.tree.manifest.roi_classes[array.roi_class])


def _about_strays(found: Survey) -> Iterator[Finding]:
    """Pickled arrays that no role has: not read by algokit, but by whoever opens them next."""
    known = {array.path for array in _arrays(found)}
    images = {folder.path for folder in found.folders.values()}
    folders = {found.tree.folder(subject, side) for subject in found.subjects for side in get_args(Side)}
    for folder in sorted(folders):
        for path in _npy_files(folder, images):
            if path not in known and _is_pickled(path):
                yield pickled(str(path), "no such file", "Python objects")


def _npy_files(folder: Path, without: set[Path]) -> Iterator[Path]:
    for below, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if Path(below, name) not in without)
        yield from (Path(below, name) for name in sorted(names) if name.endswith(".npy"))


def _is_pickled(path: Path) -> bool:
    try:
        return bool(read_header(path).dtype.hasobject)
    except (OSError, ValueError):
        return False


def _about_other_folders(tree: Tree) -> Iterator[Finding]:
    used = {Path(parent).parts[0] for parent in tree.manifest.parents if Path(parent).parts}
    used |= {Path(side).parts[0] for side in (tree.layout.train, tree.layout.test)} | set(tree.subjects())
    names = [path.name for path in sorted(tree.root.iterdir()) if path.is_dir()] if tree.root.is_dir() else []
    if others := [name for name in names if name not in used and not name.startswith(".")]:
        what = "folders that are no part of the challenge"
        where, advice = str(tree.root), "they are ignored"
        yield Finding(what, where, found=several(others), advice=advice, severity="note", code="extra-folder")


def _about_values(found: Survey, progress: ProgressCallback) -> Iterator[Finding]:
    tree = found.tree
    readable = {subject: [one for one in tree.arrays(subject) if is_readable(one)] for subject in found.subjects}
    n_images = sum(len(folder.images) for folder in found.folders.values())
    done, total = itertools.count(1), n_images + sum(map(len, readable.values()))

    def each() -> None:
        progress(Progress("check", next(done), total, "files"))

    for subject, arrays in readable.items():
        for array in arrays:
            yield from value_findings(array, tree, subject)
            each()
        yield from disagreements(arrays)
    for folder in found.folders.values():
        yield from png_findings(folder, tree.manifest.image_px, each)


def _arrays(found: Survey) -> Iterator[ArrayFile]:
    for subject in found.subjects:
        yield from found.tree.arrays(subject)
