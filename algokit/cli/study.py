"""``algokit study``: questions that many scores answer together."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from algokit.cli.options import Json, Quiet

app = typer.Typer(help="Fit scaling laws to tables of scores.", no_args_is_help=True)


class Law(StrEnum):
    """The forms, as in `algokit.studies.laws`, which is not imported for help."""

    log = "log"
    power = "power"
    shifted = "shifted"
    broken = "broken"
    joint = "joint"


@app.command("fit")
def fit(
    table: Annotated[Path, typer.Argument(metavar="TABLE", help="A CSV file with a header, from us or elsewhere.")],
    x: Annotated[str, typer.Option("--x", metavar="COLUMN", help="The predictor: images, parameters, compute.")],
    y: Annotated[str, typer.Option("--y", metavar="COLUMN", help="The score, below 1.")],
    law: Annotated[Law, typer.Option("--law", help="The form.")] = Law.power,
    scale: Annotated[float, typer.Option("--scale", help="What the predictor is divided by.")] = 1.0,
    x2: Annotated[str, typer.Option("--x2", metavar="COLUMN", help="The second predictor of a joint law.")] = "",
    scale2: Annotated[float, typer.Option("--scale2", help="What the second predictor is divided by.")] = 1.0,
    where: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILTER",
            help="COLUMN=a,b, != or >=, <=, >, <; joined by | where one is enough; may be given several times.",
        ),
    ] = None,
    point: Annotated[
        str, typer.Option(metavar="COLUMN", help="Rows with one value of it are one point, by their mean score.")
    ] = "",
    mean_over: Annotated[
        str, typer.Option(metavar="COLUMN", help="What the mean of a point is over; each value once per point.")
    ] = "",
    group_by: Annotated[str, typer.Option(metavar="COLUMN", help="A fit of its own per value.")] = "",
    resample: Annotated[
        str, typer.Option(metavar="COLUMN", help="What the bootstrap draws: models, subjects, draws; else points.")
    ] = "",
    compute: Annotated[
        str, typer.Option(metavar="COLUMN", help="Training compute: a joint law then says how to spend more.")
    ] = "",
    bootstrap: Annotated[int, typer.Option(min=0, metavar="N", help="Resamples for intervals; 0 for none.")] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Of the resamples.")] = 42,
    at: Annotated[
        list[str] | None,
        typer.Option(metavar="X[,X2]", help="Predict here, if it is not too far; may be given several times."),
    ] = None,
    compare: Annotated[bool, typer.Option("--compare", help="Test every law on held-out large predictors.")] = False,
    anyway: Annotated[
        bool,
        typer.Option("--anyway", help="Give a fit that is refused too, beside the reasons; exits with 1 all the same."),
    ] = False,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write constants.csv, study.json, report.html.")
    ] = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Fit a law to a table of scores.

    Constants with 95 % intervals, the error on held-out large predictors, and predictions as far as that was tested. A
    fit that the data do not support is refused with the reason, and the exit code is 1.
    """
    from algokit import verbs
    from algokit.console import show_study, shown_progress, write_json

    options = verbs.StudyOptions(
        x=(x, x2) if x2 else (x,),
        y=y,
        law=law.value,
        scales=(scale, scale2) if x2 else (scale,),
        where=tuple(where or ()),
        point=point,
        mean_over=mean_over,
        group_by=group_by,
        resample=resample,
        compute=compute,
        n_resamples=bootstrap,
        seed=seed,
        at=tuple(_place(text) for text in at or ()),
        compare=compare,
        anyway=anyway,
    )
    with shown_progress(quiet=quiet) as progress:
        report = verbs.study_fit(table, options, out=out, progress=progress)
    if as_json:
        write_json(report.as_dict())
    else:
        show_study(report)
    if not report.complete:
        raise typer.Exit(1)


def _place(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(value) for value in text.split(","))
    except ValueError:
        raise typer.BadParameter(f"{text} is not X or X,X2", param_hint="--at") from None
