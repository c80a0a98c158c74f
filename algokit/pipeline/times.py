"""What a run's steps took beside what was forecast, and what the next forecast learns from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from algokit.pipeline.machine import read_machine, with_runs, write_machine
from algokit.pipeline.run import Ran, StepOutcome
from algokit.recipe.forecast import forecast, group_of
from algokit.recipe.plan import Plan


@dataclass(frozen=True)
class GroupTime:
    """The steps of one group (`algokit.recipe.forecast.group_of`) that a run made.

    Attributes
    ----------
    forecast_s, raw_s : with what earlier runs taught, and by the machine's rates alone; None where these are not known.
    actual_s : what the steps took.
    is_whole : no earlier run had begun any of them.
    """

    group: str
    n_steps: int
    forecast_s: float | None
    raw_s: float | None
    actual_s: float
    is_whole: bool

    def document(self) -> dict[str, Any]:
        """As a card has it."""
        forecast_s = None if self.forecast_s is None else round(self.forecast_s, 3)
        actual_s = round(self.actual_s, 3)
        return {
            "n_steps": self.n_steps,
            "forecast_s": forecast_s,
            "actual_s": actual_s,
            "is_whole": self.is_whole,
        }


def step_times(plan: Plan, ran: Ran, machine_file: Path | None) -> tuple[GroupTime, ...]:
    """Forecast and actual of the steps that were made, by group."""
    made: dict[str, list[StepOutcome]] = {}
    for outcome in ran.outcomes:
        if outcome.made:
            made.setdefault(group_of(plan, plan.step(outcome.id)), []).append(outcome)
    known = read_machine(machine_file).devices.get(_kind(ran.device))
    steps = [plan.step(one.id) for outcomes in made.values() for one in outcomes]
    groups = forecast(plan, steps, known.rates, known.learned).groups if known else ()
    expected = {one.group: one for one in groups}
    return tuple(
        GroupTime(
            group=group,
            n_steps=len(outcomes),
            forecast_s=expected[group].seconds if expected else None,
            raw_s=expected[group].raw_s if expected else None,
            actual_s=sum(one.seconds for one in outcomes),
            is_whole=not any(one.resumed for one in outcomes),
        )
        for group, outcomes in made.items()
    )


def learn_from(times: Sequence[GroupTime], ran: Ran, machine_file: Path | None) -> None:
    """Keep what a finished run taught. Of what an earlier run had begun nothing is learned, nor of a run that failed.

    Raises
    ------
    DiskError : the machine file cannot be written.
    """
    taught = {one.group: (one.raw_s, one.actual_s) for one in times if one.is_whole and one.raw_s is not None}
    if machine_file is None or not taught:
        return
    machine = read_machine(machine_file)  # again: another run may have ended meanwhile
    if _kind(ran.device) in machine.devices:
        write_machine(machine_file, with_runs(machine, _kind(ran.device), taught))


def _kind(device: str) -> str:
    return device.partition(":")[0]
