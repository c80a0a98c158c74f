"""A rerun held against its card: what is the same, line by line, and in one sentence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from algokit.reporting.card_diff import CardDiff, FilesCompared
from algokit.reporting.card_inputs import plain
from algokit.reporting.card_schema import Card
from algokit.reporting.card_verdict import change_text, diff_verdict, score_sentence

Outcome: TypeAlias = Literal["same bytes", "same scores", "same predictions", "other"]

GOOD: tuple[Outcome, ...] = ("same bytes", "same scores")  # the card holds
_HEADLINES: dict[Outcome, str] = {
    "same scores": "the same scores, other bytes",
    "same predictions": "the same predictions, other scores",
}


@dataclass(frozen=True)
class Check:
    """One line: what the card says, what the rerun has, whether they agree (None: cannot be said)."""

    what: str
    card: str
    now: str
    is_same: bool | None


def rerun_checks(old: Card, new: Card, diff: CardDiff) -> tuple[Check, ...]:
    """Inputs first, then what came of them."""
    return (*_inputs(old, new), *_circumstances(old, new), *_results(diff))


def rerun_outcome(diff: CardDiff) -> Outcome:
    """How close the rerun came.

    "same bytes" of predictions and the same scores; "same predictions" with another score, however little another, for
    then what it was scored by is another; "same scores" to the digits shown of other predictions; "other".
    """
    known = [score for score in diff.scores if score.change is not None]
    if diff.predictions.is_same:
        return "same predictions" if diff.moved else "same bytes"
    return "same scores" if known and all(score.is_close for score in known) else "other"


def rerun_verdict(diff: CardDiff, n_made: int, n_kept: int) -> tuple[str, ...]:
    """The verdict, and how much of it was computed again.

    Parameters
    ----------
    n_made, n_kept : steps that were computed, and that the store already held.
    """
    outcome, n_files = rerun_outcome(diff), diff.predictions.n_same
    if outcome == "same bytes":
        lines = [f"the same bytes: every one of {n_files} prediction files has the digest that the card states"]
        lines += [score_sentence(score) for score in diff.scores if score.change is None]
    else:
        lines = [*([_HEADLINES[outcome]] if outcome in _HEADLINES else []), *diff_verdict(diff)]
    if n_kept and not n_made:
        lines.append("nothing was computed again: the store held every step; a new --store computes them all")
    elif n_kept:
        lines.append(f"{n_made} of {n_made + n_kept} steps were computed again; a new --store computes them all")
    return tuple(lines)


def _inputs(old: Card, new: Card) -> Iterator[Check]:
    yield _equal("recipe", old.recipe_digest, new.recipe_digest)
    yield _equal("manifest", old.challenge.manifest_digest, new.challenge.manifest_digest)
    yield _digests("images", old.data.images, new.data.images, "subject")
    yield _digests("training responses", old.data.responses, new.data.responses, "subject")
    for member, was in old.weights.items():
        now = new.weights.get(member)
        is_same = now is not None and (was.sha256, was.is_random) == (now.sha256, now.is_random)
        found = "absent" if now is None else plain(now.sha256 or now.source)
        yield Check(f"weights of {member}", plain(was.sha256 or was.source), found, is_same)
    yield _equal("plan", old.plan_key, new.plan_key)
    yield _digests("test data", old.test_data, new.test_data, "file")


def _circumstances(old: Card, new: Card) -> Iterator[Check]:
    was, now = ({"algokit": card.algokit_version, **card.versions} for card in (old, new))
    unlike = [name for name in sorted(was.keys() | now.keys()) if was.get(name) != now.get(name)]
    if not unlike:
        yield Check("versions", _count(len(was), "package"), "all the same", True)
    for name in unlike:
        yield Check(name, plain(was.get(name, "absent")), plain(now.get(name, "absent")), False)
    is_known = None not in (old.device, new.device)  # None: nothing was computed
    devices = [("device", old.device, new.device), ("accelerator", old.hardware.accelerator, new.hardware.accelerator)]
    for what, before, after in devices if is_known else []:
        if before or after:
            yield Check(what, plain(before or "none"), plain(after or "none"), before == after)


def _results(diff: CardDiff) -> Iterator[Check]:
    for what, files in (("predictions", diff.predictions), ("choices", diff.choices)):
        yield _files(what, files)
    for score in diff.scores:
        old, new = ("none" if value is None else f"{value:.{score.digits}f}" for value in (score.old, score.new))
        is_same = None if score.change is None else score.is_same
        moved = f" ({change_text(score)})" if is_same is False else ""
        yield Check(f"score of {score.split}", old, new + moved, is_same)


def _files(what: str, files: FilesCompared) -> Check:
    n_files = files.n_same + len(files.differing)
    now = "all the same" if files.is_same else f"{files.n_same} the same" if n_files else "none"
    return Check(what, _count(n_files, "file"), now, files.is_same if n_files else None)


def _equal(what: str, old: Any, new: Any) -> Check:
    return Check(what, plain(old), plain(new), old == new)


def _digests(what: str, old: Mapping[str, str], new: Mapping[str, str], noun: str) -> Check:
    if not old and not new:
        return Check(what, "none", "none", None)
    n_same = sum(new.get(name) == digest for name, digest in old.items())
    now = "all the same" if old == new else f"{n_same} of {len(new)} the same"
    return Check(what, _count(len(old), noun), now, old == new)


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}" + ("" if n == 1 else "s")
