"""The zip for upload."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from algokit.errors import SubmissionError, UsageError
from algokit.types import Finding, ProgressCallback, SubjectGeometry, errors_among, no_progress
from algokit.verbs.opening import opened
from algokit.verbs.pack_record import record_in_card, write_provenance
from algokit.verbs.trimming import TrimEffect, fewer_bits, trim_effect, trim_findings

if TYPE_CHECKING:
    from algokit.challenge import Challenge


@dataclass(frozen=True)
class SizeForecast:
    """The size a zip will have, from deflating samples of its own values; ``limit_bytes`` is what the server took."""

    n_bytes: int
    limit_bytes: int
    trim_bits: int | None


Announce: TypeAlias = Callable[[SizeForecast], None]


@dataclass(frozen=True)
class Trim:
    """How many low mantissa bits to round away; ``by_default`` if nobody asked for this very number."""

    n_bits: int
    by_default: bool


class _RoundedTooMuchError(Exception):
    """The default changed a score; the argument is how many bits would not."""


@dataclass(frozen=True)
class PackReport:
    """The zip that was written, reopened and checked.

    Attributes
    ----------
    n_bytes, forecast_bytes : the size it has, and the one that was expected.
    trim : what rounding changed; None where nothing was rounded.
    card : the card it is recorded in; None where the submission has none.
    provenance : the document beside the zip; None where none was asked for.
    """

    path: Path
    n_bytes: int
    forecast_bytes: int
    n_files: int
    sha256: str
    findings: tuple[Finding, ...]
    trim: TrimEffect | None = None
    card: Path | None = None
    provenance: Path | None = None

    def record(self) -> dict[str, Any]:
        """What the card says of the zip."""
        return {
            "zip": self.path.name,
            "sha256": self.sha256,
            "n_bytes": self.n_bytes,
            "forecast_bytes": self.forecast_bytes,
            "trim": self.trim.document() if self.trim else None,
        }


def pack(
    path: Path,
    *,
    out: Path | None = None,
    data: Path | None = None,
    manifest: Path | None = None,
    trim_mantissa: bool = False,
    trim_bits: int | None = None,
    provenance: bool = False,
    announce: Announce = lambda forecast: None,
    progress: ProgressCallback = no_progress,
) -> PackReport:
    """Write the zip for upload: subject folders at its root, deterministic, reopened and checked.

    Where the submission folder has a card, the zip is recorded in it.

    Parameters
    ----------
    path : a submission folder, or a zip.
    data : where it holds test responses, the effect of rounding is measured as a change of the scores.
    trim_mantissa : round low mantissa bits away, so that the zip becomes smaller: 8, or as many as change no official
        score by 1e-4 points where that can be measured.
    trim_bits : how many; given, they are rounded away even without ``trim_mantissa``.
    provenance : also write ``<zip>.provenance.json`` beside the zip.
    announce : told the size to expect before anything is written.

    Raises
    ------
    SubmissionError : the submission has errors, or rounding a single bit changes a score by 1e-4 points.
    UsageError : ``trim_bits`` is out of range.
    DiskError : the disk is full or not writable.
    """
    from algokit.challenge import load_manifest
    from algokit.challenge.submission_card import card_of, has_card
    from algokit.challenge.submission_geometry import submission_geometry

    trim = _trim(trim_mantissa, trim_bits)
    challenge = opened(data, manifest) if data else None
    geometry, _ = submission_geometry(path, challenge, load_manifest(manifest) if manifest else None)
    here = path if path.name else path.resolve()  # "." has no name to put .zip behind
    target = out or here.with_name(here.name + ".zip")
    while True:
        try:
            report = _packed(path, target, geometry, challenge, trim, announce, progress)
            break
        except _RoundedTooMuchError as too_much:  # ROIs of a few vertices feel what an average never would
            trim = Trim(too_much.args[0], by_default=True)
    if path.is_dir() and has_card(path):
        problem = record_in_card(path, report.record())
        findings = report.findings if problem is None else (*report.findings, problem)
        report = replace(report, findings=findings, card=None if problem else card_of(path))
    if provenance:
        beside = write_provenance(report.path, report.record(), report.findings, path)
        report = replace(report, provenance=beside)
    return report


def _trim(trim_mantissa: bool, trim_bits: int | None) -> Trim | None:
    from algokit.challenge.mantissa import DEFAULT_BITS, MOST_BITS

    if trim_bits is None:
        return Trim(DEFAULT_BITS, by_default=True) if trim_mantissa else None
    if not 1 <= trim_bits <= MOST_BITS:
        finding = Finding("too many or too few bits", "--trim-bits", "", f"1 to {MOST_BITS}", str(trim_bits))
        raise UsageError("mantissas cannot be rounded like this", [finding])
    return Trim(trim_bits, by_default=False)


def _packed(
    path: Path,
    target: Path,
    geometry: Mapping[str, SubjectGeometry],
    challenge: Challenge | None,
    trim: Trim | None,
    announce: Announce,
    progress: ProgressCallback,
) -> PackReport:
    from algokit.challenge.mantissa import DEFAULT_BITS
    from algokit.challenge.packing import pack_submission
    from algokit.challenge.zip_source import UPLOAD_LIMIT_BYTES
    from algokit.store import file_sha256

    effects: list[TrimEffect] = []
    n_bits = trim.n_bits if trim else None
    default_bits = DEFAULT_BITS if trim and trim.by_default else None

    def measure(zip_path: Path) -> None:
        if trim:
            effects.append(trim_effect(path, zip_path, trim.n_bits, geometry, challenge, progress))
            if errors := errors_among([*trim_findings(effects[0], str(path), default_bits=default_bits)]):
                if (fewer := fewer_bits(effects[0])) >= 1:
                    raise _RoundedTooMuchError(fewer)
                raise SubmissionError(f"{path} was not packed", errors)

    packed = pack_submission(
        path,
        target,
        geometry,
        challenge=challenge,
        trim_bits=n_bits,
        announce=lambda n_bytes: announce(SizeForecast(n_bytes, UPLOAD_LIMIT_BYTES, n_bits)),
        inspect=measure,
        progress=progress,
    )
    findings = [_with_advice(one, trim) for one in packed.findings]
    effect = replace(effects[0], n_columns_kept=packed.n_columns_kept) if effects else None
    if trim and effect:
        findings += trim_findings(effect, str(target), default_bits=default_bits)
    sha256 = file_sha256(target)
    return PackReport(target, packed.n_bytes, packed.forecast_bytes, 2 * len(geometry), sha256, tuple(findings), effect)


def _with_advice(finding: Finding, trim: Trim | None) -> Finding:
    if finding.code != "over-upload-limit":
        return finding
    advice = f"give --trim-bits {trim.n_bits + 2}" if trim else "give --trim-mantissa"
    return replace(finding, advice=advice)
