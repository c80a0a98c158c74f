"""A plan, before anything is computed: what will be made, and what it costs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from algokit.challenge.packing import forecast_bytes
from algokit.console.quantities import duration, plural, scaled, size
from algokit.console.streams import print_warnings, results
from algokit.console.tables import number_table
from algokit.recipe.cost import BATCH
from algokit.types import SubjectGeometry

if TYPE_CHECKING:
    from algokit.recipe.forecast import Forecast
    from algokit.recipe.layers import ResolvedAddress
    from algokit.recipe.plan import Plan, PlannedMember, Space, Step, StepKind

_KINDS: tuple[StepKind, ...] = ("features", "reduction", "fit", "ensemble")


def show_plan(plan: Plan, forecasts: Sequence[Forecast] = ()) -> None:
    """Print a plan: members with their feature spaces, subjects, costs per kind of step, warnings.

    Parameters
    ----------
    forecasts : how long it takes, on each device that was measured.
    """
    stream = results()
    key = plan.key[:12] if plan.key else "no key yet"
    stream.print(Text.assemble((str(plan.recipe["name"]), "bold"), f"  on {plan.challenge}, {key}"))
    for member in plan.members:
        print_member(stream, member)
    for table in (_subjects(plan), _costs(plan, forecasts)):
        stream.print()
        stream.print(table)
    if not forecasts:
        stream.print(Text("time unknown: run algokit doctor --measure", "yellow"))
    stream.print()
    more = f"While shards become features, the disk needs up to {size(plan.joining_bytes)} more."
    stream.print(f"The zip of the predictions will have about {size(_zip_bytes(plan))}. {more}")
    if plan.warnings:
        stream.print()
        print_warnings(stream, plan.warnings)


def _zip_bytes(plan: Plan) -> int:
    return forecast_bytes({name: SubjectGeometry(name, **facts) for name, facts in plan.subjects.items()})


def print_member(stream: Console, member: PlannedMember) -> None:
    """What a member is made of, and what a pass of it takes."""
    card, preprocess = member.card, member.card.preprocess
    stream.print()
    stream.print(Text(member.name, "bold cyan"))
    parameters = scaled(card.n_parameters, "") if card.n_parameters else "no"
    work = f"{parameters} parameters, {scaled(card.flops_per_image, 'FLOP')} per image"
    _fact(stream, "network", f"{card.kind} {card.name}, {work}")
    crop = "" if preprocess.crop == "none" else f", {preprocess.crop} crop"
    resize = preprocess.resize.replace("_", " ")
    _fact(stream, "weights", _weights(member))
    _fact(stream, "images", f"{resize} to {preprocess.resize_px} px, {preprocess.interpolation}{crop}")
    memory = member.device_memory
    batch = f"{size(memory.of_batch(BATCH))} for {BATCH} at once"
    _fact(stream, "device", f"{size(memory.network_bytes)} and {size(memory.image_bytes)} per image: {batch}")
    label = "layers"
    for line in addresses_in_words(member.addresses):
        _fact(stream, label, line)
        label = ""
    label = f"{len(member.spaces)} spaces"
    for line in spaces_in_words(member.spaces):
        _fact(stream, label, line)
        label = ""


def _fact(stream: Console, label: str, text: str | Text) -> None:
    grid = Table.grid(padding=(0, 1))
    grid.add_column(width=13, style="dim")
    grid.add_column(overflow="fold")
    grid.add_row(f"  {label}", text)
    stream.print(grid)


def _weights(member: PlannedMember) -> Text:
    if member.weights is None:
        return Text("not on this machine", "yellow")
    digest = str(member.weights["sha256"])
    words = str(member.weights["source"]) + (f", sha256 {digest[:12]}" if digest else "")
    return Text(words, "bold red" if member.weights["is_random"] else "")


def addresses_in_words(addresses: Iterable[ResolvedAddress]) -> Iterable[str]:
    """What each address stood for: ``blocks.[8:24:4] -> 4 layers``; a single layer is named."""
    for one in addresses:
        yield f"{one.address} -> {one.layers[0] if len(one.layers) == 1 else plural(len(one.layers), 'layer')}"


def spaces_in_words(spaces: Sequence[Space]) -> Iterable[str]:
    """One line per run of layers that are pooled alike: ``blocks.0 .. blocks.39 (40 layers) x max 1 2 3``."""
    layers = [(layer, list(group)) for layer, group in groupby(spaces, key=lambda space: space.layer.name)]
    for poolings, run in groupby(layers, key=lambda item: _poolings(item[1])):
        names = [name for name, _ in run]
        which = names[0] if len(names) == 1 else f"{names[0]} .. {names[-1]} ({len(names)} layers)"
        yield f"{which} x {poolings}"


def _poolings(spaces: Sequence[Space]) -> str:
    labels = [space.name.rsplit("@", 1)[-1] for space in spaces]
    split = [re.fullmatch(r"(\D+)(\d*)", label) for label in labels]
    pairs = [(match[1], match[2]) if match else (label, "") for match, label in zip(split, labels, strict=True)]
    words = [
        " ".join([word, *(size for _, size in group if size)])
        for word, group in groupby(pairs, key=lambda pair: pair[0])
    ]
    return ", ".join(words)


def _subjects(plan: Plan) -> Table:
    rows = [
        [subject, *(f"{n:,}" for n in (facts["n_train"], facts["n_test"], *facts["n_vertices"].values()))]
        for subject, facts in plan.subjects.items()
    ]
    hemispheres = [f"{one} vertices" for one in next(iter(plan.subjects.values()))["n_vertices"]]
    return number_table(["subject", "train images", "test images", *hemispheres], rows)


def _costs(plan: Plan, forecasts: Sequence[Forecast]) -> Table:
    rows = [
        [kind, *_cost(plan.of_kind(kind)), *(duration(one.of_kind(kind)) for one in forecasts)]
        for kind in _KINDS
        if plan.of_kind(kind)
    ]
    rows.append(["all", *_cost(plan.steps), *(duration(one.seconds) for one in forecasts)])
    times = [f"time ({one.device})" for one in forecasts]
    return number_table(["steps", "", "on disk", "work", "peak memory", *times], rows, total=True)


def _cost(steps: Sequence[Step]) -> list[str]:
    return [
        f"{len(steps):,}",
        size(sum(step.out_bytes for step in steps)),
        scaled(sum(step.flops for step in steps), "FLOP"),
        size(max((step.memory_bytes for step in steps), default=0)),
    ]
