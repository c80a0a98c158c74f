"""Where the ceilings of one subject come from: the official files, or ncsnr and the repeats of the split's images.

The ceilings of the test split are the official ones where these are there. All others are made from the ncsnr, read
from NSD's files or worked out from the official ceilings, and from the mean of 1 / repeats: of the very images where
the repeats of each are known, else of the whole split by the manifest's counts. The source says which.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from algokit.challenge.ceilings import (
    ceiling_findings,
    ceiling_from_ncsnr,
    ceiling_term,
    ncsnr2_from_ceiling,
    repeats_term,
)
from algokit.challenge.layout import ArrayFile
from algokit.challenge.manifest import MANIFEST_NAME, Side, SubjectEntry
from algokit.challenge.nsd import NsdFolder, is_there, read_ncsnr, read_repeats
from algokit.challenge.surface import fsaverage_index
from algokit.errors import DataError, UsageError
from algokit.types import Ceilings, Finding, Hemisphere, Ints, Split

_CLOSE = 1e-3
_OFFICIAL = "the test split's noise_ceiling files"


@dataclass(frozen=True)
class CeilingSources:
    """All that the ceilings of one subject can be made from.

    Attributes
    ----------
    entry : the sizes of the subject, and the counts of its repeats where the manifest has them.
    official : the ``noise_ceiling`` files, there or not.
    masks : the all-vertices masks.
    image_ids : of the training and the test images, in row order.
    nsd : NSD's own files; None where there are none.
    """

    subject: str
    entry: SubjectEntry
    official: Mapping[Hemisphere, ArrayFile]
    masks: Mapping[Hemisphere, ArrayFile]
    image_ids: Mapping[Side, Ints]
    nsd: NsdFolder | None

    def ceilings(self, hemisphere: Hemisphere, split: Split, image_ids: Ints | None) -> Ceilings | None:
        """The ceilings of a split; None for "train", and where nothing tells them. See `Challenge.ceilings`."""
        if split == "train":
            return None
        self._refuse_strangers(split, image_ids)
        if split == "test" and self._has_official():
            self._refuse_other_ncsnr(hemisphere)
            return Ceilings(self._official(hemisphere), self.subject, hemisphere, split, _OFFICIAL)
        if not self._can_compute(split):
            return None
        ncsnr, origin = self._ncsnr(hemisphere)
        term, whose = self._term(split, image_ids)
        values = ceiling_from_ncsnr(ncsnr, term)
        return Ceilings(values, self.subject, hemisphere, split, f"{origin} and {whose}")

    def files(self, split: Split) -> dict[str, Path]:
        """What the ceilings of a split are read from, by stable names; empty where there are none.

        The names are ``noise_ceiling.lh``, ``ncsnr.lh``, ``all_vertices.lh``, the same of rh, and ``repeats``.
        """
        official = {array.key: array.path for array in self.official.values()} if self._has_official() else {}
        if split == "test" and official:
            return official
        if split == "train" or not self._can_compute(split):
            return {}
        repeats = self._repeats_path()
        ncsnr = {f"ncsnr.{hemisphere}": path for hemisphere, path in self._ncsnr_paths().items()}
        masks = {array.key: array.path for array in self.masks.values()}
        return (ncsnr | masks if ncsnr else official) | ({"repeats": repeats} if repeats else {})

    def findings(self) -> list[Finding]:
        """What is wrong with NSD's files of this subject, or departs from the challenge's; reads them."""
        findings: list[Finding] = []
        for hemisphere in self.official if self.nsd else ():
            try:
                findings += self._disagreements(hemisphere)
            except DataError as error:
                findings += error.findings
        return list(dict.fromkeys(findings))

    def _refuse_other_ncsnr(self, hemisphere: Hemisphere) -> None:
        """A folder that the user named is not passed over without a word: where it can speak, it has to agree."""
        if self.nsd and self.nsd.is_given and (findings := self._mismatches(hemisphere)):
            otherwise = "without the folder of NSD the noise_ceiling file is used"
            errors = [replace(one, severity="error", advice=f"{one.advice}; {otherwise}") for one in findings]
            raise DataError(f"{self.nsd.root} does not fit the noise ceilings of {self.subject}", errors)

    def _disagreements(self, hemisphere: Hemisphere) -> list[Finding]:
        """Official test ceilings that are not those of the ncsnr; also makes sure that val ceilings can be had."""
        findings = self._mismatches(hemisphere)
        if self._can_compute("val"):
            self._term("val", None)
        return findings

    def _mismatches(self, hemisphere: Hemisphere) -> list[Finding]:
        """Official test ceilings that are not those of the ncsnr, where it and the repeats are known."""
        known = self._term("test", None) if self._can_compute("test") else None
        if not self._ncsnr_paths():
            return []
        ncsnr, _ = self._ncsnr(hemisphere)
        if known is None or not self._has_official():
            return []
        term, whose = known
        official, made = self._official(hemisphere), ceiling_from_ncsnr(ncsnr, term)
        apart = np.abs(official - made)
        vertex, n_apart = int(np.argmax(apart)), np.count_nonzero(apart > _CLOSE)
        if not n_apart:
            return []
        where, expected = str(self._ncsnr_paths()[hemisphere]), f"{official[vertex]:.4f} at vertex {vertex}"
        found = f"{made[vertex]:.4f} by {whose}; {n_apart} of {apart.size} vertices are apart"
        what, advice = "not the ncsnr behind the noise_ceiling file", "one is of another subject or hemisphere"
        return [Finding(what, where, "", expected, found, advice, "warning", "ceiling-mismatch")]

    def _can_compute(self, split: Split) -> bool:
        """Whether ncsnr and repeats are there; what a folder of NSD lacks is an error where the user named it."""
        lacking = list(self._lacking(split))
        if lacking and self.nsd and self.nsd.is_given:
            raise DataError(f"no {split} ceilings of {self.subject} can be made from {self.nsd.root}", lacking)
        return not lacking

    def _lacking(self, split: Split) -> Iterator[Finding]:
        has_ncsnr, has_repeats = bool(self._ncsnr_paths()), self._repeats_path() is not None
        is_of_no_use = self.nsd is not None and self.nsd.is_given and not has_repeats
        if not has_ncsnr and (is_of_no_use or not self._has_official()):
            paths = self.nsd.ncsnr_paths(self.subject).values() if self.nsd else ()
            where, advice = " and ".join(map(str, paths)), "download these two files from NSD"
            yield Finding("no ncsnr", where, self.subject, advice=advice, code="no-ncsnr")
        documented = self.entry.repeats or {}
        needed = [_side(split)] if has_ncsnr else ["train", "test"]
        if not has_repeats and (unknown := [side for side in needed if side not in documented]):
            what = f"repeats of the {' and '.join(unknown)} images are not known"
            advice = f"add nsddata/experiments/nsd/nsd_expdesign.mat, or state their counts in {MANIFEST_NAME}"
            yield Finding(what, str(self.nsd.root if self.nsd else ""), self.subject, advice=advice, code="no-repeats")

    def _ncsnr(self, hemisphere: Hemisphere) -> tuple[NDArray[np.float64], str]:
        """The ncsnr of the challenge vertices, and where it comes from."""
        if paths := self._ncsnr_paths():
            mask = self.masks[hemisphere]
            index = fsaverage_index(mask, self.entry.n_vertices[hemisphere])
            return read_ncsnr(paths[hemisphere], mask.shape[0], index), "ncsnr.mgh"
        term, whose = self._term("test", None)
        ncsnr = np.sqrt(ncsnr2_from_ceiling(self._official(hemisphere), term))
        return ncsnr, f"ncsnr worked out from {_OFFICIAL} by {whose},"

    def _ncsnr_paths(self) -> dict[Hemisphere, Path]:
        """The files of both hemispheres; empty where there are none."""
        paths = self.nsd.ncsnr_paths(self.subject) if self.nsd else {}
        if missing := [path for path in paths.values() if not is_there(path)]:
            if len(missing) == len(paths):
                return {}
            finding = Finding("no ncsnr", str(missing[0]), advice="download it from NSD", code="no-ncsnr")
            raise DataError(f"{self.subject} has the ncsnr of one hemisphere only", [finding])
        return paths

    def _term(self, split: Split, image_ids: Ints | None) -> tuple[float, str]:
        """``t`` of these images, or of all of the split, and in words whose repeats it is the mean of."""
        side, path = _side(split), self._repeats_path()
        ids = self.image_ids[side] if image_ids is None else image_ids
        whole = f"all {len(self.image_ids[side])} {'training' if side == 'train' else 'test'} images"
        if path is None:
            assert self.entry.repeats is not None
            term = ceiling_term(self.entry.repeats[side])
            return term, f"the repeats that {MANIFEST_NAME} states for {whole} (t = {term:.5f})"
        term = repeats_term(read_repeats(path, self.subject).of(side, ids))
        whose = whole if split == "test" or image_ids is None else f"these {len(ids)} images"
        return term, f"the repeats of {whose} ({path.name}; t = {term:.5f})"

    def _repeats_path(self) -> Path | None:
        return self.nsd.repeats_path(self.subject) if self.nsd else None

    def _has_official(self) -> bool:
        return all(array.path.exists() for array in self.official.values())

    def _official(self, hemisphere: Hemisphere) -> NDArray[np.float64]:
        array = self.official[hemisphere]
        if findings := ceiling_findings(array):
            raise DataError(f"{array.path} cannot be used", findings)
        return np.array(array.values(), np.float64)

    def _refuse_strangers(self, split: Split, image_ids: Ints | None) -> None:
        """Images of another split have other repeats."""
        if image_ids is None:
            return
        known = self.image_ids[_side(split)]
        strangers = np.setdiff1d(image_ids, known)
        absent = np.setdiff1d(known, image_ids) if split == "test" else ()
        if not len(image_ids) or len(strangers) or len(absent):
            expected = "some of the training images" if split == "val" else "all test images"
            found = f"{len(image_ids)} images, {len(strangers)} of them others"
            finding = Finding("other images", "", self.subject, expected, found, code="foreign-images")
            raise UsageError(f"these are not the {split} images of {self.subject}", [finding])


def _side(split: Split) -> Side:
    """The split whose images these are: a val split is carved from the training images."""
    return "test" if split == "test" else "train"
