"""Where the files of a challenge lie: which layout a folder has, and every path in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from algokit.challenge.manifest import LayoutEntry, Manifest, Role, Side
from algokit.types import HEMISPHERES, Hemisphere

_SIDES: tuple[Side, ...] = get_args(Side)
_SUBJECT = re.compile(r"subj\d\d")


@dataclass(frozen=True)
class ArrayFile:
    """One ``.npy`` file a subject should have, and what should be in it.

    ``hemisphere`` and ``roi_class`` are None where the file covers all of them.
    """

    role: Role
    hemisphere: Hemisphere | None
    roi_class: str | None
    path: Path
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    required: bool

    @property
    def key(self) -> str:
        """``role[.hemisphere][.roi_class]``."""
        return ".".join(part for part in (self.role, self.hemisphere, self.roi_class) if part)

    def values(self) -> NDArray[Any]:
        """The array, memory-mapped read-only; never a pickled one."""
        loaded: NDArray[Any] = np.load(self.path, mmap_mode="r", allow_pickle=False)
        return loaded


@dataclass(frozen=True)
class Tree:
    """A folder with a challenge in it.

    Attributes
    ----------
    root : the folder given.
    base : the folder the layout starts in: ``root``, or one of the manifest's ``parents`` in it.
    layout_name, layout : which row of the manifest's layouts.
    """

    root: Path
    base: Path
    layout_name: str
    layout: LayoutEntry
    manifest: Manifest

    def subjects(self) -> tuple[str, ...]:
        """Every subject with a folder on either side, whether the manifest has it or not."""
        return _subjects_below(self.base, self.layout)

    def folder(self, subject: str, side: Side) -> Path:
        """The subject's folder on one side."""
        return self.base / (self.layout.train if side == "train" else self.layout.test).format(subject=subject)

    def image_template(self, subject: str, side: Side) -> tuple[Path, str]:
        """The folder of the images of one side, and the template of their names."""
        template = self.manifest.files["train_images" if side == "train" else "test_images"].path
        return (self.folder(subject, side) / template).parent, Path(template).name

    def arrays(self, subject: str) -> Iterator[ArrayFile]:
        """Every array file the manifest gives this subject, there or not."""
        for role in get_args(Role):
            if self.manifest.files[role].dtype != "png":
                yield from self._arrays(subject, role)

    def _arrays(self, subject: str, role: Role) -> Iterator[ArrayFile]:
        entry = self.manifest.files[role]
        hemispheres = HEMISPHERES if "{hemisphere}" in entry.path else (None,)
        roi_classes = tuple(self.manifest.roi_classes) if "{roi_class}" in entry.path else (None,)
        for hemisphere, roi_class in product(hemispheres, roi_classes):
            name = entry.path.format(hemisphere=hemisphere, roi_class=roi_class)
            path, shape = self.folder(subject, entry.side) / name, self._shape(subject, role, hemisphere)
            yield ArrayFile(role, hemisphere, roi_class, path, np.dtype(entry.dtype), shape, entry.required)

    def _shape(self, subject: str, role: Role, hemisphere: Hemisphere | None) -> tuple[int, ...]:
        subject_entry = self.manifest.subjects.get(subject)
        sizes = {"image_px": self.manifest.image_px, "fsaverage_size": self.manifest.fsaverage_size}
        if subject_entry:
            sizes |= {"n_train": subject_entry.n_train, "n_test": subject_entry.n_test}
            if hemisphere:
                sizes["n_vertices"] = subject_entry.n_vertices[hemisphere]
        return tuple(size if isinstance(size, int) else sizes.get(size, 0) for size in self.manifest.files[role].shape)


def locate(root: Path, manifest: Manifest) -> Tree | None:
    """The layout under which ``root`` holds the most subject folders; None where no layout finds any."""
    best = max(trees(root, manifest), key=_n_folders, default=None)
    return best if best and _n_folders(best) else None


def trees(root: Path, manifest: Manifest) -> list[Tree]:
    """Every place and layout a challenge may have in ``root``, there or not."""
    return [
        Tree(root, root / parent, name, layout, manifest)
        for parent in manifest.parents
        for name, layout in manifest.layouts.items()
    ]


def folders_elsewhere(tree: Tree) -> dict[str, list[Path]]:
    """Subject -> its folders in places where the tree's own layout has none."""
    used = {tree.folder(subject, side) for subject in (*tree.manifest.subjects, *tree.subjects()) for side in _SIDES}
    tops = {Path(entry.path).parts[0] for entry in tree.manifest.files.values()}
    found: dict[str, list[Path]] = {}
    for other in trees(tree.root, tree.manifest):
        for subject, side in product(other.subjects(), _SIDES):
            folder, known = other.folder(subject, side), found.get(subject, ())
            if folder not in used and folder not in known and tops & set(names_in(folder)):
                found.setdefault(subject, []).append(folder)
    return found


def in_another_case(path: Path, base: Path) -> Path | None:
    """The first part of ``path`` below ``base`` that is there in another case, where the rest is there as well."""
    there, first = base, None
    for part in path.relative_to(base).parts:
        names = names_in(there)
        alike = [part] if part in names else [name for name in names if name.lower() == part.lower()]
        if not alike:
            return None
        there /= alike[0]
        first = first or (there if alike[0] != part else None)
    return first


def names_in(folder: Path) -> list[str]:
    """What a folder holds, sorted; nothing where it is absent or cannot be listed."""
    try:
        return sorted(path.name for path in folder.iterdir())
    except OSError:
        return []


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # the folder it lies in is closed
        return False


def _n_folders(tree: Tree) -> int:
    subjects = tree.subjects()
    marker = tree.layout.marker
    if marker and not any(
        array.path.name in names_in(array.path.parent)
        for subject in subjects
        for array in tree.arrays(subject)
        if array.role == marker
    ):
        return 0
    return sum(_is_folder(tree.folder(subject, side)) for subject in subjects for side in _SIDES)


def _subjects_below(base: Path, layout: LayoutEntry) -> tuple[str, ...]:
    found = set()
    for template in (layout.train, layout.test):
        before, _, after = template.partition("{subject}")
        folder = base / before
        names = [name for name in names_in(folder) if _SUBJECT.fullmatch(name)]
        found |= {name for name in names if _is_folder(folder / (name + after))}
    return tuple(sorted(found))
