"""The methods paragraphs of a report, written from the plan: what was done, in words that can go into a paper."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from algokit.backbones import Preprocess
from algokit.readouts import BandedRidgeSpec, FoldsSpec, PcaOlsSpec, PrunedSearch, RidgeSpec
from algokit.recipe.plan import Plan, PlannedMember
from algokit.recipe.schema import GreedySpec, MeanSpec, Member, Recipe
from algokit.reductions import GramSpec, PcaSpec
from algokit.reporting.references import REFERENCES, Reference, backbone_references, lettered, model_references
from algokit.reporting.reported import challenge_words
from algokit.reporting.tables import ceiling_words
from algokit.types import Scores, Split

_POOLINGS = {
    "adaptive_max": "reduced by adaptive max pooling to {grids}",
    "adaptive_mean": "reduced by adaptive mean pooling to {grids}",
    "cls_token": "reduced to the class token",
    "mean_tokens": "averaged over tokens",
    "flatten": "taken whole",
}
# Packages that only some recipes use; of what a card lists, all others always take part.
_OF_KINDS = {"timm": {"timm"}, "open_clip": {"open_clip_torch", "timm"}, "torchvision": {"torchvision"}}
_OF_REDUCTIONS = {"sparse_projection": {"scikit-learn"}}
_OF_READOUTS = {"pca_ols": {"scikit-learn"}, "banded_ridge": {"himalaya"}}
_SHOWN_NAMES = 6
_MARK = "\0"  # around the key of a reference; a name never holds it
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class Methods:
    """Paragraphs of plain text, and what they cite, by author."""

    paragraphs: tuple[str, ...]
    references: tuple[Reference, ...]


class _Citations:
    """Collects what is cited; how it is cited follows when all is known, for two of a year need letters."""

    def __init__(self) -> None:
        self._cited: dict[str, Reference] = {}

    def __call__(self, *keys: str) -> str:
        self._cited.update({key: REFERENCES[key] for key in keys})
        return "(" + "; ".join(f"{_MARK}{key}{_MARK}" for key in keys) + ")"

    def resolve(self, paragraphs: Iterable[str]) -> Methods:
        cited = lettered(self._cited)
        texts = (re.sub(f"{_MARK}(.*?){_MARK}", lambda found: cited[found[1]].short, text) for text in paragraphs)
        return Methods(tuple(texts), tuple(cited.values()))


def methods(
    plan: Plan | None, scores: Mapping[Split, Scores | None], *, is_official: bool, versions: Mapping[str, str]
) -> Methods:
    """Describe what a plan did and how it was scored; without a plan, how it was scored.

    Parameters
    ----------
    is_official : whether the data are those of the 2023 challenge; nothing is said of a brain otherwise.
    versions : package -> version, for the sentence on software.
    """
    cite = _Citations()
    paragraphs = []
    if plan is not None:
        recipe = Recipe.model_validate(plan.recipe)
        paragraphs += [_data(plan, recipe, is_official, cite)]
        paragraphs += [_member(planned, recipe, cite) for planned in plan.members]
        paragraphs += _ensemble(recipe, cite)
    paragraphs += _scoring(scores, cite)
    paragraphs += _software(plan, versions)
    return cite.resolve(paragraphs)


def _data(plan: Plan, recipe: Recipe, is_official: bool, cite: _Citations) -> str:
    sizes = plan.subjects.values()
    n_vertices = sum(sum(one["n_vertices"].values()) for one in sizes)
    train, test = (_range(one[name] for one in sizes) for name in ("n_train", "n_test"))
    people = f"{len(plan.subjects)} {'subject' if len(plan.subjects) == 1 else 'subjects'}"
    counts = f"{n_vertices:,} vertices in all, {train} training and {test} test images per subject"
    if is_official:
        text = (
            f"We predicted 7T fMRI responses to natural scenes of {people} of the Natural Scenes Dataset {cite('nsd')} "
            f"as prepared for the Algonauts Project 2023 challenge {cite('challenge')}: z-scored single-trial "
            "estimates, averaged over the repeats of an image, at the vertices of visual cortex on the fsaverage "
            f"surface {cite('fsaverage')}: {counts}."
        )
    else:
        text = (
            f"We predicted the responses of {people} of {challenge_words(plan.challenge)}, which has the form of the "
            f"Algonauts Project 2023 challenge {cite('challenge')} but not its data: {counts}."
        )
    if recipe.val is not None:
        whole = ", all rows of an image together" if recipe.keeps_images_whole else ""
        text += (
            f" Of the training images {_number(100 * recipe.val.fraction)} % per subject, drawn at random (seed "
            f"{recipe.val.seed}{whole}), were held out from every choice, and from the fits behind the local "
            "validation score that they served for; the test images were predicted by fits on all training images."
        )
    return text


def _range(values: Iterable[int]) -> str:
    found = sorted(set(values))
    return f"{found[0]:,}" if len(found) == 1 else f"{found[0]:,} to {found[-1]:,}"


def _number(value: float) -> str:
    """``0.48145466``, ``1000``, ``10⁶``."""
    exponent = f"{value:.0e}".partition("e")[2]
    if abs(int(exponent)) > 3 and value == float(f"1e{exponent}"):
        return f"10{str(int(exponent)).translate(_RAISED)}"
    return f"{value:.8g}"


def _names(names: Sequence[str], noun: str) -> str:
    if len(names) == 1:
        return f"the {noun} {names[0]}"
    if len(names) <= _SHOWN_NAMES:
        return f"the {noun}s {', '.join(names[:-1])} and {names[-1]}"
    return f"{len(names)} {noun}s ({names[0]} to {names[-1]})"


def _member(member: PlannedMember, recipe: Recipe, cite: _Citations) -> str:
    spec = next(one for one in recipe.members if one.name == member.name)
    layers = _names(list(dict.fromkeys(space.layer.name for space in member.spaces)), "layer")
    spaces = f"{len(member.spaces)} feature {'space' if len(member.spaces) == 1 else 'spaces'}"
    poolings = _poolings([space.pooling for space in member.spaces])
    intro = f"Member “{member.name}”. " if len(recipe.members) > 1 else ""
    images, network = _preprocess(member.card.preprocess), _backbone(member, spec, cite)
    readout = _readout(spec.readout, len(member.spaces), recipe.val is not None, cite)
    features = f"The activations of {layers} were {poolings}, which gave {spaces}."
    return f"{intro}{images} {network} {features}{_reduction(spec, recipe.val is not None, cite)} {readout}"


def _preprocess(preprocess: Preprocess) -> str:
    size = f"{preprocess.resize_px} × {preprocess.resize_px} pixels"
    target = size if preprocess.resize == "squash" else f"{preprocess.resize_px} pixels on their short side"
    crop = f", cropped to the central {preprocess.size_px} × {preprocess.size_px} pixels,"
    text = f"Images were resized to {target} ({preprocess.interpolation})"
    text += f"{crop if preprocess.crop == 'center' else ''} and scaled to 0–1"
    if any(preprocess.mean) or any(value != 1 for value in preprocess.std):
        mean, std = (", ".join(map(_number, values)) for values in (preprocess.mean, preprocess.std))
        text += (
            f"; the channel means ({mean}) were subtracted and the result divided by the standard deviations ({std})"
        )
    return text + "."


def _backbone(member: PlannedMember, spec: Member, cite: _Citations) -> str:
    weights = member.weights or {}
    is_random, tag = bool(weights.get("is_random")), str(getattr(spec.backbone, "weights", ""))
    keys = backbone_references(member.card.kind, member.card.name, tag, is_trained=not is_random)
    cited = f" {cite(*keys)}" if keys else ""
    if member.card.kind == "gabor":
        return f"They were described by a Gabor pyramid of oriented energy and texture{cited}, which has no weights."
    if is_random:
        origin = f"with RANDOM, UNTRAINED weights ({weights['source']})"
    elif weights.get("sha256"):
        origin = f"with the weights {weights['source']} (SHA-256 {weights['sha256'][:12]}…)"
    else:
        origin = f"({weights['source']})" if weights.get("source") else "with weights that are not known"
    known = "" if model_references(member.card.name, tag) else " (no reference known)"
    return f"They were given to {member.card.name}{known} {origin}{cited}."


def _poolings(poolings: Sequence[Mapping[str, object]]) -> str:
    """Each kind once, with its grids."""
    grids: dict[str, list[object]] = {}
    for pooling in poolings:
        found = grids.setdefault(str(pooling["kind"]), [])
        found += [pooling["grid"]] if "grid" in pooling and pooling["grid"] not in found else []
    parts = []
    for kind, sides in grids.items():
        each = [f"{side} × {side}" for side in sides]
        noun = "a grid of" if len(each) == 1 else "grids of"
        shown = f"{noun} {' and '.join(one for one in (', '.join(each[:-1]), *each[-1:]) if one)}"
        parts.append(_POOLINGS.get(kind, f"reduced by {kind.replace('_', ' ')}").format(grids=shown))
    return " or ".join(parts)


def _reduction(spec: Member, has_val: bool, cite: _Citations) -> str:
    reduction, rows = spec.reduction, f"the training images{' that were not held out' if has_val else ''}"
    if reduction is None:
        return ""
    scaled = f" Features were divided by their standard deviations over {rows}." if reduction.standardize else ""
    if isinstance(reduction, GramSpec):
        return scaled + " Of each feature space the inner products with the training images were kept in its place."
    if isinstance(reduction, PcaSpec):
        return f"{scaled} Up to {reduction.n_components:,} principal components of each were computed on {rows}."
    return (
        f"{scaled} Each that was wider was projected on {reduction.n_components:,} dimensions by a very sparse random "
        f"projection {cite('projection')}, seed {reduction.seed}."
    )


def _readout(readout: RidgeSpec | BandedRidgeSpec | PcaOlsSpec, n_spaces: int, has_val: bool, cite: _Citations) -> str:
    scaling = "standardised" if readout.standardize else "centred"
    if isinstance(readout, PcaOlsSpec):
        joined = "all feature spaces side by side" if n_spaces > 1 else "the feature space"
        rows = " (for the validation score, without those held out)" if has_val else ""
        return (
            f"Features were {scaling}; {readout.n_components} principal components of {joined} were computed on the "
            f"training images{rows}, and responses predicted from them by ordinary least squares, vertex by vertex."
        )
    alphas = readout.alpha_values()
    if isinstance(readout, BandedRidgeSpec):
        return _banded(readout, n_spaces, scaling, cite)
    penalty = f"the penalty {_number(alphas[0])}"
    if len(alphas) > 1:
        penalty = f"{len(alphas)} candidate penalties from {_number(alphas[0])} to {_number(alphas[-1])}"
    return (
        f"Features were {scaling}, and responses were predicted by ridge regression {cite('ridge')} with {penalty}."
        f"{_selection(readout, n_spaces, len(alphas), cite)}{_pruning(readout, n_spaces)}"
    )


def _pruning(readout: RidgeSpec, n_spaces: int) -> str:
    search = readout.search
    if n_spaces == 1 or not isinstance(search, PrunedSearch):
        return ""
    return (
        f" Not every feature space was searched for every vertex: of each subject, up to {search.n_vertices} vertices "
        f"were drawn at random (seed {search.seed}); spaces were left out as long as at most "
        f"{100 * search.share:.3g} % of one half of these would lose more than {search.loss:g} in cross-validated "
        "correlation by it, which the other half checked."
    )


def _banded(readout: BandedRidgeSpec, n_spaces: int, scaling: str, cite: _Citations) -> str:
    alphas = readout.alpha_values()
    return (
        f"Features were {scaling}, and responses were predicted by banded ridge regression {cite('ridge', 'banded')} "
        f"from {n_spaces} feature spaces jointly. For every vertex the penalty of each feature space was chosen by "
        f"random search ({readout.n_iter} random mixes, seed {readout.seed}, beside all spaces alike and each alone; "
        f"{len(alphas)} penalties from {_number(alphas[0])} to {_number(alphas[-1])}) for the highest cross-validated "
        f"Pearson correlation ({_folds(readout.folds)}); for the test images the weights were then fitted again on all "
        "training images."
    )


def _selection(readout: RidgeSpec, n_spaces: int, n_alphas: int, cite: _Citations) -> str:
    chosen = ["feature space"] * (n_spaces > 1) + ["penalty"] * (n_alphas > 1)
    if not chosen:
        return ""
    source = f" {cite('selection')}" if n_spaces > 1 else ""
    how = {
        "kfold": f"the highest cross-validated Pearson correlation ({_folds(readout.folds)})",
        "loo": "the highest Pearson correlation of leave-one-out predictions",
        "gcv": "the smallest generalised cross-validation error",
    }[readout.selection]
    return (
        f" For every vertex the {' and '.join(chosen)} with {how} "
        f"{'were' if len(chosen) > 1 else 'was'} chosen{source}; for the test images the "
        "weights were then fitted again on all training images."
    )


def _folds(folds: FoldsSpec) -> str:
    kind = {
        "shuffled": f"shuffled training images, seed {folds.seed}",
        "contiguous": "neighbouring training images",
        "grouped": f"shuffled training images, all rows of an image in one fold, seed {folds.seed}",
    }[folds.kind]
    return f"{folds.n} folds of {kind}"


def _ensemble(recipe: Recipe, cite: _Citations) -> list[str]:
    ensemble, members = recipe.ensemble, f"the {len(recipe.members)} members"
    if len(recipe.members) == 1:
        return []
    if isinstance(ensemble, MeanSpec):
        return [f"The predictions of {members} were averaged with equal weights."]
    rows = "out-of-fold predictions of the training images" + (" that were not held out" if recipe.val else "")
    if isinstance(ensemble, GreedySpec):
        return [
            f"For every vertex {members} were picked one at a time, with repetition, so that the mean of the picks had "
            f"the highest Pearson correlation with the responses over the {rows} {cite('greedy')}; of at most "
            f"{ensemble.n_picks} picks those up to the best were averaged."
        ]
    return [
        f"The predictions of {members} were summed with weights that are nonnegative, sum to one, and were chosen for "
        f"every vertex to minimise the squared error of the {rows} {cite('stacking')}."
    ]


def _scoring(scores: Mapping[Split, Scores | None], cite: _Citations) -> list[str]:
    known = [one for one in scores.values() if one]
    if not known:
        return []
    text = (
        "Predictions were scored as in the challenge: per vertex, the Pearson correlation r between predicted and "
        "measured responses over images, set to 0 where negative, squared, divided by the noise ceiling of the vertex "
        f"(ceilings of exactly 0 replaced by 1e-14), and capped at 1 {cite('challenge')}; the score is the mean over "
        "all vertices of all subjects and both hemispheres, in percent."
    )
    texts = [text]
    for one in known:
        if one.ceiling_source:
            texts.append(f"Noise ceilings of the {one.split} split: {ceiling_words(one.ceiling_source)} {cite('nsd')}.")
        if one.intervals:
            texts.append(f"Intervals of the {one.split} split: {one.intervals} {cite('bootstrap')}.")
    return [" ".join(texts)]


def _software(plan: Plan | None, versions: Mapping[str, str]) -> list[str]:
    if plan is None:
        return []
    recipe = Recipe.model_validate(plan.recipe)
    used: set[str] = set()
    for member in recipe.members:
        used |= _OF_KINDS.get(member.backbone.kind, set()) | _OF_READOUTS.get(member.readout.kind, set())
        used |= _OF_REDUCTIONS.get(member.reduction.kind, set()) if member.reduction else set()
    optional = set().union(*_OF_KINDS.values(), *_OF_READOUTS.values())
    packages = [f"{name} {version}" for name, version in versions.items() if name in used or name not in optional]
    return [f"Computed with algokit {plan.algokit_version}{' on ' * bool(packages)}{', '.join(packages)}."]
