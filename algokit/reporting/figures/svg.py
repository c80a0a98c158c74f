"""The few SVG elements that charts are made of: every string escaped, every number short, colours from the page."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape

from algokit.reporting.figures.picture import Picture

Point = tuple[float, float]
Box = tuple[float, float, float, float]  # left, top, width, height

WIDTH = 360.0  # of every chart: on a telephone it is shown about as it is drawn, and its words stay readable
_ENLARGED = 1.2  # times that where there is room
FONT_PX = 12
LABEL_CHARS = 20  # of a row's label: a longer one would leave no room for the chart
_CHAR_WIDTH = 0.58  # of the font size: the mean over words like these in the usual sans-serif fonts
# Ink is the colour of the text around; the two others are mid-tones that read on white and on black, with CSS
# variables by which a page may choose them. Selectors start with the picture's id: styles inside an inline SVG are
# the whole page's.
_STYLE = (
    "#{id}{{font:{px}px system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif;"
    "fill:currentColor;max-width:100%;height:auto}}"
    "#{id} .n{{font-variant-numeric:tabular-nums}}#{id} .s{{font-size:11px}}#{id} .b{{font-weight:600}}"
    "#{id} .q{{opacity:.7}}#{id} .axis{{stroke:currentColor;fill:none;opacity:.75}}"
    "#{id} .grid{{stroke:currentColor;fill:none;opacity:.16}}"
    "#{id} .bar{{fill:var(--figure-bar,#5b8fc7)}}#{id} .bar2{{fill:var(--figure-bar-2,#c98a4b)}}"
    "#{id} .mark{{fill:none;stroke:var(--figure-mark,currentColor);stroke-width:1.1;opacity:.8}}"
    "#{id} .whisker{{stroke:currentColor;stroke-width:1.6;fill:none}}"
    "#{id} .chance{{stroke:currentColor;stroke-width:1.4;fill:none}}"
    "#{id} .casing{{stroke:Canvas;stroke-width:4;opacity:.75}}"
    "#{id} .halo{{fill:none;stroke:currentColor;stroke-width:2;opacity:.55}}"
)


def number(value: float) -> str:
    """At most two decimals, no trailing zeros: ``12.5``."""
    shown = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if shown == "-0" else shown


def text_width(text: str, size: float = FONT_PX) -> float:
    """About how wide the text is drawn; for margins and for what to leave out."""
    return _CHAR_WIDTH * size * len(text)


def shortened(text: str, n_chars: int) -> str:
    """The text with its middle left out where it is too long; both ends of a layer's name tell most."""
    if len(text) <= n_chars:
        return text
    tail = (n_chars - 1) // 2
    return f"{text[: n_chars - 1 - tail]}…{text[-tail:]}"


def element(tag: str, inner: str = "", **attributes: str | float | None) -> str:
    """One element. ``inner`` is markup; attribute values are escaped, ``class_`` is class, ``_`` in a name is ``-``."""
    parts = [
        f' {name.rstrip("_").replace("_", "-")}="{number(value) if isinstance(value, int | float) else escape(value)}"'
        for name, value in attributes.items()
        if value is not None
    ]
    return f"<{tag}{''.join(parts)}>{inner}</{tag}>" if inner else f"<{tag}{''.join(parts)}/>"


def clean(text: str) -> str:
    """Escaped text without the characters that XML cannot hold."""
    return escape("".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text), quote=False)


def text(words: str, x: float, y: float, *, anchor: str | None = None, class_: str | None = None) -> str:
    """Words with their baseline at ``y``; ``anchor`` is middle or end."""
    return element("text", clean(words), x=x, y=y, text_anchor=anchor, class_=class_)


def heading(words: str, width: float = WIDTH) -> str:
    """A chart's title in its first line."""
    n_chars = int(width / text_width("n", FONT_PX * 1.06))  # bold letters are wider
    return text(shortened(words, n_chars), 0, 14, class_="b")


def rect(x: float, y: float, width: float, height: float, *, class_: str | None = None, fill: str | None = None) -> str:
    """A filled box."""
    return element("rect", x=x, y=y, width=max(width, 0.0), height=height, class_=class_, fill=fill)


def halo(boxes: Iterable[Box]) -> str:
    """A line around all boxes together, to be drawn before they are filled.

    No colour map stands out on white and on black: its dark end needs this line on a dark page, its light end on a
    light one.
    """
    path = "".join(
        f"M{number(x)} {number(y)}h{number(width)}v{number(height)}h{number(-width)}z" for x, y, width, height in boxes
    )
    return element("path", d=path, class_="halo")


def line(start: Point, end: Point, class_: str) -> str:
    """A straight line."""
    return element("line", x1=start[0], y1=start[1], x2=end[0], y2=end[1], class_=class_)


def group(parts: Iterable[str], *, class_: str | None = None, tip: str = "") -> str:
    """Several elements, with a tooltip if ``tip`` says something."""
    return element("g", (f"<title>{clean(tip)}</title>" if tip else "") + "".join(parts), class_=class_)


@dataclass(frozen=True)
class Scale:
    """A straight map from numbers to pixels."""

    low: float
    high: float
    start_px: float
    end_px: float

    def __call__(self, value: float) -> float:
        """Where the value is drawn; beyond either end it stays at the end."""
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return self.start_px + share * (self.end_px - self.start_px)

    def ticks(self, n_ticks: int = 6) -> list[float]:
        """About ``n_ticks`` round numbers inside the scale."""
        step = round_step((self.high - self.low) / n_ticks)
        first = math.ceil(self.low / step - 1e-9)
        return [index * step for index in range(first, math.floor(self.high / step + 1e-9) + 1)]


def round_step(step: float) -> float:
    """The smallest of 1, 2, 2.5, 5 times a power of ten that is not below ``step``."""
    power = 10.0 ** math.floor(math.log10(step))
    return power * next(factor for factor in (1, 2, 2.5, 5, 10) if factor * power >= step * (1 - 1e-9))


def tick_text(value: float) -> str:
    """A tick's number: ``20``, ``0.25``."""
    return f"{value + 0.0:g}"


def chart(name: str, size: tuple[float, float], body: Iterable[str], *, title: str, alt: str, caption: str) -> Picture:
    """The whole SVG document, which names and describes itself to a screen reader."""
    width, height = (math.ceil(one) for one in size)
    width_px, height_px = (round(_ENLARGED * one) for one in (width, height))
    head = (
        f'<title id="{name}-title">{clean(title)}</title><desc id="{name}-desc">{clean(alt)}</desc>'
        f"<style>{_STYLE.format(id=name, px=FONT_PX)}</style>"
    )
    markup = (
        f'<svg xmlns="http://www.w3.org/2000/svg" id="{name}" viewBox="0 0 {width} {height}" '
        f'width="{width_px}" height="{height_px}" role="img" aria-labelledby="{name}-title {name}-desc">'
        f"{head}{''.join(body)}</svg>\n"
    )
    return Picture(name, markup.encode(), "svg", width_px, height_px, alt, caption)
