"""Is it a submission the challenge would take?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from algokit.errors import DiskError, SubmissionError, UsageError
from algokit.types import Finding, SubjectGeometry, errors_among
from algokit.verbs.opening import opened

if TYPE_CHECKING:
    from algokit.challenge import Challenge, Manifest

STREAM = Path("-")


@dataclass(frozen=True)
class ValidationReport:
    """Findings of one submission, and what it was held against.

    Attributes
    ----------
    path : as found; ``-`` for a stream.
    geometry_source : where its expected shapes were taken from.
    geometry : subject -> these sizes; none where they could not be read.
    truth_source : whose measured responses the predictions were compared with; "" where none were.
    """

    path: Path
    findings: tuple[Finding, ...]
    geometry_source: str
    geometry: Mapping[str, SubjectGeometry] = field(default_factory=dict)
    truth_source: str = ""

    def is_valid(self, *, strict: bool = False) -> bool:
        """Whether it has no errors; with ``strict``, no warnings either."""
        return not errors_among(self.findings) and not (strict and self.n_warnings)

    @property
    def n_warnings(self) -> int:
        """How many findings cost something."""
        return sum(finding.severity == "warning" for finding in self.findings)

    @property
    def files(self) -> list[str]:
        """The names of the files that were asked for."""
        from algokit.challenge.submission import prediction_file
        from algokit.types import HEMISPHERES

        return [prediction_file(subject, hemisphere) for subject in self.geometry for hemisphere in HEMISPHERES]

    @property
    def n_values(self) -> int:
        """How many numbers these files hold together."""
        from algokit.challenge.submission_names import n_values

        return n_values(self.geometry)


def validate(
    paths: Sequence[Path],
    *,
    data: Path | None = None,
    manifest: Path | None = None,
    stream: BinaryIO | None = None,
) -> list[ValidationReport]:
    """Check submissions: folders, trees of submissions, zips, a zip that comes as a stream.

    Parameters
    ----------
    paths : ``-`` stands for ``stream``.
    data : a challenge directory; where it holds test responses, files in the wrong place are told by correlation too.

    Raises
    ------
    UsageError : nothing that looks like a submission is at a path.
    DataError : the data depart from their challenge, or their test responses cannot be used.
    DiskError : the stream does not fit on the disk.
    """
    from algokit.challenge import load_manifest
    from algokit.challenge.submission import find_submissions

    _refuse_stream(paths, stream)
    challenge = opened(data, manifest) if data else None
    stated = load_manifest(manifest) if manifest else None
    found = [one for given in paths for one in ([given] if given == STREAM else find_submissions(given))]
    return [validated(path, challenge, stated, stream) for path in found]


def write_findings(
    reports: Sequence[ValidationReport], *, strict: bool = False, junit: Path | None = None, sarif: Path | None = None
) -> None:
    """Write all findings to files, for CI; a file that is there already is replaced.

    Parameters
    ----------
    strict : whether a warning fails a test in the JUnit file.

    Raises
    ------
    DiskError : one of them cannot be written.
    """
    from algokit.reporting.junit import junit_text
    from algokit.reporting.sarif import sarif_text

    if junit:
        _write(junit, junit_text(reports, strict=strict), "--junit")
    if sarif:
        _write(sarif, sarif_text(reports), "--sarif")


def _write(path: Path, text: str, option: str) -> None:
    from algokit.atomic import write_text_atomically

    try:
        write_text_atomically(path, text)
    except DiskError as error:  # what it advises is for a run: other places for its store and its output
        advice = f"give {option} the name of a file in a folder with free space that can be written to"
        findings = [replace(finding, advice=advice) for finding in error.findings]
        raise DiskError(f"the findings were not written to {path}", findings) from error


def _refuse_stream(paths: Sequence[Path], stream: BinaryIO | None) -> None:
    if paths.count(STREAM) > (stream is not None):
        what, advice = "- stands for one stream of bytes", "give it once, and pipe a zip into algokit validate -"
        raise UsageError("there is no stream to read", [Finding(what, "-", advice=advice, code="no-stream")])


def validated(
    path: Path, challenge: Challenge | None, manifest: Manifest | None = None, stream: BinaryIO | None = None
) -> ValidationReport:
    """One submission against a challenge that is open already, or against a manifest or itself."""
    from algokit.challenge.submission_check import validate_stream, validate_submission
    from algokit.challenge.submission_geometry import submission_geometry

    is_stream = path == STREAM and stream is not None
    try:
        geometry, source = submission_geometry(None if is_stream else path, challenge, manifest)
    except SubmissionError as error:
        return ValidationReport(path, error.findings, "its card, which cannot be read")
    if is_stream and stream:
        findings = validate_stream(stream, geometry, challenge=challenge)
    else:
        findings = validate_submission(path, geometry, challenge=challenge)
    has_truth = challenge and any(challenge.has_responses(subject, "test") for subject in challenge.subjects)
    truth = f"the test responses in {challenge.root}" if challenge and has_truth else ""
    return ValidationReport(path, tuple(findings), source, geometry, truth)
