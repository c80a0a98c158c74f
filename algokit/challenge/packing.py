"""The zip for upload: subject folders at its root, the same bytes every time, reopened and checked."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path

from algokit.atomic import replacing
from algokit.challenge.submission import SubmissionSource, find_submissions, open_submission, write_array
from algokit.challenge.submission_check import PredictionFile, locate, validate_submission
from algokit.errors import SubmissionError, UsageError
from algokit.types import Finding, SubjectGeometry, errors_among

DEFLATE_RATIO = 0.93  # what deflate leaves of real float32 predictions, at any level
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time a zip can state


def forecast_bytes(geometry: Mapping[str, SubjectGeometry]) -> int:
    """The size to expect of the zip of these subjects, before anything is computed."""
    n_values = sum(one.n_test * sum(one.n_vertices.values()) for one in geometry.values())
    return round(4 * n_values * DEFLATE_RATIO)


def pack_submission(path: Path, out_zip: Path, geometry: Mapping[str, SubjectGeometry]) -> Path:
    """Write the zip of a submission; only the prediction files go in, as float32 in C order.

    Parameters
    ----------
    path : a submission folder, or a zip to be packed anew.
    out_zip : a zip that is there already is replaced.
    geometry : the subjects that go in.

    Raises
    ------
    UsageError : ``path`` is not one submission, or ``out_zip`` is something else than a zip.
    SubmissionError : the submission has errors; nothing is written.
    DiskError : the disk is full or not writable.
    """
    _refuse_several(path)
    _refuse_other_file(out_zip)
    _refuse_errors(path, geometry)
    with open_submission(path) as source, replacing(out_zip) as aside:
        _write_zip(aside, source, locate(source, geometry)[0])
        _refuse_errors(aside, geometry)
    return out_zip


def _refuse_several(path: Path) -> None:
    found = find_submissions(path)
    if found != [path]:
        findings = [Finding("a submission inside", str(one), advice="pack this one", code="inside") for one in found]
        raise UsageError(f"{path} is not itself a submission", findings)


def _refuse_other_file(out: Path) -> None:
    if out.exists() and not zipfile.is_zipfile(out):
        advice = "give another --out, or remove it first"
        finding = Finding("not a zip, so it is not replaced", str(out), advice=advice, code="not-a-zip")
        raise UsageError(f"the zip cannot be written to {out}", [finding])


def _refuse_errors(path: Path, geometry: Mapping[str, SubjectGeometry]) -> None:
    if errors := errors_among(validate_submission(path, geometry)):
        raise SubmissionError(f"{path} cannot be packed", errors)


def _write_zip(out: Path, source: SubmissionSource, files: list[PredictionFile]) -> None:
    with zipfile.ZipFile(out, "w") as archive:
        for file in sorted(files, key=lambda one: one.name):
            member = zipfile.ZipInfo(file.name, _EPOCH)
            member.compress_type = zipfile.ZIP_DEFLATED  # level 6, zlib's own default
            member.create_system = 3  # Unix, whatever this is, so that the permissions mean the same
            member.external_attr = 0o100644 << 16
            values = source.array(file.name, file.shape)
            member.file_size = values.nbytes
            with archive.open(member, "w") as target:
                write_array(target, values)
