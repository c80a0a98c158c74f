"""Scores as bars: one per ROI with its interval and every subject, one per subject and hemisphere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from algokit.reporting.figures.picture import Picture, stems
from algokit.reporting.figures.svg import (
    LABEL_CHARS,
    WIDTH,
    Scale,
    chart,
    clean,
    element,
    group,
    heading,
    line,
    rect,
    round_step,
    shortened,
    text,
    text_width,
    tick_text,
)
from algokit.types import HEMISPHERES, ScoreRow, Scores

_ALL = "all"
_CLASSES = "classes"
_TOP = 44
_BAR = 20
_GAP = 11
_THIN = 13  # where every subject has two
_CLOSE = 6  # between them: the bracket of chance needs it
_END = 46  # room for the number at a bar's end
_SIDES = {"lh": "left", "rh": "right"}


@dataclass(frozen=True)
class _Measure:
    """What the bars of a picture stand for."""

    metric: str
    title: str
    unit: str
    digits: int
    note: str = ""

    def shown(self, value: float) -> str:
        return f"{value:.{self.digits}f}"

    def interval(self, row: ScoreRow) -> str:
        """`` (95 % interval 40.1 to 44.0)``, or nothing."""
        if row.low is None or row.high is None:
            return ""
        return f" (95 % interval {self.shown(row.low)} to {self.shown(row.high)})"


_NORMALIZED = _Measure("noise_normalized_mean", "Noise-normalized score (mean over vertices, %)", " %", 1)
_RAW = _Measure(
    "pearson_r_mean",
    "Raw Pearson r (mean over vertices), not normalized",
    "",
    3,
    "There are no noise ceilings to normalize by. ",
)


@dataclass(frozen=True)
class _Bar:
    label: str
    row: ScoreRow
    subjects: tuple[ScoreRow, ...] = ()
    class_: str = "bar"
    height: float = _BAR
    gap: float = _GAP

    @property
    def said(self) -> str:
        """What the bar is of, by itself."""
        if self.row.hemisphere in _SIDES:
            return f"{_subject(self.row)} {_SIDES[self.row.hemisphere]}"
        return self.label


def roi_bars(scores: Scores) -> tuple[Picture, ...]:
    """One chart over the ROI classes and one per class with a bar per ROI; an ROI without vertices has no bar.

    Bars pool subjects and hemispheres, whiskers are 95 % intervals where the rows have them, a ring is one subject.
    Without noise ceilings the bars are raw r, and say so.
    """
    measure = _measure(scores)
    rows = [row for row in scores.rows if row.metric == measure.metric and row.hemisphere == _ALL]
    classes = list(dict.fromkeys(row.roi_class for row in rows if row.roi_class != _ALL))
    overview = _bars(rows, [(_ALL, _ALL), *((one, _ALL) for one in classes)])
    pictures = [_roi_chart(_CLASSES, "Score per ROI class", overview, measure)] if overview else []
    for roi_class, stem in stems(classes, taken=_CLASSES).items():
        rois = dict.fromkeys(row.roi for row in rows if row.roi_class == roi_class and row.roi != _ALL)
        if bars := _bars(rows, [(roi_class, roi) for roi in rois]):
            pictures.append(_roi_chart(stem, f"Score per ROI: {roi_class}", bars, measure))
    return tuple(pictures)


def subject_bars(scores: Scores) -> tuple[Picture, ...]:
    """One chart: every subject's score over all vertices of each hemisphere."""
    measure = _measure(scores)
    rows = [row for row in scores.rows if row.metric == measure.metric and row.roi_class == _ALL]
    subjects = dict.fromkeys(row.subject for row in rows)
    bars = [
        _subject_bar(row)
        for subject in subjects
        for hemisphere in HEMISPHERES
        for row in rows
        if (row.subject, row.hemisphere) == (subject, hemisphere)
    ]
    if not bars:
        return ()
    of = f"{measure.title} of each subject and hemisphere over all its vertices"
    caption = f"{of}. {measure.note}{_interval_words(bars)}".rstrip()
    title = "Score per subject and hemisphere"
    return (_bar_chart("subject-bars", title, bars, measure, caption),)


def _subject_bar(row: ScoreRow) -> _Bar:
    """Left and right of a subject stand close together, the subject named once."""
    if row.hemisphere == "lh":
        return _Bar(f"{_subject(row)}, left", row, height=_THIN)
    return _Bar("right", row, class_="bar2", height=_THIN, gap=_CLOSE)


def _subject(row: ScoreRow) -> str:
    return "all subjects" if row.subject == _ALL else row.subject


def _measure(scores: Scores) -> _Measure:
    pooled = {row.metric for row in scores.rows if (row.subject, row.roi_class) == (_ALL, _ALL)}
    return _NORMALIZED if _NORMALIZED.metric in pooled else _RAW


def _bars(rows: Sequence[ScoreRow], places: Iterable[tuple[str, str]]) -> list[_Bar]:
    bars = []
    for place in places:
        here = [row for row in rows if (row.roi_class, row.roi) == place]
        subjects = tuple(row for row in here if row.subject != _ALL)
        label = "all vertices" if place == (_ALL, _ALL) else place[0] if place[1] == _ALL else place[1]
        bars += [_Bar(label, row, subjects) for row in here if row.subject == _ALL]
    return bars


def _roi_chart(stem: str, title: str, bars: Sequence[_Bar], measure: _Measure) -> Picture:
    n_subjects = len({row.subject for bar in bars for row in bar.subjects})
    caption = (
        f"{measure.title}, vertices of {n_subjects} subject{'s' * (n_subjects != 1)} and both hemispheres "
        f"pooled; each ring is one subject. {measure.note}{_interval_words(bars)}An ROI that no subject has is absent."
    )
    return _bar_chart(f"roi-bars-{stem}", title, bars, measure, caption)


def _interval_words(bars: Sequence[_Bar]) -> str:
    words = ""
    if any(bar.row.low is not None for bar in bars):
        words += "Whiskers: 95 % interval over images. "
    if any(bar.row.chance_high is not None for bar in bars):
        words += "Bracket below a bar: 95 % of what predictions of shuffled images score. "
    return words


def _bar_chart(name: str, title: str, bars: Sequence[_Bar], measure: _Measure, caption: str) -> Picture:
    left = max(text_width(shortened(bar.label, LABEL_CHARS)) for bar in bars) + 12
    ends = list(accumulate(bar.gap + bar.height for bar in bars))
    bottom = _TOP + ends[-1]
    scale = _scale(bars, measure, left)
    body = [heading(title), text(measure.title, 0, 31, class_="s q")]
    body += _axis(scale, bottom)
    tops = (_TOP - _GAP / 2 + end - bar.height for bar, end in zip(bars, ends, strict=True))
    body += [_row(bar, top, scale, measure) for bar, top in zip(bars, tops, strict=True)]
    alt = f"{title}. {measure.title}: " + "; ".join(_said(bar, measure) for bar in bars) + "."
    return chart(name, (WIDTH, bottom + 24), body, title=title, alt=alt, caption=caption)


def _scale(bars: Sequence[_Bar], measure: _Measure, left: float) -> Scale:
    """0 to 100 %; raw r from 0, or below it where something is, to the next round number."""
    if measure is _NORMALIZED:
        return Scale(0, 100, left, WIDTH - _END)
    rows = [row for bar in bars for row in (bar.row, *bar.subjects)]
    values = [one for row in rows for one in (row.value, row.low, row.high) if one is not None]
    low, high = min(0.0, *values), max(0.05, *values)
    step = round_step((high - low) / 5)
    return Scale(step * (low // step), step * -(-high // step), left, WIDTH - _END)


def _axis(scale: Scale, bottom: float) -> Iterator[str]:
    for tick in scale.ticks():
        yield line((scale(tick), _TOP), (scale(tick), bottom), "axis" if tick == 0 else "grid")
        yield text(tick_text(round(tick, 6)), scale(tick), bottom + 15, anchor="middle", class_="s n q")


def _row(bar: _Bar, y: float, scale: Scale, measure: _Measure) -> str:
    zero, end, middle = scale(0.0), scale(bar.row.value), y + bar.height / 2
    is_shared = bool(bar.subjects) and bar.row.low is not None
    parts = [
        text(shortened(bar.label, LABEL_CHARS), scale.start_px - 8, middle + 4, anchor="end"),
        rect(min(zero, end), y, abs(end - zero), bar.height, class_=bar.class_),
        *_chance(bar, y + bar.height, scale),
        *_marks(bar, (middle if is_shared else y, y + bar.height), scale, measure),
        *_whisker(bar.row, y + bar.height / 4 if is_shared else middle, scale),
        text(measure.shown(bar.row.value), WIDTH, middle + 4, anchor="end", class_="n"),
    ]
    return group(parts, tip=_said(bar, measure, subjects=False))


def _chance(bar: _Bar, bottom: float, scale: Scale) -> Iterator[str]:
    """Below the bar: no shade on a coloured bar reads as one in every colour of page and bar."""
    row = bar.row
    if row.chance_low is not None and row.chance_high is not None:
        start, end = scale(row.chance_low), scale(row.chance_high)
        yield element("path", d=f"M{start:.2f} {bottom + 1:g}v4H{end:.2f}v-4", class_="chance")


def _marks(bar: _Bar, between: tuple[float, float], scale: Scale, measure: _Measure) -> Iterator[str]:
    """A ring per subject, clear of the whisker, each subject at its own height so that equal scores stay apart."""
    first, last = between[0] + 2.5, between[1] - 2.5
    step = (last - first) / max(len(bar.subjects) - 1, 1)
    for index, row in enumerate(bar.subjects):
        height = first + index * step if len(bar.subjects) > 1 else (first + last) / 2
        tip = f"<title>{clean(row.subject)}: {measure.shown(row.value)}{measure.unit}</title>"
        yield element("circle", tip, cx=scale(row.value), cy=height, r=2.2, class_="mark")


def _whisker(row: ScoreRow, middle: float, scale: Scale) -> Iterator[str]:
    if row.low is not None and row.high is not None:
        low, high = scale(row.low), scale(row.high)
        ends = f"M{low:.2f} {middle - 4:g}v8M{low:.2f} {middle:g}H{high:.2f}M{high:.2f} {middle - 4:g}v8"
        yield element("path", d=ends, class_="whisker")


def _said(bar: _Bar, measure: _Measure, *, subjects: bool = True) -> str:
    words = f"{bar.said} {measure.shown(bar.row.value)}{measure.unit}{measure.interval(bar.row)}"
    values = [row.value for row in bar.subjects]
    if subjects and len(values) > 1:
        words += f", subjects {measure.shown(min(values))} to {measure.shown(max(values))}"
    return words
