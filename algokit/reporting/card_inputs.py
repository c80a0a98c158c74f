"""Which inputs two cards disagree on, and what each of them can change."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from algokit.documents import ABSENT, Change, Steps, changes, path_text, value_text
from algokit.reporting.card_schema import Card, Record
from algokit.store import digest_of

Group: TypeAlias = Literal["recipe", "data", "weights", "software", "machine", "scoring", "other"]
Reach: TypeAlias = Literal["predictions", "score", "both", "nothing"]

_LABELS = ("name", "about")  # of the recipe; they name the folder and change no prediction
_FOLLOWS = "follows from the recipe"
_ROI_MASKS, _CEILINGS = "ROI masks", "noise ceilings"
_TEST_DATA = {"test_fmri": "test responses", "roi_challenge_space": _ROI_MASKS}  # all others are read for ceilings


@dataclass(frozen=True)
class Difference:
    """One input that two cards disagree on; `ABSENT` on the side that lacks it.

    Attributes
    ----------
    group : which kind of input it is.
    what : a dotted path of the recipe, or a few words.
    reach : what it can change: the predictions, the score of the same predictions, both, or nothing.
    note : why it can change nothing, where that is not plain.
    path : its place in the card.
    """

    group: Group
    what: str
    old: Any
    new: Any
    reach: Reach
    note: str = ""
    path: Steps = ()

    def __str__(self) -> str:
        """``recipe val.seed 0 -> 1``, ``torch 2.14.0 -> 2.15.0``; of digests only whose they are."""
        if self.group == "recipe":
            return f"recipe {Change(self.path[1:], self.old, self.new)}"
        if self.group in ("data", "weights") or isinstance(self.old, dict) or isinstance(self.new, dict):
            return self.what
        return f"{self.what} {plain(self.old)} -> {plain(self.new)}"


def input_differences(old: Card, new: Card) -> Iterator[Difference]:
    """Every input that differs, the recipe's first. Files, scores, timings and notes come out, and are no inputs."""
    made = [*_recipe(old, new), *_subjects(old, new), *_data(old, new), *_weights(old, new)]
    yield from made
    is_renamed = old.recipe.get("name") != new.recipe.get("name")
    if old.plan_key != new.plan_key and not is_renamed and not any(one.reach == "predictions" for one in made):
        what = "steps of the plan"  # another algokit made other steps of the same
        yield Difference("software", what, old.plan_key, new.plan_key, "predictions", path=("plan_key",))
    yield from _software(old, new)
    yield from _machine(old, new)
    yield from _test_data(old, new)
    yield from _rules(old, new)
    for change in changes(_unknown(old), _unknown(new)):
        what, note = path_text(change.path), "not known to this algokit"
        yield Difference("other", what, change.old, change.new, "nothing", note, change.path)


def _recipe(old: Card, new: Card) -> Iterator[Difference]:
    for change in changes(old.recipe, new.recipe):
        is_label = change.path[0] in _LABELS or (change.path[0] == "members" and change.path[2:] == ("name",))
        is_place = change.path[-1] == "checkpoint"
        note = "a name" if is_label else "where weights lie" if is_place else ""
        reach: Reach = "nothing" if note else "predictions"
        what, path = path_text(change.path), ("recipe", *change.path)
        yield Difference("recipe", what, change.old, change.new, reach, note, path)


def _subjects(old: Card, new: Card) -> Iterator[Difference]:
    """Subjects that one card has and the other has not, by the recipe's choice or because the data lack them."""
    is_chosen = old.recipe.get("subjects") != new.recipe.get("subjects")
    reach: Reach = "nothing" if is_chosen else "predictions"
    for subject in sorted(old.geometry.keys() ^ new.geometry.keys()):
        was, now = ("present" if subject in card.geometry else ABSENT for card in (old, new))
        note = _FOLLOWS if is_chosen else ""
        yield Difference("data", subject, was, now, reach, note, ("geometry", subject))


def _data(old: Card, new: Card) -> Iterator[Difference]:
    for kind in ("images", "responses"):
        was, now = getattr(old.data, kind), getattr(new.data, kind)
        if change := _digests(was, now, was.keys() & now.keys()):
            subjects, before, after = change
            yield Difference("data", f"{kind} of {subjects}", before, after, "predictions", path=("data", kind))
    stated, found = old.challenge.manifest_digest, new.challenge.manifest_digest
    if stated != found:  # it holds the repeats that ceilings may be worked out from
        yield Difference("data", "manifest", stated, found, "score", path=("challenge", "manifest_digest"))


def _digests(old: Mapping[str, str], new: Mapping[str, str], names: Iterable[str]) -> tuple[str, Any, Any] | None:
    """Whose files differ and their digests, told together: they change together as a rule. None where all agree."""
    unlike = [name for name in sorted(names) if old.get(name) != new.get(name)]
    was, now = ({name: side[name] for name in unlike if name in side} for side in (old, new))
    subjects = listed(dict.fromkeys(name.split("/")[0] for name in unlike))
    return (subjects, was or ABSENT, now or ABSENT) if unlike else None


def _weights(old: Card, new: Card) -> Iterator[Difference]:
    """Weights of members that both have; another network has other weights, and that is not a second input."""
    backbones = [_backbones(card) for card in (old, new)]
    for member in sorted(old.weights.keys() & new.weights.keys()):
        was, now = old.weights[member], new.weights[member]
        is_same = was.sha256 == now.sha256 and was.is_random == now.is_random
        if is_same and (was.sha256 or was.source == now.source):
            continue
        follows = backbones[0].get(member) != backbones[1].get(member)
        reach: Reach = "nothing" if follows else "predictions"
        before, after = was.sha256 or was.source, now.sha256 or now.source
        note, path = _FOLLOWS if follows else "", ("weights", member, "sha256")
        yield Difference("weights", f"weights of {member}", before, after, reach, note, path)


def stated_recipe_digest(recipe: Mapping[str, Any]) -> str:
    """`algokit.recipe.load.recipe_digest` of a recipe as a card has it.

    Of its document: through the class, one of an older algokit would gain the defaults that came since.
    """
    members = recipe.get("members")
    if not isinstance(members, list):
        return digest_of(recipe)
    portable = [
        {**one, "backbone": _without_checkpoint(one.get("backbone"))} if isinstance(one, dict) else one
        for one in members
    ]
    return digest_of({**recipe, "members": portable})


def _without_checkpoint(spec: Any) -> Any:
    return {name: one for name, one in spec.items() if name != "checkpoint"} if isinstance(spec, dict) else spec


def _backbones(card: Card) -> dict[str, Any]:
    """Member -> what its recipe says of the network, but for the name of the weights file."""
    members = card.recipe.get("members")
    named = [one for one in members if isinstance(one, dict)] if isinstance(members, list) else []
    return {str(one.get("name")): _without_checkpoint(one.get("backbone")) for one in named}


def _software(old: Card, new: Card) -> Iterator[Difference]:
    if old.algokit_version != new.algokit_version:
        was, now = old.algokit_version, new.algokit_version
        yield Difference("software", "algokit", was, now, "both", path=("algokit_version",))
    for change in changes(old.versions, new.versions):
        (name,) = change.path
        reach: Reach = "both" if name == "numpy" else "predictions"  # scores are computed with NumPy alone
        yield Difference("software", str(name), change.old, change.new, reach, path=("versions", name))


def _machine(old: Card, new: Card) -> Iterator[Difference]:
    """Where it ran. The device is None where every step was kept from the store, and then nothing is known of it."""
    is_known = None not in (old.device, new.device)
    if is_known and old.device != new.device:
        yield Difference("machine", "device", old.device, new.device, "predictions", path=("device",))
    for name in ("accelerator", "machine", "system", "n_cpus") if is_known else ():
        was, now = getattr(old.hardware, name), getattr(new.hardware, name)
        if was != now:
            reach: Reach = "predictions" if name in ("accelerator", "machine") else "nothing"
            yield Difference("machine", name.replace("_", " "), was, now, reach, path=("hardware", name))


def _test_data(old: Card, new: Card) -> Iterator[Difference]:
    kinds: dict[str, list[str]] = {}
    for name in sorted(old.test_data.keys() | new.test_data.keys()):
        role = name.split("/")[-1].split(".")[0]
        kinds.setdefault(_TEST_DATA.get(role, _CEILINGS), []).append(name)
    for words, names in kinds.items():
        if change := _digests(old.test_data, new.test_data, names):
            subjects, before, after = change
            reach: Reach = "nothing" if words == _ROI_MASKS else "score"
            note = "only the scores of ROIs" if words == _ROI_MASKS else ""
            yield Difference("scoring", f"{words} of {subjects}", before, after, reach, note, ("test_data",))


def _rules(old: Card, new: Card) -> Iterator[Difference]:
    """By which ceilings and metrics the splits were scored that both have."""
    for split, was in old.scores.items():
        now = new.scores.get(split)
        if was is None or now is None:
            continue
        if was.ceiling_source != now.ceiling_source:
            what, path = f"ceilings of {split}", ("scores", split, "ceiling_source")
            yield Difference("scoring", what, was.ceiling_source, now.ceiling_source, "score", path=path)
        for metric in sorted(was.metrics.keys() & now.metrics.keys()):
            before, after = was.metrics[metric].version, now.metrics[metric].version
            if before != after:
                what = f"version of {metric} ({split})"
                yield Difference("scoring", what, before, after, "score", path=("scores", split, "metrics", metric))


def _unknown(part: Any) -> dict[str, Any]:
    """The entries of a card that this algokit does not know, wherever they stand."""
    if isinstance(part, Mapping):
        inside = {name: _unknown(one) for name, one in part.items()}
    elif isinstance(part, Record):
        inside = {name: _unknown(getattr(part, name)) for name in type(part).model_fields if name != "timings"}
    else:
        return {}
    found = {name: one for name, one in inside.items() if one}
    return {**found, **(part.model_extra or {})} if isinstance(part, Record) else found


def plain(value: Any) -> str:
    """A value in short and safe to print: text without quotes, of digests their first twelve digits."""
    if isinstance(value, Mapping):
        return listed(f"{name} {plain(one)}" for name, one in value.items())
    if isinstance(value, str) and re.fullmatch("[0-9a-f]{64}", value):
        return value[:12]
    return value_text(value).strip('"')


def listed(names: Iterable[str], most: int = 4) -> str:
    """``a, b, c and 5 more``."""
    every = list(names)
    more = f" and {len(every) - most} more" if len(every) > most else ""
    return ", ".join(every[:most]) + more
