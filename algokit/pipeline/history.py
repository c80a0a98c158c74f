"""What the steps of a recipe were made from when they were last made."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import BaseModel, TypeAdapter

from algokit.atomic import write_text_atomically
from algokit.recipe.plan import Plan
from algokit.store import Store


class Past(BaseModel):
    """What a step was made from; ``inputs`` has the keys of its inputs by their id, in order."""

    key: str
    params: dict[str, Any]
    inputs: dict[str, str]


_HISTORY = TypeAdapter(dict[str, Past])


def read_history(plan: Plan, store: Store) -> dict[str, Past]:
    """Step id -> what it was made from in the last run of the plan's recipe; empty where none can be read."""
    try:
        return _HISTORY.validate_json(_path(plan, store).read_bytes())
    except (OSError, ValueError):
        return {}


def remember(plan: Plan, store: Store, done: Iterable[str]) -> None:
    """Note what each finished step was made from, so that the next run can say what changed.

    Raises
    ------
    DiskError : the disk is full or not writable.
    """
    before = read_history(plan, store)
    history = dict(before)
    for step_id in done:
        step = plan.step(step_id)
        inputs = {name: str(plan.step(name).key) for name in step.inputs}
        history[step_id] = Past(key=str(step.key), params=step.params, inputs=inputs)
    if history != before:
        write_text_atomically(_path(plan, store), _HISTORY.dump_json(dict(sorted(history.items()))).decode() + "\n")


def _path(plan: Plan, store: Store) -> Path:
    return store.root / "history" / f"{plan.recipe['name']}.json"
