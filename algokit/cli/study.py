"""``algokit study``: questions that many scores answer together."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer
from typer.core import TyperGroup

from algokit.cli.options import (
    BatchSize,
    Data,
    Device,
    Json,
    Manifest,
    MaybeData,
    Nsd,
    Overrides,
    Quiet,
    ShardImages,
    Store,
    Workers,
    store_root,
)


class _Group(TyperGroup):
    """``algokit study RECIPE`` is ``algokit study run RECIPE``."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Take a recipe's file in the place of a command."""
        is_recipe = args and args[0] not in self.commands and Path(args[0]).suffix in (".yaml", ".yml")
        return super().resolve_command(ctx, ["run", *args] if is_recipe else args)


app = typer.Typer(cls=_Group, help="Run studies, and fit scaling laws to tables of scores.", no_args_is_help=True)
StudyFile: TypeAlias = Annotated[
    Path, typer.Argument(metavar="RECIPE", help="A study recipe, such as recipes/studies/demo.yaml.")
]


class Law(StrEnum):
    """The forms, as in `algokit.studies.laws`, which is not imported for help."""

    log = "log"
    power = "power"
    shifted = "shifted"
    broken = "broken"
    joint = "joint"


@app.command("run")
def run(
    recipe: StudyFile,
    data: Data,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The folder of results; studies/<name>-<key> if not given.")
    ] = None,
    manifest: Manifest = None,
    nsd: Nsd = None,
    overrides: Overrides = None,
    store: Store = None,
    device: Device = "auto",
    batch_size: BatchSize = None,
    workers: Workers = 4,
    shard_images: ShardImages = 256,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Run a study: tidy results, the law of every ROI, figures and a page.

    What the store already holds is not made again, so an interrupted study resumes with the same command. Exits with 1
    where a law is refused.
    """
    from algokit import verbs
    from algokit.console import show_study_run, shown_progress, write_json

    with shown_progress(quiet=quiet) as progress:
        report = verbs.study_run(
            recipe,
            data=data,
            manifest=manifest,
            out=out,
            store=store_root(store),
            nsd=nsd,
            overrides=overrides or (),
            options=verbs.RunOptions(device, batch_size, workers, shard_images=shard_images),
            progress=progress,
        )
    if as_json:
        write_json(report.as_dict())
    else:
        show_study_run(report)
    if not report.complete:
        raise typer.Exit(1)


@app.command("plan")
def plan(
    recipe: StudyFile,
    data: MaybeData = None,
    manifest: Manifest = None,
    nsd: Nsd = None,
    overrides: Overrides = None,
    store: Store = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Show what a study would fit and what all of it costs, without loading a weight.

    Without --data the sizes are those of the official challenge.
    """
    from algokit import verbs
    from algokit.console import show_study_plan, shown_progress, write_json

    with shown_progress(quiet=quiet) as progress:
        made = verbs.study_plan(
            recipe,
            data=data,
            manifest=manifest,
            nsd=nsd,
            overrides=overrides or (),
            store=store_root(store),
            progress=progress,
        )
    if as_json:
        write_json(made.model_dump(mode="json"))
    else:
        show_study_plan(made)


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
