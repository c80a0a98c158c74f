"""Pictures are read on a telephone, on white and on black."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from made_up_subject import choice, pooled, row, scores, vertex_scores
from PIL import ImageFont
from svg_reading import SVG, elements, parsed

import algokit.reporting
from algokit.reporting.figures import (
    Picture,
    Surface,
    alpha_maps,
    brain_maps,
    ceiling_versus_score,
    depth_histogram,
    grid_maps,
    layer_maps,
    roi_bars,
    subject_bars,
)
from algokit.types import HEMISPHERES

PLATE_PX = 328  # what a page 360 pixels wide leaves a picture


@pytest.fixture(scope="module")
def pictures(surface: Surface) -> tuple[Picture, ...]:
    """One of every kind, with and without noise ceilings."""
    vertices = [vertex_scores(surface, name, one) for name in ("subj01", "subj06") for one in HEMISPHERES]
    many, few = ([choice(one, n_layers) for one in vertices] for n_layers in (24, 4))
    found: list[Picture] = []
    for metric, value in (("noise_normalized_mean", 60.0), ("pearson_r_mean", 0.3)):
        rois = [row(roi, value, metric=metric, low=value / 2, high=value) for roi in ("V1v", "all")]
        sides = [row("all", value, roi_class="all", metric=metric, hemisphere=one) for one in HEMISPHERES]
        found += [*roi_bars(made := scores(pooled(value, metric), *rois, *sides)), *subject_bars(made)]
    found += [*ceiling_versus_score(vertices), *depth_histogram(many), *depth_histogram(few)]
    found += [*brain_maps(surface, vertices[:2]), *alpha_maps(surface, few)]
    for draw in (layer_maps, grid_maps):
        found += [*draw(surface, many[:2]), *draw(surface, few[:2])]
    return tuple(found)


def font_px(picture: Picture, one: ElementTree.Element) -> float:
    style = parsed(picture).findtext(SVG + "style") or ""
    small = "s" in one.get("class", "").split()
    found = re.search(r" \.s\{font-size:([\d.]+)px" if small else r"font:([\d.]+)px", style)
    assert found
    return float(found[1])


def test_words_are_large_enough_on_a_telephone_and_grow_with_the_page(pictures: tuple[Picture, ...]) -> None:
    for picture in pictures:
        _, _, width, height = (float(one) for one in str(parsed(picture).get("viewBox")).split())
        smallest = min(font_px(picture, one) for one in elements(picture, "text"))
        assert smallest * PLATE_PX / width >= 9.5
        assert smallest * picture.width_px / width >= 12
        assert picture.height_px / height == pytest.approx(picture.width_px / width, abs=0.01)
        assert (parsed(picture).get("width"), parsed(picture).get("height")) == (
            str(picture.width_px),
            str(picture.height_px),
        )


def test_words_stay_inside_and_beside_each_other(pictures: tuple[Picture, ...]) -> None:
    """Cross-check: as wide as a real font draws them, that of Pillow, and a tenth more."""
    for picture in pictures:
        _, _, width, height = (float(one) for one in str(parsed(picture).get("viewBox")).split())
        lines: dict[str, list[tuple[float, float, str]]] = {}
        for one in level_texts(picture):
            words = one.text or ""
            long = 1.1 * ImageFont.load_default(font_px(picture, one)).getlength(words)
            share = {None: 0.0, "middle": 0.5, "end": 1.0}[one.get("text-anchor")]
            left = float(one.get("x", "")) - share * long
            assert left >= 0 and left + long <= width, words
            assert 10 <= float(one.get("y", "")) <= height - 2
            lines.setdefault(one.get("y", ""), []).append((left, left + long, words))
        for line in lines.values():
            for before, after in pairwise(sorted(line)):
                assert before[1] < after[0], (before, after)


def level_texts(picture: Picture) -> list[ElementTree.Element]:
    root = parsed(picture)
    turned = {one for group in root.iter() if group.get("transform") for one in group.iter()}
    return [one for one in root.iter(SVG + "text") if one not in turned]


def luminance(colour: np.ndarray) -> float:
    """WCAG 2.2, relative luminance of an sRGB colour 0..255."""
    share = colour / 255
    return float(np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4) @ (0.2126, 0.7152, 0.0722))


def contrast(a: np.ndarray, b: np.ndarray) -> float:
    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


def rgb(colour: str) -> np.ndarray:
    return np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)], float)


def boxes(path: str) -> list[tuple[float, float, float, float]]:
    """Left, top, right, bottom of every box of a path."""
    found = []
    for x, y, across, right, down in re.findall(r"M([\d.]+) ([\d.]+)(h|H)([\d.]+)v([\d.]+)", path):
        end = float(right) + (float(x) if across == "h" else 0.0)
        found.append((float(x), float(y), end, float(y) + float(down)))
    return found


def test_the_line_around_marks_stands_out_on_the_pages_white_and_black(pictures: tuple[Picture, ...]) -> None:
    """WCAG 1.4.11: 3 to 1, with the paper and the ink that the page has in either mode."""
    css = (Path(algokit.reporting.__file__).parent / "templates" / "report.css").read_text()
    papers, inks = (re.findall(rf"--{name}: (#[0-9a-f]{{6}})", css)[:2] for name in ("paper", "ink"))
    assert len(papers) == len(inks) == 2
    style = parsed(pictures[0]).findtext(SVG + "style") or ""
    found = re.search(r"\.halo\{fill:none;stroke:currentColor;stroke-width:([\d.]+);opacity:([\d.]+)\}", style)
    assert found and float(found[1]) >= 2  # its inner half lies below the mark
    for paper, ink in zip(papers, inks, strict=True):
        line = float(found[2]) * rgb(ink) + (1 - float(found[2])) * rgb(paper)
        assert contrast(line, rgb(paper)) >= 3


def test_every_mark_of_a_colour_map_has_that_line_around_it(pictures: tuple[Picture, ...]) -> None:
    n_marks = 0
    for picture in pictures:
        root = list(parsed(picture).iter())
        halos = [one for one in root if one.get("class") == "halo"]
        around = np.array([box for one in halos for box in boxes(one.get("d", ""))]).reshape(-1, 4)
        marks = [one for one in root if str(one.get("fill")).startswith("#")]
        assert not marks or root.index(halos[0]) < root.index(marks[0])  # below, so that it never covers a colour
        for one in marks:
            if one.tag.endswith("rect"):
                x, y, width, height = (float(one.get(name, "")) for name in ("x", "y", "width", "height"))
                drawn = [(x, y, x + width, y + height)]
            else:
                drawn = boxes(one.get("d", ""))
            for left, top, right, bottom in drawn:
                inside = (around[:, 0] <= left + 0.02) & (around[:, 1] <= top + 0.02)
                inside &= (around[:, 2] >= right - 0.02) & (around[:, 3] >= bottom - 0.02)
                assert inside.any(), picture.name
                n_marks += 1
    assert n_marks > 200
