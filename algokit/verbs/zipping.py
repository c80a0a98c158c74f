"""The zip for upload."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from algokit.types import Finding
from algokit.verbs.opening import opened


@dataclass(frozen=True)
class PackReport:
    """The zip that was written, reopened and checked."""

    path: Path
    n_bytes: int
    n_files: int
    sha256: str
    findings: tuple[Finding, ...]


def pack(path: Path, *, out: Path | None = None, data: Path | None = None, manifest: Path | None = None) -> PackReport:
    """Write the zip for upload: subject folders at its root, deterministic, reopened and checked.

    Raises
    ------
    SubmissionError : the submission has errors.
    """
    from algokit.challenge import load_manifest
    from algokit.challenge.packing import pack_submission
    from algokit.challenge.submission_check import validate_submission
    from algokit.challenge.submission_geometry import submission_geometry
    from algokit.store import file_sha256

    challenge = opened(data, manifest) if data else None
    geometry, _ = submission_geometry(path, challenge, load_manifest(manifest) if manifest else None)
    here = path if path.name else path.resolve()  # "." has no name to put .zip behind
    target = pack_submission(path, out or here.with_name(here.name + ".zip"), geometry)
    findings = tuple(validate_submission(target, geometry))
    return PackReport(target, target.stat().st_size, 2 * len(geometry), file_sha256(target), findings)
