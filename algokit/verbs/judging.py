"""How good is a submission?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from algokit.errors import SubmissionError
from algokit.types import Finding, Scores
from algokit.verbs.opening import opened

if TYPE_CHECKING:
    from algokit.challenge import Challenge


@dataclass(frozen=True)
class ScoreReport:
    """Scores of one submission on the test split; None, with findings, where it cannot be scored."""

    path: Path
    scores: Scores | None
    findings: tuple[Finding, ...] = ()


def score(paths: Sequence[Path], *, data: Path, manifest: Path | None = None) -> list[ScoreReport]:
    """Score submissions on the test split; of several, those that can be scored.

    Raises
    ------
    SubmissionError : none can be scored: files are missing, unreadable or misshapen; all findings.
    DataError : the data hold no test responses or no ceilings.
    """
    from algokit.challenge.submission import find_submissions

    challenge = opened(data, manifest)
    reports = [_scored(path, challenge) for given in paths for path in find_submissions(given)]
    if not any(report.scores for report in reports):
        names = ", ".join(str(report.path) for report in reports)
        raise SubmissionError(f"{names} cannot be scored", [one for report in reports for one in report.findings])
    return reports


def _scored(path: Path, challenge: Challenge) -> ScoreReport:
    from algokit.scoring import score_submission

    subjects = _predicted_subjects(path, challenge)
    try:
        scores = score_submission(path, challenge, subjects=subjects)
    except SubmissionError as error:
        return ScoreReport(path, None, error.findings)
    if len(subjects) < len(challenge.subjects):
        note = f"{len(subjects)} of {len(challenge.subjects)} subjects, by the recipe: not the challenge score"
        scores = replace(scores, notes=(*scores.notes, note))
    return ScoreReport(path, scores)


def _predicted_subjects(path: Path, challenge: Challenge) -> list[str]:
    """The subjects a submission has to hold: all of the challenge, or those its own card says the recipe chose."""
    from algokit.challenge.submission_geometry import submission_geometry

    try:
        stated, _ = submission_geometry(path, None, None)
    except SubmissionError:  # a broken card says nothing; the data do
        return list(challenge.subjects)
    return [subject for subject in challenge.subjects if subject in stated] or list(challenge.subjects)
