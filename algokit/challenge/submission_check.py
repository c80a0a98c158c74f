"""Is this a submission the challenge would take? Every problem at once, never an exception for bad content."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from algokit.challenge.npy_header import NpyHeader
from algokit.challenge.submission import SubmissionSource, looks_like_subject, open_submission, prediction_file
from algokit.challenge.untrusted_npy import shown
from algokit.errors import SubmissionError
from algokit.types import HEMISPHERES, Finding, Hemisphere, SubjectGeometry, errors_among

_LISTED = 20


@dataclass(frozen=True)
class PredictionFile:
    """One file the challenge asks for, and the name it really has in the submission."""

    subject: str
    hemisphere: Hemisphere
    name: str
    shape: tuple[int, int]


def validate_submission(path: Path, geometry: Mapping[str, SubjectGeometry]) -> list[Finding]:
    """Check a submission folder or zip against the sizes of its challenge.

    Parameters
    ----------
    geometry : subject -> sizes; exactly these subjects are expected.

    Returns
    -------
    Findings on the container, then on names, then on the files in order. ``error``: the upload or the score would be
    wrong; ``warning``: it costs something.
    """
    try:
        with open_submission(path) as source:
            files, findings = locate(source, geometry)
            findings += _extras(source, geometry, files)
            for file in files:
                findings += file_findings(source, file, geometry)
            return [*_first(source.findings), *findings]
    except SubmissionError as error:
        return list(error.findings)


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
    """A file that may be the one looked for; never one with another subject's number or of the other hemisphere."""
    other = "rh" if hemisphere == "lh" else "lh"
    number = _number(subject)
    likely = [
        name
        for name in sorted(names)
        if other not in name.split("/")[-1].lower() and _number(name.split("/")[0]) in (number, None)
    ]
    near = difflib.get_close_matches(prediction_file(subject, hemisphere), likely, n=1, cutoff=0.7)
    return near[0] if near else ""


def _number(folder: str) -> int | None:
    digits = re.findall(r"\d{1,4}", folder) if looks_like_subject(folder) else []
    return int(digits[-1]) if digits else None


def _extras(
    source: SubmissionSource, geometry: Mapping[str, SubjectGeometry], files: Iterable[PredictionFile]
) -> Iterator[Finding]:
    """Files nobody asked for: any in a zip; in a folder those in subject folders, and arrays outside of them."""
    where = str(source.path)
    names = source.sizes().keys() - {file.name for file in files}
    folders = {name: name.split("/")[-2] for name in names if "/" in name}
    strangers = {one for one in folders.values() if looks_like_subject(one) and one.lower() not in geometry}
    for subject in sorted(strangers):
        what, known = "not a subject of this challenge", ", ".join(geometry)
        advice = "remove it, or say with --data or --manifest which challenge this is"
        yield Finding(what, where, shown(subject), known, advice=advice, code="extra-subject")
    rest = [name for name in sorted(names) if folders.get(name) not in strangers]
    if not source.is_archive:
        rest = [name for name in rest if name in folders or name.endswith(".npy")]
    what, advice = "not part of a submission", "algokit pack leaves it out"
    yield from _first(
        Finding(what, where, shown(name), advice=advice, severity="warning", code="extra-file") for name in rest
    )


def _first(findings: Iterable[Finding]) -> Iterator[Finding]:
    """The first of many findings and the number of the others: a million lies are one screen."""
    listed = list(findings)
    yield from listed[:_LISTED]
    if len(listed) > _LISTED:
        yield replace(listed[-1], what=f"and {len(listed) - _LISTED} more like these", path="", found="")


def file_findings(
    source: SubmissionSource, file: PredictionFile, geometry: Mapping[str, SubjectGeometry], *, values: bool = True
) -> list[Finding]:
    """What is wrong with one file: its header and size and, where these are in order, its values.

    A file that the container's own findings name is not opened.
    """
    where, path = str(source.path), shown(file.name)
    if any(finding.path == path for finding in source.findings):
        return []
    try:
        header = source.header(file.name)
        findings = list(_header_problems(header, source.sizes()[file.name], file, geometry))
        if values and not errors_among(findings):
            findings += _value_problems(source.array(file.name, file.shape))
    except SubmissionError as error:
        return list(error.findings)
    return [replace(finding, where=where, path=path) for finding in findings]


def _header_problems(
    header: NpyHeader, n_bytes: int, file: PredictionFile, geometry: Mapping[str, SubjectGeometry]
) -> Iterator[Finding]:
    if header.dtype.hasobject:
        advice = "it was not loaded, because loading it could run code; save a plain float32 array"
        yield Finding("a pickled array", expected="float32", found=str(header), advice=advice, code="pickled")
        return
    if header.shape != file.shape:
        what, code = _shape_problem(header.shape, file, geometry)
        expected = f"{file.shape} (images, vertices)"
        advice = "one row per test image, in order, and one column per vertex of this hemisphere"
        yield Finding(what, expected=expected, found=str(header.shape), advice=advice, code=code)
    yield from _dtype_problems(header, geometry)
    if n_bytes != header.file_bytes:
        what, code = ("truncated", "truncated") if n_bytes < header.file_bytes else ("bytes after its end", "over-long")
        expected = f"{header.file_bytes} bytes for {header}"
        yield Finding(what, expected=expected, found=f"{n_bytes} bytes", advice="write it again", code=code)


def _shape_problem(
    shape: tuple[int, ...], file: PredictionFile, geometry: Mapping[str, SubjectGeometry]
) -> tuple[str, str]:
    """What kind of wrong shape it is, and its code."""
    own, (n_test, n_vertices) = geometry[file.subject], file.shape
    other: Hemisphere = "rh" if file.hemisphere == "lh" else "lh"
    if shape == file.shape[::-1]:
        return "transposed: rows must be images", "transposed"
    if shape == (n_test, own.n_vertices[other]):
        return f"the vertices of {other}: are the hemispheres swapped?", "hemispheres-swapped"
    if shape == (own.n_train, n_vertices):
        return "predictions of the training images", "training-images"
    owners = [name for name, one in geometry.items() if shape == (one.n_test, one.n_vertices[file.hemisphere])]
    owners = owners or [name for name, one in geometry.items() if shape == (one.n_test, n_vertices)]
    if owners:
        return f"rows of another subject ({', '.join(owners)})", "another-subject"
    if len(shape) == 2 and shape[1] == n_vertices:
        return "wrong number of images", "wrong-images"
    return "wrong shape", "wrong-shape"


def _dtype_problems(header: NpyHeader, geometry: Mapping[str, SubjectGeometry]) -> Iterator[Finding]:
    n_bytes, found = header.dtype.itemsize, str(header.dtype)
    if header.dtype.kind != "f":
        yield Finding("not floats", expected="float32", found=found, advice="save it as float32", code="wrong-dtype")
        return
    if n_bytes != 4:
        total = sum(one.n_test * sum(one.n_vertices.values()) for one in geometry.values())
        cost = f"all files take {n_bytes * total / 1e6:.1f} MB instead of {4 * total / 1e6:.1f} MB"
        advice = cost if n_bytes > 4 else "half precision costs accuracy"
        code = f"float{8 * n_bytes}"
        yield Finding("not float32", "", "", "float32", found, advice, "warning", code)
    if not header.dtype.isnative:
        yield Finding("big-endian", "", "", "little-endian", found, "algokit pack rewrites it", "warning", "big-endian")
    if header.fortran_order and math.prod(header.shape) > 1:
        what, advice = "columns are stored first", "algokit pack rewrites it"
        yield Finding(what, "", "", "C order", "Fortran order", advice, "warning", "fortran-order")


def flat_columns(values: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Columns that score 0 whatever the truth: constant, or with a value that is not finite; (n_vertices,) bool."""
    with np.errstate(invalid="ignore"):
        span = values.max(axis=0).astype(np.float64) - values.min(axis=0).astype(np.float64)
    flat: NDArray[np.bool_] = ~(np.isfinite(span) & (span > 0))
    return flat


def _value_problems(values: NDArray[np.float32]) -> Iterator[Finding]:
    flat = flat_columns(values)
    if not flat.any():
        return
    suspects = values[:, flat]
    finite = np.isfinite(suspects)
    constant: NDArray[np.bool_] = np.logical_and.reduce(finite, axis=0)
    n_vertices, n_constant = values.shape[1], int(np.count_nonzero(constant))
    if not constant.all():
        row, column = np.unravel_index(int(np.argmin(finite)), finite.shape)
        n_bad = finite.size - np.count_nonzero(finite)
        vertex = np.flatnonzero(flat)[column]
        first = f"the first is {suspects[row, column]} at image {row}, vertex {vertex}"
        found = f"{n_bad} in {constant.size - n_constant} of {n_vertices} vertices; {first}"
        advice = "these vertices would score 0; predict them again"
        yield Finding("values that are not finite", found=found, advice=advice, code="not-finite")
    if n_constant == n_vertices:
        what = "constant over images at every vertex" if suspects.any() else "all zero"
        yield Finding(what, advice="nothing was predicted", code="all-constant")
    elif n_constant:
        found = f"{n_constant} of {n_vertices} vertices"
        yield Finding("constant over images", "", "", "", found, "they score 0", "warning", "constant-columns")
