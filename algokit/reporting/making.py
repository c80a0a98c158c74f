"""How a submission was made, as facts and tables: its members, its machine, its time."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from algokit.backbones import LayerInfo, Preprocess
from algokit.recipe.plan import Plan, PlannedMember
from algokit.reporting.tables import Table
from algokit.reporting.verdict import Fact

_MOST_STEPS = 400


@dataclass(frozen=True)
class MemberView:
    """One member of the recipe: what it is, and every feature space of it."""

    name: str
    facts: tuple[Fact, ...]
    spaces: Table


def member_views(plan: Plan | None) -> tuple[MemberView, ...]:
    """The members of a plan, in its order; none without a plan."""
    return tuple(_member(plan, member) for member in plan.members) if plan is not None else ()


def _member(plan: Plan, member: PlannedMember) -> MemberView:
    layers = list(dict.fromkeys(space.layer.name for space in member.spaces))
    readout = next(one["readout"] for one in plan.recipe["members"] if one["name"] == member.name)
    card = member.card
    facts = [
        Fact("backbone", f"{card.name} ({card.kind})", card.source),
        Fact("parameters", f"{card.n_parameters:,}" if card.n_parameters else "none"),
        Fact("weights", *_weights(member)),
        *([Fact("licence", card.licence)] if card.licence else []),
        Fact("preprocessing", preprocess_words(card.preprocess)),
        Fact("layers", f"{len(layers)} of {len(card.layers)}", _ends(layers)),
        Fact("feature spaces", f"{len(member.spaces):,}"),
        Fact("readout", readout_words(readout)),
    ]
    rows = tuple(
        (space.name, space.layer.name, _shape(space.layer), space.name.rpartition("@")[2], space.n_features)
        for space in member.spaces
    )
    headers = ("feature space", "layer", "activation", "pooling", "features")
    return MemberView(member.name, tuple(facts), Table(f"Feature spaces of {member.name}", headers, rows, {}))


def _ends(names: Sequence[str]) -> str:
    return ", ".join(names) if len(names) <= 6 else f"{', '.join(names[:2])} … {', '.join(names[-2:])}"


def _weights(member: PlannedMember) -> tuple[str, str]:
    weights = member.weights or {}
    source, digest = str(weights.get("source", "not known")), str(weights.get("sha256", ""))
    if weights.get("is_random"):
        source = f"RANDOM, UNTRAINED: {source}"
    return source, f"SHA-256 {digest}" if digest else ""


def _shape(layer: LayerInfo) -> str:
    """``map 8 × 48 × 48``, ``257 tokens × 1408``, ``vector 4096``."""
    if layer.layout == "map":
        return f"map {layer.channels} × {layer.height} × {layer.width}"
    return f"{layer.n_tokens} tokens × {layer.channels}" if layer.layout == "tokens" else f"vector {layer.channels}"


def preprocess_words(preprocess: Preprocess) -> str:
    """``squash to 96 px, bicubic``; ``short side to 256 px, bilinear, central 224 px``."""
    how = "squash" if preprocess.resize == "squash" else "short side"
    crop = f", central {preprocess.size_px} px" if preprocess.crop == "center" else ""
    mean, std = (", ".join(f"{value:g}" for value in values) for values in (preprocess.mean, preprocess.std))
    return f"{how} to {preprocess.resize_px} px, {preprocess.interpolation}{crop}; mean ({mean}), SD ({std})"


def readout_words(readout: Mapping[str, Any]) -> str:
    """A readout's settings as the recipe resolved them: ``ridge; alphas start 0, stop 6, num 13; ...``."""
    parts = [f"{name} {_setting(value)}" for name, value in readout.items() if name != "kind"]
    return "; ".join([str(readout["kind"]).replace("_", " + "), *parts])


def _setting(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_setting(one)}" for name, one in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_setting(one) for one in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)


def environment_facts(card: Mapping[str, Any], n_steps: int | None = None) -> tuple[Fact, ...]:
    """The machine and the time, as the card says them.

    Parameters
    ----------
    n_steps : of the plan; None where not known.
    """
    hardware, timings = card.get("hardware"), card.get("timings")
    facts = []
    if isinstance(hardware, dict):
        labels = {"system": "system", "machine": "architecture", "n_cpus": "CPUs", "accelerator": "accelerator"}
        facts += [Fact(label, str(hardware.get(name) or "none")) for name, label in labels.items()]
    if card.get("device"):
        facts.append(Fact("device", str(card["device"])))
    if isinstance(timings, dict) and isinstance(timings.get("total_s"), int | float):
        made = timings.get("steps_s")
        words = _made_words(len(made), n_steps) if isinstance(made, dict) and n_steps else ""
        facts.append(Fact("time of this run", _seconds(float(timings["total_s"])), words))
    return tuple(facts)


def _made_words(n_made: int, n_steps: int) -> str:
    """A time says little unless it is known what was done in it."""
    if n_made == n_steps:
        return f"all {n_steps} steps computed"
    others = "the others" if n_made else "all"
    return f"{n_made or 'none'} of {n_steps} steps computed, {others} taken from the store"


def _seconds(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.1f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def timing_tables(card: Mapping[str, Any]) -> tuple[Table, ...]:
    """Seconds per kind of step and member, then per step unless these are very many.

    A step that was in the store already is not among them.
    """
    timings = card.get("timings")
    steps = timings.get("steps_s") if isinstance(timings, dict) else None
    if not isinstance(steps, dict) or not steps:
        return ()
    return tuple(_timings({str(name): float(one) for name, one in steps.items() if isinstance(one, int | float)}))


def _timings(steps: Mapping[str, float]) -> Iterator[Table]:
    kinds: dict[str, list[float]] = {}
    for name, seconds in steps.items():
        kind, *rest = name.split("/")
        kinds.setdefault(f"{kind} {rest[0]}" if len(rest) > 1 else kind, []).append(seconds)
    rows = tuple((kind, len(seconds), sum(seconds)) for kind, seconds in sorted(kinds.items()))
    yield Table("Time per kind of step", ("kind", "steps made", "seconds"), rows, {})
    if len(steps) <= _MOST_STEPS:
        yield Table("Time per step", ("step", "seconds"), tuple(sorted(steps.items())), {"seconds": 3})


def command_facts(card: Mapping[str, Any], *, is_test_scored: bool) -> tuple[Fact, ...]:
    """What to type, to be read in the folder of the submission: label and command line.

    Nothing of it writes into that folder but the page; a card names weights files without their place.
    """
    name = str(card["recipe"].get("name", "recipe"))
    members = card["recipe"].get("members", [])
    weights = "".join(
        f" --set members.{index}.backbone.checkpoint=FILE"
        for index, member in enumerate(members)
        if member.get("backbone", {}).get("checkpoint")
    )
    again, anew, recipe = (shlex.quote(f"../{name}{end}") for end in ("-again", "-anew", ".yaml"))
    scored = Fact("The scores again, with intervals", "algokit score . --data DIR --intervals")
    return (
        Fact("Everything again, from the card", f"algokit rerun card.json --data DIR --out {again}{weights}"),
        Fact(
            f"The same from the recipe below, saved as {recipe}",
            f"algokit run {recipe} --data DIR --out {anew}{weights}",
        ),
        Fact("Is it a submission the challenge takes?", "algokit validate . --data DIR"),
        *([scored] if is_test_scored else []),
        Fact("This page again, from what is stored here", "algokit report ."),
        Fact("The zip", "algokit pack ."),
    )
