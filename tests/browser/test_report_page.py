"""The report in a real browser, scripts switched off: whole, still, readable by eye, by keyboard and by ear."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Request, Route, sync_playwright
from small_run import small_run

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-quic",
)
UNFOLD = "document.querySelectorAll('details').forEach(one => one.open = true)"
SIZES = {"desktop": (1280, 900), "tablet": (768, 1024), "phone": (360, 740)}
A4 = {"width": 688, "height": 1000}  # between the margins of the page


@dataclass
class Opened:
    """A page, everything it asked the network for, and everything it complained about."""

    page: Page
    width: int
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def ask(self, expression: str) -> Any:
        """The value of an expression; the page's own scripts stay off."""
        return self.page.evaluate(expression)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip(f"no browser: none of {', '.join(BROWSERS)} is installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=list(QUIET))
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def report(small_demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_run(small_demo, tmp_path_factory.mktemp("page")).out / "report.html"


@pytest.fixture(
    scope="module",
    params=[(name, scheme) for name in SIZES for scheme in ("light", "dark")],
    ids=lambda one: f"{one[0]}-{one[1]}",
)
def opened(request: pytest.FixtureRequest, browser: Browser, report: Path) -> Iterator[Opened]:
    (width, height), scheme = SIZES[request.param[0]], request.param[1]
    context = browser.new_context(
        java_script_enabled=False,
        viewport={"width": width, "height": height},
        color_scheme=scheme,
        reduced_motion="reduce",
    )
    page = context.new_page()
    one = Opened(page, width)

    def record(route: Route, asked: Request) -> None:
        one.requests.append(asked.url)
        if asked.url.startswith("file://"):
            route.continue_()
        else:
            route.abort()

    page.on("console", lambda message: one.complaints.append(message.text))
    page.on("pageerror", lambda error: one.complaints.append(str(error)))
    page.on("requestfailed", lambda failed: one.complaints.append(failed.url))
    page.route("**/*", record)
    page.goto(report.as_uri())
    yield one
    context.close()


@pytest.fixture
def unfolded(opened: Opened) -> Iterator[Opened]:
    """The same page with every fold open."""
    opened.ask(UNFOLD)
    yield opened
    opened.ask("document.querySelectorAll('details').forEach(one => one.open = false)")


def test_there_is_no_script_and_only_the_page_itself_is_asked_for(opened: Opened, report: Path) -> None:
    assert opened.page.locator("script").count() == 0
    assert set(opened.requests) == {report.as_uri()}
    assert opened.complaints == []


def test_the_file_is_small_enough_to_mail(report: Path) -> None:
    assert 50_000 < report.stat().st_size < 3_000_000


def test_no_picture_is_missing(unfolded: Opened) -> None:
    drawn = unfolded.ask(
        "Promise.all([...document.querySelectorAll('img, svg image')].map(async one => {"
        "  const image = new Image(); image.src = one.src || one.href.baseVal; await image.decode();"
        "  return image.naturalWidth; }))"
    )
    assert len(drawn) > 5
    assert min(drawn) > 100
    boxes = unfolded.ask(
        "[...document.querySelectorAll('.plate > *')].map(one => one.getBoundingClientRect().toJSON())"
    )
    assert len(boxes) > 10
    assert all(box["width"] > 200 and box["height"] > 60 for box in boxes)
    assert all(box["left"] >= 0 and box["right"] <= unfolded.width for box in boxes)


def test_nothing_makes_the_page_wider_than_the_window(opened: Opened) -> None:
    assert _overflow(opened) == []


def test_nothing_does_when_all_is_unfolded(unfolded: Opened) -> None:
    assert _overflow(unfolded) == []


def _overflow(opened: Opened) -> list[str]:
    """What sticks out: nothing where the page can only be scrolled down."""
    widths = opened.ask("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    if widths[0] <= widths[1]:
        return []
    sticking = (
        "[...document.querySelectorAll('body *')].filter(one => one.getBoundingClientRect().right > innerWidth)"
        ".map(one => one.tagName + '.' + one.className)"
    )
    return [str(widths), *opened.ask(sticking)]


def test_wide_tables_scroll_inside_their_own_region(unfolded: Opened) -> None:
    regions = unfolded.page.locator(".scroll")
    assert regions.count() > 5
    scrolled = unfolded.ask(
        "[...document.querySelectorAll('.scroll')].filter(one => one.scrollWidth > one.clientWidth)"
        ".map(one => { one.scrollLeft = 50; const moved = one.scrollLeft; one.scrollLeft = 0; return moved; })"
    )
    assert all(moved > 0 for moved in scrolled)
    assert scrolled or unfolded.width > 700


def test_scores_chance_and_p_are_seen_without_scrolling_where_there_is_room(opened: Opened) -> None:
    wide = opened.ask(
        "[...document.querySelectorAll('.scroll')].filter(one => one.scrollWidth > one.clientWidth).length"
    )
    assert wide == 0 or opened.width < 1000


def test_charts_stand_side_by_side_where_there_is_room(opened: Opened) -> None:
    lefts = opened.ask(
        "new Set([...document.querySelectorAll('.plates .plate')].map(one => one.getBoundingClientRect().left)).size"
    )
    assert lefts == (2 if opened.width > 700 else 1)


def test_the_first_tab_shows_the_skip_link_and_it_skips(opened: Opened) -> None:
    _start_again(opened)
    opened.page.keyboard.press("Tab")
    assert opened.ask("document.activeElement.textContent") == "Skip to the report"
    box = opened.page.locator(".skip").bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["y"] >= 0
    opened.page.keyboard.press("Enter")
    assert opened.ask("document.activeElement.id") == "main"


def _start_again(opened: Opened) -> None:
    """Forget where the reader was."""
    opened.page.goto(opened.page.url.partition("#")[0])


def test_the_keyboard_reaches_every_table_fold_and_link_and_shows_where_it_is(opened: Opened) -> None:
    _start_again(opened)
    opened.ask(UNFOLD)
    wanted = opened.ask("document.querySelectorAll('a[href], summary, [tabindex=\"0\"]').length")
    opened.page.keyboard.press("Tab")
    reached = set()
    for _ in range(wanted + 20):
        index = opened.ask("[...document.querySelectorAll('*')].indexOf(document.activeElement)")
        if index in reached or opened.ask("document.activeElement === document.body"):
            break
        reached.add(index)
        assert opened.ask("getComputedStyle(document.activeElement).outlineStyle") != "none"
        opened.page.keyboard.press("Tab")
    assert len(reached) >= wanted
    assert opened.page.locator('[role="region"][tabindex="0"]').count() > 5


def test_headings_landmarks_and_pictures_have_names_for_the_ear(unfolded: Opened) -> None:
    said = unfolded.page.locator("body").aria_snapshot()
    levels = [int(level) for level in re.findall(r"heading .*\[level=(\d)\]", said)]
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    for landmark in ("banner", 'navigation "Contents"', "main", "contentinfo"):
        assert len(re.findall(rf"^- {landmark}:", said, re.M)) == 1, landmark
    assert not re.findall(r"- (region|table|link|figure)(:|$)", said, re.M)
    words = unfolded.ask(  # the snapshot leaves out names as long as a chart's description
        "[...document.querySelectorAll('img, svg')].map(one => one.alt || one.getAttribute('aria-labelledby')"
        ".split(' ').map(id => document.getElementById(id).textContent).join(' '))"
    )
    assert len(words) > 10
    assert all(len(one) > 40 for one in words)
    assert len(re.findall("- '?img", said)) == len(words)
    assert unfolded.ask("document.documentElement.lang") == "en"
    assert "algokit report" in unfolded.page.title()


def test_every_word_stands_out_from_its_background(unfolded: Opened) -> None:
    pairs = unfolded.ask(
        """[...document.querySelectorAll('body *')].filter(one =>
            [...one.childNodes].some(node => node.nodeType === 3 && node.textContent.trim())
            && one.checkVisibility() && !['title', 'desc', 'STYLE'].includes(one.tagName)
        ).map(one => {
            let opacity = 1, back = 'rgb(255, 255, 255)';
            for (let at = one; at; at = at.parentElement) opacity *= getComputedStyle(at).opacity;
            for (let at = one; at; at = at.parentElement) {
                const colour = getComputedStyle(at).backgroundColor;
                if (colour !== 'rgba(0, 0, 0, 0)') { back = colour; break; }
            }
            const style = getComputedStyle(one);
            return [one.textContent.trim(), one instanceof SVGElement ? style.fill : style.color, back, opacity];
        })"""
    )
    assert len(pairs) > 200
    faint = {words: ratio for words, *colours in pairs if (ratio := contrast(*colours)) < 4.5}
    assert faint == {}


def contrast(colour: str, back: str, opacity: float) -> float:
    """WCAG 2's ratio of two colours, 1 to 21."""
    front, behind = ([float(one) for one in re.findall(r"[\d.]+", text)[:3]] for text in (colour, back))
    mixed = [opacity * a + (1 - opacity) * b for a, b in zip(front, behind, strict=True)]
    lighter, darker = sorted((luminance(mixed), luminance(behind)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(rgb: list[float]) -> float:
    linear = [one / 12.92 if one <= 0.03928 else ((one + 0.055) / 1.055) ** 2.4 for one in (c / 255 for c in rgb)]
    return sum(weight * one for weight, one in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def test_it_is_dark_where_dark_is_asked_for(opened: Opened) -> None:
    paper = opened.ask("getComputedStyle(document.body).backgroundColor")
    is_dark = opened.ask("matchMedia('(prefers-color-scheme: dark)').matches")
    assert (luminance([float(one) for one in re.findall(r"\d+", paper)[:3]]) < 0.1) == is_dark


def test_motion_is_off_where_less_is_asked_for(opened: Opened) -> None:
    assert opened.ask("getComputedStyle(document.documentElement).scrollBehavior") == "auto"


def test_on_paper_the_contents_are_left_out(opened: Opened) -> None:
    opened.page.emulate_media(media="print")
    try:
        assert not opened.page.locator(".contents").is_visible()
        assert opened.page.locator("h1").is_visible()
    finally:
        opened.page.emulate_media(media="screen")


def test_on_paper_no_table_is_cut_off_and_headers_stand_over_their_columns(unfolded: Opened) -> None:
    size = unfolded.page.viewport_size
    assert size is not None
    unfolded.page.emulate_media(media="print")
    unfolded.page.set_viewport_size(A4)
    try:
        cut = unfolded.ask(
            "[...document.querySelectorAll('.scroll')].filter(one => one.scrollWidth > one.clientWidth)"
            ".map(one => one.ariaLabel)"
        )
        assert cut == []
        assert _overflow(unfolded) == []
        indents = unfolded.ask(
            "[...document.querySelectorAll('table')].flatMap(table => ["
            "  ...table.querySelectorAll('tr')].map(row => [...row.children]"
            "  .map(cell => getComputedStyle(cell).paddingLeft + getComputedStyle(cell).paddingRight).join(' '))"
            "  .filter((row, at, rows) => row !== rows[0]))"
        )
        assert indents == []
    finally:
        unfolded.page.emulate_media(media="screen")
        unfolded.page.set_viewport_size(size)
