"""What every vertex chose - layer, grid, penalty - as ordered categories and numbers that can be drawn."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algokit.errors import UsageError
from algokit.types import Finding, FitRecord, Hemisphere, Ints


@dataclass(frozen=True)
class Choice:
    """What one member chose for every vertex of one subject and hemisphere.

    Attributes
    ----------
    layers : the member's layers in the order of their depth.
    layer_index : (n_vertices,) int64 into ``layers``.
    grids : the member's poolings by the side of their grid, smallest first; those without a grid by name, last.
    grid_index : (n_vertices,) int64 into ``grids``.
    alpha : (n_vertices,) float64, the penalty.
    rois : (ROI class, ROI) -> indices of its vertices, as in `VertexScores`.
    fsaverage_index : (n_vertices,) int64, the fsaverage vertex of each; None where not known: no map then.
    """

    member: str
    subject: str
    hemisphere: Hemisphere
    layers: tuple[str, ...]
    layer_index: Ints
    grids: tuple[str, ...]
    grid_index: Ints
    alpha: NDArray[np.float64]
    rois: Mapping[tuple[str, str], Ints]
    fsaverage_index: Ints | None = None


def choice_of(
    record: FitRecord,
    spaces: Sequence[Mapping[str, Any]],
    *,
    rois: Mapping[tuple[str, str], Ints],
    fsaverage_index: Ints | None = None,
) -> Choice:
    """Put what a fit recorded together with what its feature spaces are.

    Parameters
    ----------
    spaces : the content of the member's ``spaces.json``: name, layer and pooling of every feature space, in the order
        of ``record.space_names``; layers stand in it from shallow to deep.

    Raises
    ------
    UsageError : they are not of one fit, or not of these vertices.
    """
    if misfits := list(_misfits(record, spaces, rois, fsaverage_index)):
        raise UsageError(f"what {record.member} chose for {record.subject} {record.hemisphere} is damaged", misfits)
    layers = tuple(dict.fromkeys(str(space["layer"]) for space in spaces))
    labels = [_grid_label(space) for space in spaces]
    grids = tuple(sorted(dict.fromkeys(labels), key=lambda label: _grid_order(label, labels)))
    chosen = np.asarray(record.space_index, np.int64)
    layer_of_space = np.array([layers.index(str(space["layer"])) for space in spaces], np.int64)
    grid_of_space = np.array([grids.index(label) for label in labels], np.int64)
    return Choice(
        member=record.member,
        subject=record.subject,
        hemisphere=record.hemisphere,
        layers=layers,
        layer_index=layer_of_space[chosen],
        grids=grids,
        grid_index=grid_of_space[chosen],
        alpha=np.asarray(record.alpha, np.float64),
        rois=rois,
        fsaverage_index=fsaverage_index,
    )


def by_member(choices: Iterable[Choice]) -> Mapping[str, list[Choice]]:
    """Member -> its choices, in the order given."""
    members: dict[str, list[Choice]] = {}
    for one in choices:
        members.setdefault(one.member, []).append(one)
    return members


def _misfits(
    record: FitRecord,
    spaces: Sequence[Mapping[str, Any]],
    rois: Mapping[tuple[str, str], Ints],
    fsaverage_index: Ints | None,
) -> Iterator[Finding]:
    """The choices may come from anyone's folder, the vertices from a challenge that is another one."""
    where, n_vertices = f"{record.member} {record.subject} {record.hemisphere}", len(record.space_index)
    names = tuple(str(space["name"]) for space in spaces)
    if names != record.space_names:
        yield Finding("the feature spaces are of another fit", where, "", f"{record.space_names}", f"{names}")
    if fsaverage_index is not None and len(fsaverage_index) != n_vertices:
        yield Finding("not one choice per vertex", where, "", str(len(fsaverage_index)), str(n_vertices))
    if any(len(vertices) and vertices.max() >= n_vertices for vertices in rois.values()):
        yield Finding("an ROI has vertices without a choice", where, found=f"choices of {n_vertices} vertices")


def _grid_label(space: Mapping[str, Any]) -> str:
    """``3 × 3`` for a pooling to a grid, else the short name of the pooling (``cls``)."""
    grid = space["pooling"].get("grid")
    return f"{grid} × {grid}" if grid is not None else str(space["name"]).rpartition("@")[2]


def _grid_order(label: str, labels: Sequence[str]) -> tuple[bool, int]:
    side = label.partition(" × ")[0]
    return (False, int(side)) if side.isdecimal() else (True, labels.index(label))
