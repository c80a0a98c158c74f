"""What the header and the size of a prediction file say that they should not."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from algokit.challenge.npy_header import NpyHeader
from algokit.challenge.submission_names import PredictionFile, n_values
from algokit.challenge.untrusted_npy import shown
from algokit.challenge.zip_source import UPLOAD_LIMIT_BYTES
from algokit.types import Finding, Hemisphere, SubjectGeometry


def header_problems(
    header: NpyHeader, n_bytes: int, file: PredictionFile, geometry: Mapping[str, SubjectGeometry]
) -> Iterator[Finding]:
    """Findings without their place, on one file's header and the size the file has."""
    if header.dtype.hasobject:
        advice = "it was not loaded, because loading it could run code; save a plain float32 array"
        yield Finding("a pickled array", expected="float32", found=shown(str(header)), advice=advice, code="pickled")
        return
    if header.shape != file.shape:
        what, code = _shape_problem(header.shape, file, geometry)
        expected = f"{file.shape} (images, vertices)"
        advice = "one row per test image, in order, and one column per vertex of this hemisphere"
        yield Finding(what, expected=expected, found=shown(str(header.shape)), advice=advice, code=code)
    yield from _dtype_problems(header, geometry)
    if n_bytes != header.file_bytes:
        what, code = ("truncated", "truncated") if n_bytes < header.file_bytes else ("bytes after its end", "over-long")
        expected = shown(f"{header.file_bytes} bytes for {header}")
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
    n_bytes, found = header.dtype.itemsize, shown(str(header.dtype))
    if header.dtype.kind != "f":
        yield Finding("not floats", expected="float32", found=found, advice="save it as float32", code="wrong-dtype")
        return
    if n_bytes != 4:
        advice = _width_advice(n_bytes, n_values(geometry)) if n_bytes > 4 else "half precision costs accuracy"
        code = f"float{8 * n_bytes}"
        yield Finding("not float32", "", "", "float32", found, advice, "warning", code)
    if not header.dtype.isnative:
        yield Finding("big-endian", "", "", "little-endian", found, "algokit pack rewrites it", "warning", "big-endian")
    if header.fortran_order and math.prod(header.shape) > 1:
        what, advice = "columns are stored first", "algokit pack rewrites it"
        yield Finding(what, "", "", "C order", "Fortran order", advice, "warning", "fortran-order")


def _width_advice(n_bytes: int, n_total: int) -> str:
    """What wider floats cost the whole submission, beside what the challenge took."""
    wide, plain, limit = (f"{size / 1e6:,.1f} MB" for size in (n_bytes * n_total, 4 * n_total, UPLOAD_LIMIT_BYTES))
    cost = f"save it as float32: all files take {wide} like this and {plain} as float32"
    return f"{cost}; the challenge took a zip of at most {limit}, and deflate saves about 7 %"
