"""``algokit explain``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from algokit.cli.options import Data, Json, Manifest, Overrides, Quiet, Recipe, Store, store_root

if TYPE_CHECKING:
    from algokit.verbs import ExplainReport


def explain(
    step: Annotated[
        str,
        typer.Argument(
            metavar="STEP",
            help="The id of a step, the start of ids (features/gabor), or a pattern in quotes ('fit/*/subj01').",
        ),
    ],
    recipe: Recipe,
    data: Data,
    manifest: Manifest = None,
    overrides: Overrides = None,
    store: Store = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Say whether steps are in the store, and if not, why.

    What a step asks for is compared with what the nearest artefact was made from, back along its inputs to the first
    cause. Nothing is made or changed.
    """
    from algokit import verbs
    from algokit.console import show_explained, shown_progress, write_json

    with shown_progress(quiet=quiet) as progress:
        report = verbs.explain(
            step,
            recipe,
            data=data,
            manifest=manifest,
            overrides=overrides or (),
            store=store_root(store),
            progress=progress,
        )
    if as_json:
        write_json(_document(report))
    else:
        show_explained(report)


def _document(report: ExplainReport) -> dict[str, Any]:
    return {
        "recipe": report.plan.recipe["name"],
        "key": report.plan.key,
        "store": str(report.store),
        "steps": [
            {
                "id": one.step.id,
                "kind": one.step.kind,
                "key": one.step.key,
                "state": one.state,
                "made_by_next_run": one.is_next,
                "causes": [{"words": cause.words, "steps": list(cause.steps)} for cause in one.causes],
                "compared_with": {"id": one.relative.id, "key": one.relative.key} if one.relative else None,
            }
            for one in report.steps
        ],
    }
