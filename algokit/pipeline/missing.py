"""Which steps of a plan have to be made, and why."""

from __future__ import annotations

from collections.abc import Mapping

from algokit.pipeline.history import Past, read_history
from algokit.pipeline.reasons import Record, compare, one_line
from algokit.recipe.plan import Plan, Step
from algokit.store import CorruptArtefactError, Store


def reasons_to_make(plan: Plan, store: Store) -> dict[str, str]:
    """Step id -> why it has to be made.

    Features and reductions are looked at only for what has to be made of them: those of a kept fit may be gone, and are
    not read.
    """
    history = read_history(plan, store)
    reasons: dict[str, str] = {}
    looked_at: set[str] = set()
    waiting = [*plan.of_kind("ensemble"), *plan.of_kind("fit")]
    while waiting:
        step = waiting.pop()
        if step.id not in looked_at and look(step, plan, store, history, reasons):
            waiting += plan.inputs(step)
        looked_at.add(step.id)
    return reasons


def look(step: Step, plan: Plan, store: Store, history: Mapping[str, Past], reasons: dict[str, str]) -> bool:
    """Note why a step has to be made, if it has to be; says whether."""
    try:
        if store.has(step.kind, str(step.key)):
            store.open(step.kind, str(step.key))
            return False
        reasons[step.id] = _why(step, plan, history)
    except CorruptArtefactError as error:
        reasons[step.id] = error.findings[0].what
    return True


def _why(step: Step, plan: Plan, history: Mapping[str, Past]) -> str:
    past = history.get(step.id)
    if past is None:
        return "new"
    if past.key == step.key:
        return "its artefact is no longer in the store"
    return one_line(compare(Record.of_past(step.id, past), step, plan))
