"""``algokit doctor``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from algokit.cli.options import Device, Json, MaybeData, Quiet, Store, Workers, machine_file, store_root


def doctor(
    measure: Annotated[
        bool,
        typer.Option("--measure", help="Measure this machine's rates first, which plans then forecast times from."),
    ] = False,
    data: MaybeData = None,
    recipe: Annotated[
        Path | None, typer.Option("--recipe", metavar="RECIPE", help="See that its weights are here.")
    ] = None,
    device: Device = "auto",
    workers: Workers = 4,
    store: Store = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Say whether this machine is ready: packages, devices, memory, disk, clock, container engine; how to mend what is
    not; with --data and --recipe, whether these are in order too.

    With --measure: how fast networks run on the device, matrix products, decoding, memory and the store's disk. It is
    kept in machine.json in algokit's cache folder and corrected by every run. Exits with 3 where something is missing.
    """
    from algokit import verbs
    from algokit.console import show_doctor, shown_progress, write_json
    from algokit.errors import MachineError
    from algokit.types import errors_among

    with shown_progress(quiet=quiet) as progress:
        report = verbs.doctor(
            store=store_root(store),
            machine_file=machine_file(),
            measure=measure,
            device=device,
            n_workers=workers,
            data=data,
            recipe=recipe,
            progress=progress,
        )
    if as_json:
        write_json(report.document())
    else:
        show_doctor(report)
    if errors_among(report.findings):
        raise typer.Exit(MachineError.exit_code)
