from __future__ import annotations

import re
from dataclasses import replace

import pytest
from made_up_subject import pooled, row, scores
from svg_reading import SVG, across, elements, parsed, words

from algokit.reporting.figures import Picture, roi_bars, subject_bars
from algokit.types import Scores

VALUES = {"V1v": 61.5, "V1d": 47.25, "hV4": 8.0}


@pytest.fixture
def two_subjects() -> Scores:
    rows = [pooled(52.0)]
    for roi, value in VALUES.items():
        rows.append(row(roi, value, low=value - 3, high=value + 5, chance_low=0.5, chance_high=2.0))
        rows += [row(roi, value + change, subject=name) for name, change in (("subj01", -6.0), ("subj02", 7.5))]
    rows.append(row("all", 40.0))
    rows += [pooled(0.3, "pearson_r_mean"), row("V1v", 0.33, metric="pearson_r_mean")]
    return scores(*rows)


def of_class(pictures: tuple[Picture, ...], name: str) -> Picture:
    return next(one for one in pictures if one.name == f"roi-bars-{name}")


def test_a_bar_ends_at_its_score(two_subjects: Scores) -> None:
    picture = of_class(roi_bars(two_subjects), "prf-visualrois")
    number = across(picture)
    bars = elements(picture, "rect", "bar")
    lengths = [(number(float(bar.get("x", ""))), float(bar.get("x", "")) + float(bar.get("width", ""))) for bar in bars]
    assert [start for start, _ in lengths] == pytest.approx([0, 0, 0], abs=0.05)
    assert [number(end) for _, end in lengths] == pytest.approx(list(VALUES.values()), abs=0.05)


def test_whiskers_end_at_the_interval(two_subjects: Scores) -> None:
    picture = of_class(roi_bars(two_subjects), "prf-visualrois")
    number = across(picture)
    paths = [one.get("d", "") for one in elements(picture, "path", "whisker")]
    ends = [re.search(r"M([\d.]+) [\d.]+H([\d.]+)", path).groups() for path in paths]  # type: ignore[union-attr]
    drawn = [(number(float(low)), number(float(high))) for low, high in ends]
    assert drawn == [pytest.approx((value - 3, value + 5), abs=0.05) for value in VALUES.values()]


def test_chance_is_a_bracket_in_the_gap_below_its_bar(two_subjects: Scores) -> None:
    """Not a shade on the bar, which would be another colour on every bar and page."""
    right = row("all", 40.0, roi_class="all", hemisphere="rh", chance_low=0.5, chance_high=2.0)
    left = replace(right, hemisphere="lh")
    for picture in (of_class(roi_bars(two_subjects), "prf-visualrois"), *subject_bars(scores(pooled(), left, right))):
        number = across(picture)
        bars = [*elements(picture, "rect", "bar"), *elements(picture, "rect", "bar2")]
        tops = sorted(float(one.get("y", "")) for one in bars)
        bottoms = [top + float(bars[0].get("height", "")) for top in tops]
        brackets = [one.get("d", "") for one in elements(picture, "path", "chance")]
        assert len(brackets) == len(bars)
        for path, bottom, below in zip(brackets, bottoms, [*tops[1:], 1e9], strict=True):
            low, y, down, high = (
                float(one)
                for one in re.fullmatch(r"M([\d.]+) ([\d.]+)v([\d.]+)H([\d.]+)v-[\d.]+", path).groups()  # type: ignore[union-attr]
            )
            assert (number(low), number(high)) == pytest.approx((0.5, 2.0), abs=0.05)
            assert bottom < y < y + down < below
        assert "Bracket below a bar: 95 % of what predictions of shuffled images score" in picture.caption


def test_rings_leave_the_whisker_free() -> None:
    subjects = [row("V1v", 41.0 + number, subject=f"subj{number:02d}") for number in range(1, 9)]
    picture = of_class(roi_bars(scores(pooled(), row("V1v", 45.0, low=40.0, high=50.0), *subjects)), "prf-visualrois")
    (path,) = elements(picture, "path", "whisker")
    top, length = re.match(r"M[\d.]+ ([\d.]+)v([\d.]+)", path.get("d", "")).groups()  # type: ignore[union-attr]
    rings = elements(picture, "circle")
    assert len(rings) == 8
    assert min(float(one.get("cy", "")) - float(one.get("r", "")) for one in rings) > float(top) + float(length)


def test_every_subject_has_a_ring_at_its_own_score(two_subjects: Scores) -> None:
    picture = of_class(roi_bars(two_subjects), "prf-visualrois")
    rings = elements(picture, "circle")
    drawn = [across(picture)(float(one.get("cx", ""))) for one in rings]
    assert drawn == pytest.approx([v + change for v in VALUES.values() for change in (-6.0, 7.5)], abs=0.05)
    assert rings[0].findtext(SVG + "title") == "subj01: 55.5 %"


def test_numbers_are_text_beside_the_bars_and_in_the_description(two_subjects: Scores) -> None:
    picture = of_class(roi_bars(two_subjects), "prf-visualrois")
    for roi, value in VALUES.items():
        assert {roi, f"{value:.1f}"} <= set(words(picture))
        assert f"{roi} {value:.1f} % (95 % interval {value - 3:.1f} to {value + 5:.1f})" in picture.alt
    assert parsed(picture).findtext(SVG + "desc") == picture.alt


def test_bars_lie_on_their_labels_height(two_subjects: Scores) -> None:
    picture = of_class(roi_bars(two_subjects), "prf-visualrois")
    labels = {one.text: float(one.get("y", "")) for one in elements(picture, "text")}
    for roi, bar in zip(VALUES, elements(picture, "rect", "bar"), strict=True):
        top = float(bar.get("y", ""))
        assert top < labels[roi] < top + float(bar.get("height", ""))


def test_an_roi_without_a_row_is_absent(two_subjects: Scores) -> None:
    pictures = roi_bars(two_subjects)
    assert [one.name for one in pictures] == ["roi-bars-classes", "roi-bars-prf-visualrois"]
    assert not any("V2v" in one.data.decode() for one in pictures)
    assert len(elements(pictures[1], "rect", "bar")) == len(VALUES)


def test_classes_are_their_own_chart(two_subjects: Scores) -> None:
    picture = roi_bars(two_subjects)[0]
    assert {"all vertices", "52.0", "prf-visualrois", "40.0"} <= set(words(picture))


def test_without_ceilings_the_bars_are_raw_r_and_say_so(two_subjects: Scores) -> None:
    raw = scores(*(one for one in two_subjects.rows if one.metric == "pearson_r_mean"))
    assert not any("Raw" in one.alt for one in roi_bars(two_subjects))
    for picture in roi_bars(raw):
        assert "Raw Pearson r" in " ".join(words(picture)) and "not normalized" in " ".join(words(picture))
        assert "Raw Pearson r" in picture.alt and "Raw Pearson r" in picture.caption
    picture = of_class(roi_bars(raw), "prf-visualrois")
    bar = elements(picture, "rect", "bar")[0]
    assert across(picture)(float(bar.get("x", "")) + float(bar.get("width", ""))) == pytest.approx(0.33, abs=0.001)


def test_a_negative_r_goes_left_of_zero() -> None:
    rows = [
        row(roi, value, metric="pearson_r_mean", low=value - 0.02, high=value + 0.02)
        for roi, value in (("V1v", 0.2), ("V1d", -0.1))
    ]
    picture = of_class(roi_bars(scores(pooled(0.1, "pearson_r_mean"), *rows)), "prf-visualrois")
    number, (_, left) = across(picture), elements(picture, "rect", "bar")
    start = float(left.get("x", ""))
    assert number(start) == pytest.approx(-0.1, abs=0.001)
    assert number(start + float(left.get("width", ""))) == pytest.approx(0, abs=0.001)


def test_subjects_have_a_bar_per_hemisphere() -> None:
    values = {("subj01", "lh"): 41.0, ("subj01", "rh"): 43.0, ("subj06", "lh"): 55.0, ("all", "rh"): 49.0}
    rows = [
        row("all", value, roi_class="all", subject=subject, hemisphere=hemisphere)
        for (subject, hemisphere), value in values.items()
    ]
    (picture,) = subject_bars(scores(pooled(50.0), *rows))
    number = across(picture)
    left, right = elements(picture, "rect", "bar"), elements(picture, "rect", "bar2")
    ends = [number(float(one.get("x", "")) + float(one.get("width", ""))) for one in (*left, *right)]
    assert ends == pytest.approx([41, 55, 49, 43], abs=0.05) or ends == pytest.approx([41, 55, 43, 49], abs=0.05)
    assert "subj01 left 41.0 %" in picture.alt and "all subjects right 49.0 %" in picture.alt


HOSTILE = "</text><script>alert(1)</script>&\"'\x00\x1b]]>" + "W" * 300


def test_hostile_names_stay_words() -> None:
    rows = [row(HOSTILE, 10.0, roi_class=HOSTILE), row("all", 5.0, roi_class=HOSTILE, subject="<b>")]
    pictures = roi_bars(scores(pooled(), *rows, row("all", 7.0, roi_class=HOSTILE)))
    assert len(pictures) == 2
    for picture in pictures:
        root = parsed(picture)
        assert not [one for one in root.iter() if one.tag not in {SVG + tag for tag in DRAWN}]
        assert re.fullmatch(r"[a-z0-9-]+", picture.name)
        assert float(elements(picture, "rect", "bar")[0].get("width", "")) > 0
    assert "<script" not in b"".join(one.data for one in pictures).decode()


DRAWN = ("svg", "title", "desc", "style", "text", "rect", "line", "path", "circle", "g")


def test_classes_alike_as_file_names_get_names_of_their_own() -> None:
    rows = [row("V1", 10.0, roi_class=name) for name in ("a b", "a-b", "classes")]
    names = [one.name for one in roi_bars(scores(pooled(), *rows, row("all", 3.0, roi_class="a b")))]
    assert len(set(names)) == len(names) == 4


def test_ids_are_the_pictures_own(two_subjects: Scores) -> None:
    seen = set()
    for picture in (*roi_bars(two_subjects), *subject_bars(two_subjects)):
        ids = [str(one.get("id")) for one in parsed(picture).iter() if one.get("id")]
        assert all(one == picture.name or one.startswith(picture.name + "-") for one in ids)
        assert not seen & set(ids)
        seen |= set(ids)
        root = parsed(picture)
        assert root.get("role") == "img" and str(root.get("aria-labelledby")).split() == ids[1:3]
        rules = re.findall(r"([^{}]+)\{", root.findtext(SVG + "style") or "")
        assert rules and all(rule.startswith(f"#{picture.name}") for rule in rules)


def test_ink_is_the_pages_own_colour(two_subjects: Scores) -> None:
    for picture in roi_bars(two_subjects):
        assert not [one for one in elements(picture, "text") if one.get("fill")]
        assert "fill:currentColor" in (parsed(picture).findtext(SVG + "style") or "")
