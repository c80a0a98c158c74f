"""A challenge directory, opened: images in row order, responses, ceilings and ROI masks of every subject in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from algokit.challenge.ceilings import ceiling_findings, ceiling_from_ncsnr, ceiling_term, ncsnr2_from_ceiling
from algokit.challenge.images import ImageFile
from algokit.challenge.layout import ArrayFile, Tree
from algokit.challenge.manifest import Manifest, Role, Side
from algokit.challenge.survey import ImageFolders, survey
from algokit.challenge.values import finite_findings
from algokit.errors import DataError, UsageError
from algokit.registry import did_you_mean
from algokit.types import (
    Ceilings,
    Finding,
    Hemisphere,
    Responses,
    RoiMask,
    Split,
    SubjectGeometry,
    errors_among,
)


@dataclass(frozen=True)
class Challenge:
    """A challenge directory whose structure was found in order.

    Attributes
    ----------
    tree : where its files lie.
    is_official : whether it is the challenge of 2023 itself, all subjects or some.
    subjects : those that are there.
    """

    tree: Tree
    is_official: bool
    subjects: tuple[str, ...]
    _folders: ImageFolders = field(repr=False)

    @property
    def root(self) -> Path:
        """The folder that was opened."""
        return self.tree.root

    @property
    def manifest(self) -> Manifest:
        """What the folder was held against."""
        return self.tree.manifest

    @property
    def layout_name(self) -> str:
        """The layout it has (``challenge``, ``released``, ``flat``, ...)."""
        return self.tree.layout_name

    def geometry(self, subject: str) -> SubjectGeometry:
        """The sizes of one subject; like every method here, refuses a subject that is not there with a UsageError."""
        return self.manifest.geometry(self._known(subject))

    def images(self, subject: str, split: Split) -> tuple[ImageFile, ...]:
        """The images of a split ("train" or "test") in row order."""
        return self._folders[self._known(subject), _side(split)].images

    def response_path(self, subject: str, hemisphere: Hemisphere, split: Split) -> Path:
        """The file of the responses, there or not."""
        return self._responses(subject, hemisphere, split).path

    def has_responses(self, subject: str, split: Split) -> bool:
        """Whether both hemispheres' responses are there; those of the test split may be withheld."""
        return self.response_path(subject, "lh", split).exists() and self.response_path(subject, "rh", split).exists()

    def responses(self, subject: str, hemisphere: Hemisphere, split: Split) -> Responses:
        """The responses to a split ("train" or "test"), memory-mapped.

        Raises
        ------
        DataError : the test responses are not there, or not finite.
        """
        array = self._responses(subject, hemisphere, split)
        if not array.path.exists():
            advice = "they were withheld during the challenge and released afterwards"
            finding = Finding("no test responses", str(array.path), advice=advice, code="no-responses")
            raise DataError(f"{subject} has no {split} responses", [finding])
        if split == "test" and (findings := finite_findings(array)):  # few enough to look at each time
            raise DataError(f"{array.path} cannot be used", findings)
        ids = np.array([image.image_id for image in self.images(subject, split)], np.int64)
        return Responses(array.values(), ids, subject, hemisphere, split)

    def response_findings(self, subject: str, hemisphere: Hemisphere, split: Split) -> list[Finding]:
        """NaN and infinite values among the responses that are there; reads all of them."""
        return finite_findings(self._responses(subject, hemisphere, split))

    def files(self, subject: str) -> dict[str, Path]:
        """``role[.hemisphere][.roi_class]`` -> every array file of the subject that is there."""
        return {array.key: array.path for array in self.tree.arrays(self._known(subject)) if array.path.exists()}

    def ceilings(self, subject: str, hemisphere: Hemisphere, split: Split) -> Ceilings | None:
        """The noise ceilings of the "test" split from its file, or of a "val" split of random training images.

        The latter are derived from the former with the manifest's counts of repeats. None where the file or the
        counts are not there, and for "train".

        Raises
        ------
        DataError : the file does not hold fractions from 0 to 1.
        """
        array = self._array(subject, "noise_ceiling", hemisphere)
        if split == "train" or not array.path.exists():
            return None
        if findings := ceiling_findings(array):
            raise DataError(f"{array.path} cannot be used", findings)
        test = np.array(array.values(), np.float64)
        if split == "test":
            return Ceilings(test, subject, hemisphere, split, "the test split's noise_ceiling files")
        repeats = self.manifest.subjects[subject].repeats
        if not repeats or set(repeats) != {"train", "test"}:
            return None
        test_term, train_term = ceiling_term(repeats["test"]), ceiling_term(repeats["train"])
        values = ceiling_from_ncsnr(np.sqrt(ncsnr2_from_ceiling(test, test_term)), train_term)
        source = (
            "derived from the test split's noise_ceiling files for the repeats of the training images "
            f"(t = {test_term:.5f} -> {train_term:.5f})"
        )
        return Ceilings(values, subject, hemisphere, split, source)

    def roi_masks(self, subject: str, hemisphere: Hemisphere) -> tuple[RoiMask, ...]:
        """The ROI labels of every class over the challenge vertices."""
        masks = []
        for roi_class, names in self.manifest.roi_classes.items():
            labels = self._array(subject, "roi_challenge_space", hemisphere, roi_class).values()
            masks.append(RoiMask(roi_class, hemisphere, np.array(labels, np.int64), names))
        return tuple(masks)

    def _responses(self, subject: str, hemisphere: Hemisphere, split: Split) -> ArrayFile:
        return self._array(subject, "train_fmri" if _side(split) == "train" else "test_fmri", hemisphere)

    def _array(self, subject: str, role: Role, hemisphere: Hemisphere, roi_class: str | None = None) -> ArrayFile:
        wanted = (role, hemisphere, roi_class)
        arrays = self.tree.arrays(self._known(subject))
        return next(array for array in arrays if (array.role, array.hemisphere, array.roi_class) == wanted)

    def _known(self, subject: str) -> str:
        if subject in self.subjects:
            return subject
        advice = did_you_mean(subject, self.subjects)
        finding = Finding("unknown subject", str(self.root), found=repr(subject), advice=advice, code="unknown-subject")
        raise UsageError(f"no subject {subject!r} in {self.root}", [finding])


def _side(split: Split) -> Side:
    if split == "val":
        raise UsageError("a val split is carved from the training images by a recipe; it has no files of its own")
    return split


def open_challenge(root: Path, manifest: Manifest | None = None) -> Challenge:
    """Open a challenge directory by its names and headers; no values are read.

    Parameters
    ----------
    root : the folder with the subjects, with the train and test side, or the one above.
    manifest : what it should be; by default the `data_manifest.yaml` in it, the official challenge, or what the
        folder says of itself.

    Raises
    ------
    DataError : every structural problem of every subject that is there.
    """
    found = survey(Path(root), manifest)
    if errors := errors_among(found.findings):
        raise DataError(f"{root} departs from the challenge {found.tree.manifest.name}", errors)
    return Challenge(found.tree, found.is_official, found.subjects, found.folders)
