"""A recipe: what to compute, with no machine in it.

``algokit schema`` and docs/recipe_reference.md are made from these classes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import Field, ValidationError, ValidationInfo, field_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from algokit.backbones import BackboneSpec
from algokit.frozen import Frozen, Seed
from algokit.poolings import PoolingSpec
from algokit.readouts import FoldsSpec, ReadoutSpec
from algokit.reductions import ReductionSpec

Slug: TypeAlias = Annotated[str, Field(pattern="^[a-z0-9][a-z0-9_-]*$")]
# The bounds are told with the other findings about layers (`algokit.recipe.layers`), and to editors by the schema.
Depth: TypeAlias = Annotated[float, Field(allow_inf_nan=False, json_schema_extra={"exclusiveMinimum": 0, "maximum": 1})]
Subject: TypeAlias = Annotated[str, Field(pattern=r"^subj\d\d$")]


class Val(Frozen):
    """A random part of the training images that nothing is chosen or fitted on; it gives the local score."""

    fraction: float = Field(
        gt=0, le=0.5, description="Share of the training images held out; of n images max(1, round(fraction * n))"
    )
    seed: Seed = Field(default=0, description="Seed of the draw")


class FeaturesSpec(Frozen):
    """How features are kept."""

    dtype: Literal["float32", "float16"] = Field(
        default="float32", description="float16 halves the disk space; features beyond 65504 are refused, not clipped"
    )
    autocast: Literal["bfloat16", "float16"] | None = Field(
        default=None,
        description="Compute in this type where torch's autocast holds it safe: faster on a GPU, less exact",
    )


class MeanSpec(Frozen):
    """The mean of the members' predictions."""

    needs_out_of_fold: ClassVar[bool] = False

    kind: Literal["mean"]


class _Learned(Frozen):
    """Weights learned per vertex, which need what the members predict for images they were not fitted on."""

    needs_out_of_fold: ClassVar[bool] = True

    folds: FoldsSpec = Field(
        default=FoldsSpec(),
        description="Folds of the comparison with the plain mean: on each, weights learned from the others",
    )


class StackingSpec(_Learned):
    """Nonnegative weights per vertex that sum to one and leave the least squared error out of fold."""

    kind: Literal["stacking"]


class GreedySpec(_Learned):
    """The mean of members picked per vertex one by one, with repetition, for the best Pearson r out of fold."""

    kind: Literal["greedy"]
    n_picks: int = Field(
        default=20, ge=1, le=200, description="Most picks; a member's weight is its share of the picks kept"
    )


EnsembleSpec: TypeAlias = Annotated[MeanSpec | StackingSpec | GreedySpec, Field(discriminator="kind")]


class Depths(Frozen):
    """Layers by their place among the backbone's: of L in order, depth f is number ceil(f L), counted from 1."""

    depth: Depth | Annotated[tuple[Depth, ...], Field(min_length=1)] = Field(
        description="One share of the layers or several: 0.5 is the layer half-way, 1.0 the last"
    )


class Member(Frozen):
    """One model of the brain: a backbone, what is taken from it, and how it is read out."""

    backbone: BackboneSpec = Field(description="The network that sees the images")
    layers: Literal["all"] | Depths | Annotated[tuple[str | Depths, ...], Field(min_length=1)] = Field(
        description="all; or names of the backbone's layers, patterns (`blocks.*`), ranges (`blocks.[8:24:4]`) and "
        "depths, in the order of the recipe (docs/layers.md); `algokit list NAME` shows the layers of a shipped model"
    )
    poolings: Annotated[tuple[PoolingSpec, ...], Field(min_length=1)] = Field(
        description="What turns an activation into features; every layer with every pooling is one feature space"
    )
    reduction: ReductionSpec | None = Field(
        default=None,
        description="What makes every feature space narrower before the readout; null leaves them as they are",
    )
    readout: ReadoutSpec = Field(description="How responses are predicted from the feature spaces")
    name: Slug = Field(
        default="", validate_default=True, description="Unique in the recipe; the backbone's own name where left out"
    )

    @field_validator("name", mode="before")
    @classmethod
    def _named(cls, name: Any, info: ValidationInfo) -> Any:
        backbone = info.data.get("backbone")
        if name != "":
            return name
        if backbone is None:  # refused already; its problems are enough
            return "unnamed"
        return re.sub("[^a-z0-9_]+", "-", getattr(backbone, "name", backbone.kind).lower()).strip("-_")

    @field_validator("layers")
    @classmethod
    def _unique_layers(cls, layers: str | Depths | tuple[str | Depths, ...]) -> str | Depths | tuple[str | Depths, ...]:
        if isinstance(layers, tuple):
            texts = ((index, layer) for index, layer in enumerate(layers) if isinstance(layer, str))
            _refuse_repeats("layer", (((index,), layer) for index, layer in texts))
        return layers

    @field_validator("poolings")
    @classmethod
    def _unique_poolings(cls, poolings: tuple[PoolingSpec, ...]) -> tuple[PoolingSpec, ...]:
        each = (((index,), one.label()) for index, pooling in enumerate(poolings) for one in pooling.each())
        _refuse_repeats("pooling", each)
        return poolings


def unique_subjects(subjects: Literal["all"] | tuple[str, ...]) -> Literal["all"] | tuple[str, ...]:
    """Refuse a subject that stands twice."""
    if subjects != "all":
        _refuse_repeats("subject", (((index,), subject) for index, subject in enumerate(subjects)))
    return subjects


def unique_names(members: tuple[Member, ...]) -> tuple[Member, ...]:
    """Refuse a member's name that stands twice."""
    _refuse_repeats("member name", (((index, "name"), member.name) for index, member in enumerate(members)))
    return members


class Recipe(Frozen):
    """What to compute, from images to predictions; where it runs is said on the command line."""

    algokit: Literal[1] = Field(description="Version of this format")
    name: Slug = Field(description="Names the submission folder")
    about: str = Field(default="", description="What this recipe is for, in a sentence")
    subjects: Literal["all"] | Annotated[tuple[Subject, ...], Field(min_length=1)] = Field(
        default="all", description="Subjects to predict, or all that the data hold"
    )
    val: Val | None = Field(default=None, description="Training images held out for a local score; null holds none out")
    features: FeaturesSpec = Field(default=FeaturesSpec(), description="How features are kept")
    members: Annotated[tuple[Member, ...], Field(min_length=1)] = Field(description="The models to be joined")
    ensemble: EnsembleSpec = Field(default=MeanSpec(kind="mean"), description="How the members' predictions are joined")

    @property
    def keeps_images_whole(self) -> bool:
        """Whether any folds are grouped: rows of one image are then on one side of val, for every member."""
        folds = (getattr(one, "folds", None) for one in [*(member.readout for member in self.members), self.ensemble])
        return any(one is not None and one.kind == "grouped" for one in folds)

    _unique_subjects = field_validator("subjects")(unique_subjects)
    _unique_names = field_validator("members")(unique_names)


def _refuse_repeats(noun: str, values: Iterable[tuple[tuple[int | str, ...], str]]) -> None:
    """Raise one problem per value that stood before, each at its own place below the field being validated."""
    seen: set[str] = set()
    problems: list[InitErrorDetails] = []
    for place, value in values:
        if value in seen:
            error = PydanticCustomError("repeated", "this {noun} stands here twice", {"noun": noun})
            problems.append(InitErrorDetails(type=error, loc=place, input=value))
        seen.add(value)
    if problems:
        raise ValidationError.from_exception_data("recipe", problems)
