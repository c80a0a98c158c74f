"""Is it a submission the challenge would take?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from algokit.errors import SubmissionError
from algokit.types import Finding
from algokit.verbs.opening import opened


@dataclass(frozen=True)
class ValidationReport:
    """Findings of one submission, and where its expected shapes were taken from."""

    path: Path
    findings: tuple[Finding, ...]
    geometry_source: str


def validate(
    paths: Sequence[Path], *, data: Path | None = None, manifest: Path | None = None
) -> list[ValidationReport]:
    """Check submissions: folders, folders of submissions, zips.

    Raises
    ------
    UsageError : nothing that looks like a submission is at a path.
    """
    from algokit.challenge import load_manifest
    from algokit.challenge.submission import find_submissions
    from algokit.challenge.submission_check import validate_submission
    from algokit.challenge.submission_geometry import submission_geometry

    challenge = opened(data, manifest) if data else None
    stated = load_manifest(manifest) if manifest else None
    reports = []
    for path in [found for given in paths for found in find_submissions(given)]:
        try:
            geometry, source = submission_geometry(path, challenge, stated)
        except SubmissionError as error:
            reports.append(ValidationReport(path, error.findings, "its card, which cannot be read"))
            continue
        reports.append(ValidationReport(path, tuple(validate_submission(path, geometry)), source))
    return reports
