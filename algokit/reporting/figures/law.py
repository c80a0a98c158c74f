"""A fitted law over its points: curve, band and plateau; of two predictors, measured against predicted scores."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from algokit.reporting.figures.picture import Picture, kebab
from algokit.reporting.figures.surface import Floats
from algokit.reporting.figures.svg import (
    WIDTH,
    Point,
    Scale,
    chart,
    element,
    heading,
    line,
    number,
    shortened,
    text,
    text_width,
    tick_text,
)
from algokit.reporting.study_words import LawWords
from algokit.studies.fit import Fit

_HEIGHT = 330
_LEFT, _RIGHT, _TOP, _BOTTOM = 44.0, 350.0, 26.0, 280.0
_N_CURVE = 80
_AXIS_PX = 11
_INK = "var(--figure-mark,currentColor)"
_BAND = "var(--figure-bar-2,#c98a4b)"


def law_picture(fit: Fit, group: str, words: LawWords) -> Picture:
    """The chart of one fit; ``words`` are those of its predictors and scores."""
    return (
        _against_predictor(fit, group, words)
        if len(fit.observations.predictors) == 1
        else _against_itself(fit, group, words)
    )


def _against_predictor(fit: Fit, group: str, words: LawWords) -> Picture:
    x, y = fit.observations.predictors[0], fit.observations.score
    grid = np.geomspace(x.min(), x.max(), _N_CURVE)
    curve = fit.predict(grid)
    band = fit.predict_interval(grid) if len(fit.resampled) else (curve, curve)
    plateau = fit.constants.get("S_max")
    seen = [y.min(), y.max(), np.nanmin(band[0]), np.nanmax(band[1]), *([plateau] if plateau else [])]
    across = Scale(math.log10(x.min()), max(math.log10(x.max()), math.log10(x.min()) + 1e-9), _LEFT, _RIGHT)
    up = _score_scale(seen)
    title = f"{words.score.short} against {words.predictors[0].short}" + (f", {group}" if group != "all" else "")
    body = [
        heading(title),
        *_power_axis(across),
        *_score_axis(up, words.score.axis),
        _below(f"{words.predictors[0].axis}, logarithmic"),
        *_band(across, up, grid, band),
        *_points(across, up, np.log10(x), y),
        _path(across, up, np.log10(grid), curve),
        *(_plateau(up, plateau) if plateau is not None else ()),
        text(f"line: the {fit.law} law; band: 95 %", _RIGHT - 4, _BOTTOM - 6, anchor="end", class_="s b"),
    ]
    return _described(fit, group, title, body, "Dots are points, the line is the law, the band its 95 % interval.")


def _against_itself(fit: Fit, group: str, words: LawWords) -> Picture:
    predicted, y = fit.predict(*fit.observations.predictors), fit.observations.score
    up = _score_scale([predicted.min(), predicted.max(), y.min(), y.max()])
    across = Scale(up.low, up.high, _LEFT, _RIGHT)
    title = f"{words.score.short}: measured and predicted" + (f", {group}" if group != "all" else "")
    ticks = [
        part
        for tick in across.ticks()
        for part in (
            line((across(tick), _TOP), (across(tick), _BOTTOM), "grid"),
            text(tick_text(tick), across(tick), _BOTTOM + 15, anchor="middle", class_="s n q"),
        )
    ]
    body = [
        heading(title),
        *ticks,
        *_score_axis(up, f"measured {words.score.axis}"),
        _below(f"predicted by the law of {' and '.join(one.short for one in words.predictors)}"),
        *_points(across, up, predicted, y),
        line((across(up.low), up(up.low)), (across(up.high), up(up.high)), "whisker"),
        text("as predicted", _RIGHT - 26, _TOP + 12, anchor="end", class_="s b"),
    ]
    return _described(fit, group, title, body, "Dots are points; on the line the law is right.")


def _score_scale(values: Sequence[float]) -> Scale:
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    margin = 0.05 * max(high - low, 1e-6)
    return Scale(low - margin, high + margin, _BOTTOM, _TOP)


def _score_axis(up: Scale, words: str) -> Iterator[str]:
    for tick in up.ticks():
        yield line((_LEFT, up(tick)), (_RIGHT, up(tick)), "grid")
        yield text(tick_text(round(tick, 9)), _LEFT - 6, up(tick) + 4, anchor="end", class_="s n q")
    turned = f"translate(11 {number(_TOP)}) rotate(-90)"
    yield element("g", text(_fitting(words, _BOTTOM - _TOP), 0, 0, anchor="end", class_="s"), transform=turned)


def _below(words: str) -> str:
    """The name of the axis across."""
    return text(_fitting(words, _RIGHT), _RIGHT, _BOTTOM + 31, anchor="end", class_="s")


def _fitting(words: str, width: float) -> str:
    """The words of an axis, shortened where a column's name would run out of the picture."""
    return shortened(words, int(width / text_width("n", _AXIS_PX)))


def _power_axis(across: Scale) -> Iterator[str]:
    """Powers of ten, or the two ends where there are fewer than two."""
    powers = list(range(math.ceil(across.low - 1e-9), math.floor(across.high + 1e-9) + 1))
    step = max(1, math.ceil(len(powers) / 7))
    for place in powers[::step] if len(powers) > 1 else (across.low, across.high):
        yield line((across(place), _TOP), (across(place), _BOTTOM), "grid")
        yield text(f"{10**place:.3g}", across(place), _BOTTOM + 15, anchor="middle", class_="s n q")


def _points(across: Scale, up: Scale, x: Floats, y: Floats) -> Iterator[str]:
    dots = "".join(f"M{number(across(one))} {number(up(other))}h0" for one, other in zip(x, y, strict=True))
    style: dict[str, str | float | None] = {
        "stroke": "var(--figure-bar,#5b8fc7)",
        "stroke_width": 4.5,
        "stroke_linecap": "round",
        "opacity": 0.75,
    }
    yield element("path", "", d=dots, fill="none", **style)


def _band(across: Scale, up: Scale, grid: Floats, band: tuple[Floats, Floats]) -> Iterator[str]:
    places = [across(float(one)) for one in np.log10(grid)]
    above = [(x, up(float(y))) for x, y in zip(places, band[1], strict=True) if np.isfinite(y)]
    below = [(x, up(float(y))) for x, y in zip(places, band[0], strict=True) if np.isfinite(y)]
    yield element("path", d=f"{_trace([*above, *below[::-1]])}z", fill=_BAND, opacity=0.35)


def _path(across: Scale, up: Scale, x: Floats, y: Floats) -> str:
    places = [(across(float(one)), up(float(other))) for one, other in zip(x, y, strict=True) if np.isfinite(other)]
    return element("path", d=_trace(places), fill="none", stroke=_INK, stroke_width=2)


def _trace(places: Sequence[Point]) -> str:
    return "M" + "L".join(f"{number(x)} {number(y)}" for x, y in places)


def _plateau(up: Scale, plateau: float) -> Iterator[str]:
    y = up(plateau)
    yield element("path", d=f"M{_LEFT} {number(y)}H{_RIGHT}", stroke=_INK, stroke_dasharray="5 4", fill="none")
    yield text(f"plateau {plateau:.3f}", _LEFT + 4, y - 4, class_="s b")


def _described(fit: Fit, group: str, title: str, body: Sequence[str], how: str) -> Picture:
    intervals = fit.intervals
    said = []
    for name, value in fit.constants.items():
        interval = f" ({intervals[name].low:.4g} to {intervals[name].high:.4g})" if name in intervals else ""
        said.append(f"{name} {value:.4g}{interval}")
    words = f"{len(fit.observations.score)} points; {', '.join(said)}."
    stem = f"law-{kebab(fit.law, group)}"
    return chart(stem, (WIDTH, _HEIGHT), body, title=title, alt=f"{title}. {words}", caption=f"{title}. {how} {words}")
