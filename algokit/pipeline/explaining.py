"""Is a step's artefact in the store, and if not, why is what lies there another one? Down to the first cause."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from algokit.pipeline.history import Past
from algokit.pipeline.reasons import Record, compare
from algokit.recipe.plan import Plan, Step
from algokit.store import Entry

State: TypeAlias = Literal["there", "damaged", "stale", "gone", "new", "no key"]
_MOST_UNLIKE = 2  # parameters that differ from another step's artefact, beyond which it is no relative


@dataclass(frozen=True)
class Cause:
    """One reason why an artefact is not the one asked for.

    Attributes
    ----------
    words : the difference in the recipe's words (``preprocess.resize_px 224 -> 336``).
    steps : the steps it lies in, far back along the inputs; empty where it is the step's own.
    """

    words: str
    steps: tuple[str, ...] = ()

    def __str__(self) -> str:
        if not self.steps:
            return self.words
        if len(self.steps) == 1:
            return f"an input changed: {self.steps[0]}: {self.words}"
        return f"{len(self.steps)} inputs changed, the first {self.steps[0]}: {self.words}"


@dataclass(frozen=True)
class Explained:
    """What there is of one step.

    Attributes
    ----------
    state : there; damaged (there, but not as it was written); stale (an artefact of the step is there, made from
        something else); gone (made before, and no longer there); new (never made); no key (something it is made from
        is not on this machine).
    causes : why, where it is not there; none where it is new and nothing is like it.
    relative : the artefact that it was compared with.
    is_next : whether the next run makes it. Features and reductions are made only for a fit that is not there; what has
        no key, never.
    """

    step: Step
    state: State
    causes: tuple[Cause, ...]
    relative: Record | None
    is_next: bool
    entry: Entry | None = None

    @property
    def joined_causes(self) -> list[Cause]:
        """One for all that changed in the same steps."""
        words: dict[tuple[str, ...], list[str]] = {}
        for cause in self.causes:
            words.setdefault(cause.steps, []).append(cause.words)
        return [Cause("; ".join(each), steps) for steps, each in words.items()]


def explain_steps(
    plan: Plan, steps: Sequence[Step], present: Iterable[Entry], history: Mapping[str, Past]
) -> list[Explained]:
    """Explain some steps of a plan.

    Parameters
    ----------
    present : the artefacts of the store.
    history : what the last run of this recipe made each step from.
    """
    explainer = _Explainer(plan, present, history)
    return [explainer.explain(step) for step in steps]


class _Explainer:
    """A plan, the artefacts of a store and the records of what was made before, to be asked step by step."""

    def __init__(self, plan: Plan, present: Iterable[Entry], history: Mapping[str, Past]) -> None:
        self._plan = plan
        self._there = {(entry.kind, entry.key): entry for entry in present}
        self._remembered = {step_id: Record.of_past(step_id, past) for step_id, past in history.items()}
        self._records = [record for entry in self._there.values() if (record := Record.of_entry(entry))]
        self._by_key = {record.key: record for record in [*self._remembered.values(), *self._records]}
        self._by_id: dict[str, list[Record]] = {}
        for record in self._records:
            self._by_id.setdefault(record.id, []).append(record)
        self._wanted: set[str] = set()
        for step in (*plan.of_kind("fit"), *plan.of_kind("reduction")):
            if self._is_missing(step) and (step.kind == "fit" or step.id in self._wanted):
                self._wanted.update(step.inputs)

    def explain(self, step: Step) -> Explained:
        entry = self._there.get((step.kind, str(step.key)))
        is_next = self._is_missing(step) and (step.kind in ("fit", "ensemble") or step.id in self._wanted)
        if entry is not None and not entry.problem:
            return Explained(step, "there", (), None, False, entry)
        if entry is not None:
            return Explained(step, "damaged", (Cause(entry.problem),), None, is_next, entry)
        if step.key is None:
            return Explained(step, "no key", tuple(self._unknown(step)), None, False)
        past = self._remembered.get(step.id)
        if past is not None and past.key == step.key:
            return Explained(step, "gone", (Cause("its artefact is no longer in the store"),), None, is_next)
        relative = self._nearest(step)
        if relative is None:
            return Explained(step, "new", (), None, is_next)
        causes = tuple(_joined(self._causes(relative, step)))
        return Explained(step, "stale" if relative.id == step.id else "new", causes, relative, is_next)

    def _is_missing(self, step: Step) -> bool:
        entry = self._there.get((step.kind, str(step.key)))
        return entry is None or bool(entry.problem)

    def _unknown(self, step: Step) -> Iterator[Cause]:
        members = {member.name: member for member in self._plan.members}
        names = dict.fromkeys(self._plan.step(name).member for name in [*step.inputs, step.id])
        for name in names:
            if name and members[name].weights is None:
                yield Cause(f"the weights of {name} are not on this machine")

    def _nearest(self, step: Step) -> Record | None:
        """What most resembles the step: an artefact of its id, what it was last made from, a like feature space."""
        own = self._by_id.get(step.id, [])
        if own:
            return min(own, key=lambda one: (compare(one, step, self._plan).n, -_made_s(one)))
        if step.id in self._remembered:
            return self._remembered[step.id]
        if step.kind != "features":
            return None
        like = [
            one for one in self._records if one.kind == "features" and one.entry and one.entry.subject == step.subject
        ]
        nearest = min(like, key=lambda one: (_unlike(one, step), -_made_s(one)), default=None)
        return nearest if nearest and _unlike(nearest, step) <= _MOST_UNLIKE else None

    def _causes(self, record: Record, step: Step) -> Iterator[Cause]:
        """Why the record is not the step: its own differences, and the first causes of those of its inputs."""
        found = compare(record, step, self._plan)
        own = found.own_words() + found.input_words()
        if not found.knows_inputs:
            own.append("its inputs, which an earlier algokit did not write down")
        if not own and not found.redone:
            own = ["made by another version of algokit"]
        yield from (Cause(words) for words in own)
        for name in found.redone:
            before = self._by_key.get((record.inputs or {})[name])
            if before is None:
                yield Cause("what it was before is no longer on record", (name,))
                continue
            for cause in self._causes(before, self._plan.step(name)):
                yield Cause(cause.words, cause.steps or (name,))


def _unlike(record: Record, step: Step) -> int:
    """How many of the step's parameters the artefact was made without; parts of one parameter count as one."""
    return sum(record.params.get(name) != value for name, value in step.params.items())


def _made_s(record: Record) -> float:
    return record.entry.made_s if record.entry else 0.0


def _joined(causes: Iterable[Cause]) -> Iterator[Cause]:
    """One cause for all inputs that changed in the same way."""
    steps: dict[str, list[str]] = {}
    own: set[str] = set()
    for cause in causes:
        steps.setdefault(cause.words, []).extend(cause.steps)
        own |= set() if cause.steps else {cause.words}
    for words, names in steps.items():
        if words in own:
            yield Cause(words)
        if names:
            yield Cause(words, tuple(dict.fromkeys(names)))
