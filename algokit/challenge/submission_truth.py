"""Whose predictions a file really holds: by correlation with the measured responses, where these are at hand.

No threshold looks at how good predictions are. What is asked is whether they fit some order of some subject's images
far better than any shuffle of it would, and the place they stand in no better than chance: weak but honest predictions
never are that certain about a wrong place. Of the orders only those are tried that a loop or a dictionary gives; any
other shows by contrast alone, where the other files do follow the images.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from algokit.challenge.directory import Challenge
from algokit.challenge.submission_names import PredictionFile
from algokit.challenge.untrusted_npy import shown
from algokit.types import HEMISPHERES, Finding, Hemisphere, Ints

_COLUMNS = 512  # evenly spaced; enough to know whose they are, and 1.6 MB instead of 65
_CERTAIN = 6.0  # standard deviations from chance: once in a thousand million files
_CHANCE = 4.0  # and what stands in its right place is above this
_MARGIN = 4.0  # between the two
_SILENT = 3.0  # what chance gives to all but one file in a thousand
_CONTRAST = 6.0  # between two files equally good, by chance once in 90 thousand
_FEWEST_ROWS = 14  # of fewer, not even perfect predictions are certain

Place = tuple[str, Hemisphere]
Sample = NDArray[np.float64]


class Truth:
    """The measured test responses of a challenge, to tell the predictions of one submission by.

    Raises
    ------
    DataError : responses are there and cannot be used.
    """

    def __init__(self, challenge: Challenge) -> None:
        self._challenge = challenge
        self._subjects = [one for one in challenge.subjects if challenge.has_responses(one, "test")]
        self._samples: dict[Place, Sample] = {}
        self._left: tuple[str, Sample] | None = None
        self._fits: dict[PredictionFile, float] = {}
        self._explained: set[PredictionFile] = set()

    def findings(self, file: PredictionFile, values: NDArray[np.float32]) -> Iterator[Finding]:
        """Findings without their place, on files of their right shape, left hemisphere first."""
        here = (file.subject, file.hemisphere)
        if file.subject not in self._subjects or self._shape(here) != file.shape or len(values) < _FEWEST_ROWS:
            return
        predicted = _standardised(values)
        own = self._fits[file] = _fit(predicted, self._sample(here))
        if own < -_CERTAIN:
            what = "predictions that run against the responses"
            found = f"the higher the one, the lower the other (z = {own:.1f})"
            advice = "turn their sign round; a negative correlation scores 0"
            yield Finding(what, "", "", "", found, advice, "warning", "rows-against")
        elif own < _CHANCE:
            for finding in self._elsewhere(here, predicted, own):
                self._explained.add(file)
                yield finding
        yield from self._swapped(here, predicted)

    def closing_findings(self) -> Iterator[tuple[PredictionFile | None, Finding]]:
        """What shows only once every file was looked at: those at chance while others are far above it.

        Each with its file; None where it is about all of them.
        """
        if len(self._fits) > 1 and all(abs(own) < _SILENT for own in self._fits.values()) and not self._explained:
            what, highest = "no file follows the images better than chance allows", max(self._fits.values())
            found = f"the best of {len(self._fits)} files has z = {highest:.1f}"
            advice = "see that row i is the prediction of the image whose file name starts with test- and i + 1"
            yield None, Finding(what, "", "", "", found, advice, "note", "all-at-chance")
        for file in [one for one in self._fits if one not in self._explained]:
            yield from ((file, finding) for finding in self._at_chance(file))

    def _at_chance(self, file: PredictionFile) -> Iterator[Finding]:
        own = self._fits[file]
        others = {one: fit for one, fit in self._fits.items() if one != file}
        if not others:
            return
        rivals = {shown(one.name): fit for one, fit in others.items() if one.subject == file.subject}
        rivals["the median of the other files"] = float(np.median([*others.values()]))
        best = max(rivals, key=lambda name: rivals[name])
        if abs(own) < _SILENT and rivals[best] > _CERTAIN and rivals[best] - own > _CONTRAST:
            what = "these rows do not follow the images, the other files' do"
            found = f"no better than chance allows (z = {own:.1f}); {best} has z = {rivals[best]:.1f}"
            advice = "see that its rows are in the order of test-0001, ... and that nothing shuffled them"
            yield Finding(what, "", "", "", found, advice, "warning", "rows-at-chance")

    def _elsewhere(self, here: Place, predicted: Sample, own: float) -> Iterator[Finding]:
        """Predictions that do not fit their own place: do they fit another, or their own in another order?"""
        said = f"as they stand, no better than chance allows (z = {own:.1f})"
        others = {place: self._fit_elsewhere(here, place, predicted) for place in self._places_like(here)}
        best = max(others, key=lambda place: others[place], default=here)
        if best != here and _is_certain(others[best], own):
            what = f"rows of another subject ({best[0]} {best[1]})"
            found = f"they fit the responses of {best[0]} {best[1]} (z = {others[best]:.1f}); {said}"
            advice = "put every subject's predictions into its own folder"
            yield Finding(what, "", "", f"{here[0]} {here[1]}", found, advice, code="another-subject")
            return
        orders = self._orders(here[0])
        fits = {name: _fit(predicted, self._sample(here)[order]) for name, order in orders.items()}
        name = max(fits, key=lambda one: fits[one])
        if _is_certain(fits[name], own):
            what, found = "rows in another order", f"they fit when taken {name} (z = {fits[name]:.1f}); {said}"
            advice = "row i is the image whose file name starts with test- and i + 1"
            yield Finding(what, "", "", "the order of test-0001, ...", found, advice, "warning", "row-order")

    def _fit_elsewhere(self, here: Place, place: Place, predicted: Sample) -> float:
        """The fit to another subject's rows; those that show the same image in the same row can tell nothing."""
        other = self._ids(place[0]) != self._ids(here[0])
        if np.count_nonzero(other) < _FEWEST_ROWS:
            return 0.0
        return _fit(predicted[other], self._sample(place)[other])

    def _swapped(self, here: Place, predicted: Sample) -> Iterator[Finding]:
        """Hemispheres of equal size, exchanged; told once the right one follows the left."""
        subject, hemisphere = here
        if hemisphere == "lh":
            self._left = (subject, predicted)
            return
        left, self._left = self._left, None
        if left is None or left[0] != subject or self._shape((subject, "lh")) != self._shape(here):
            return
        truth = {side: self._sample((subject, side)) for side in HEMISPHERES}
        crossed = (left[1] * truth["rh"] + predicted * truth["lh"]).mean(axis=1)
        if crossed.mean() <= 0:  # with the sign turned round, the wrong place merely is the less wrong one
            return
        gain = crossed - (left[1] * truth["lh"] + predicted * truth["rh"]).mean(axis=1)
        certainty = gain.mean() / max(float(gain.std(ddof=1)) / np.sqrt(len(gain)), np.finfo(float).tiny)
        if certainty > _CERTAIN:
            self._explained.update(file for file in self._fits if file.subject == subject)
            what, advice = "the hemispheres are swapped", "exchange the two files"
            found = f"each fits the responses of the other (t = {certainty:.1f})"
            yield Finding(what, "", "", "lh in lh, rh in rh", found, advice, code="hemispheres-swapped")

    def _places_like(self, here: Place) -> Iterator[Place]:
        for subject in self._subjects:
            for hemisphere in HEMISPHERES:
                if subject != here[0] and self._shape((subject, hemisphere)) == self._shape(here):
                    yield subject, hemisphere

    def _orders(self, subject: str) -> dict[str, Ints]:
        """Orders of the test images that a loop over files or a dictionary may have given."""
        rows = np.arange(len(self._ids(subject)))
        return {
            "from the last image to the first": rows[::-1],
            "in the order of NSD ids as words": np.argsort(self._ids(subject).astype(str), kind="stable"),
            "in the order of test image numbers as words": np.argsort((rows + 1).astype(str), kind="stable"),
            "one image later": np.roll(rows, 1),
            "one image earlier": np.roll(rows, -1),
        }

    def _shape(self, place: Place) -> tuple[int, int]:
        geometry = self._challenge.geometry(place[0])
        return geometry.n_test, geometry.n_vertices[place[1]]

    def _ids(self, subject: str) -> Ints:
        return np.array([image.image_id for image in self._challenge.images(subject, "test")], np.int64)

    def _sample(self, place: Place) -> Sample:
        if place not in self._samples:
            self._samples[place] = _standardised(self._challenge.responses(*place, "test").values)
        return self._samples[place]


def _is_certain(there: float, own: float) -> bool:
    return there > _CERTAIN and there - own > _MARGIN


def _standardised(values: NDArray[np.float32]) -> Sample:
    """Some columns with mean 0 and length 1; those that do not vary or are not finite become 0."""
    chosen = np.unique(np.linspace(0, values.shape[1] - 1, _COLUMNS).round().astype(int))
    columns = values[:, chosen].astype(np.float64)
    columns[:, ~np.isfinite(columns).all(axis=0)] = 0.0
    columns -= columns.mean(axis=0)
    length = np.sqrt(np.einsum("iv,iv->v", columns, columns))
    standardised: Sample = np.divide(columns, length, out=np.zeros_like(columns), where=length > 0)
    return standardised


def _fit(predicted: Sample, measured: Sample) -> float:
    """How much better row i fits row i than it would another, in standard deviations over all shuffles of the rows.

    Of every predicted row, the measured rows are ranked by similarity: ranks, so that no single wild image decides. The
    mean and the variance over all n! shuffles are exact.

    Source: Hoeffding (1951), A combinatorial central limit theorem.
    """
    ranks = (predicted @ measured.T).argsort(axis=1).argsort(axis=1).astype(np.float64)
    centred = ranks - ranks.mean(axis=0) - ranks.mean(axis=1, keepdims=True) + ranks.mean()
    spread = float(np.sqrt(np.square(centred).sum() / (len(ranks) - 1)))
    return float(np.trace(centred)) / spread if spread > 0 else 0.0
