"""What an artefact was made from against what a step asks for: why one is not the other."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from algokit.documents import Change, changes, path_text
from algokit.pipeline.history import Past
from algokit.recipe.plan import Plan, Step, StepKind
from algokit.recipe.steps import STEP_VERSIONS, step_key
from algokit.store import Entry

_MOST_VERSIONS = 20


@dataclass(frozen=True)
class Record:
    """What an artefact was made from.

    Attributes
    ----------
    inputs : id -> key of its inputs, in order; None where that was not written down.
    entry : where it lies in the store; None where it is only remembered.
    """

    id: str
    kind: StepKind
    key: str
    params: Mapping[str, Any]
    inputs: Mapping[str, str] | None
    entry: Entry | None = None

    @classmethod
    def of_past(cls, step_id: str, past: Past) -> Record:
        """What a history says of a step."""
        kind: Any = step_id.split("/")[0]
        return cls(step_id, kind, past.key, past.params, past.inputs)

    @classmethod
    def of_entry(cls, entry: Entry) -> Record | None:
        """What an artefact's meta.json says; None where it does not say."""
        params, kind = entry.meta.get("params"), entry.kind
        if not entry.id or not isinstance(params, Mapping):
            return None
        inputs: dict[str, str] | None = {} if kind == "features" else None
        with contextlib.suppress(KeyError, TypeError, ValueError):
            inputs = dict(entry.meta["inputs"])
        return cls(entry.id, kind, entry.key, params, inputs, entry)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Comparison:
    """What differs between an artefact and a step, of the step itself and of its inputs.

    Attributes
    ----------
    changed : parameters with both values.
    versions : of the step, then and now; None where they are the same or the old one is not known.
    gone, added, redone : ids of inputs: no longer there, new, and there with another key.
    is_reordered : the same inputs in another order.
    knows_inputs : whether anything could be said of the inputs.
    """

    changed: tuple[Change, ...]
    versions: tuple[int, int] | None
    gone: tuple[str, ...]
    added: tuple[str, ...]
    redone: tuple[str, ...]
    is_reordered: bool
    knows_inputs: bool

    @property
    def n(self) -> int:
        """How many differences there are."""
        own = len(self.changed) + (self.versions is not None) + self.is_reordered + (not self.knows_inputs)
        return own + len(self.gone) + len(self.added) + len(self.redone)

    def own_words(self) -> list[str]:
        """What changed of the step itself: ``readout.folds.n 3 -> 4``, ``step version 1 -> 2``."""
        words = [change_words(change) for change in self.changed]
        return words + ([f"step version {self.versions[0]} -> {self.versions[1]}"] if self.versions else [])

    def input_words(self) -> list[str]:
        """``without conv@max2``, ``with conv@max4, conv@max8``, ``its inputs in another order``."""
        lists = {"without": self.gone, "with": self.added}
        words = [f"{word} {', '.join(map(short_id, names))}" for word, names in lists.items() if names]
        return words + (["its inputs in another order"] if self.is_reordered else [])


def compare(record: Record, step: Step, plan: Plan) -> Comparison:
    """Hold what an artefact was made from against a step of the plan."""
    inputs = {name: str(plan.step(name).key) for name in step.inputs}
    before = record.inputs
    if before is None and _version(record, inputs) is not None:
        before = inputs  # the artefact's key is the one that these inputs give
    old = inputs if before is None else before
    version, now = _version(record, old), STEP_VERSIONS[step.kind]
    return Comparison(
        changed=tuple(changes(dict(record.params), step.params)),
        versions=(version, now) if version and version != now else None,
        gone=tuple(sorted(old.keys() - inputs.keys())),
        added=tuple(sorted(inputs.keys() - old.keys())),
        redone=tuple(name for name in inputs if name in old and old[name] != inputs[name]),
        is_reordered=list(old) != list(inputs) and old.keys() == inputs.keys(),
        knows_inputs=before is not None,
    )


def _version(record: Record, inputs: Mapping[str, str]) -> int | None:
    """The version of the step that gives the artefact's key from what it was made from; None where none does."""
    keys = list(inputs.values())
    for version in range(1, _MOST_VERSIONS):
        if step_key(record.kind, record.params, keys, version) == record.key:
            return version
    return None


def one_line(found: Comparison) -> str:
    """Every difference in one line, as a run tells it."""
    words = found.own_words() + found.input_words()
    if found.redone:
        n_redone = len(found.redone)
        words.append(f"{n_redone} of its inputs changed" if n_redone > 1 else f"{short_id(found.redone[0])} changed")
    return "; ".join(words) or "made by another version of algokit"


def change_words(change: Change) -> str:
    """A change in the recipe's words; of the digest of one file its first digits."""
    if change.path[-1:] == ("sha256",) and isinstance(change.old, str) and isinstance(change.new, str):
        return f"{path_text(change.path)} {change.old[:12]} -> {change.new[:12]}"
    return str(change)


def short_id(step_id: str) -> str:
    """A feature space, as it is or reduced, by its own name, any other step by its id."""
    return step_id.rsplit("/", 1)[-1] if step_id.startswith(("features/", "reduction/")) else step_id
