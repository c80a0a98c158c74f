from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from made_up_subject import LAYERS, choice, vertex_scores
from svg_reading import SVG, elements, parsed, sheet, words

from algokit.errors import UsageError
from algokit.reporting.figures import (
    MAPS_NOTE,
    Choice,
    Picture,
    Surface,
    alpha_maps,
    brain_maps,
    choice_of,
    grid_maps,
    layer_maps,
)
from algokit.reporting.figures.colours import MAGMA, PLASMA, VIRIDIS
from algokit.reporting.figures.surface import HEIGHT_PX, N_VERTICES, WIDTH_PX
from algokit.types import HEMISPHERES, FitRecord, VertexScores

GREYS = {(196, 196, 196), (158, 158, 158), (104, 104, 104)}


@pytest.fixture(scope="module")
def vertices(surface: Surface) -> list[VertexScores]:
    """Two subjects."""
    return [
        vertex_scores(surface, subject, hemisphere, seed)
        for seed, subject in enumerate(("subj01", "subj06"))
        for hemisphere in HEMISPHERES
    ]


@pytest.fixture(scope="module")
def choices(vertices: list[VertexScores]) -> list[Choice]:
    return [choice(one, seed=seed) for seed, one in enumerate(vertices)]


def at_vertices(surface: Surface, picture: Picture) -> dict[int, tuple[int, ...]]:
    """Vertex (those of rh after those of lh) -> RGBA of the pixel that lies nearest to it, if one is near."""
    pixels = np.asarray(sheet(picture).convert("RGBA")).reshape(-1, 4)
    near = surface.weights.argmax(axis=1)
    weight = surface.weights.max(axis=1)
    vertex = surface.corners[np.arange(near.size), near]
    best = np.lexsort((weight, vertex))
    best = best[np.append(vertex[best][1:] != vertex[best][:-1], True)]
    best = best[weight[best] > 0.97]
    return {int(vertex[one]): tuple(pixels[surface.pixels[one]].tolist()) for one in best}


def drawn_values(vertices: list[VertexScores], values: list[np.ndarray]) -> dict[int, float]:
    """Vertex of the sheet -> value, for what fsaverage5 has."""
    found = {}
    for one, those in zip(vertices, values, strict=True):
        assert one.fsaverage_index is not None
        for index, value in zip(one.fsaverage_index.tolist(), those.tolist(), strict=True):
            if index < N_VERTICES:
                found[index + N_VERTICES * (one.hemisphere == "rh")] = value
    return found


def colour_distance(a: tuple[int, ...], b: tuple[int, ...]) -> int:
    return max(abs(x - y) for x, y in zip(a[:3], b[:3], strict=True))


def test_a_vertex_has_the_colour_of_its_score(surface: Surface, vertices: list[VertexScores]) -> None:
    picture = brain_maps(surface, vertices)[1]
    assert picture.name == "noise-normalized-map-subj01"
    values = drawn_values(vertices[:2], [one.normalized for one in vertices[:2]])  # type: ignore[misc]
    seen = {vertex: rgba for vertex, rgba in at_vertices(surface, picture).items() if rgba[:3] not in GREYS}
    assert len(seen) > 100 and set(seen) <= set(values)
    for vertex, rgba in seen.items():
        assert colour_distance(rgba, tuple(VIRIDIS.rgb([values[vertex]])[0].tolist())) <= 12  # of 64 colours


def test_what_has_no_score_stays_grey(surface: Surface, vertices: list[VertexScores]) -> None:
    picture = brain_maps(surface, vertices)[1]
    values = drawn_values(vertices[:2], [one.pearson_r for one in vertices[:2]])
    for vertex, rgba in at_vertices(surface, picture).items():
        assert (rgba[:3] in GREYS) == (vertex not in values) or rgba[:3] == (104, 104, 104)


def test_the_ground_is_transparent_and_the_brain_is_not(surface: Surface, vertices: list[VertexScores]) -> None:
    image = sheet(brain_maps(surface, vertices)[0])
    assert (image.size, image.mode) == ((WIDTH_PX, HEIGHT_PX), "P")
    alpha = np.asarray(image.convert("RGBA"))[:, :, 3].ravel()
    assert set(np.unique(alpha)) == {0, 255}
    assert np.array_equal(np.flatnonzero(alpha), np.sort(surface.pixels))


def test_the_mean_map_is_over_the_subjects_that_have_the_vertex(surface: Surface, vertices: list[VertexScores]) -> None:
    left, right = ([one for one in vertices if one.hemisphere == hemisphere] for hemisphere in HEMISPHERES)
    halved = np.where(np.arange(2400) % 2, left[1].fsaverage_index, 200_000)  # type: ignore[call-overload]
    picture = brain_maps(surface, [left[0], replace(left[1], fsaverage_index=halved), *right], "noise_ceiling")[0]
    top = max(float(one.text or "nan") for one in elements(picture, "text") if (one.text or "").isdigit())
    means = [(a.ceiling + b.ceiling) / 2 for a, b in (left, right)]  # type: ignore[operator]
    means[0] = np.where(np.arange(2400) % 2, means[0], left[0].ceiling)  # type: ignore[arg-type]
    expected = drawn_values([left[0], right[0]], means)  # both subjects have the very same patch
    seen = {vertex: rgba for vertex, rgba in at_vertices(surface, picture).items() if rgba[:3] not in GREYS}
    assert len(seen) > 100 and set(seen) <= set(expected)
    for vertex, rgba in seen.items():
        assert colour_distance(rgba, tuple(VIRIDIS.rgb([100 * expected[vertex] / top])[0].tolist())) <= 12


def test_layers_have_the_colour_of_their_place_in_the_order(surface: Surface, choices: list[Choice]) -> None:
    picture = layer_maps(surface, choices)[1]
    hexes = PLASMA.hexes(len(LAYERS))
    exact = {tuple(int(one[at : at + 2], 16) for at in (1, 3, 5)) for one in hexes}
    colours = {rgba[:3] for rgba in at_vertices(surface, picture).values()}
    assert colours <= exact | GREYS and len(colours & exact) == len(LAYERS)  # categories never mix
    assert "1 = blocks.0" in words(picture) and "24 = blocks.23" in words(picture)


def test_between_two_layers_no_third_one_is_drawn(surface: Surface, choices: list[Choice]) -> None:
    one = replace(choices[0], layer_index=np.where(np.arange(2400) % 2, 0, len(LAYERS) - 1))
    colours = sheet(layer_maps(surface, [one])[0]).convert("RGB").getcolors()
    assert colours is not None and len(colours) == 2 + len(GREYS) + 1


def test_grids_are_in_the_order_of_their_size_and_the_others_last(choices: list[Choice]) -> None:
    assert choices[0].grids == ("2 × 2", "4 × 4", "cls")


def test_the_median_of_two_subjects_is_a_layer_that_one_of_them_chose(
    surface: Surface, vertices: list[VertexScores]
) -> None:
    shallow, deep = (
        replace(choice(one), layer_index=np.full(one.pearson_r.size, layer))
        for one, layer in ((vertices[0], 3), (vertices[2], 20))
    )
    picture = layer_maps(surface, [shallow, deep])[0]
    wanted = PLASMA.hexes(24)[3]
    colours = {rgba[:3] for rgba in at_vertices(surface, picture).values()} - GREYS
    assert picture.name == "layer-map-eva-median"
    assert colours == {tuple(int(wanted[at : at + 2], 16) for at in (1, 3, 5))}


def test_penalties_are_drawn_by_their_powers_of_ten(surface: Surface, choices: list[Choice]) -> None:
    picture = alpha_maps(surface, choices)[1]
    assert {"1e0", "1e3", "1e6"} <= set(words(picture))
    assert "from 1 to 1e+06" in picture.alt


def test_penalties_of_several_subjects_are_averaged_by_their_powers(
    surface: Surface, vertices: list[VertexScores]
) -> None:
    """1 and 10,000: the geometric mean is 100, halfway along the key; the mean would be 5000, at its end."""
    two = [
        replace(choice(one), alpha=np.full(one.pearson_r.size, alpha))
        for one, alpha in ((vertices[0], 1.0), (vertices[2], 10_000.0))
    ]
    picture = alpha_maps(surface, two)[0]
    colours = {rgba[:3] for rgba in at_vertices(surface, picture).values()} - GREYS
    assert max(colour_distance(colour, tuple(MAGMA.rgb([0.5])[0].tolist())) for colour in colours) <= 12
    assert "geometric mean over the subjects" in picture.caption
    assert "geometric mean of 2 subjects" in words(picture)
    assert picture.name == "alpha-map-eva-mean"  # the page knows the map over subjects by its end


@pytest.mark.parametrize("n_powers", [1, 2, 6, 7, 13])
def test_the_numbers_of_a_key_stand_apart_under_their_ticks(
    surface: Surface, choices: list[Choice], n_powers: int
) -> None:
    alpha = 10.0 ** (np.arange(choices[0].alpha.size) % (n_powers + 1))
    (picture,) = alpha_maps(surface, [replace(choices[0], alpha=alpha)])
    texts = [one for one in elements(picture, "text") if re.fullmatch(r"1e\d+", one.text or "")]
    powers = [int((one.text or "")[2:]) for one in texts]
    places = [float(one.get("x", "")) for one in texts]
    assert {one.get("text-anchor") for one in texts} == {"middle"}
    assert [float(one.get("x1", "")) for one in elements(picture, "line", "axis")] == places
    boxes = [one for one in elements(picture, "rect") if one.get("height") == "10"]
    start = float(boxes[0].get("x", ""))
    width = float(boxes[0].get("width", ""))
    assert places == pytest.approx([start + width * power / n_powers for power in powers], abs=0.02)
    halves = [0.6 * 11 * len(one.text or "") / 2 for one in texts]
    gaps = np.diff(places) - np.add(halves[1:], halves[:-1])
    assert gaps.min() > 3
    assert places[-1] + halves[-1] <= 360


def test_vertices_without_a_penalty_have_no_colour(surface: Surface, choices: list[Choice]) -> None:
    none = [replace(one, alpha=np.zeros_like(one.alpha)) for one in choices]
    assert alpha_maps(surface, none) == ()
    one = replace(choices[0], alpha=np.where(np.arange(choices[0].alpha.size) < 300, 10.0, 0.0))
    colours = [rgba[:3] for rgba in at_vertices(surface, alpha_maps(surface, [one])[0]).values()]
    assert 0 < sum(colour not in GREYS for colour in colours) <= 300


def test_what_cannot_be_drawn_is_absent(surface: Surface, vertices: list[VertexScores], choices: list[Choice]) -> None:
    assert brain_maps(surface, [replace(one, fsaverage_index=None) for one in vertices]) == ()
    assert brain_maps(surface, [replace(one, normalized=None) for one in vertices]) == ()
    assert layer_maps(surface, [replace(one, fsaverage_index=None) for one in choices]) == ()
    assert brain_maps(surface, []) == layer_maps(surface, []) == alpha_maps(surface, []) == ()
    one_grid = [replace(one, grids=("2 × 2",), grid_index=np.zeros_like(one.grid_index)) for one in choices]
    assert grid_maps(surface, one_grid) == ()
    one_layer = [replace(one, layers=("only",), layer_index=np.zeros_like(one.layer_index)) for one in choices]
    assert layer_maps(surface, one_layer) == ()


def test_one_hemisphere_alone_leaves_the_other_grey(surface: Surface, vertices: list[VertexScores]) -> None:
    (picture,) = brain_maps(surface, [vertices[1]], "pearson_r")
    assert all(rgba[:3] in GREYS for vertex, rgba in at_vertices(surface, picture).items() if vertex < N_VERTICES)
    assert "Left" not in picture.alt and "Right hemisphere: mean" in picture.alt


def test_the_numbers_are_told_in_words(surface: Surface, vertices: list[VertexScores]) -> None:
    picture = brain_maps(surface, vertices)[1]
    left = vertices[0].normalized
    assert left is not None
    assert f"Left hemisphere: mean {100 * left.mean():.1f} %" in picture.alt
    assert "2400 of 4800 vertices with a value are drawn" in picture.caption
    assert "filled" not in picture.caption
    assert {"0", "50", "100", "lateral", "medial", "ventral", "posterior"} <= set(words(picture))


def test_what_is_alike_in_all_maps_is_said_once(
    surface: Surface, vertices: list[VertexScores], choices: list[Choice]
) -> None:
    captions = [one.caption for one in (*brain_maps(surface, vertices), *alpha_maps(surface, choices[:2]))]
    for word in ("fsaverage5", "nearest", "Grey", "ventral", "occipital pole", "key"):
        assert word in MAPS_NOTE
        assert not any(word in caption for caption in captions)


def test_a_ceiling_that_is_no_number_is_not_drawn(surface: Surface, vertices: list[VertexScores]) -> None:
    one = vertices[0]
    ceiling = np.where(np.arange(2400) < 1000, np.nan, one.ceiling)  # type: ignore[arg-type]
    (picture,) = brain_maps(surface, [replace(one, ceiling=ceiling)], "noise_ceiling")
    assert " of 1400 vertices with a value" in picture.caption and "nan" not in picture.alt


def test_a_sparse_map_says_how_far_it_is_filled(surface: Surface, vertices: list[VertexScores]) -> None:
    one, kept = vertices[0], np.arange(0, 2400, 20)
    assert one.normalized is not None and one.fsaverage_index is not None
    thin = replace(
        one, pearson_r=one.pearson_r[kept], normalized=one.normalized[kept], fsaverage_index=one.fsaverage_index[kept]
    )
    (picture,) = brain_maps(surface, [thin])
    assert re.search(r"60 of 120 vertices with a value are drawn, gaps filled within [\d.]+ edges", picture.caption)


def test_maps_of_eight_subjects_stay_small(surface: Surface) -> None:
    """Score maps of all and the maps over subjects of everything else: what a page can show at once."""
    vertices = [
        vertex_scores(surface, f"subj{number:02d}", hemisphere, number)
        for number in range(1, 9)
        for hemisphere in HEMISPHERES
    ]
    choices = [choice(one, seed=seed) for seed, one in enumerate(vertices[:4])]
    score_maps = brain_maps(surface, vertices)
    assert len(score_maps) == 9
    pooled = [brain_maps(surface, vertices[:4], "noise_ceiling")[0]]
    pooled += [draw(surface, choices)[0] for draw in (layer_maps, grid_maps, alpha_maps)]
    assert sum(len(one.data) for one in (*score_maps, *pooled)) < 1_500_000
    assert max(len(one.data) for one in (*score_maps, *pooled)) < 120_000


def test_the_same_numbers_make_the_same_bytes(surface: Surface, vertices: list[VertexScores]) -> None:
    assert brain_maps(surface, vertices) == brain_maps(surface, vertices)


HOSTILE = "<script>x</script>&'\"" + "L" * 200


def test_hostile_layers_and_members_stay_words(surface: Surface, vertices: list[VertexScores]) -> None:
    one = choice(vertices[0], n_layers=3)
    bad = replace(one, member=HOSTILE, layers=(HOSTILE, "b", "c"))
    for draw in (layer_maps, grid_maps, alpha_maps):
        (picture,) = draw(surface, [bad])
        tags = {element.tag.removeprefix(SVG) for element in parsed(picture).iter()}
        assert tags <= {"svg", "title", "desc", "style", "text", "image", "rect", "line", "path", "g"}


def test_choices_of_another_challenge_are_refused(vertices: list[VertexScores]) -> None:
    one = vertices[0]
    spaces = [{"name": "a@cls", "layer": "a", "pooling": {"kind": "cls_token"}}]
    record = FitRecord("m", "subj01", "lh", ("a@cls",), np.zeros(7, np.int64), np.ones(7), np.zeros(7, np.float32))
    with pytest.raises(UsageError) as refused:
        choice_of(record, spaces, rois=one.rois, fsaverage_index=one.fsaverage_index)
    assert len(refused.value.findings) == 2
    with pytest.raises(UsageError, match="damaged"):
        choice_of(record, [{**spaces[0], "name": "b@cls"}], rois={})
