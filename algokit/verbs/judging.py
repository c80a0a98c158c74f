"""How good is a submission, and is another one better?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from algokit.errors import SubmissionError, UsageError
from algokit.types import Finding, ProgressCallback, Scores, no_progress
from algokit.verbs.opening import opened

if TYPE_CHECKING:
    from algokit.challenge import Challenge
    from algokit.scoring import Comparison, Intervals


@dataclass(frozen=True)
class ScoreReport:
    """Scores of one submission on the test split; None, with findings, where it cannot be scored."""

    path: Path
    scores: Scores | None
    findings: tuple[Finding, ...] = ()


def score(
    paths: Sequence[Path],
    *,
    data: Path,
    manifest: Path | None = None,
    nsd: Path | None = None,
    intervals: Intervals | None = None,
    progress: ProgressCallback = no_progress,
) -> list[ScoreReport]:
    """Score submissions on the test split; of several, those that can be scored.

    Parameters
    ----------
    nsd : NSD's own files, for noise ceilings; they have to agree with those of the data, where these have them.
    intervals : resample images for the intervals of every row; much slower. None for none.

    Raises
    ------
    SubmissionError : none can be scored: files are missing, unreadable or misshapen; all findings.
    DataError : the data hold no test responses or no ceilings, or other ones than ``nsd``.
    """
    from algokit.challenge.submission import find_submissions

    challenge = opened(data, manifest, nsd)
    reports = [scored(path, challenge, intervals, progress) for given in paths for path in find_submissions(given)]
    if not any(report.scores for report in reports):
        names = ", ".join(str(report.path) for report in reports)
        raise SubmissionError(f"{names} cannot be scored", [one for report in reports for one in report.findings])
    return reports


def compare(
    a: Path,
    b: Path,
    *,
    data: Path,
    manifest: Path | None = None,
    nsd: Path | None = None,
    intervals: Intervals | None = None,
    progress: ProgressCallback = no_progress,
) -> Comparison:
    """Is submission ``b`` better than ``a`` on the test split, or is it noise? Paired over the same resampled images.

    Parameters
    ----------
    intervals : how images are resampled; 1000 resamples where None.

    Raises
    ------
    SubmissionError : one cannot be scored; all findings.
    UsageError : they are of different subjects.
    DataError : the data hold no test responses or no ceilings.
    """
    from algokit.scoring import compare_submissions

    challenge = opened(data, manifest, nsd)
    subjects, others = _predicted_subjects(a, challenge), _predicted_subjects(b, challenge)
    if subjects != others:
        finding = Finding(
            "they predict different subjects",
            expected=f"{a}: {', '.join(subjects)}",
            found=f"{b}: {', '.join(others)}",
            advice="compare submissions of the same subjects",
            code="not-in-both",
        )
        raise UsageError("these submissions cannot be compared", [finding])
    return compare_submissions(a, b, challenge, subjects=subjects, intervals=intervals, progress=progress)


def scored(path: Path, challenge: Challenge, intervals: Intervals | None, progress: ProgressCallback) -> ScoreReport:
    """One submission on a challenge that is open already.

    Raises
    ------
    DataError : the data hold no test responses or no ceilings.
    """
    from algokit.scoring import score_submission

    subjects = _predicted_subjects(path, challenge)
    try:
        scores = score_submission(path, challenge, subjects=subjects, intervals=intervals, progress=progress)
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
