"""A challenge directory, opened: images in row order, responses, ceilings and ROI masks of every subject in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

import numpy as np

from algokit.challenge.ceiling_sources import CeilingSources
from algokit.challenge.images import ImageFile
from algokit.challenge.layout import ArrayFile, Tree
from algokit.challenge.manifest import Manifest, Role, Side
from algokit.challenge.nsd import NsdFolder, find_nsd
from algokit.challenge.surface import fsaverage_index
from algokit.challenge.survey import ImageFolders, Survey, survey
from algokit.challenge.values import finite_findings
from algokit.errors import DataError, UsageError
from algokit.registry import did_you_mean
from algokit.types import (
    HEMISPHERES,
    Ceilings,
    Finding,
    Hemisphere,
    Ints,
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
    _nsd: NsdFolder | None = None

    @classmethod
    def of(cls, found: Survey, nsd: Path | None = None) -> Challenge:
        """The challenge a survey found; see `open_challenge`."""
        return cls(found.tree, found.is_official, found.subjects, found.folders, find_nsd(nsd, found.tree.root))

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
        return Responses(array.values(), self._image_ids(subject, split), subject, hemisphere, split)

    def response_findings(self, subject: str, hemisphere: Hemisphere, split: Split) -> list[Finding]:
        """NaN and infinite values among the responses that are there; reads all of them."""
        return finite_findings(self._responses(subject, hemisphere, split))

    def files(self, subject: str) -> dict[str, Path]:
        """``role[.hemisphere][.roi_class]`` -> every array file of the subject that is there."""
        return {array.key: array.path for array in self.tree.arrays(self._known(subject)) if array.path.exists()}

    def ceilings(
        self, subject: str, hemisphere: Hemisphere, split: Split, image_ids: Ints | None = None
    ) -> Ceilings | None:
        """The noise ceilings of the "test" split, or of a "val" split of training images.

        Those of test are in its noise_ceiling files. Without these, and for val, they are made from NSD's ncsnr and
        the images' repeats; without ncsnr, it is worked out from the test split's ceilings. None where neither is
        there or the repeats are not known, and for "train".

        Parameters
        ----------
        image_ids : (n_images,) int64, the images of a val split; all training images where None. The ceilings are
            theirs where the repeats of each image are known, else those of all training images; the source says so.

        Raises
        ------
        DataError : a file that is needed is damaged or does not fit, or a folder named as NSD's lacks it.
        UsageError : the images are not of this split.
        """
        return self._ceiling_sources(subject).ceilings(hemisphere, split, image_ids)

    def ceiling_files(self, subject: str, split: Split) -> dict[str, Path]:
        """What the ceilings of a split are read from; empty where there are none.

        The names are ``noise_ceiling.lh``, ``ncsnr.lh``, ``all_vertices.lh``, the same of rh, and ``repeats``.
        """
        return self._ceiling_sources(subject).files(split)

    def ceiling_source_findings(self, subject: str) -> list[Finding]:
        """What is wrong with NSD's files of a subject, or departs from its noise_ceiling files; reads all of them."""
        return self._ceiling_sources(subject).findings()

    def roi_masks(self, subject: str, hemisphere: Hemisphere) -> tuple[RoiMask, ...]:
        """The ROI labels of every class over the challenge vertices."""
        masks = []
        for roi_class, names in self.manifest.roi_classes.items():
            labels = self._array(subject, "roi_challenge_space", hemisphere, roi_class).values()
            masks.append(RoiMask(roi_class, hemisphere, np.array(labels, np.int64), names))
        return tuple(masks)

    def fsaverage_index(self, subject: str, hemisphere: Hemisphere) -> Ints:
        """The vertex of fsaverage each challenge vertex is: (n_vertices,) int64, ascending.

        Raises
        ------
        DataError : the all-vertices mask marks another number of vertices than the manifest.
        """
        mask = self._array(subject, "all_vertices", hemisphere)
        return fsaverage_index(mask, self.geometry(subject).n_vertices[hemisphere])

    def _ceiling_sources(self, subject: str) -> CeilingSources:
        return CeilingSources(
            subject=subject,
            entry=self.manifest.subjects[self._known(subject)],
            official={one: self._array(subject, "noise_ceiling", one) for one in HEMISPHERES},
            masks={one: self._array(subject, "all_vertices", one) for one in HEMISPHERES},
            image_ids={side: self._image_ids(subject, side) for side in get_args(Side)},
            nsd=self._nsd,
        )

    def _image_ids(self, subject: str, split: Split) -> Ints:
        return np.array([image.image_id for image in self.images(subject, split)], np.int64)

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


def open_challenge(root: Path, manifest: Manifest | None = None, *, nsd: Path | None = None) -> Challenge:
    """Open a challenge directory by its names and headers; no values are read.

    Parameters
    ----------
    root : the folder with the subjects, with the train and test side, or the one above.
    manifest : what it should be; by default the `data_manifest.yaml` in it, the official challenge, or what the
        folder says of itself.
    nsd : the folder with files of the Natural Scenes Dataset itself (``nsddata_betas``, ``nsddata``), for ceilings
        that the challenge's files do not hold; ``nsd`` in ``root``, or ``root``, where None and they are there.

    Raises
    ------
    DataError : every structural problem of every subject that is there.
    UsageError : ``nsd`` is given and holds nothing of NSD.
    """
    found = survey(Path(root), manifest)
    if errors := errors_among(found.findings):
        raise DataError(f"{root} departs from the challenge {found.tree.manifest.name}", errors)
    return Challenge.of(found, nsd)
