"""One self-contained HTML page: no script, nothing loaded from anywhere, the same bytes for the same submission."""

from __future__ import annotations

import base64
import itertools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from algokit.reporting.figures import MAPS_NOTE, Picture
from algokit.reporting.gallery import Gallery
from algokit.reporting.page_data import page_data
from algokit.reporting.reported import Reported
from algokit.reporting.tables import Table

# The page stays below 3 MB, so that it can be mailed; a picture that does not fit is a link to its file.
_PAGE_BYTES = 2_900_000
_WORDS_BYTES = 2_000  # of a picture's caption, description and markup, generously


@dataclass(frozen=True)
class _Placing:
    """Names of the pictures that stand open on the page and of those that are folded away; the others are links."""

    opened: frozenset[str] = frozenset()
    folded: frozenset[str] = frozenset()


def render_page(reported: Reported, gallery: Gallery, *, figures: str) -> str:
    """The page as HTML text.

    Parameters
    ----------
    figures : the folder beside the page that holds the pictures as files; links alone depend on it.
    """
    render = _template("report.html.j2")
    page = page_data(reported)

    def rendered(placing: _Placing) -> str:
        return render(
            page=page,
            gallery=gallery,
            figures=quote(figures),
            data_uri=_data_uri,
            text_columns=_text_columns,
            maps_note=MAPS_NOTE,
            maps_noted=next((name for name in ("brain", "choices") if _has_maps(getattr(gallery, name))), ""),
            open_names=placing.opened,
            folded_names=placing.folded,
        )

    n_bytes = len(rendered(_Placing()).encode("utf-8"))
    return rendered(_placing(gallery, _PAGE_BYTES - n_bytes))


def render_study(document: Mapping[str, Any], pictures: Mapping[str, Picture], frontiers: Mapping[str, Picture]) -> str:
    """The page of a study as HTML text.

    Parameters
    ----------
    document : what `algokit.reporting.study_documents.study_document` says.
    pictures : group -> its picture, an SVG; none of a fit that is refused.
    frontiers : group -> what compute buys, of those with an allocation.
    """
    return _template("study.html.j2")(study=document, pictures=pictures, frontiers=frontiers)


def render_study_run(**values: Any) -> str:
    """The page of a study that was run, as HTML text; what is in it is said by its template."""
    return _template("study_run.html.j2")(text_columns=_text_columns, **values)


def _template(name: str) -> Callable[..., str]:
    """One template as a function of its values; it has the style sheet and pictures as markup at hand."""
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    loader = PackageLoader("algokit.reporting", "templates")
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    css, _, _ = loader.get_source(environment, "report.css")

    def markup(picture: Picture) -> Markup:
        """An SVG as it is; `algokit.reporting.figures` has escaped every word in it."""
        return Markup(picture.data.decode("utf-8"))

    environment.globals.update(css=Markup(css), markup=markup)
    return environment.get_template(name).render


def _data_uri(picture: Picture) -> str:
    return f"data:image/{picture.format};base64,{base64.b64encode(picture.data).decode('ascii')}"


def _has_maps(pictures: Iterable[Picture]) -> bool:
    return any("-map-" in picture.name for picture in pictures)


def _text_columns(table: Table) -> frozenset[int]:
    """The columns up to the first number: words are read from the left, everything after stands flush right."""
    words = itertools.takewhile(
        lambda column: all(isinstance(row[column], str) for row in table.rows), range(len(table.headers))
    )
    return frozenset(words)


def _placing(gallery: Gallery, room_bytes: int) -> _Placing:
    """Charts and maps over subjects stand open, maps of one subject are folded, while there is room for them."""
    pictures = gallery.all()
    names = {picture.name for picture in pictures}
    single = {name for name in names if "-map-" in name and (_pooled(name) & names) and name not in _pooled(name)}
    chosen, n_bytes = set(), 0
    for picture in sorted(pictures, key=lambda one: (one.name in single, "-map-" in one.name)):
        needed = _WORDS_BYTES + (len(picture.data) if picture.format == "svg" else 4 * len(picture.data) // 3)
        if n_bytes + needed <= room_bytes:
            chosen.add(picture.name)
            n_bytes += needed
    return _Placing(frozenset(chosen - single), frozenset(chosen & single))


def _pooled(name: str) -> set[str]:
    """What the map over all subjects may be called that the map of one subject belongs to."""
    return {f"{name.rpartition('-')[0]}-{pooling}" for pooling in ("mean", "median")}
