from __future__ import annotations

import numpy as np
import pytest
from made_up_subject import patch
from scipy.ndimage import label

from algokit.reporting.figures import Surface
from algokit.reporting.figures.spreading import spread
from algokit.reporting.figures.surface import HEIGHT_PX, WIDTH_PX, projected, rasterise
from algokit.types import HEMISPHERES, Hemisphere


def visible(surface: Surface, hemisphere: Hemisphere, view: str) -> np.ndarray:
    """Vertices of the faces in front."""
    mesh = surface.meshes[hemisphere]
    return np.unique(mesh.faces[rasterise(projected(mesh.inflated, hemisphere, view), mesh.faces).faces])


@pytest.mark.parametrize("hemisphere", HEMISPHERES)
def test_the_meshes_are_fsaverage5s(surface: Surface, hemisphere: Hemisphere) -> None:
    mesh = surface.meshes[hemisphere]
    assert mesh.inflated.shape == mesh.sphere.shape == (10242, 3)
    assert mesh.faces.shape == (20480, 3) and mesh.faces.max() == 10241  # Euler: V - E + F = 2 with E = 3 F / 2
    assert np.linalg.norm(mesh.sphere, axis=1) == pytest.approx(np.full(10242, 100.0), abs=0.01)
    assert mesh.sulcal_depth.shape == (10242,)


@pytest.mark.parametrize("hemisphere", HEMISPHERES)
def test_each_view_shows_the_side_it_is_named_after(surface: Surface, hemisphere: Hemisphere) -> None:
    points = surface.meshes[hemisphere].inflated
    outward = -1 if hemisphere == "lh" else 1  # x grows from left to right
    lateral, medial, ventral, posterior = (
        points[visible(surface, hemisphere, view)].mean(axis=0)
        for view in ("lateral", "medial", "ventral", "posterior")
    )
    assert outward * lateral[0] > 10 > -10 > outward * medial[0]
    assert ventral[2] < -5
    assert posterior[1] < -5


def test_nothing_is_mirrored(surface: Surface) -> None:
    """Right, up and toward the viewer are a right-handed frame, as left to right, back to front and up are."""
    for hemisphere in HEMISPHERES:
        for view in ("lateral", "medial", "ventral", "posterior"):
            origin, *axes = projected(np.vstack([np.zeros(3), np.eye(3)]), hemisphere, view)
            frame = (np.array(axes) - origin) * (1, -1, 1)  # down becomes up
            assert np.linalg.det(frame) > 0


def test_the_occipital_pole_lies_where_a_reader_expects_it(surface: Surface) -> None:
    for hemisphere in HEMISPHERES:
        points = surface.meshes[hemisphere].inflated
        pole = points[:, 1].argmin()
        lateral, medial, ventral = (projected(points, hemisphere, view) for view in ("lateral", "medial", "ventral"))
        is_rightmost = [seen[pole, 0] == seen[:, 0].max() for seen in (lateral, medial)]
        is_leftmost = [seen[pole, 0] == seen[:, 0].min() for seen in (lateral, medial)]
        assert is_rightmost == ([True, False] if hemisphere == "lh" else [False, True])
        assert is_leftmost == [not one for one in is_rightmost]
        assert ventral[pole, 1] == ventral[:, 1].min()


@pytest.mark.parametrize(("hemisphere", "view"), [("lh", "lateral"), ("rh", "ventral"), ("rh", "posterior")])
def test_the_face_at_a_pixel_is_the_frontmost_by_brute_force(
    surface: Surface, hemisphere: Hemisphere, view: str
) -> None:
    """Cross-check: a ray through every tried pixel against all faces, solving for the crossing point."""
    mesh = surface.meshes[hemisphere]
    points = projected(mesh.inflated, hemisphere, view)
    seen = rasterise(points, mesh.faces)
    a, b, c = (points[mesh.faces[:, corner]] for corner in range(3))
    edges = np.stack([b - a, c - a, np.broadcast_to([0.0, 0, 1], a.shape)], axis=2)
    solvable = np.abs(np.linalg.det(edges)) > 1e-9
    for index in np.random.default_rng(1).choice(len(seen.pixels), 60, replace=False):
        target = np.append(seen.pixels[index] + 0.5, 0.0)
        u, v, below = np.linalg.solve(edges[solvable], (target - a[solvable])[:, :, None])[:, :, 0].T
        hits = np.flatnonzero((u >= 0) & (v >= 0) & (u + v <= 1))
        nearest = hits[(-below[hits]).argmax()]
        assert np.flatnonzero(solvable)[nearest] == seen.faces[index]
        assert seen.weights[index] == pytest.approx([1 - u[nearest] - v[nearest], u[nearest], v[nearest]], abs=1e-6)


def test_views_fit_on_the_sheet_without_touching(surface: Surface) -> None:
    assert len(np.unique(surface.pixels)) == len(surface.pixels)
    rows, columns = np.divmod(surface.pixels, WIDTH_PX)
    assert rows.min() > 0 and rows.max() < HEIGHT_PX - 1
    assert columns.min() > 0 and columns.max() < WIDTH_PX - 1
    seen = np.zeros((HEIGHT_PX, WIDTH_PX), bool)
    seen.ravel()[surface.pixels] = True
    assert label(seen)[1] == 8


def test_a_dense_patch_is_drawn_as_it_is(surface: Surface) -> None:
    index = patch(surface, "lh")
    result = spread(surface.meshes["lh"], np.arange(index.size, dtype=float), index)
    assert result.rings == 0
    assert np.array_equal(np.flatnonzero(np.isfinite(result.values)), index)
    assert np.array_equal(result.values[index], np.arange(index.size))


def test_a_sparse_patch_is_filled_from_the_nearest_and_no_farther(surface: Surface) -> None:
    mesh, rng = surface.meshes["rh"], np.random.default_rng(0)
    index = np.sort(rng.choice(patch(surface, "rh"), 120, replace=False))
    values = rng.standard_normal(index.size)
    result = spread(mesh, values, index)
    distance = np.linalg.norm(mesh.sphere[:, None] - mesh.sphere[index], axis=2)  # brute force
    edges = np.linalg.norm(mesh.sphere[mesh.faces[:, 0]] - mesh.sphere[mesh.faces[:, 1]], axis=1)
    within = distance.min(axis=1) < result.rings * edges.mean() * 1.001
    assert 1 < result.rings <= 4
    assert np.array_equal(np.isfinite(result.values), within)
    nearest = values[distance.argmin(axis=1)]
    assert np.mean(result.values[within] == nearest[within]) > 0.99  # ties may go either way
    assert np.array_equal(result.values[index], values)
    gaps = np.isnan(result.values[patch(surface, "rh")]).mean()
    assert gaps < 0.25  # the radius suits the density: the patch all but closes


def test_vertices_that_fsaverage5_lacks_are_counted_and_not_drawn(surface: Surface) -> None:
    index = np.array([5, 10241, 10242, 163841])
    result = spread(surface.meshes["lh"], np.array([1.0, np.nan, 3.0, 4.0]), index)
    assert (result.n_given, result.n_drawn) == (3, 1)
    assert set(result.values[np.isfinite(result.values)]) == {1.0}


def test_nothing_measured_colours_nothing(surface: Surface) -> None:
    result = spread(surface.meshes["lh"], np.array([1.0]), np.array([20_000]))
    assert not np.isfinite(result.values).any()
