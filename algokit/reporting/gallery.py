"""Which pictures a report shows, in which section; made from what was read, nothing is computed twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import TypeAlias

from algokit.reporting.choices import MemberChoices, Thing
from algokit.reporting.figures import (
    Choice,
    Picture,
    Surface,
    alpha_maps,
    brain_maps,
    ceiling_versus_score,
    choice_of,
    depth_histogram,
    grid_maps,
    layer_maps,
    load_surface,
    roi_bars,
    subject_bars,
)
from algokit.reporting.places import VertexPlaces
from algokit.reporting.reported import SPLITS, Reported
from algokit.types import Progress, ProgressCallback, Scores, Split, VertexScores, no_progress

_Draw: TypeAlias = Callable[[], Sequence[Picture]]
_MAPS: dict[Thing, Callable[..., Sequence[Picture]]] = {
    "layer": layer_maps,
    "pooling": grid_maps,
    "penalty": alpha_maps,
}


@dataclass(frozen=True)
class Gallery:
    """The pictures of a report.

    Attributes
    ----------
    split : the split that the scores in them are of; None where there are none.
    """

    split: Split | None
    bars: tuple[Picture, ...] = ()
    brain: tuple[Picture, ...] = ()
    choices: tuple[Picture, ...] = ()
    ceilings: tuple[Picture, ...] = ()

    def all(self) -> tuple[Picture, ...]:
        """Every picture, in the order of the page."""
        return (*self.bars, *self.brain, *self.choices, *self.ceilings)


def make_gallery(reported: Reported, *, progress: ProgressCallback = no_progress) -> Gallery:
    """Draw what can be drawn: bars need scores, maps need the vertices' places on fsaverage."""
    split = next((one for one in SPLITS if reported.scores.get(one)), None)
    scores = reported.scores[split] if split else None
    surface = cache(load_surface)  # only where there is a map to draw, and once
    pieces = [*_score_pieces(scores, surface), *_choice_pieces(reported, surface)]
    drawn: dict[str, list[Picture]] = {"bars": [], "brain": [], "choices": [], "ceilings": []}
    n_drawn = 0
    for done, (section, name, draw) in enumerate(pieces):
        # how many a piece holds is known when it is drawn; at least one each until then
        progress(Progress("report", n_drawn, n_drawn + len(pieces) - done, "pictures", name))
        pictures = draw()
        drawn[section] += pictures
        n_drawn += len(pictures)
    progress(Progress("report", n_drawn, n_drawn, "pictures"))
    return Gallery(split, **{section: tuple(pictures) for section, pictures in drawn.items()})


def _score_pieces(scores: Scores | None, surface: Callable[[], Surface]) -> Iterator[tuple[str, str, _Draw]]:
    """Section, name and how to draw."""
    if scores is None:
        return
    yield "bars", "ROIs", partial(roi_bars, scores)
    yield "bars", "subjects", partial(subject_bars, scores)
    if not scores.vertices:
        return
    yield "ceilings", "ceilings", partial(ceiling_versus_score, scores.vertices)
    if all(one.fsaverage_index is not None for one in scores.vertices):
        if any(one.normalized is not None for one in scores.vertices):
            yield "brain", "scores", lambda: brain_maps(surface(), scores.vertices, "noise_normalized")
            yield "ceilings", "ceilings", lambda: brain_maps(surface(), scores.vertices, "noise_ceiling")
        yield "brain", "correlations", lambda: brain_maps(surface(), scores.vertices, "pearson_r")


def _choice_pieces(reported: Reported, surface: Callable[[], Surface]) -> Iterator[tuple[str, str, _Draw]]:
    """Of what had more than one candidate; a readout that chooses nothing records zeros, and they mean nothing."""
    for member in [one for one in reported.members if one.chosen]:
        choices = _choices(reported, member)
        if "layer" in member.chosen:
            yield "choices", f"depth of {member.member}", partial(depth_histogram, choices)
        if all(one.fsaverage_index is not None for one in choices):
            for draw in [draw for thing, draw in _MAPS.items() if thing in member.chosen]:
                yield "choices", f"maps of {member.member}", _on(surface, draw, choices)


def _on(surface: Callable[[], Surface], draw: Callable[..., Sequence[Picture]], choices: Sequence[Choice]) -> _Draw:
    return lambda: draw(surface(), choices)


def _choices(reported: Reported, member: MemberChoices) -> list[Choice]:
    """What a member chose, with the ROIs and the places of its vertices, which a split's scores know if there are."""
    scored = (scores.vertices for scores in reported.scores.values() if scores and scores.vertices)
    vertices: Sequence[VertexScores] | Sequence[VertexPlaces] = next(scored, reported.places)
    known = {(one.subject, one.hemisphere): one for one in vertices}
    choices = []
    for record in member.records:
        one = known.get((record.subject, record.hemisphere))
        index = one.fsaverage_index if one else None
        choices.append(choice_of(record, member.spaces, rois=one.rois if one else {}, fsaverage_index=index))
    return choices
