"""What a study recipe asks for and cannot have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from algokit.readouts import ExhaustiveSearch, RidgeSpec
from algokit.recipe.plan import PlannedMember
from algokit.recipe.schema import Member
from algokit.recipe.study_schema import StudyRecipe
from algokit.registry import did_you_mean
from algokit.types import Finding, SubjectGeometry

if TYPE_CHECKING:
    from algokit.recipe.study_plan import StudiedData


def impossible_in_study(
    study: StudyRecipe, data: StudiedData, geometry: Mapping[str, SubjectGeometry]
) -> Iterator[Finding]:
    """What can be told without a backbone's card, beyond what a recipe with these members cannot have."""
    for index, member in enumerate(study.members):
        yield from _readout_findings(member, f"members[{index}]")
    yield from _size_findings(study, geometry)
    yield from _score_findings(study, data)
    yield from _law_findings(study, geometry)


def _readout_findings(member: Member, place: str) -> Iterator[Finding]:
    """Subsets of images are searched by the ridge search over folds, from one Gram matrix for all."""
    readout = member.readout
    needs: list[tuple[str, str, str]] = []
    if not isinstance(readout, RidgeSpec):
        needs.append(("readout.kind", "ridge", readout.kind))
    else:
        kinds = (readout.search.kind, "exhaustive", isinstance(readout.search, ExhaustiveSearch))
        needs += [("readout.search", kinds[1], kinds[0])] if not kinds[2] else []
        needs += [("readout.selection", "kfold", readout.selection)] if readout.selection != "kfold" else []
        kind = readout.folds.kind
        needs += [("readout.folds.kind", "shuffled", kind)] if kind != "shuffled" else []
    if member.reduction is not None:
        needs.append(("reduction", "null", member.reduction.kind))
    for path, expected, found in needs:
        what = "a study fits nested subsets of the images, which this does not do"
        yield Finding(what, path=f"{place}.{path}", expected=expected, found=found, code="not-in-a-study")


def _size_findings(study: StudyRecipe, geometry: Mapping[str, SubjectGeometry]) -> Iterator[Finding]:
    held, smallest = study.val.n if study.val else 0, 10**9
    for name, one in geometry.items():
        n_fit = one.n_train - held
        rows = f"{name} has {one.n_train} training images, {held} of them held out"
        if n_fit < 4:
            yield Finding("too few images are left", path="val.n", found=rows, code="too-few-rows")
            continue
        sizes = study.images.of(n_fit)
        smallest = min(smallest, sizes[0])
        if sizes[-1] > n_fit:
            advice = "take fewer images, or name the subjects that have as many (subjects: [...])"
            expected, found = f"at most {n_fit}: {rows}", str(sizes[-1])
            yield Finding(
                "more images than there are", "", "images.sizes", expected, found, advice, code="too-few-rows"
            )
    folds = max((one.readout.folds.n for one in study.members if isinstance(one.readout, RidgeSpec)), default=0)
    if smallest < 2 * folds:
        what, expected = "too few images for the folds", f"at least {2 * folds}, two for each of {folds} folds"
        yield Finding(what, path="images.sizes", expected=expected, found=str(smallest), code="too-few-rows")


def _score_findings(study: StudyRecipe, data: StudiedData) -> Iterator[Finding]:
    asked = study.scores
    if asked.roi_class not in data.roi_classes:
        advice = did_you_mean(asked.roi_class, data.roi_classes)
        yield Finding(
            "unknown ROI class", "", "scores.roi_class", "", asked.roi_class, advice, code="unknown-roi-class"
        )
    if not data.has_truth:
        advice = "hold training images out and score these: val: {n: 500}"
        yield Finding("the data have no test responses to score", path="val", advice=advice, code="no-responses")
    elif asked.metric != "r2" and not data.has_ceilings:
        advice = "metric: r2, or give NSD's own files (--nsd)"
        what = "no noise ceilings for the images that are scored"
        yield Finding(what, "", "scores.metric", found=asked.metric, advice=advice, code="no-ceilings")


def _law_findings(study: StudyRecipe, geometry: Mapping[str, SubjectGeometry]) -> Iterator[Finding]:
    if study.law is None:
        return
    counts = {"draws": study.images.draws, "subjects": len(geometry), "models": len(study.members)}
    if counts.get(study.law.resample, 2) < 2:
        what = f"one of the {study.law.resample} alone cannot be resampled"
        yield Finding(what, "", "law.resample", "two or more", "1", "resample: points", code="nothing-to-resample")
    own = {"depth", "grid"} & set(study.predictors) - {study.study}
    if own:
        what = f"{own.pop()} is known in a study of it alone"
        yield Finding(what, path="law.x", expected=f"another predictor, or another study than {study.study}")
    for index, place in enumerate(study.law.at):
        if len(place) != len(study.predictors) or not all(value > 0 for value in place):
            expected = f"{len(study.predictors)} above 0: {', '.join(study.predictors)}"
            found = ", ".join(f"{value:g}" for value in place)
            yield Finding("not a place", path=f"law.at[{index}]", expected=expected, found=found, code="not-a-place")


def impossible_with_members(study: StudyRecipe, members: Sequence[PlannedMember]) -> Iterator[Finding]:
    """What the networks do not have that scores are to be drawn against."""
    asked = set(study.predictors)
    for index, member in enumerate(members):
        known = {"n_parameters": member.card.n_parameters, "flops": member.card.flops_per_image}
        for name in sorted(asked & set(known)):
            if not known[name] > 0:
                what = f"{name} of this network is not known, or 0, which has no logarithm"
                yield Finding(what, path=f"members[{index}].backbone", found=member.card.name, code="no-predictor")
        for position, pooling in enumerate(study.members[index].poolings if study.study == "grid" else ()):
            if not hasattr(pooling, "grid"):
                what, place = "this pooling has no grid", f"members[{index}].poolings[{position}]"
                yield Finding(what, path=place, expected="adaptive_max or adaptive_mean", found=pooling.kind)
