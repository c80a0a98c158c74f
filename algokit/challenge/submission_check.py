"""Is this a submission the challenge would take? Every problem at once, never an exception for bad content."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from algokit.challenge.directory import Challenge
from algokit.challenge.submission import SubmissionSource, open_submission
from algokit.challenge.submission_digests import Digests
from algokit.challenge.submission_header import header_problems
from algokit.challenge.submission_names import PredictionFile, extra_files, locate, unpacked_size
from algokit.challenge.submission_stream import STREAM_LIMIT_BYTES, spooled
from algokit.challenge.submission_truth import Truth
from algokit.challenge.submission_values import flat_columns, value_problems
from algokit.challenge.untrusted_npy import shown
from algokit.challenge.zip_source import ZipSource
from algokit.errors import SubmissionError
from algokit.types import Finding, SubjectGeometry, errors_among

__all__ = ["PredictionFile", "file_findings", "flat_columns", "locate", "validate_stream", "validate_submission"]

_LISTED = 20  # findings of one code; the others are counted
_PLACE_CHARACTERS = 4096


def validate_submission(
    path: Path, geometry: Mapping[str, SubjectGeometry], *, challenge: Challenge | None = None
) -> list[Finding]:
    """Check a submission folder or zip against the sizes of its challenge.

    Parameters
    ----------
    geometry : subject -> sizes; exactly these subjects are expected.
    challenge : where it holds test responses, files in the wrong place are told by correlation too.

    Returns
    -------
    Findings on the container, then on names, then on the files in order, then on those that fall behind the others.
    ``error``: the upload or the score would be wrong; ``warning``: it costs something; ``note``: it costs nothing.

    Raises
    ------
    DataError : the challenge's test responses are there and cannot be used.
    """
    try:
        with open_submission(path) as source:
            return _bounded(_all_findings(source, geometry, challenge))
    except SubmissionError as error:
        return _bounded(error.findings)


def validate_stream(
    stream: BinaryIO,
    geometry: Mapping[str, SubjectGeometry],
    *,
    challenge: Challenge | None = None,
    name: Path = Path("-"),
    limit_bytes: int = STREAM_LIMIT_BYTES,
) -> list[Finding]:
    """Check a zip that comes as a stream, like `validate_submission`; it is held in a temporary file meanwhile.

    Parameters
    ----------
    name : what to call it in findings.

    Raises
    ------
    DataError : the challenge's test responses are there and cannot be used.
    DiskError : there is no space for the temporary file.
    """
    try:
        with spooled(stream, name, limit_bytes) as file, ZipSource(name, file) as source:
            return _bounded(_all_findings(source, geometry, challenge))
    except SubmissionError as error:
        return _bounded(error.findings)


def _all_findings(
    source: SubmissionSource, geometry: Mapping[str, SubjectGeometry], challenge: Challenge | None
) -> Iterator[Finding]:
    where = str(source.path)
    files, findings = locate(source, geometry)
    beside = [*extra_files(source, geometry, files), *unpacked_size(source, geometry)]
    yield from source.findings
    yield from findings
    yield from (replace(finding, where=where) for finding in beside)
    identity = _Identity(source, challenge)
    for file in files:
        yield from file_findings(source, file, geometry, identity=identity)
    yield from (replace(finding, where=where) for finding in identity.closing_findings())


class _Identity:
    """Whose predictions the files of one submission are, as far as that can be told."""

    def __init__(self, source: SubmissionSource, challenge: Challenge | None) -> None:
        self._digests = Digests(source.path)
        self._truth = Truth(challenge) if challenge else None

    def findings(self, file: PredictionFile, values: NDArray[np.float32]) -> Iterator[Finding]:
        yield from self._digests.findings(file, values)
        if self._truth:
            yield from self._truth.findings(file, values)

    def closing_findings(self) -> Iterator[Finding]:
        """Without the submission's place, once every file was looked at."""
        for file, finding in self._truth.closing_findings() if self._truth else ():
            yield replace(finding, path=shown(file.name)) if file else finding


def _bounded(findings: Iterable[Finding]) -> list[Finding]:
    """The first findings of every code and the number of the others: a million lies are one screen."""
    listed, counts = [], Counter[str]()
    for finding in findings:
        counts[finding.code] += 1
        if counts[finding.code] <= _LISTED:
            listed.append(replace(finding, where=shown(finding.where, _PLACE_CHARACTERS)))
    for code, count in counts.items():
        if count > _LISTED:
            last = max(position for position, finding in enumerate(listed) if finding.code == code)
            what = f"and {count - _LISTED} more like these"
            listed.insert(last + 1, replace(listed[last], what=what, path="", found=""))
    return listed


def file_findings(
    source: SubmissionSource,
    file: PredictionFile,
    geometry: Mapping[str, SubjectGeometry],
    *,
    values: bool = True,
    identity: _Identity | None = None,
) -> list[Finding]:
    """What is wrong with one file: its header and size and, where these are in order, its values.

    A file that an error of the container names is not opened.
    """
    where, path = str(source.path), shown(file.name)
    if any(finding.path == path for finding in errors_among(source.findings)):
        return []
    try:
        header = source.header(file.name)
        findings = list(header_problems(header, source.sizes()[file.name], file, geometry))
        if values and not errors_among(findings):
            array = source.array(file.name, file.shape)
            findings += value_problems(array)
            if identity and not any(finding.code == "all-constant" for finding in findings):
                findings += identity.findings(file, array)
    except SubmissionError as error:
        return list(error.findings)
    return [replace(finding, where=where, path=path) for finding in findings]
