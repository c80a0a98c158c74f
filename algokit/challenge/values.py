"""What shows only in the values: NaN, strange labels, masks that disagree. Large arrays are streamed, never copied."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from algokit.challenge.ceilings import ceiling_findings
from algokit.challenge.layout import ArrayFile, Tree
from algokit.challenge.npy_header import read_header
from algokit.challenge.rois import all_vertices_findings, label_findings, space_findings
from algokit.types import HEMISPHERES, Finding

_BLOCK_BYTES = 1 << 24


def is_readable(array: ArrayFile) -> bool:
    """Whether the file holds numbers, and all that its header promises; their sizes may still be wrong."""
    try:
        header, n_bytes = read_header(array.path), array.path.stat().st_size
    except (OSError, ValueError):
        return False
    alike = len(header.shape) == len(array.shape) and 0 not in header.shape
    return alike and header.dtype.kind in "fiu" and n_bytes >= header.file_bytes


def value_findings(array: ArrayFile, tree: Tree, subject: str) -> list[Finding]:
    """How the values of a readable array depart from what its role asks for."""
    if array.role in ("train_fmri", "test_fmri"):
        return finite_findings(array)
    if array.role == "noise_ceiling":
        return ceiling_findings(array)
    if array.role == "all_vertices" and array.hemisphere:
        return all_vertices_findings(array, tree.manifest.geometry(subject).n_vertices[array.hemisphere])
    return label_findings(array, tree.manifest.roi_classes[array.roi_class]) if array.roi_class else []


def finite_findings(array: ArrayFile) -> list[Finding]:
    """NaN and infinite values: how many, and the first."""
    values = array.values()
    n_bad, first = 0, ""
    step = max(1, _BLOCK_BYTES // max(1, values[:1].nbytes))
    for start in range(0, len(values), step):
        bad = ~np.isfinite(values[start : start + step])
        if bad.any() and not n_bad:
            index = np.argwhere(bad)[0] + [start, *[0] * (bad.ndim - 1)]
            row, *vertex = (int(step) for step in index)
            first = f"{values[tuple(index)]} in row {row}" + (f", vertex {vertex[0]}" if vertex else "")
        n_bad += int(np.count_nonzero(bad))
    if not n_bad:
        return []
    found = f"{n_bad} of {values.size} values are not, first {first}"
    advice = "download this subject again; such vertices were dropped from the challenge"
    return [
        Finding("NaN or infinite responses", str(array.path), "", "finite values", found, advice, code="not-finite")
    ]


def disagreements(arrays: Iterable[ArrayFile]) -> Iterator[Finding]:
    """Masks of one subject that say one thing in challenge space and another on fsaverage."""
    found = {(array.role, array.hemisphere, array.roi_class): array for array in arrays}
    for hemisphere in HEMISPHERES:
        everything = found.get(("all_vertices", hemisphere, None))
        for array in found.values():
            fsaverage = found.get(("roi_fsaverage_space", hemisphere, array.roi_class))
            if array.role == "roi_challenge_space" and array.hemisphere == hemisphere and everything and fsaverage:
                yield from space_findings(array, fsaverage, everything)
