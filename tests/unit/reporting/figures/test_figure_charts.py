from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from svg_reading import across, elements, parsed, words

from algokit.reporting.figures import Choice, Picture, ceiling_versus_score, depth_histogram, save
from algokit.reporting.figures.colours import PLASMA
from algokit.reporting.figures.picture import kebab, stems
from algokit.reporting.figures.svg import Scale, number, shortened, tick_text
from algokit.scoring import ScoredHemisphere, score
from algokit.types import HEMISPHERES, Ceilings, Predictions, Responses, VertexScores


def choices(n_layers: int, n_vertices: int = 400) -> list[Choice]:
    """Both hemispheres of one subject: early chooses early layers."""
    found = []
    for seed, hemisphere in enumerate(HEMISPHERES):
        rng = np.random.default_rng(seed)
        every = np.arange(n_vertices)
        layer = np.where(every < 150, rng.integers(0, 2, n_vertices), rng.integers(1, n_layers, n_vertices))
        rois = {("all", "all"): every, ("streams", "all"): every[:350], ("streams", "early"): every[:150]}
        rois |= {("streams", "ventral"): every[150:350], ("streams", "lateral"): every[:0]}
        names = tuple(f"layer{index}" for index in range(n_layers))
        zeros = np.zeros(n_vertices, np.int64)
        found.append(Choice("m", "subj01", hemisphere, names, layer, ("2 × 2",), zeros, np.ones(n_vertices), rois))
    return found


def filled(picture: Picture) -> list[ElementTree.Element]:
    """The paths that have a colour of their own."""
    return [one for one in elements(picture, "path") if one.get("fill")]


def drawn_shares(picture: Picture) -> dict[str, dict[float, float]]:
    """Colour -> top of the row -> share in percent, read from the paths."""
    at = across(picture)
    found: dict[str, dict[float, float]] = {}
    for path in filled(picture):
        boxes = re.findall(r"M([\d.]+) ([\d.]+)H([\d.]+)", path.get("d", ""))
        found[path.get("fill", "")] = {float(top): at(float(end)) - at(float(start)) for start, top, end in boxes}
    return found


def test_bars_are_split_by_the_share_of_vertices_that_chose_a_layer() -> None:
    both = choices(6)
    (picture,) = depth_histogram(both)
    tops = {one.text: float(one.get("y", "")) - 11 for one in elements(picture, "text")}
    shares = drawn_shares(picture)
    for roi, vertices in (("all vertices", slice(None)), ("early", slice(0, 150)), ("ventral", slice(150, 350))):
        chosen = np.concatenate([one.layer_index[vertices] for one in both])
        for layer, colour in enumerate(PLASMA.hexes(6)):
            expected = 100 * np.mean(chosen == layer)
            assert shares[colour].get(tops[roi], 0.0) == pytest.approx(expected, abs=0.02)
        assert f"{chosen.mean() / 5:.2f}" in words(picture)


def test_an_roi_without_vertices_has_no_row() -> None:
    (picture,) = depth_histogram(choices(6))
    assert "lateral" not in words(picture) and "lateral" not in picture.alt
    assert {"early", "ventral", "streams"} <= set(words(picture))


def test_five_to_sixty_layers_have_a_key_that_fits() -> None:
    for n_layers in (5, 12, 60):
        (picture,) = depth_histogram(choices(n_layers))
        assert len(picture.data) < 40_000
        last = f"layer{n_layers - 1}"
        assert any(last in one for one in words(picture))
        _, _, width, height = (float(one) for one in str(parsed(picture).get("viewBox")).split())
        for one in elements(picture, "text"):
            assert 0 <= float(one.get("x", "")) <= width and 0 < float(one.get("y", "")) < height - 2


def test_a_member_with_one_layer_has_no_depth() -> None:
    one = choices(3)[0]
    flat = replace(one, layers=("only",), layer_index=np.zeros_like(one.layer_index))
    assert depth_histogram([flat]) == ()


def hemisphere(ceiling: np.ndarray | None, r: np.ndarray) -> VertexScores:
    flags = np.zeros(r.size, bool)
    normalized = None if ceiling is None else np.minimum(np.square(r) / np.maximum(ceiling, 1e-14), 1)
    return VertexScores("subj01", "lh", "test", 5, r, ceiling, normalized, flags, flags, {})


def test_cells_are_where_the_vertices_are() -> None:
    """Cross-check: each vertex's own place on the printed axes lies in a drawn cell, and each cell holds a vertex."""
    rng = np.random.default_rng(0)
    ceiling, r = rng.uniform(0, 0.9, 300), rng.uniform(-0.2, 0.9, 300)
    (picture,) = ceiling_versus_score([hemisphere(ceiling, r)])
    cells = []
    for path in filled(picture):
        cells += re.findall(r"M([\d.]+) ([\d.]+)h([\d.]+)v([\d.]+)", path.get("d", ""))
    boxes = np.array(cells, float)
    texts = [one for one in elements(picture, "text") if re.fullmatch(r"\d+", one.text or "")]
    rows = [(float(one.get("y", "")) - 4, float(one.text or "")) for one in texts if one.get("text-anchor") == "end"]
    columns = [(float(one.get("x", "")), float(one.text or "")) for one in texts if "q" in one.get("class", "").split()]
    columns = [(x, value) for x, value in columns if x > 40]
    to_x, to_y = (np.polyfit([v for _, v in pairs], [p for p, _ in pairs], 1) for pairs in (columns, rows[:6]))
    x = np.polyval(to_x, 100 * ceiling)[:, None]
    y = np.polyval(to_y, 100 * np.square(np.maximum(r, 0)))[:, None]
    slack = 0.05
    inside = (boxes[:, 0] - slack <= x) & (x <= boxes[:, 0] + boxes[:, 2] + slack)
    inside &= (boxes[:, 1] - slack <= y) & (y <= boxes[:, 1] + boxes[:, 3] + slack)
    assert inside.any(axis=1).all() and inside.any(axis=0).all()


def test_the_density_tells_its_numbers() -> None:
    ceiling, r = np.array([0.0, 0.5, 0.4, 0.8]), np.array([0.3, 0.5, 0.7, -0.5])
    (picture,) = ceiling_versus_score([hemisphere(ceiling, r)])
    assert "4 vertices; median ceiling 45.0 %, median squared r 17.0 %" in picture.alt
    assert "2 vertices reach their ceiling, 1 have a ceiling of exactly 0" in picture.alt
    assert len(re.findall("%", picture.alt)) == 2  # no other share that a reader could take for the score


def test_vertices_at_their_ceiling_are_those_that_the_scores_count_at_the_cap() -> None:
    """Also where there is nothing to explain: a ceiling of 0 is reached by luck, not by a squared r of 0."""
    rng, ids = np.random.default_rng(2), np.arange(30)
    measured = rng.standard_normal((30, 40)).astype(np.float32)
    predicted = (measured + rng.standard_normal(measured.shape)).astype(np.float32)
    predicted[:, 0] = predicted[:, 1] = -measured[:, 1]
    predicted[:, 2] = 1.0
    ceiling = np.concatenate([np.zeros(4), rng.uniform(0.2, 0.9, 36)])
    scored = score(
        [
            ScoredHemisphere(
                Predictions(predicted, ids, "subj01", "lh", "test"),
                Responses(measured, ids, "subj01", "lh", "test"),
                Ceilings(ceiling, "subj01", "lh", "test", "made up"),
                [],
            )
        ]
    )
    (picture,) = ceiling_versus_score(scored.vertices)
    r = np.array([np.corrcoef(measured[:, one], predicted[:, one])[0, 1] for one in range(40) if one != 2])
    n_capped = int(np.sum((r > 0) & (r**2 >= np.delete(ceiling, 2))))
    assert 1 < n_capped < 36 and scored.n_clipped == n_capped
    assert f"{n_capped} vertices reach their ceiling, 4 have a ceiling of exactly 0" in picture.caption


def test_no_ceilings_no_density() -> None:
    assert ceiling_versus_score([hemisphere(None, np.array([0.1]))]) == ()
    assert ceiling_versus_score([]) == ()


def test_saving_replaces_its_own_files_and_no_other(tmp_path: Path) -> None:
    (tmp_path / "other.svg").write_text("mine")
    (tmp_path / "a.svg").write_text("old")
    pictures = [Picture("a", b"<svg/>", "svg", 1, 1, "", ""), Picture("b", b"\x89PNG", "png", 1, 1, "", "")]
    assert save(pictures, tmp_path) == [tmp_path / "a.svg", tmp_path / "b.png"]
    contents = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert contents == {"a.svg": b"<svg/>", "b.png": b"\x89PNG", "other.svg": b"mine"}


def test_file_stems_are_plain_and_one_of_a_kind() -> None:
    assert kebab("CLIP ViT-L/14", "../x") == "clip-vit-l-14-x"
    assert kebab("***") == "unnamed"
    found = stems(["a b", "a-b", "A.B", "c", "a b"], taken="c")
    assert found == {"a b": "a-b", "a-b": "a-b-2", "A.B": "a-b-3", "c": "c-2"}


@pytest.mark.parametrize(("low", "high"), [(0, 100), (0, 0.7), (-0.4, 0.9), (0, 1e-3), (3, 41000)])
def test_ticks_are_few_and_inside(low: float, high: float) -> None:
    ticks = Scale(low, high, 0, 100).ticks()
    assert 3 <= len(ticks) <= 8
    assert low - 1e-9 <= min(ticks) and max(ticks) <= high * (1 + 1e-9)
    assert all(len(tick_text(round(tick, 6))) <= 6 for tick in ticks)


def test_numbers_are_short() -> None:
    shown = {12.0: "12", 12.5: "12.5", 0.333: "0.33", -0.001: "0", 100.0: "100", -3.25: "-3.25"}
    assert {value: number(value) for value in shown} == shown


def test_long_names_keep_both_ends() -> None:
    assert shortened("transformer.resblocks.11.ln_2", 15) == "transfo…11.ln_2"
    assert shortened("blocks.11", 15) == "blocks.11"
