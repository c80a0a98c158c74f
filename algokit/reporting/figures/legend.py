"""The key to a map's colours: a bar with round numbers, or one box per category."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from algokit.reporting.figures.colours import ColourMap
from algokit.reporting.figures.svg import Scale, element, halo, line, rect, shortened, text, text_width, tick_text

_BAR_PX = 10
_BOX_PX = 12
_LINE_PX = 17
_MOST_LINES = 3


@dataclass(frozen=True)
class Numbers:
    """Colours for numbers from ``low`` to ``high``; what lies beyond has the colour of that end."""

    colours: ColourMap
    low: float
    high: float
    ticks: tuple[tuple[float, str], ...] = ()
    n_colours: int = 64

    def draw(self, x: float, y: float, width: float) -> Iterator[str]:
        """The bar, and its numbers below; both ends leave room for half a number, which stands under its tick."""
        ticks = self.ticks or [(tick, tick_text(round(tick, 6))) for tick in Scale(self.low, self.high, 0, 1).ticks(4)]
        before, after = (text_width(ticks[end][1], 11) / 2 for end in (0, -1))
        start, end = x + before, x + width - after
        yield from _strip(self.colours, self.n_colours, start, y, end - start)
        scale = Scale(self.low, self.high, start, end)
        for value, words in ticks:
            yield line((scale(value), y + _BAR_PX), (scale(value), y + _BAR_PX + 3), "axis")
            yield text(words, scale(value), y + _BAR_PX + 14, anchor="middle", class_="s n")


@dataclass(frozen=True)
class Categories:
    """Colours for categories in an order."""

    colours: ColourMap
    labels: tuple[str, ...]

    @property
    def n_colours(self) -> int:
        return len(self.labels)

    def height(self, width: float) -> float:
        """How much of the page `draw` takes."""
        down = self._places(width)[-1][1]
        return down + _BOX_PX if down < _MOST_LINES * _LINE_PX else _BAR_PX + 29 + 14 + 3

    def draw(self, x: float, y: float, width: float) -> Iterator[str]:
        """A box and a label each where they fit in three lines; else one strip, numbered, with its ends' names."""
        places = self._places(width)
        if places[-1][1] < _MOST_LINES * _LINE_PX:
            for (right, down), colour, label in zip(places, self._hexes(), self.labels, strict=True):
                yield halo([(x + right, y + down, _BOX_PX, _BOX_PX)])
                yield rect(x + right, y + down, _BOX_PX, _BOX_PX, fill=colour)
                yield text(label, x + right + _BOX_PX + 5, y + down + 10, class_="s")
            return
        width -= text_width(str(self.n_colours), 11) / 2  # the last number is wider than a narrow box
        room = width / len(self.labels)
        yield from _strip(self.colours, self.n_colours, x, y, width)
        for index in _spaced(self.n_colours):
            yield text(str(index + 1), x + (index + 0.5) * room, y + _BAR_PX + 14, anchor="middle", class_="s n")
        for row, index in enumerate((0, self.n_colours - 1)):
            label = f"{index + 1} = {shortened(self.labels[index], int(width / 6.5) - 5)}"
            yield text(label, x, y + _BAR_PX + 29 + 14 * row, class_="s")

    def _places(self, width: float) -> list[tuple[float, float]]:
        """Right and down of every box, laid like words; off the last line where one is too long."""
        places, right, down = [], 0.0, 0.0
        for label in self.labels:
            needed = _BOX_PX + 5 + text_width(label, 11)
            if right and right + needed > width:
                right, down = 0.0, down + _LINE_PX
            if needed > width:
                down = float(_MOST_LINES * _LINE_PX)
            places.append((right, down))
            right += needed + 12
        return places

    def _hexes(self) -> Sequence[str]:
        return self.colours.hexes(self.n_colours)


Key = Numbers | Categories


def _strip(colours: ColourMap, n_colours: int, x: float, y: float, width: float) -> Iterator[str]:
    yield halo([(x, y, width, _BAR_PX)])
    step = width / n_colours
    boxes = (  # each to the far end, so that no hairline is left between neighbours
        rect(x + at * step, y, width - at * step, _BAR_PX, fill=colour)
        for at, colour in enumerate(colours.hexes(n_colours))
    )
    yield element("g", "".join(boxes), shape_rendering="crispEdges")


def _spaced(n_labels: int) -> list[int]:
    """The first, the last and up to three between them."""
    n_shown = min(n_labels, 5)
    return sorted({round(index * (n_labels - 1) / max(n_shown - 1, 1)) for index in range(n_shown)})
