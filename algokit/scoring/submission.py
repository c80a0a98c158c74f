"""Score a submission, folder or zip, on the test split of its challenge."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from algokit.challenge import Challenge
from algokit.challenge.submission import SubmissionSource, open_submission
from algokit.challenge.submission_check import PredictionFile, file_findings, locate
from algokit.errors import DataError, SubmissionError
from algokit.scoring.hemisphere import ScoredHemisphere
from algokit.scoring.score import score
from algokit.types import HEMISPHERES, Finding, Predictions, Scores, errors_among


def score_submission(path: Path, challenge: Challenge, *, subjects: Sequence[str] | None = None) -> Scores:
    """Score a submission folder or zip on the test split, one array in memory at a time.

    Warnings do not stop it, nor do values that are not finite: their vertices score 0 and are counted.

    Parameters
    ----------
    subjects : the subjects to score; all of the challenge's where None.

    Raises
    ------
    SubmissionError : files are missing, misnamed, unreadable or of the wrong shape or dtype; all findings.
    DataError : the challenge directory lacks test responses or noise ceilings.
    UsageError : a subject is not in the challenge.
    """
    geometry = {subject: challenge.geometry(subject) for subject in subjects or challenge.subjects}
    _refuse_withheld(challenge, geometry)
    with open_submission(path) as source:
        files, findings = locate(source, geometry)
        for file in files:
            findings += file_findings(source, file, geometry, values=False)
        if errors := errors_among([*source.findings, *findings]):
            raise SubmissionError(f"{path} cannot be scored", errors)
        return score(_test_items(source, files, challenge))


def _refuse_withheld(challenge: Challenge, subjects: Iterable[str]) -> None:
    missing = []
    for subject in subjects:
        if not challenge.has_responses(subject, "test"):
            missing.append((subject, "test responses", "no-responses"))
        if any(challenge.ceilings(subject, hemisphere, "test") is None for hemisphere in HEMISPHERES):
            missing.append((subject, "noise ceilings", "no-ceilings"))
    if missing:
        advice = "add the released test_data; without them a recipe's val split gives a local score"
        findings = [
            Finding(f"no {what}", str(challenge.root), subject, advice=advice, code=code)
            for subject, what, code in missing
        ]
        raise DataError("the test split cannot be scored with these data", findings)


def _test_items(
    source: SubmissionSource, files: Iterable[PredictionFile], challenge: Challenge
) -> Iterator[ScoredHemisphere]:
    for file in files:
        responses = challenge.responses(file.subject, file.hemisphere, "test")
        values = source.array(file.name, file.shape)
        yield ScoredHemisphere(
            predictions=Predictions(values, responses.image_ids, file.subject, file.hemisphere, "test"),
            responses=responses,
            ceilings=challenge.ceilings(file.subject, file.hemisphere, "test"),
            roi_masks=challenge.roi_masks(file.subject, file.hemisphere),
        )
