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
    trees = [
        Tree(root, root / parent, name, layout, manifest)
        for parent in manifest.parents
        for name, layout in manifest.layouts.items()
    ]
    best = max(trees, key=_n_folders, default=None)
    return best if best and _n_folders(best) else None


def _n_folders(tree: Tree) -> int:
    subjects = tree.subjects()
    marker = tree.layout.marker
    if marker and not any(
        array.path.exists() for subject in subjects for array in tree.arrays(subject) if array.role == marker
    ):
        return 0
    return sum(tree.folder(subject, side).is_dir() for subject in subjects for side in get_args(Side))


def _subjects_below(base: Path, layout: LayoutEntry) -> tuple[str, ...]:
    found = set()
    for template in (layout.train, layout.test):
        before, _, after = template.partition("{subject}")
        folder = base / before
        names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
        found |= {name for name in names if _SUBJECT.fullmatch(name) and (folder / (name + after)).is_dir()}
    return tuple(sorted(found))
