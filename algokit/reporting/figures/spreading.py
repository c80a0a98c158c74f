"""Numbers of a challenge's vertices -> numbers on fsaverage5's mesh, with narrow gaps between them filled."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from algokit.reporting.figures.surface import N_VERTICES, Floats, Mesh
from algokit.types import Ints

_MOST_RINGS = 4.0
_DENSE = 0.6  # share of neighbours with a number of their own above which nothing is filled
# A disc that holds a measured vertex nine times in ten when a share p of all is measured has a radius of
# sqrt(ln 10 / (pi p n)) with n vertices per unit of area; on a mesh of equilateral triangles n = 2 / sqrt(3) edges**-2.
_RINGS_AT_ONE = math.sqrt(math.log(10) * math.sqrt(3) / (2 * math.pi))


@dataclass(frozen=True)
class Spread:
    """One hemisphere ready to be painted.

    Attributes
    ----------
    values : (10242,) float64, NaN where nothing is painted.
    n_given, n_drawn : how many vertices have a number, and how many of them are fsaverage5's.
    rings : how many mesh edges away from a drawn vertex others take its number; 0 where nothing is filled.
    """

    values: Floats
    n_given: int
    n_drawn: int
    rings: float


def spread(mesh: Mesh, values: Floats, fsaverage_index: Ints) -> Spread:
    """Lay the numbers on the mesh; a vertex without one takes the nearest's within a radius that their density sets.

    Parameters
    ----------
    values : (n_vertices,) float64, NaN where there is none.
    fsaverage_index : (n_vertices,) int64; only those below 10242 are vertices of fsaverage5.
    """
    given = np.isfinite(values)
    kept = given & (fsaverage_index < N_VERTICES) & (fsaverage_index >= 0)
    drawn = np.full(N_VERTICES, np.nan)
    drawn[fsaverage_index[kept]] = values[kept]
    rings = _rings(mesh, np.isfinite(drawn))
    return Spread(_filled(mesh, drawn, rings), int(given.sum()), int(kept.sum()), rings)


def _rings(mesh: Mesh, measured: np.typing.NDArray[np.bool_]) -> float:
    """0 on a dense patch; else wide enough that the gaps of a patch as dense as this one close, within limits."""
    if not measured.any():
        return 0.0
    starts, ends = mesh.faces, np.roll(mesh.faces, 1, axis=1)  # every edge, from both of its faces
    density = float(measured[ends][measured[starts]].mean())
    if density > _DENSE:
        return 0.0
    return min(_MOST_RINGS, round(_RINGS_AT_ONE / math.sqrt(density), 1)) if density else _MOST_RINGS


def _filled(mesh: Mesh, drawn: Floats, rings: float) -> Floats:
    measured = np.flatnonzero(np.isfinite(drawn))
    if not rings:
        return drawn
    edges = mesh.sphere[mesh.faces] - mesh.sphere[np.roll(mesh.faces, 1, axis=1)]
    radius = rings * float(np.linalg.norm(edges, axis=2).mean())
    nearest = measured[_nearest(mesh.sphere, mesh.sphere[measured])]
    is_near = np.linalg.norm(mesh.sphere - mesh.sphere[nearest], axis=1) < radius
    return np.where(is_near, drawn[nearest], np.nan)


def _nearest(points: Floats, others: Floats) -> Ints:
    """Which of the others is nearest to each point, exactly: |p - o|² is least where p·o - |o|²/2 is greatest."""
    half = np.square(others).sum(axis=1) / 2
    blocks = np.array_split(points, 40)  # bounds the memory
    return np.concatenate([(block @ others.T - half).argmax(axis=1) for block in blocks])
