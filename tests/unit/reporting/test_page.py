"""The page says what the scores say, escapes what it did not write, loads nothing, and reads well without eyes."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from urllib.parse import unquote, urlsplit

import numpy as np
import pytest

from algokit.reporting.figures import Picture
from algokit.reporting.gallery import Gallery, make_gallery
from algokit.reporting.page import render_page
from algokit.reporting.reported import Reported
from algokit.reporting.verdict import verdict
from algokit.scoring import Intervals, ScoredHemisphere, score
from algokit.types import HEMISPHERES, Ceilings, Finding, Predictions, Progress, Responses, RoiMask, Scores

VOID = {"meta", "br", "img", "link", "input", "hr"}
N_IMAGES, N_VERTICES = 30, 40
RNG = np.random.default_rng(5)
MEASURED = {hemisphere: RNG.standard_normal((N_IMAGES, N_VERTICES)).astype(np.float32) for hemisphere in HEMISPHERES}
PREDICTED = {
    hemisphere: (values + 2 * RNG.standard_normal(values.shape)).astype(np.float32)
    for hemisphere, values in MEASURED.items()
}
CEILING = RNG.uniform(0.2, 0.9, N_VERTICES)
LABELS = np.repeat([0, 1, 2], [10, 20, 10])


class Reading(HTMLParser):
    """What a reader's program makes of a page: elements in order, the words in them, and what is not closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.words: list[tuple[str, str]] = []
        self.faults: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}> at {self.getpos()}")

    def handle_data(self, data: str) -> None:
        if self.open and data.strip():
            self.words.append((self.open[-1], data.strip()))

    def of(self, *tags: str) -> list[dict[str, str]]:
        return [attributes for tag, attributes in self.elements if tag in tags]


def scores(*, roi: str = "V1v", intervals: Intervals | None = None, with_ceilings: bool = True) -> Scores:
    ids = np.arange(N_IMAGES)
    masks = {one: [RoiMask("early", one, LABELS, {1: roi, 2: "V2v"})] for one in HEMISPHERES}
    items = [
        ScoredHemisphere(
            Predictions(PREDICTED[one], ids, "subj01", one, "test"),
            Responses(MEASURED[one], ids, "subj01", one, "test"),
            Ceilings(CEILING, "subj01", one, "test", "made up") if with_ceilings else None,
            masks[one],
        )
        for one in HEMISPHERES
    ]
    return score(items, intervals=intervals)


def page_of(reported: Reported) -> str:
    return render_page(reported, make_gallery(reported), figures="figures")


@pytest.fixture(scope="module")
def scored() -> Reported:
    return Reported("somebody.zip", {"test": scores(intervals=Intervals(50, 20, 20))}, "made-up", findings=[])


@pytest.fixture(scope="module")
def page(scored: Reported) -> str:
    return page_of(scored)


@pytest.fixture(scope="module")
def reading(page: str) -> Reading:
    return Reading(page)


def expected_percent(chosen: np.ndarray) -> float:
    """The challenge's formula, vertex by vertex with NumPy's own correlation."""
    values = []
    for one in HEMISPHERES:
        for vertex in chosen:
            r = np.corrcoef(PREDICTED[one][:, vertex], MEASURED[one][:, vertex])[0, 1]
            values.append(100 * min(max(r, 0.0) ** 2 / CEILING[vertex], 1.0))
    return float(np.mean(values))


def test_the_headline_and_the_tables_are_the_formula_over_the_arrays(reading: Reading) -> None:
    words = [text for _, text in reading.words]
    assert words[words.index("Verdict, test split") + 1] == f"{expected_percent(np.arange(N_VERTICES)):.2f}"
    cells = [text for tag, text in reading.words if tag in ("td", "th")]
    start = cells.index("V1v")
    assert f"{expected_percent(np.flatnonzero(LABELS == 1)):.2f}" in " ".join(cells[start : start + 6])


def test_the_interval_and_chance_are_those_of_the_row(scored: Reported, reading: Reading) -> None:
    result = scored.scores["test"]
    assert result
    row = next(one for one in result.rows if one.metric == "noise_normalized_mean")
    text = " ".join(text for _, text in reading.words)
    assert row.low is not None and row.chance_high is not None
    assert f"95 % interval {row.low:.2f} to {row.high:.2f}" in text
    assert f"{row.chance_low:.2f} to {row.chance_high:.2f}" in text


def test_without_ceilings_the_page_speaks_of_correlations_only() -> None:
    text = page_of(Reported("x", {"test": scores(with_ceilings=False)}, "made-up"))
    mean = np.mean([np.corrcoef(PREDICTED[h][:, v], MEASURED[h][:, v])[0, 1] for h in HEMISPHERES for v in range(40)])
    assert f"<strong>{mean:.4f}</strong>" in text
    assert "No noise ceilings are known" in text


def test_a_submission_that_could_not_be_scored_says_so_and_has_no_headline() -> None:
    text = page_of(Reported("x", {"test": None, "val": None}, "made-up"))
    assert "no score" in text
    assert 'class="headline"' not in text
    assert 'id="tables"' not in text


def test_a_stranger_has_no_provenance_and_the_page_says_so(page: str) -> None:
    assert "has no card" in page
    assert 'id="card"' not in page
    assert "rerun" not in page


@pytest.mark.parametrize(
    ("is_official", "is_whole", "compares"), [(True, True, True), (True, False, False), (False, False, False)]
)
def test_only_the_whole_official_challenge_is_compared_with_published_scores(
    scored: Reported, is_official: bool, is_whole: bool, compares: bool
) -> None:
    text = page_of(replace(scored, is_official=is_official, is_whole=is_whole))
    difference = abs(expected_percent(np.arange(N_VERTICES)) - 40.48)
    assert (f"{difference:.2f} points" in text) == compares
    assert ("does not compare with published ones" in text) != compares


def test_every_word_from_elsewhere_is_escaped() -> None:
    bad = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>&amp;"
    finding = Finding(bad, where=bad, found=bad, advice=bad, severity="warning")
    reported = Reported(bad, {"test": scores(roi=bad)}, bad, findings=[finding])
    harmless = Reading(page_of(Reported("x", {"test": scores()}, "x", findings=[replace(finding, what="x")])))
    reading = Reading(page_of(reported))
    assert not reading.faults
    assert ("h1", bad) in reading.words
    assert Counter(tag for tag, _ in reading.elements) == Counter(tag for tag, _ in harmless.elements)
    assert not [name for _, attributes in reading.elements for name in attributes if name.startswith("on")]


def test_nothing_is_loaded_and_nothing_runs(page: str, reading: Reading) -> None:
    assert not reading.of("script", "link", "iframe", "object", "embed", "base", "form", "video", "audio")
    sources = [a[name] for _, a in reading.elements for name in ("src", "srcset", "poster", "data") if name in a]
    sources += [attributes.get("href", "") for attributes in reading.of("image", "use")]
    assert all(source.startswith(("data:image/png;base64,", "#")) for source in sources)
    assert not re.findall(r"url\((?!#)|@import", page)
    assert all(a["href"].startswith(("#", "https://", "figures/")) for a in reading.of("a"))


def test_the_same_submission_gives_the_same_bytes(scored: Reported, page: str) -> None:
    assert page_of(scored) == page


def test_every_element_is_closed_and_every_id_is_one_of_a_kind(reading: Reading) -> None:
    assert not reading.faults
    assert not reading.open
    ids = Counter(attributes["id"] for _, attributes in reading.elements if "id" in attributes)
    assert not [name for name, count in ids.items() if count > 1]
    targets = [a["href"][1:] for a in reading.of("a") if a["href"].startswith("#")]
    referred = [one for _, a in reading.elements for one in a.get("aria-labelledby", "").split()]
    assert not [name for name in [*targets, *referred] if name not in ids]


def test_headings_descend_one_level_at_a_time(reading: Reading) -> None:
    levels = [int(tag[1]) for tag, _ in reading.elements if re.fullmatch("h[1-6]", tag)]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_tables_have_captions_and_scopes_and_pictures_have_words(reading: Reading) -> None:
    tags = [tag for tag, _ in reading.elements]
    assert tags.count("table") == tags.count("caption") > 3
    assert all(attributes.get("scope") in ("row", "col") for attributes in reading.of("th"))
    assert all(attributes.get("alt") for attributes in reading.of("img"))
    pictures = reading.of("svg")
    assert len(pictures) >= 3
    assert all(one.get("role") == "img" and one.get("aria-labelledby") for one in pictures)


def test_links_to_pictures_are_urls_whatever_the_submission_is_called(scored: Reported) -> None:
    name = "a#b%20c?.zip-figures"
    reading = Reading(render_page(scored, make_gallery(scored), figures=name))
    links = [one["href"] for one in reading.of("a") if not one["href"].startswith(("#", "https:"))]
    assert links
    for link in links:
        parts = urlsplit(link)
        assert not parts.query
        assert not parts.fragment
        assert unquote(parts.path).startswith(f"{name}/")


def test_the_score_is_called_what_it_is_a_mean_of_shares_of_the_ceiling(page: str) -> None:
    assert f"predictions score {expected_percent(np.arange(N_VERTICES)):.2f} % of the noise ceiling" in page
    assert "explainable" not in page


@pytest.mark.parametrize(("chance_high", "is_told"), [(26.19, True), (1.5, False)])
def test_chance_that_is_far_from_nought_is_told_with_the_number_of_images(
    scored: Reported, chance_high: float, is_told: bool
) -> None:
    result = scored.scores["test"]
    assert result
    rows = tuple(replace(row, chance_high=chance_high) for row in result.rows)
    said = verdict(replace(scored, scores={"test": replace(result, rows=rows)})).sentences
    assert (f"With {N_IMAGES} images chance alone reaches {chance_high:.2f} %" in " ".join(said)) == is_told


def test_a_page_without_a_plan_does_not_speak_of_one(page: str) -> None:
    assert "Written from the plan" not in page


def test_data_without_a_manifest_are_a_challenge_without_a_name(scored: Reported) -> None:
    text = page_of(replace(scored, challenge="custom"))
    assert "challenge without a name" in text
    assert "custom" not in text


def test_as_many_pictures_are_counted_as_are_drawn(scored: Reported) -> None:
    seen: list[Progress] = []
    gallery = make_gallery(scored, progress=seen.append)
    assert (seen[-1].done, seen[-1].total) == (len(gallery.all()),) * 2
    assert all(one.done < one.total for one in seen[:-1])


def test_a_picture_that_does_not_fit_leaves_its_room_to_the_next(scored: Reported) -> None:
    sizes = {"large": 3_000_000, "small": 1_000}
    pictures = tuple(Picture(name, bytes(size), "png", 480, 500, f"the {name} one", "") for name, size in sizes.items())
    reading = Reading(render_page(scored, Gallery("test", brain=pictures), figures="figures"))
    assert [one["alt"] for one in reading.of("img")] == ["the small one"]


def test_a_page_of_too_many_pictures_stays_small_and_links_the_rest(scored: Reported) -> None:
    names = ["score-map-mean", *(f"score-map-subj{n:02d}" for n in range(1, 9))]
    brain = tuple(Picture(name, bytes(400_000), "png", 480, 500, f"the map {name}", "words") for name in names)
    text = render_page(scored, Gallery("test", brain=brain), figures="pictures")
    assert len(text.encode()) < 3_000_000
    reading = Reading(text)
    assert reading.of("img")[0]["alt"] == "the map score-map-mean"
    linked = {attributes["href"] for attributes in reading.of("a")}
    assert {f"pictures/{name}.png" for name in names} <= linked
