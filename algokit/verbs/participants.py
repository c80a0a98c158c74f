"""The shape that BIDS Apps have: ``DATA OUT participant`` for some subjects at a time, then ``DATA OUT group`` for all.

A participant's run leaves its features and fits in ``OUT/store``, so the group's run only joins what is there.

Source: https://bids-apps.neuroimaging.io, on the command line that these share.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from algokit.errors import DataError, UsageError
from algokit.types import Finding, ProgressCallback, no_progress

if TYPE_CHECKING:
    from algokit.verbs.preparing import RunOptions
    from algokit.verbs.running import RunReport
    from algokit.verbs.zipping import PackReport


@dataclass(frozen=True)
class GroupReport:
    """The submission of all, with its scores and report page, and its zip."""

    run: RunReport
    pack: PackReport


def run_participants(
    recipe: Path,
    *,
    data: Path,
    out: Path,
    labels: Sequence[str] = (),
    overrides: Sequence[str] = (),
    options: RunOptions | None = None,
    progress: ProgressCallback = no_progress,
) -> RunReport:
    """Run a recipe for some subjects; their submission is in ``OUT/participants/<recipe>-<subjects>``.

    Parameters
    ----------
    labels : ``01``, ``1``, ``sub-01`` or ``subj01``; all subjects of the data where there are none.

    Raises
    ------
    UsageError : a label is none, or of nobody in the data.
    AlgokitError : see `algokit.verbs.run`.
    """
    from algokit.verbs.running import run

    subjects = _subjects(data, labels)
    place = out / "participants" / "-".join([_name(recipe, overrides), *subjects])
    chosen = (*overrides, f"subjects=[{', '.join(subjects)}]")
    return run(recipe, data=data, out=place, store=out / "store", overrides=chosen, options=options, progress=progress)


def run_group(
    recipe: Path,
    *,
    data: Path,
    out: Path,
    labels: Sequence[str] = (),
    overrides: Sequence[str] = (),
    options: RunOptions | None = None,
    progress: ProgressCallback = no_progress,
) -> GroupReport:
    """Join what participants' runs made: submission, scores and report in ``OUT/<recipe>``, and its zip beside it.

    Raises
    ------
    DataError : every subject that was not run yet.
    AlgokitError : see `algokit.verbs.run` and `algokit.verbs.pack`.
    """
    from algokit.verbs.running import run
    from algokit.verbs.zipping import pack

    subjects = _subjects(data, labels)
    chosen = (*overrides, f"subjects=[{', '.join(subjects)}]")
    _refuse_unfinished(recipe, data, out, chosen, progress)
    place = out / _name(recipe, overrides)
    ran = run(recipe, data=data, out=place, store=out / "store", overrides=chosen, options=options, progress=progress)
    return GroupReport(ran, pack(place, data=data, out=place.with_suffix(".zip"), progress=progress))


def _refuse_unfinished(
    recipe: Path, data: Path, out: Path, overrides: Sequence[str], progress: ProgressCallback
) -> None:
    from algokit.store import Store
    from algokit.verbs.preparing import plan

    store = Store(out / "store")
    planned = plan(recipe, data=data, store=store.root, overrides=overrides, progress=progress)
    again = f"{data} {out} participant --recipe {recipe} --participant-label"
    what = "was not run with this recipe and data"
    findings = [
        Finding(what, one, advice=f"{again} {one.removeprefix('subj')}", code="no-participant")
        for one in (step.subject for step in planned.of_kind("ensemble") if not store.has("ensemble", str(step.key)))
    ]
    if findings:
        raise DataError("the group lacks participants", findings)


def _subjects(data: Path, labels: Sequence[str]) -> list[str]:
    from algokit.verbs.opening import opened

    present = opened(data, None).subjects
    if not labels:
        return list(present)
    wanted = {label: _subject(label) for label in labels}
    findings = [
        Finding("no such participant", "--participant-label", expected=", ".join(present), found=label, code="usage")
        for label, subject in wanted.items()
        if subject not in present
    ]
    if findings:
        raise UsageError("these participants are not in the data", findings)
    return sorted(set(wanted.values()))


def _subject(label: str) -> str:
    match = re.fullmatch(r"(?:sub-?|subj)?(\d{1,2})", label)
    return f"subj{int(match[1]):02d}" if match else label


def _name(recipe: Path, overrides: Sequence[str]) -> str:
    from algokit.recipe.load import load_recipe

    return load_recipe(recipe, overrides).name
