from __future__ import annotations

import itertools
import re
import xml.etree.ElementTree as ET

import pytest

from algokit.reporting.figures.curves import Axes, Line, curves_picture, short_number
from algokit.reporting.figures.gains import gains_picture

AXES = Axes("training images", "r2 (fraction)", is_log=True)
SVG = "{http://www.w3.org/2000/svg}"


def line(label: str, last: float, limit: float | None = None) -> Line:
    y = (0.1, 0.2, last)
    return Line(label, (30.0, 100.0, 300.0), y, tuple(one - 0.01 for one in y), tuple(one + 0.01 for one in y), limit)


def words(markup: bytes) -> list[tuple[str, float, float]]:
    return [
        ("".join(one.itertext()), float(one.get("x", 0)), float(one.get("y", 0)))
        for one in ET.fromstring(markup).iter(f"{SVG}text")
    ]


def test_every_line_is_named_at_its_end_and_names_do_not_overlap() -> None:
    lines = [line(f"roi {index}", 0.5 + 0.0001 * index) for index in range(9)]
    picture = curves_picture("name", lines, AXES, title="A title", how="How.")
    labels = [(y, word) for word, _, y in words(picture.data) if word.startswith("roi")]
    assert len(labels) == 9
    heights = sorted(y for y, _ in labels)
    assert all(after - before >= 11.9 for before, after in itertools.pairwise(heights))
    assert [word for _, word in sorted(labels)] == [f"roi {index}" for index in reversed(range(9))]


def test_axes_are_named_with_their_units_and_have_round_ticks() -> None:
    picture = curves_picture("name", [line("a", 0.5)], AXES, title="A title", how="How.")
    found = [word for word, _, _ in words(picture.data)]
    assert {"training images, logarithmic", "r2 (fraction)", "50", "100", "200"} <= set(found)


def test_a_limit_is_drawn_and_inside_the_scale() -> None:
    without, with_limit = (
        curves_picture("name", [line("a", 0.5, limit)], AXES, title="A title", how="How.").data.decode()
        for limit in (None, 0.9)
    )
    assert "stroke-dasharray" not in without and with_limit.count("stroke-dasharray") == 1
    (level,) = re.findall(r'd="M[\d.]+ ([\d.]+)H[\d.]+"', with_limit)
    assert 34 < float(level) < 270


def test_the_words_for_those_who_cannot_see_it_have_the_numbers() -> None:
    picture = curves_picture("name", [line("V1", 0.5), line("IT", 0.4)], AXES, title="A title", how="How.")
    assert "V1 0.100 to 0.500; IT 0.100 to 0.400" in picture.alt
    gains = gains_picture("gains", [line("V1", 0.5)], AXES, title="Gains")
    assert "+0.400" in [word for word, _, _ in words(gains.data)]
    assert "from 30" in gains.caption


@pytest.mark.parametrize(
    ("value", "expected"), [(850, "850"), (12_000, "12k"), (86.3e6, "86.3M"), (4.4e9, "4.4G"), (1.5e13, "15T")]
)
def test_large_numbers_are_short(value: float, expected: str) -> None:
    assert short_number(value) == expected
