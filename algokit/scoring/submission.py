"""Score a submission, folder or zip, on the test split of its challenge, or compare two."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from algokit.challenge import Challenge
from algokit.challenge.submission import SubmissionSource, open_submission
from algokit.challenge.submission_check import PredictionFile, file_findings, locate
from algokit.errors import DataError, SubmissionError
from algokit.scoring.compare import Comparison, compare
from algokit.scoring.hemisphere import ScoredHemisphere
from algokit.scoring.intervals import Intervals
from algokit.scoring.score import score
from algokit.types import HEMISPHERES, Finding, Predictions, ProgressCallback, Scores, errors_among, no_progress


def score_submission(
    path: Path,
    challenge: Challenge,
    *,
    subjects: Sequence[str] | None = None,
    intervals: Intervals | None = None,
    progress: ProgressCallback = no_progress,
) -> Scores:
    """Score a submission folder or zip on the test split, one array in memory at a time.

    Warnings do not stop it, nor do values that are not finite: their vertices score 0 and are counted.

    Parameters
    ----------
    subjects : the subjects to score; all of the challenge's where None.
    intervals, progress : as for `score`.

    Raises
    ------
    SubmissionError : files are missing, misnamed, unreadable or of the wrong shape or dtype; all findings.
    DataError : the challenge directory lacks test responses or noise ceilings, or these are not those of the folder
        that was named as NSD's; of all subjects.
    UsageError : a subject is not in the challenge.
    """
    with _test_items(path, challenge, subjects) as items:
        return score(items, intervals=intervals, progress=progress)


def compare_submissions(
    path_a: Path,
    path_b: Path,
    challenge: Challenge,
    *,
    subjects: Sequence[str] | None = None,
    intervals: Intervals | None = None,
    progress: ProgressCallback = no_progress,
) -> Comparison:
    """Compare two submissions, folders or zips, on the test split; parameters and errors as for `score_submission`."""
    with (
        _test_items(path_a, challenge, subjects) as items_a,
        _test_items(path_b, challenge, subjects) as items_b,
    ):
        return compare(items_a, items_b, intervals, progress=progress)


@contextlib.contextmanager
def _test_items(path: Path, challenge: Challenge, subjects: Sequence[str] | None) -> Iterator[_TestItems]:
    """What is to be scored of a submission, once it is known that it can be."""
    geometry = {subject: challenge.geometry(subject) for subject in subjects or challenge.subjects}
    _refuse_withheld(challenge, geometry)
    with open_submission(path) as source:
        files, findings = locate(source, geometry)
        for file in files:
            findings += file_findings(source, file, geometry, values=False)
        if errors := errors_among([*source.findings, *findings]):
            raise SubmissionError(f"{path} cannot be scored", errors)
        yield _TestItems(source, files, challenge)


def _refuse_withheld(challenge: Challenge, subjects: Iterable[str]) -> None:
    findings: list[Finding] = []
    for subject in subjects:
        if not challenge.has_responses(subject, "test"):
            findings.append(_missing(challenge, subject, "no test responses", "no-responses"))
        findings += _ceiling_findings(challenge, subject)
    if findings:
        raise DataError("the test split cannot be scored with these data", findings)


def _ceiling_findings(challenge: Challenge, subject: str) -> list[Finding]:
    """Missing, or not those of the folder that was named as NSD's; of both hemispheres, each thing once."""
    findings: list[Finding] = []
    for hemisphere in HEMISPHERES:
        try:
            if challenge.ceilings(subject, hemisphere, "test") is None:
                nsd = ", or give NSD's ncsnr with --nsd"
                findings.append(_missing(challenge, subject, "no noise ceilings", "no-ceilings", nsd))
        except DataError as error:
            findings += error.findings
    return list(dict.fromkeys(findings))


def _missing(challenge: Challenge, subject: str, what: str, code: str, otherwise: str = "") -> Finding:
    advice = f"add the released test_data{otherwise}; without them a recipe's val split gives a local score"
    return Finding(what, str(challenge.root), subject, advice=advice, code=code)


@dataclass(frozen=True)
class _TestItems:
    """The hemispheres of a submission, one array in memory at a time."""

    source: SubmissionSource
    files: Sequence[PredictionFile]
    challenge: Challenge

    def __len__(self) -> int:
        return len(self.files)

    def __iter__(self) -> Iterator[ScoredHemisphere]:
        for file in self.files:
            place = (file.subject, file.hemisphere)
            responses = self.challenge.responses(*place, "test")
            values = self.source.array(file.name, file.shape)
            yield ScoredHemisphere(
                predictions=Predictions(values, responses.image_ids, *place, "test"),
                responses=responses,
                ceilings=self.challenge.ceilings(*place, "test"),
                roi_masks=self.challenge.roi_masks(*place),
                fsaverage_index=self.challenge.fsaverage_index(*place),
            )
