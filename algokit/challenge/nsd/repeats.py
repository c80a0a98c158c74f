"""How often each image of a subject was shown within each split, by NSD's design or by a table of the repeats."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from algokit.challenge.manifest import Side
from algokit.challenge.nsd.design import design_trials
from algokit.challenge.nsd.table import table_trials
from algokit.errors import DataError
from algokit.types import Finding, Ints

MOST_REPEATS = 3
_OTHERS = "the file is of another experiment or subject, or these images are not the challenge's"


@dataclass(frozen=True)
class Repeats:
    """The trials of one subject's images, by image id.

    Attributes
    ----------
    path : the file they are from.
    trials : split -> 0-based NSD id -> number of trials within that split.
    """

    path: Path
    subject: str
    trials: Mapping[Side, Mapping[int, int]]

    def of(self, side: Side, image_ids: Ints) -> Ints:
        """The trials of these images within a split: (n_images,) int64, 1 to 3.

        Raises
        ------
        DataError : an image of the split was not shown in it, or more than 3 times, or a test image in training too.
        """
        counts = np.array([self.trials[side].get(int(one), 0) for one in image_ids], np.int64)
        findings = [
            *self._odd_counts(side, image_ids, counts),
            *(self._seen_before(image_ids) if side == "test" else []),
        ]
        if findings:
            raise DataError(f"{self.path} does not fit the {side} images of {self.subject}", findings)
        return counts

    def _odd_counts(self, side: Side, image_ids: Ints, counts: Ints) -> Iterator[Finding]:
        odd = np.flatnonzero((counts < 1) | (counts > MOST_REPEATS))
        if odd.size:
            first = int(odd[0])
            what, expected = f"{side} images with other numbers of trials", f"1 to {MOST_REPEATS} trials of each image"
            found = f"{counts[first]} of nsd-{image_ids[first]:05d}; {odd.size} of {counts.size} images are so"
            yield Finding(what, str(self.path), self.subject, expected, found, _OTHERS, code="repeats-mismatch")

    def _seen_before(self, image_ids: Ints) -> Iterator[Finding]:
        seen = [int(one) for one in image_ids if self.trials["train"].get(int(one), 0)]
        if seen:
            what, expected = "test images that were shown in training", "test images of the last sessions alone"
            found = f"nsd-{seen[0]:05d}; {len(seen)} of {len(image_ids)} images are so"
            yield Finding(what, str(self.path), self.subject, expected, found, _OTHERS, code="repeats-mismatch")


def read_repeats(path: Path, subject: str) -> Repeats:
    """The repeats in NSD's ``nsd_expdesign.mat``, or in a table with the columns split, row, nsd_id, repeats.

    Raises
    ------
    DataError : the file cannot be read, or holds no such thing; every problem.
    """
    is_table = path.suffix.lower() == ".csv"
    return Repeats(path, subject, table_trials(path) if is_table else design_trials(path, subject))
