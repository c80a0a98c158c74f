"""fsaverage5 as it is drawn: for every pixel of eight views the mesh triangle in front, worked out once."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algokit.errors import MachineError
from algokit.types import HEMISPHERES, Finding, Hemisphere, Ints

Floats = NDArray[np.float64]

N_VERTICES = 10242  # of fsaverage5 in a hemisphere; the same vertices are fsaverage's first
WIDTH_PX, HEIGHT_PX = 720, 846
_PX_PER_MM = 1.59
# Where a view is looked at from: the axis that points right and the one that points up on the screen, in
# (left to right, back to front, bottom to top). Toward the viewer is their cross product, so nothing is mirrored.
_AXES: Mapping[str, tuple[tuple[int, int, int], tuple[int, int, int]]] = {
    "from left": ((0, -1, 0), (0, 0, 1)),
    "from right": ((0, 1, 0), (0, 0, 1)),
    "from below": ((1, 0, 0), (0, -1, 0)),
    "from behind": ((1, 0, 0), (0, 0, 1)),
}
_VIEWS: Mapping[Hemisphere, Mapping[str, str]] = {
    "lh": {"lateral": "from left", "medial": "from right", "ventral": "from below", "posterior": "from behind"},
    "rh": {"lateral": "from right", "medial": "from left", "ventral": "from below", "posterior": "from behind"},
}
# The middle of every view on the sheet, left hemisphere in the left half.
_MIDDLES: Mapping[Hemisphere, Mapping[str, tuple[int, int]]] = {
    "lh": {"lateral": (178, 124), "medial": (178, 368), "ventral": (110, 668), "posterior": (482, 620)},
    "rh": {"lateral": (542, 124), "medial": (542, 368), "ventral": (260, 668), "posterior": (632, 620)},
}


@dataclass(frozen=True)
class Mesh:
    """One hemisphere.

    Attributes
    ----------
    inflated : (10242, 3) float64, mm: left to right, back to front, bottom to top.
    sphere : (10242, 3) float64, where neighbours on the folded surface are neighbours, radius 100.
    faces : (20480, 3) int64, counter-clockwise from outside.
    sulcal_depth : (10242,) float64, positive in sulci.
    """

    inflated: Floats
    sphere: Floats
    faces: Ints
    sulcal_depth: Floats


@dataclass(frozen=True)
class Raster:
    """What is seen at the pixels of one view.

    Attributes
    ----------
    pixels : (n, 2) int64, column and row of every pixel that shows the mesh.
    faces : (n,) int64, the frontmost face there.
    weights : (n, 3) float64, how near the pixel is to each corner; rows sum to 1.
    """

    pixels: Ints
    faces: Ints
    weights: Floats


@dataclass(frozen=True)
class Surface:
    """Both hemispheres and the sheet of their eight views; vertices of rh come after those of lh.

    Attributes
    ----------
    meshes : the two hemispheres.
    pixels : (n,) int64 into the flattened sheet, every pixel that shows a hemisphere.
    corners : (n, 3) int64, the vertices around each pixel.
    weights : (n, 3) float64, their shares.
    """

    meshes: Mapping[Hemisphere, Mesh]
    pixels: Ints
    corners: Ints
    weights: Floats

    @property
    def sulcal_depth(self) -> Floats:
        """(20484,) float64, positive in sulci."""
        return np.concatenate([self.meshes[hemisphere].sulcal_depth for hemisphere in HEMISPHERES])


def load_surface() -> Surface:
    """fsaverage5 from the files inside the nilearn package. No network.

    nilearn itself is not imported: it would take seconds, for a public function that reads these same files.

    Raises
    ------
    MachineError : nilearn is not installed, or has them no longer.

    Source: Fischl, Sereno, Tootell and Dale 1999, doi:10.1002/(SICI)1097-0193(1999)8:4<272::AID-HBM10>3.0.CO;2-4.
    """
    meshes: dict[Hemisphere, Mesh] = {}
    for hemisphere, side in zip(HEMISPHERES, ("left", "right"), strict=True):
        inflated, faces = _arrays(f"infl_{side}")
        sphere, _ = _arrays(f"sphere_{side}")
        (depth,) = _arrays(f"sulc_{side}")
        meshes[hemisphere] = Mesh(
            inflated=inflated.astype(np.float64),
            sphere=sphere.astype(np.float64),
            faces=faces.astype(np.int64),
            sulcal_depth=depth.astype(np.float64).ravel(),
        )
    return surface_of(meshes)


def _arrays(name: str) -> list[NDArray[Any]]:
    """The arrays of one of nilearn's GIFTI files."""
    from nibabel.gifti.gifti import GiftiImage

    found = importlib.util.find_spec("nilearn")
    folder = Path(found.origin).parent if found and found.origin else Path("nilearn")
    path = folder / "datasets" / "data" / "fsaverage5" / f"{name}.gii.gz"
    try:
        image = GiftiImage.from_filename(path)  # type: ignore[no-untyped-call]
        return [one.data for one in image.darrays]
    except (OSError, ValueError) as error:
        advice = "install algokit with its constraints.txt"
        finding = Finding("fsaverage5 cannot be read", str(path), "", "", str(error)[:160], advice, code="no-surface")
        raise MachineError("there is no surface to draw on", [finding]) from error


def surface_of(meshes: Mapping[Hemisphere, Mesh]) -> Surface:
    """Look at both hemispheres from every side, and lay the views out on the sheet."""
    pixels, corners, weights = [], [], []
    for hemisphere, first in zip(HEMISPHERES, (0, N_VERTICES), strict=True):
        mesh = meshes[hemisphere]
        for view in _MIDDLES[hemisphere]:
            seen = rasterise(projected(mesh.inflated, hemisphere, view), mesh.faces)
            pixels.append(seen.pixels[:, 1] * WIDTH_PX + seen.pixels[:, 0])
            corners.append(mesh.faces[seen.faces] + first)
            weights.append(seen.weights)
    return Surface(meshes, np.concatenate(pixels), np.concatenate(corners), np.concatenate(weights))


def projected(points: Floats, hemisphere: Hemisphere, view: str) -> Floats:
    """(n, 3) mm -> (n, 3) pixels of the sheet: right, down, and toward the viewer; parallel lines stay parallel."""
    right, up = (np.array(axis, np.float64) for axis in _AXES[_VIEWS[hemisphere][view]])
    middle = np.array([*_MIDDLES[hemisphere][view], 0.0])
    seen: Floats = points @ np.stack([right, -up, np.cross(right, up)], axis=1) * _PX_PER_MM + middle
    return seen


def rasterise(points: Floats, faces: Ints) -> Raster:
    """The frontmost face at every pixel's centre, by a depth buffer.

    Parameters
    ----------
    points : (n_vertices, 3), right, down, toward the viewer, in pixels.
    """
    corners = points[faces]
    area = _twice_area(corners[:, 0], corners[:, 1], corners[:, 2])
    facing = np.flatnonzero(np.abs(area) > 1e-9)
    low = np.floor(corners[facing, :, :2].min(axis=1)).astype(np.int64)
    high = np.ceil(corners[facing, :, :2].max(axis=1)).astype(np.int64)
    found = []
    for offset in np.ndindex(*(high - low).max(axis=0)[::-1] + 1):  # few: the faces are small
        pixels = low + offset[::-1]
        near = (pixels <= high).all(axis=1)
        shares = _shares(pixels[near] + 0.5, corners[facing[near]], area[facing[near]])
        inside = (shares >= 0).all(axis=1)
        found.append((pixels[near][inside], facing[near][inside], shares[inside]))
    return _frontmost(Raster(*(np.concatenate(parts) for parts in zip(*found, strict=True))), corners[:, :, 2])


def _twice_area(a: Floats, b: Floats, c: Floats) -> Floats:
    area: Floats = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
    return area


def _shares(centres: Floats, corners: Floats, area: Floats) -> Floats:
    """Barycentric coordinates of one point in each face; all are 0..1 where it lies inside."""
    a, b, c = corners[:, 0], corners[:, 1], corners[:, 2]
    parts = [_twice_area(centres, b, c), _twice_area(a, centres, c), _twice_area(a, b, centres)]
    shares: Floats = np.stack(parts, axis=1) / area[:, None]
    return shares


def _frontmost(seen: Raster, nearness: Floats) -> Raster:
    """Of several faces at one pixel the one nearest to the viewer."""
    depth = (seen.weights * nearness[seen.faces]).sum(axis=1)
    order = np.lexsort((seen.faces, depth, seen.pixels[:, 0], seen.pixels[:, 1]))
    pixels = seen.pixels[order]
    last = np.append((pixels[1:] != pixels[:-1]).any(axis=1), True)
    kept = order[last]
    return Raster(seen.pixels[kept], seen.faces[kept], seen.weights[kept])
