"""What a recipe asks for and cannot have: of the data, of one of its own parts, or of any backbone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from algokit.recipe.cost import val_rows
from algokit.recipe.layers import malformed_addresses
from algokit.recipe.schema import Recipe
from algokit.reductions import GramSpec
from algokit.registry import did_you_mean
from algokit.types import Finding, SubjectGeometry


def impossible_requests(
    recipe: Recipe,
    present: Sequence[SubjectGeometry],
    chosen: Sequence[SubjectGeometry],
    n_different_images: Mapping[str, int] | None,
) -> Iterator[Finding]:
    """Everything that can be told without a backbone's card.

    Parameters
    ----------
    present, chosen : the subjects of the data, and those of them that the recipe takes.
    n_different_images : per subject, the training images that differ; None where not known.
    """
    yield from _subject_findings(recipe, present)
    for index, member in enumerate(recipe.members):
        yield from malformed_addresses(member, f"members[{index}]")
    yield from _row_findings(recipe, chosen)
    yield from _image_findings(recipe, chosen, n_different_images)
    yield from _out_of_fold_findings(recipe)
    yield from _reduction_findings(recipe)


def _subject_findings(recipe: Recipe, present: Sequence[SubjectGeometry]) -> Iterator[Finding]:
    known = {one.subject for one in present}
    for index, name in enumerate(recipe.subjects if recipe.subjects != "all" else ()):
        if name not in known:
            yield Finding(
                "this subject is not in the data",
                path=f"subjects[{index}]",
                found=name,
                advice=did_you_mean(name, known),
                code="unknown-subject",
            )


def _row_findings(recipe: Recipe, geometry: Sequence[SubjectGeometry]) -> Iterator[Finding]:
    """Pearson r needs two images: in every fold, and in the val split."""
    if not geometry:
        return
    least = min(geometry, key=lambda one: one.n_train)
    n_val = val_rows(least.n_train, recipe.val)
    rows = f"{least.subject} has {least.n_train} training images, {n_val} of them held out"
    if n_val == 1:
        yield Finding("one image is too few for a score", path="val.fraction", found=rows, code="too-few-rows")
    owners = {f"members[{index}].readout": member.readout for index, member in enumerate(recipe.members)}
    for place, owner in {**owners, "ensemble": recipe.ensemble}.items():
        folds = getattr(owner, "folds", None)
        most = (least.n_train - n_val) // 2
        if folds is not None and folds.n > most:
            path = f"{place}.folds.n"
            what, expected = "too few rows for the folds", f"at most {most} folds, of two rows each"
            yield Finding(what, path=path, expected=expected, found=f"{folds.n}; {rows}", code="too-few-rows")


def _image_findings(
    recipe: Recipe, geometry: Sequence[SubjectGeometry], counts: Mapping[str, int] | None
) -> Iterator[Finding]:
    """Folds that keep images whole need an image each; what val takes of them is known when it is drawn."""
    if not counts or not geometry:
        return
    least = min((one.subject for one in geometry), key=lambda subject: counts[subject])
    for index, member in enumerate(recipe.members):
        folds = getattr(member.readout, "folds", None)
        if folds is not None and folds.kind == "grouped" and folds.n > counts[least]:
            found = f"{folds.n}; {least} has {counts[least]} different training images"
            path, expected = f"members[{index}].readout.folds.n", f"at most {counts[least]} folds, of one image each"
            yield Finding(
                "too few images for the folds", path=path, expected=expected, found=found, code="too-few-rows"
            )


def _out_of_fold_findings(recipe: Recipe) -> Iterator[Finding]:
    """Weights of members are learned from what each predicts for images it was not fitted on."""
    for index, member in enumerate(recipe.members):
        if recipe.ensemble.needs_out_of_fold and not member.readout.gives_out_of_fold:
            yield Finding(
                f"this readout gives no out-of-fold predictions, from which {recipe.ensemble.kind} learns its weights",
                path=f"members[{index}].readout.kind",
                expected="ridge",
                found=member.readout.kind,
                advice="use ridge for this member, or ensemble: {kind: mean}",
                code="no-out-of-fold",
            )


def _reduction_findings(recipe: Recipe) -> Iterator[Finding]:
    """Columns in the place of a Gram matrix are no features: scaling each by its SD would change what the fit is of."""
    for index, member in enumerate(recipe.members):
        if isinstance(member.reduction, GramSpec) and member.readout.standardize:
            yield Finding(
                "the columns of a Gram matrix cannot be standardized",
                path=f"members[{index}].readout.standardize",
                expected="false",
                found="true",
                advice="standardize the features before: reduction: {kind: gram, standardize: true}",
                code="gram-standardize",
            )
