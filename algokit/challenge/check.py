"""Every departure of a challenge directory from its manifest, in one list."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import get_args

from algokit.challenge.describe import case_finding
from algokit.challenge.directory import Challenge
from algokit.challenge.images import several
from algokit.challenge.layout import ArrayFile, Tree, folders_elsewhere, in_another_case, names_in
from algokit.challenge.manifest import MANIFEST_NAME, Manifest, Side
from algokit.challenge.mapping import mapping_findings
from algokit.challenge.npy_header import read_header
from algokit.challenge.nsd import find_nsd
from algokit.challenge.png import png_findings
from algokit.challenge.survey import Survey, survey
from algokit.challenge.values import disagreements, is_readable, value_findings
from algokit.errors import DataError
from algokit.types import Finding, Progress, ProgressCallback, errors_among, no_progress

_PICKLES = (".pkl", ".pickle")


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
        return _printable(error.findings)
    findings = [
        *_about_the_manifest(found),
        *_about_subjects(found),
        *_about_places(found.tree),
        *_about_scoring(found),
        *found.findings,
        *_about_mappings(found),
        *_about_strays(found),
        *([] if quick else [*_about_values(found, progress), *_about_ceilings(found)]),
        *_about_other_folders(found.tree),
    ]
    return _printable(findings)


def _printable(findings: Iterable[Finding]) -> list[Finding]:
    """Names of strangers may hold control characters, which a terminal would obey."""
    return [replace(one, where=_escaped(one.where), found=_escaped(one.found)) for one in findings]


def _escaped(text: str) -> str:
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


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


def _about_places(tree: Tree) -> Iterator[Finding]:
    """Subjects that lie in another layout, or another case, than they should; each is missed, or mistaken for whole."""
    there = tree.subjects()
    for subject, folders in sorted(folders_elsewhere(tree).items()):
        expected = " and ".join(dict.fromkeys(str(tree.folder(subject, side)) for side in get_args(Side)))
        found = several([str(folder) for folder in folders])
        if subject in there:
            what, advice = "a subject in two places", "the other place is ignored; remove it, or move what is missing"
        else:
            what, advice = "a subject in another layout than the others", "move it to where the others are"
        yield Finding(what, str(folders[0]), "", expected, found, advice, "warning", "mixed-layout")
    yield from (case_finding(name, folder, "warning") for name, folder in _renamed_subjects(tree).items())


def _renamed_subjects(tree: Tree) -> dict[Path, Path]:
    """What is there in another case -> the subject's folder that it should be, or be a part of."""
    absent = [subject for subject in tree.manifest.subjects if subject not in tree.subjects()]
    folders = [tree.folder(subject, side) for subject in absent for side in get_args(Side)]
    return {name: folder for folder in folders if (name := in_another_case(folder, tree.base))}


def _about_ceilings(found: Survey) -> Iterator[Finding]:
    """NSD's own files beside the challenge's: do they tell the same ceilings?"""
    if not errors_among(found.findings):
        challenge = Challenge.of(found)
        for subject in found.subjects:
            yield from challenge.ceiling_source_findings(subject)


def _about_scoring(found: Survey) -> Iterator[Finding]:
    whats = {"test_fmri": ("no test responses", "no-test-responses"), "noise_ceiling": ("no ceilings", "no-ceilings")}
    if find_nsd(None, found.tree.root):
        del whats["noise_ceiling"]  # they can be computed
    for role, (what, code) in whats.items():
        without = [subject for subject in found.subjects if not _has(found.tree, subject, role)]
        if without:
            advice = "the test split cannot be scored here"
            where = str(found.tree.root)
            yield Finding(what, where, found=f"none for {several(without)}", advice=advice, severity="note", code=code)


def _has(tree: Tree, subject: str, role: str) -> bool:
    return any(array.path.name in names_in(array.path.parent) for array in tree.arrays(subject) if array.role == role)


def _about_mappings(found: Survey) -> Iterator[Finding]:
    for array in _arrays(found):
        if array.role == "roi_mapping" and array.roi_class and _is_pickled(array.path):
            yield from mapping_findings(array.path, found.tree.manifest.roi_classes[array.roi_class])


def _about_strays(found: Survey) -> Iterator[Finding]:
    """Pickles that no role has: not read by algokit, but by whoever opens them next."""
    tree, root = found.tree, found.tree.root
    known = {array.path for subject in tree.subjects() for array in tree.arrays(subject)}
    copies = (folder for folders in folders_elsewhere(tree).values() for folder in folders)
    images = (folder.path for folder in found.folders.values())
    without = {*images, *copies, *_renamed_subjects(tree), *_other_folders(tree)}
    unknown = (path for path in _files(root, without) if path not in known)
    if strays := [path for path in unknown if path.suffix.lower() in _PICKLES or _is_pickled(path)]:
        where = strays[0] if len(strays) == 1 else root
        names = several([str(path.relative_to(root)) for path in strays])
        what, advice = (
            "pickled files that are no part of the challenge",
            "never loaded here; loading them could run code",
        )
        yield Finding(what, str(where), found=names, advice=advice, severity="warning", code="stray-pickle")


def _files(root: Path, without: set[Path]) -> Iterator[Path]:
    for below, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if Path(below, name) not in without)
        yield from (Path(below, name) for name in sorted(names))


def _is_pickled(path: Path) -> bool:
    try:
        return path.suffix.lower() == ".npy" and bool(read_header(path).dtype.hasobject)
    except (OSError, ValueError):
        return False


def _about_other_folders(tree: Tree) -> Iterator[Finding]:
    known = ("nsd", "nsddata", "nsddata_betas") if find_nsd(None, tree.root) else ()
    names = [path.name for path in _other_folders(tree)]
    if others := [name for name in names if not name.startswith(".") and name not in known]:
        what = "folders that are no part of the challenge"
        where, advice = str(tree.root), "they are ignored"
        yield Finding(what, where, found=several(others), advice=advice, severity="note", code="extra-folder")


def _other_folders(tree: Tree) -> list[Path]:
    used = {Path(parent).parts[0] for parent in tree.manifest.parents if Path(parent).parts}
    used |= {Path(side).parts[0] for side in (tree.layout.train, tree.layout.test)} | set(tree.subjects())
    elsewhere = (folder for folders in folders_elsewhere(tree).values() for folder in folders)
    used |= {folder.relative_to(tree.root).parts[0] for folder in elsewhere}
    return [tree.root / name for name in names_in(tree.root) if name not in used and (tree.root / name).is_dir()]


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
