"""The zip for upload: subject folders at its root, the same bytes every time, reopened and checked."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from algokit.atomic import replacing
from algokit.challenge.directory import Challenge
from algokit.challenge.mantissa import round_mantissa, trimmed
from algokit.challenge.submission import SubmissionSource, find_submissions, open_submission, write_array
from algokit.challenge.submission_check import PredictionFile, locate, validate_submission
from algokit.errors import SubmissionError, UsageError
from algokit.types import Finding, Progress, ProgressCallback, SubjectGeometry, errors_among, no_progress

DEFLATE_RATIO = 0.93  # what deflate leaves of real float32 predictions, at any level
# Float predictions hold hardly any repeats. Level 6 looks for them all the same: it comes out within 1 % of level 2
# in three times the time where the low bits are 0.
_LEVEL = 2
_MENDED = ("float16", "float64", "float96", "float128", "big-endian", "fortran-order")
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time a zip can state
_SAMPLE_BYTES = 1 << 17  # four windows of deflate
_MEMBER_BYTES = 160  # a member's two headers in the zip, without its name, and the deflated header of its array
Announce: TypeAlias = Callable[[int], None]
Inspect: TypeAlias = Callable[[Path], None]


@dataclass(frozen=True)
class Packed:
    """A zip that was written.

    Attributes
    ----------
    forecast_bytes, n_bytes : its size, as expected before and as it came out.
    findings : what the validator says of the submission, which the zip may have mended, and of the zip; no errors.
    n_columns_kept : vertices whose predictions rounding would have made constant, and which were left as they were.
    """

    path: Path
    forecast_bytes: int
    n_bytes: int
    findings: tuple[Finding, ...] = ()
    n_columns_kept: int = 0


def forecast_bytes(geometry: Mapping[str, SubjectGeometry]) -> int:
    """The size to expect of the zip of these subjects, before anything is computed."""
    n_values = sum(one.n_test * sum(one.n_vertices.values()) for one in geometry.values())
    return round(4 * n_values * DEFLATE_RATIO)


def measured_forecast_bytes(
    source: SubmissionSource, files: Sequence[PredictionFile], trim_bits: int | None = None
) -> int:
    """The size to expect of the zip of these very predictions, from deflating a sample of each file."""
    return round(sum(_file_forecast(source.array(one.name, one.shape), trim_bits) for one in files)) + sum(
        _MEMBER_BYTES + 2 * len(one.name) for one in files
    )


def _file_forecast(values: NDArray[np.float32], trim_bits: int | None) -> float:
    """Three pieces stand for a file: from its beginning, its middle and its end."""
    flat = values.reshape(-1)
    n = min(flat.size, _SAMPLE_BYTES // 4)
    pieces = [flat[start : start + n] for start in sorted({0, (flat.size - n) // 2, flat.size - n})]
    if trim_bits:
        pieces = [round_mantissa(piece, trim_bits) for piece in pieces]
    n_deflated = sum(len(zlib.compress(piece.tobytes(), _LEVEL)) for piece in pieces)
    return values.nbytes * n_deflated / sum(piece.nbytes for piece in pieces)


def pack_submission(
    path: Path,
    out_zip: Path,
    geometry: Mapping[str, SubjectGeometry],
    *,
    challenge: Challenge | None = None,
    trim_bits: int | None = None,
    announce: Announce = lambda n_bytes: None,
    inspect: Inspect = lambda zip_path: None,
    progress: ProgressCallback = no_progress,
) -> Packed:
    """Write the zip of a submission; only the prediction files go in, as float32 in C order.

    Parameters
    ----------
    path : a submission folder, or a zip to be packed anew.
    out_zip : a zip that is there already is replaced, at the very end.
    geometry : the subjects that go in.
    challenge : as for `validate_submission`.
    trim_bits : round this many low mantissa bits away (`algokit.challenge.mantissa`); None for none.
    announce : told the size to expect before anything is written.
    inspect : shown the finished zip in its temporary place; what it raises keeps the zip from being written.

    Raises
    ------
    UsageError : ``path`` is not one submission, or ``out_zip`` is something else than a zip.
    SubmissionError : the submission has errors; nothing is written.
    DiskError : the disk is full or not writable.
    """
    _refuse_several(path)
    _refuse_other_file(out_zip)
    progress(Progress("check", 0, 1, "submission"))
    found = _refuse_errors(path, geometry, challenge)
    progress(Progress("check", 1, 1, "submission"))
    with open_submission(path) as source, replacing(out_zip) as aside:
        files = sorted(locate(source, geometry)[0], key=lambda one: one.name)
        forecast = measured_forecast_bytes(source, files, trim_bits)
        announce(forecast)
        n_columns_kept = _write_zip(aside, source, files, trim_bits, progress)
        progress(Progress("check the zip", 0, 1, "zip"))
        findings = _refuse_errors(aside, geometry)
        progress(Progress("check the zip", 1, 1, "zip"))
        inspect(aside)
        n_bytes = aside.stat().st_size
    of_zip = tuple(replace(one, where=str(out_zip)) for one in findings)
    return Packed(out_zip, forecast, n_bytes, (*_of_source_alone(found, of_zip), *of_zip), n_columns_kept)


def _of_source_alone(findings: Sequence[Finding], of_zip: Sequence[Finding]) -> Iterator[Finding]:
    """What is said of the submission's files and not of the zip's; what was mended says so."""
    known = {(one.code, one.path) for one in of_zip}
    for one in findings:
        if one.path and (one.code, one.path) not in known:
            yield replace(one, advice="the zip holds it as float32, in C order") if one.code in _MENDED else one


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


def _refuse_errors(
    path: Path, geometry: Mapping[str, SubjectGeometry], challenge: Challenge | None = None
) -> list[Finding]:
    findings = validate_submission(path, geometry, challenge=challenge)
    if errors := errors_among(findings):
        raise SubmissionError(f"{path} cannot be packed", errors)
    return findings


def _write_zip(
    out: Path,
    source: SubmissionSource,
    files: Sequence[PredictionFile],
    trim_bits: int | None,
    progress: ProgressCallback,
) -> int:
    """Write the members, one in memory at a time; how many columns could not be rounded."""
    n_columns_kept = 0
    with zipfile.ZipFile(out, "w") as archive:
        for done, file in enumerate(files):
            progress(Progress("pack", done, len(files), "files", file.name))
            values = source.array(file.name, file.shape)
            if trim_bits:
                values, n_kept = trimmed(values, trim_bits)
                n_columns_kept += n_kept
            content = io.BytesIO()
            write_array(content, values)
            archive.writestr(_member(file.name), content.getbuffer(), compresslevel=_LEVEL)
    progress(Progress("pack", len(files), len(files), "files"))
    return n_columns_kept


def _member(name: str) -> zipfile.ZipInfo:
    """A member that says neither when nor by whom nor on which machine it was written."""
    member = zipfile.ZipInfo(name, _EPOCH)
    member.compress_type = zipfile.ZIP_DEFLATED
    member.create_system = 3  # Unix, whatever this is, so that the permissions mean the same
    member.external_attr = 0o100644 << 16
    return member
