"""Which file of a submission is which: what is missing, misnamed, at the wrong place or one too many."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from algokit.challenge.folder_source import looks_like_subject
from algokit.challenge.submission import SubmissionSource, prediction_file
from algokit.challenge.untrusted_npy import shown
from algokit.types import HEMISPHERES, Finding, Hemisphere, SubjectGeometry

_WIDEST_BYTES = 16  # of a value, as float128; no archive of predictions unpacks to more
_BESIDE_BYTES = 100_000_000  # for what else may lie in it
_COMPARED = 1000  # names that may be what a missing file was called; a stranger may give a million
_COMPARED_CHARACTERS = 200


@dataclass(frozen=True)
class PredictionFile:
    """One file the challenge asks for, and the name it really has in the submission."""

    subject: str
    hemisphere: Hemisphere
    name: str
    shape: tuple[int, int]


def n_values(geometry: Mapping[str, SubjectGeometry]) -> int:
    """How many numbers a submission to this challenge holds."""
    return sum(one.n_test * sum(one.n_vertices.values()) for one in geometry.values())


def locate(
    source: SubmissionSource, geometry: Mapping[str, SubjectGeometry]
) -> tuple[list[PredictionFile], list[Finding]]:
    """Find each expected file under its name or a recognisably wrong one; what is missing or misnamed is a finding."""
    names = source.sizes()
    where = str(source.path)
    prefix = _enclosing(names, geometry)
    findings = []
    if prefix:
        unpack = "unpack it and " * source.is_archive
        advice = f"the subject folders must be at the root: {unpack}give algokit pack the folder {shown(prefix)}"
        findings.append(Finding("one folder too many", where, shown(prefix), advice=advice, code="extra-folder-level"))
    by_lower = {name.lower(): name for name in names}
    found: list[PredictionFile] = []
    missing: list[tuple[str, Hemisphere]] = []
    for subject, sizes in geometry.items():
        for hemisphere in HEMISPHERES:
            wanted = prefix + prediction_file(subject, hemisphere)
            name = wanted if wanted in names else by_lower.get(wanted.lower())
            if name is None:
                missing.append((subject, hemisphere))
                continue
            if name != wanted:
                advice = "rename it; the challenge's server tells capitals from small letters"
                findings.append(Finding("wrong case", where, shown(name), wanted, advice=advice, code="wrong-case"))
            shape = (sizes.n_test, sizes.n_vertices[hemisphere])
            found.append(PredictionFile(subject, hemisphere, name, shape))
    others = names.keys() - {file.name for file in found}
    return found, [*findings, *_missing(where, missing, others)]


def _enclosing(names: Iterable[str], geometry: Mapping[str, SubjectGeometry]) -> str:
    """The folder that all predictions lie in, with its slash; "" where they lie at the root or in several."""
    wanted = {prediction_file(subject, hemisphere).lower() for subject in geometry for hemisphere in HEMISPHERES}
    parts = [(name, "/".join(name.split("/")[-2:])) for name in names]
    prefixes = {name.removesuffix(end) for name, end in parts if end.lower() in wanted}
    return prefixes.pop() if len(prefixes) == 1 else ""


def _missing(where: str, missing: list[tuple[str, Hemisphere]], others: Iterable[str]) -> Iterator[Finding]:
    """One finding per file, or per subject where both of its files are missing and none looks misnamed."""
    near = {one: _misnamed(others, *one) for one in missing}
    for subject, hemisphere in missing:
        both = [near.get((subject, side), "present") for side in HEMISPHERES]
        if any(both):
            name = prediction_file(subject, hemisphere)
            found = shown(near[subject, hemisphere])
            advice = f"rename {found}" if found else "add it; both hemispheres of every subject are asked for"
            yield Finding("missing file", where, name, advice=advice, code="missing-file")
        elif hemisphere == HEMISPHERES[0]:
            expected = " and ".join(prediction_file(subject, side) for side in HEMISPHERES)
            advice = "add it, or say with --data or --manifest which subjects are asked for"
            yield Finding("missing subject", where, subject, expected, advice=advice, code="missing-subject")


def _misnamed(names: Iterable[str], subject: str, hemisphere: Hemisphere) -> str:
    """A file that may be the one looked for; never one of another subject, hemisphere or split by its name."""
    other = "rh" if hemisphere == "lh" else "lh"
    number = _number(subject)
    likely = [
        name
        for name in sorted(names)
        if len(name) <= _COMPARED_CHARACTERS
        and not any(word in name.split("/")[-1].lower() for word in (other, "_val", "_train"))
        and _number(name.split("/")[0]) in (number, None)
    ]
    near = difflib.get_close_matches(prediction_file(subject, hemisphere), likely[:_COMPARED], n=1, cutoff=0.7)
    return near[0] if near else ""


def _number(folder: str) -> int | None:
    digits = re.findall(r"\d{1,4}", folder) if looks_like_subject(folder) else []
    return int(digits[-1]) if digits else None


def extra_files(
    source: SubmissionSource, geometry: Mapping[str, SubjectGeometry], files: Iterable[PredictionFile]
) -> Iterator[Finding]:
    """Files nobody asked for: any in a zip; in a folder those in subject folders, and arrays outside of them."""
    names = source.sizes().keys() - {file.name for file in files}
    folders = {name: name.split("/")[-2] for name in names if "/" in name}
    strangers = {one for one in folders.values() if looks_like_subject(one) and one.lower() not in geometry}
    for subject in sorted(strangers):
        what, known = "not a subject of this challenge", ", ".join(geometry)
        advice = "remove it, or say with --data or --manifest which challenge this is"
        yield Finding(what, "", shown(subject), known, advice=advice, code="extra-subject")
    rest = [name for name in sorted(names) if folders.get(name) not in strangers]
    if not source.is_archive:
        rest = [name for name in rest if name in folders or name.endswith(".npy")]
    what, advice = "not part of a submission", "algokit pack leaves it out"
    for name in rest:
        yield Finding(what, path=shown(name), advice=advice, severity="warning", code="extra-file")


def unpacked_size(source: SubmissionSource, geometry: Mapping[str, SubjectGeometry]) -> Iterator[Finding]:
    """An archive that would fill the disk of whoever unpacks it, unless one file of it has been named for that."""
    named = any(finding.code == "zip-bomb" for finding in source.findings)
    total, limit = sum(source.sizes().values()), _WIDEST_BYTES * n_values(geometry) + _BESIDE_BYTES
    if source.is_archive and not named and total > limit:
        what, advice = "unpacks to far more than predictions do", "nothing was unpacked; leave in the predictions only"
        expected, found = f"at most {limit / 1e6:,.0f} MB", f"{total / 1e6:,.0f} MB"
        yield Finding(what, "", "", expected, found, advice, code="zip-bomb")
