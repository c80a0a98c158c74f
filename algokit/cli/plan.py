"""``algokit plan``."""

from __future__ import annotations

from algokit.cli.options import (
    Json,
    Lock,
    Manifest,
    MaybeData,
    Overrides,
    Quiet,
    Recipe,
    Store,
    machine_file,
    store_root,
)


def plan(
    recipe: Recipe,
    data: MaybeData = None,
    manifest: Manifest = None,
    overrides: Overrides = None,
    store: Store = None,
    lock: Lock = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Show what a recipe would do and cost.

    Layers, feature spaces, steps, bytes on disk, work and peak memory, without loading a weight; and time, where
    algokit doctor --measure has measured this machine. Without --data the sizes are those of the official challenge
    and the steps have no keys.
    """
    from dataclasses import asdict

    from algokit import verbs
    from algokit.console import show_plan, shown_progress, write_json

    with shown_progress(quiet=quiet) as progress:
        made = verbs.plan(
            recipe,
            data=data,
            manifest=manifest,
            overrides=overrides or (),
            store=store_root(store),
            lock=lock,
            progress=progress,
        )
    times = verbs.forecasts(made, machine_file())
    if as_json:
        write_json({**made.model_dump(mode="json"), "forecast": [asdict(one) for one in times]})
    else:
        show_plan(made, times)
