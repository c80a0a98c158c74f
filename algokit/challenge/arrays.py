"""What a ``.npy`` file promises in its header, held against its size and against the manifest. Nothing is loaded."""

from __future__ import annotations

from algokit.challenge.layout import ArrayFile
from algokit.challenge.npy_header import read_header, reason
from algokit.types import Finding

_AGAIN = "download this subject again"


def array_findings(array: ArrayFile) -> list[Finding]:
    """How a file that is there departs from what it should be, by its header and its size."""
    where, expected = str(array.path), f"{array.dtype} {array.shape}"
    try:
        header, n_bytes = read_header(array.path), array.path.stat().st_size
    except (OSError, ValueError) as error:
        found, advice = reason(error)
        return [Finding("not a readable .npy file", where, "", expected, found, advice, code="bad-header")]
    if header.dtype.hasobject:
        return [] if array.role == "roi_mapping" else [pickled(where, expected, str(header))]
    findings = []
    if header.dtype != array.dtype:
        advice = _AGAIN if array.dtype.hasobject else f"save it again with .astype({array.dtype.name!r})"
        wanted, found = str(array.dtype), str(header.dtype)
        findings.append(Finding("wrong dtype", where, "", wanted, found, advice, code="wrong-dtype"))
    if header.shape != array.shape:
        advice = "check that the file belongs to this subject and hemisphere"
        found = str(header.shape)
        findings.append(Finding("wrong shape", where, "", str(array.shape), found, advice, code="wrong-shape"))
    if header.fortran_order and len(header.shape) > 1:
        what, advice = "columns stored first", "reading images is slow; save it again with np.ascontiguousarray"
        findings.append(Finding(what, where, "", "C order", "Fortran order", advice, "warning", "fortran-order"))
    if n_bytes != header.file_bytes:
        short = n_bytes < header.file_bytes
        what, code = ("truncated file", "truncated-file") if short else ("bytes after the end", "overlong-file")
        promise = f"{header.file_bytes} bytes for {header}"
        findings.append(Finding(what, where, "", promise, f"{n_bytes} bytes", _AGAIN, code=code))
    return findings


def pickled(where: str, expected: str, found: str) -> Finding:
    """The finding for pickled content that is not the known mapping."""
    advice = "nothing in it was run; loading it elsewhere could run code, so find out where it comes from"
    return Finding("pickled content", where, "", expected, found, advice, code="pickled-content")
