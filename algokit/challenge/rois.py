"""What ROI masks must hold: integer labels per vertex, the same in challenge space and in fsaverage space."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from algokit.challenge.layout import ArrayFile
from algokit.types import Finding


def all_vertices_findings(array: ArrayFile, n_vertices: int) -> list[Finding]:
    """The mask that marks the challenge vertices on fsaverage holds ``n_vertices`` ones and else zeros."""
    values = np.asarray(array.values())
    n_ones, n_others = int((values == 1).sum()), int(((values != 0) & (values != 1)).sum())
    if n_ones == n_vertices and not n_others:
        return []
    found = f"{n_ones} ones" + (f", {n_others} other values" if n_others else "")
    advice = "vertices could not be placed on the surface"
    expected = f"{n_vertices} ones, else zeros"
    return [Finding("wrong vertex mask", str(array.path), "", expected, found, advice, code="vertex-mask")]


def label_findings(array: ArrayFile, names: Mapping[int, str]) -> list[Finding]:
    """Labels that the ROI class does not have."""
    strange = np.setdiff1d(np.asarray(array.values()), [0, *names])
    if not strange.size:
        return []
    expected, found = f"0 or one of {sorted(names)}", ", ".join(map(str, strange[:5]))
    advice = "check that the mask belongs to this ROI class, or download this subject again"
    return [Finding("labels of no ROI", str(array.path), "", expected, found, advice, code="roi-label")]


def space_findings(challenge: ArrayFile, fsaverage: ArrayFile, all_vertices: ArrayFile) -> list[Finding]:
    """A mask in challenge space is the mask in fsaverage space at the challenge vertices."""
    labels, marked, everywhere = challenge.values(), all_vertices.values(), fsaverage.values()
    if marked.shape != everywhere.shape or labels.shape != (np.count_nonzero(marked),):
        return []  # a finding of another kind
    at_vertices = everywhere[np.flatnonzero(marked)]
    differ = np.flatnonzero(labels != at_vertices)
    if not differ.size:
        return []
    first = int(differ[0])
    expected = f"label {at_vertices[first]} at vertex {first}, as in {fsaverage.path.name}"
    found = f"label {labels[first]}; they differ at {differ.size} of {labels.size} vertices"
    advice = "one of the two masks belongs to another subject or hemisphere"
    return [Finding("masks that disagree", str(challenge.path), "", expected, found, advice, code="roi-mismatch")]
