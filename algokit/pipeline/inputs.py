"""What a run reads of the challenge: images, responses, and the digests that go into keys."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from algokit.challenge import Challenge, DigestCache, ImageFile
from algokit.errors import DataError
from algokit.readouts import Rows
from algokit.recipe.cost import val_rows
from algokit.recipe.plan import PlannedData
from algokit.recipe.schema import Recipe, Val
from algokit.store import digest_of
from algokit.types import (
    HEMISPHERES,
    Hemisphere,
    Ints,
    ProgressCallback,
    Responses,
    Split,
    SubjectGeometry,
    no_progress,
)

_SPLITS: tuple[Split, Split] = ("train", "test")


@dataclass(frozen=True)
class SubjectInputs:
    """One subject's images and training responses.

    Attributes
    ----------
    train_images, test_images : in row order.
    image_digests : sha256 of every image file, training rows first.
    responses : hemisphere -> training responses, memory-mapped.
    """

    geometry: SubjectGeometry
    train_images: tuple[ImageFile, ...]
    test_images: tuple[ImageFile, ...]
    image_digests: tuple[str, ...]
    responses: Mapping[Hemisphere, Responses]

    @property
    def test_ids(self) -> Ints:
        """(n_test,) NSD ids of the test images in row order."""
        return np.array([image.image_id for image in self.test_images], np.int64)

    @property
    def image_groups(self) -> Ints:
        """(n_train,) the same number for training rows whose image files hold the same bytes."""
        return np.unique(self.image_digests[: len(self.train_images)], return_inverse=True)[1].astype(np.int64)


def read_inputs(
    challenge: Challenge, subjects: Sequence[str], digests: DigestCache, progress: ProgressCallback = no_progress
) -> tuple[PlannedData, dict[str, SubjectInputs]]:
    """Open the subjects and digest every file a plan depends on (unchanged files are not read again).

    Raises
    ------
    DataError : a response is not finite.
    """
    _refuse_non_finite(challenge, subjects, digests)
    inputs, image_digests, response_digests = {}, {}, {}
    images = {subject: (challenge.images(subject, "train"), challenge.images(subject, "test")) for subject in subjects}
    response_paths = {
        subject: [challenge.response_path(subject, hemisphere, "train") for hemisphere in HEMISPHERES]
        for subject in subjects
    }
    known = digests.many([*_paths(images.values()), *chain.from_iterable(response_paths.values())], progress)
    for subject, (train, test) in images.items():
        responses = {hemisphere: challenge.responses(subject, hemisphere, "train") for hemisphere in HEMISPHERES}
        ordered = tuple(known[path] for path in _paths([(train, test)]))
        ids = [image.image_id for image in (*train, *test)]
        image_digests[subject] = digest_of([len(train), ids, list(ordered)])
        response_digests[subject] = digest_of([known[path] for path in response_paths[subject]])
        inputs[subject] = SubjectInputs(challenge.geometry(subject), train, test, ordered, responses)
    data = PlannedData(
        challenge=challenge.manifest.name,
        manifest_digest=challenge.manifest.digest(),
        geometry=tuple(one.geometry for one in inputs.values()),
        image_digests=image_digests,
        response_digests=response_digests,
        n_different_images={subject: len(set(one.image_groups)) for subject, one in inputs.items()},
    )
    return data, inputs


def _paths(images: Iterable[tuple[tuple[ImageFile, ...], ...]]) -> list[Path]:
    return [image.path for splits in images for split in splits for image in split]


def _refuse_non_finite(challenge: Challenge, subjects: Sequence[str], digests: DigestCache) -> None:
    """Look at every value once, while the digest of its file is not known: hours before a fit would meet it."""
    findings = [
        finding
        for subject in subjects
        for split in _SPLITS
        if challenge.has_responses(subject, split)
        for hemisphere in HEMISPHERES
        if not digests.knows(challenge.response_path(subject, hemisphere, split))
        for finding in challenge.response_findings(subject, hemisphere, split)
    ]
    if findings:
        raise DataError("responses cannot be used", findings)


def recipe_rows(recipe: Recipe, inputs: SubjectInputs) -> Rows:
    """The rows that a recipe fits on, and those that it holds out, of one subject."""
    groups = inputs.image_groups if recipe.keeps_images_whole else None
    return split_rows(inputs.geometry.n_train, recipe.val, inputs.geometry.subject, groups)


def split_rows(n_train: int, val: Val | None, subject: str, groups: Ints | None = None) -> Rows:
    """The recipe's val split of one subject: random training rows, the same every time.

    Parameters
    ----------
    groups : (n_train,) where rows of one image belong on one side; val then has a few rows more than the recipe says if
        the last image drawn has several. Where no image comes twice, the draw is the same as without.

    Returns
    -------
    Ascending row indices to fit on and to hold out.
    """
    if val is None:
        return Rows(fit=np.arange(n_train), val=np.empty(0, np.int64), groups=groups)
    n_val = val_rows(n_train, val)
    if groups is None:
        return held_out_rows(n_train, n_val, val.seed, subject)
    held = _whole_groups(groups, _order(n_train, val.seed, subject), n_val)
    return Rows(fit=np.flatnonzero(~held), val=np.flatnonzero(held), groups=groups)


def held_out_rows(n_train: int, n_val: int, seed: int, subject: str) -> Rows:
    """So many random training rows of one subject held out, the same every time."""
    order = _order(n_train, seed, subject)
    return Rows(fit=np.sort(order[n_val:]), val=np.sort(order[:n_val]))


def _order(n_train: int, seed: int, subject: str) -> Ints:
    return np.random.default_rng([seed, int(subject.removeprefix("subj"))]).permutation(n_train)


def _whole_groups(groups: Ints, order: Ints, n_rows: int) -> NDArray[np.bool_]:
    """Which rows belong to the groups met first in that order, as few of them as hold ``n_rows`` rows."""
    names, first, sizes = np.unique(groups[order], return_index=True, return_counts=True)
    met = np.argsort(first)
    n_groups = int(np.searchsorted(np.cumsum(sizes[met]), n_rows)) + 1
    return np.isin(groups, names[met[:n_groups]])
