"""Study recipe + data -> every curve to be made, with keys and costs. No torch, no weights loaded.

A *series* is what one curve is of: a member with all its feature spaces, one of its layers, or one of its grids. A
*curve* is one series of one subject at all sizes, draw by draw; all of its points come from one visit to the features.
Features are those of the recipe with the same members, so that a study and a run share them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from algokit.errors import RecipeError
from algokit.frozen import Frozen
from algokit.readouts import RidgeSpec
from algokit.recipe.cost import curve_cost
from algokit.recipe.plan import Plan, PlannedData, PlannedMember, Space, Step
from algokit.recipe.planning import make_plan, member_warnings, portable
from algokit.recipe.schema import Member
from algokit.recipe.study_impossible import impossible_in_study, impossible_with_members
from algokit.recipe.study_schema import Question, StudyRecipe
from algokit.store import digest_of
from algokit.types import SubjectGeometry

_IMPOSSIBLE = "the study asks for the impossible"
CURVE_KIND = "curve"  # of the artefacts, one per draw
CURVE_VERSION = 1  # raise it when a curve's numbers change for the same parameters


class Series(Frozen):
    """What one curve is of.

    ``layer``, ``depth`` (its place among the backbone's layers, 0..1) and ``grid`` are None where the series has
    several. ``spaces`` are names of feature spaces.
    """

    name: str
    member: str
    spaces: tuple[str, ...]
    n_parameters: int
    flops_per_image: float
    layer: str | None = None
    depth: float | None = None
    grid: int | None = None


class Curve(Frozen):
    """One series of one subject: every size of every draw.

    ``seeds`` has one per draw, ``keys`` the key of each draw's artefact, None where not known yet. ``features`` are ids
    of steps of the plan. Costs are of all draws together.
    """

    id: str
    series: Series
    subject: str
    sizes: tuple[int, ...]
    seeds: tuple[int, ...]
    keys: tuple[str | None, ...]
    features: tuple[str, ...]
    params: dict[str, Any]
    out_bytes: int
    flops: float
    memory_bytes: int

    @property
    def n_points(self) -> int:
        """Fits: sizes times draws."""
        return len(self.sizes) * len(self.seeds)


class StudyPlan(Frozen):
    """A resolved study; ``plan`` has the features (its fits and ensembles are not made)."""

    schema_name: Literal["algokit-study-plan/1"] = "algokit-study-plan/1"
    study: dict[str, Any]
    digest: str
    plan: Plan
    curves: tuple[Curve, ...]
    warnings: tuple[str, ...]

    @property
    def features(self) -> list[Step]:
        """The steps of the plan that curves read, each once."""
        used = {name for curve in self.curves for name in curve.features}
        return [step for step in self.plan.of_kind("features") if step.id in used]

    @property
    def series(self) -> list[Series]:
        """Every series once, in the order of the recipe."""
        return list({curve.series.name: curve.series for curve in self.curves}.values())

    @property
    def n_points(self) -> int:
        """Fits of the whole study."""
        return sum(curve.n_points for curve in self.curves)


@dataclass(frozen=True)
class StudiedData:
    """What a study plan needs to know of the data.

    Attributes
    ----------
    roi_classes : that the challenge has.
    truth_digests : per subject, the digest of the test responses; None without data, or where val is scored.
    has_truth : whether the split that is scored has responses, has_ceilings : and noise ceilings.
    """

    planned: PlannedData
    roi_classes: tuple[str, ...]
    truth_digests: Mapping[str, str] | None = None
    has_truth: bool = True
    has_ceilings: bool = True


def make_study_plan(study: StudyRecipe, data: StudiedData, algokit_version: str) -> StudyPlan:
    """Resolve a study recipe.

    Raises
    ------
    RecipeError : every impossible request at once.
    """
    wanted = [one for one in data.planned.geometry if study.subjects == "all" or one.subject in study.subjects]
    geometry = {one.subject: one for one in wanted}
    findings = list(impossible_in_study(study, data, geometry))
    try:
        plan = make_plan(study.recipe, data.planned, algokit_version)
    except RecipeError as error:
        raise RecipeError(_IMPOSSIBLE, [*error.findings, *findings]) from error
    findings += impossible_with_members(study, plan.members)
    if findings:
        raise RecipeError(_IMPOSSIBLE, findings)
    curves = [
        _curve(study, plan, member, series, one, data)
        for member, planned in zip(study.members, plan.members, strict=True)
        for series in series_of(study.study, planned)
        for one in geometry.values()
    ]
    document = {**study.model_dump(mode="json"), "members": portable(study.recipe)["members"]}
    return StudyPlan(
        study=document,
        digest=digest_of([document, [curve.keys for curve in curves]]),
        plan=plan,
        curves=tuple(curves),
        warnings=tuple(_warnings(plan, data)),
    )


def series_of(question: Question, member: PlannedMember) -> Iterator[Series]:
    """The series that a question makes of one member, in the order of its feature spaces."""
    card = member.card
    groups: dict[str, list[Space]] = {}
    for space in member.spaces:
        groups.setdefault(_group(question, space), []).append(space)
    layers = [layer.name for layer in card.layers]
    for name, spaces in groups.items():
        layer = spaces[0].layer.name
        is_layer, is_grid = question == "depth", question == "grid"
        yield Series(
            name=f"{member.name}/{name}" if name else member.name,
            member=member.name,
            spaces=tuple(space.name for space in spaces),
            n_parameters=card.n_parameters,
            flops_per_image=card.flops_per_image,
            layer=layer if is_layer else None,
            depth=(layers.index(layer) + 1) / len(layers) if is_layer else None,
            grid=spaces[0].pooling.get("grid") if is_grid else None,
        )


def _group(question: Question, space: Space) -> str:
    if question == "depth":
        return space.layer.name
    return space.name.rsplit("@", 1)[-1] if question == "grid" else ""


def _curve(
    study: StudyRecipe, plan: Plan, member: Member, series: Series, subject: SubjectGeometry, data: StudiedData
) -> Curve:
    assert isinstance(member.readout, RidgeSpec)  # others are refused before
    n_fit = subject.n_train - (study.val.n if study.val else 0)
    sizes = study.images.of(n_fit)
    seeds = tuple(draw_seed(study.images.seed, draw, subject.subject) for draw in range(study.images.draws))
    features = [plan.step(f"features/{member.name}/{subject.subject}/{space}") for space in series.spaces]
    params: dict[str, Any] = {
        "readout": member.readout.model_dump(mode="json"),
        "sizes": list(sizes),
        "order": study.images.order,
        "val": study.val.model_dump(mode="json") if study.val else None,
        "pool": "all" if sizes[-1] == n_fit else [] if study.images.order == "first" else list(seeds),
        "responses": (data.planned.response_digests or {}).get(subject.subject),
        "truth": (data.truth_digests or {}).get(subject.subject) if study.val is None else None,
    }
    known = data.planned.response_digests is not None and all(step.key for step in features)
    n_scored = study.val.n if study.val else subject.n_test
    n_pool = min(n_fit, len(seeds) * sizes[-1])
    cost = curve_cost(
        [step.shape[1] for step in features], subject, member.readout, sizes, len(seeds), n_pool, n_scored
    )
    return Curve(
        id=f"{CURVE_KIND}/{series.name}/{subject.subject}",
        series=series,
        subject=subject.subject,
        sizes=sizes,
        seeds=seeds,
        keys=tuple(_key(params, seed, features) if known else None for seed in seeds),
        features=tuple(step.id for step in features),
        params=params,
        **cost,
    )


def draw_seed(seed: int, draw: int, subject: str) -> int:
    """The seed of one draw of one subject: independent of how many others there are."""
    return int(digest_of([seed, draw, subject])[:8], 16)


def _key(params: Mapping[str, Any], seed: int, features: Iterable[Step]) -> str:
    inputs = [step.key for step in features]
    own = {**params, "seed": None if params["order"] == "first" else seed}
    return digest_of({"kind": CURVE_KIND, "version": CURVE_VERSION, "params": own, "inputs": inputs})


def _warnings(plan: Plan, data: StudiedData) -> Iterator[str]:
    yield from member_warnings(plan.members)
    if data.planned.image_digests is None:
        yield "planned without data: sizes are the manifest's, and curves have no keys"
