"""A study recipe: a question that many fits answer, with no machine in it.

Members, subjects and features are those of a recipe (`algokit.recipe.schema`); what is new is how many images are
fitted on, what is scored, and which law is fitted to the scores.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from algokit.frozen import Frozen, Seed
from algokit.recipe.schema import FeaturesSpec, Member, Recipe, Slug, Subject, unique_names, unique_subjects

Question: TypeAlias = Literal["data_size", "parameter_size", "compute", "depth", "grid"]
Predictor: TypeAlias = Literal["n_images", "n_parameters", "flops", "depth", "grid"]
MetricName: TypeAlias = Literal["noise_normalized", "scientific_noise_normalized", "r2"]
Size: TypeAlias = Annotated[int, Field(ge=4, le=1_000_000)]

PREDICTORS: dict[Question, Predictor] = {
    "data_size": "n_images",
    "parameter_size": "n_parameters",
    "compute": "flops",
    "depth": "depth",
    "grid": "grid",
}


class LogSizes(Frozen):
    """``num`` numbers of images from ``smallest`` to ``largest``, evenly spaced in the logarithm."""

    smallest: Size = Field(description="Fewest images")
    largest: Size = Field(description="Most images")
    num: int = Field(ge=2, le=100, description="How many numbers")

    @field_validator("largest")
    @classmethod
    def _ascends(cls, largest: int, info: ValidationInfo) -> int:
        if largest <= info.data.get("smallest", 0):
            raise PydanticCustomError("descending", "should be more than smallest")
        return largest

    def values(self) -> tuple[int, ...]:
        """Whole numbers, ascending; fewer where two round to one."""
        ratio = self.largest / self.smallest
        steps = (self.smallest * ratio ** (index / (self.num - 1)) for index in range(self.num))
        return tuple(sorted({round(step) for step in steps}))


class Images(Frozen):
    """Which training images are fitted on: nested subsets, drawn anew for every draw and subject."""

    sizes: Literal["all"] | LogSizes | Annotated[tuple[Size, ...], Field(min_length=1)] = Field(
        default="all",
        description="Numbers of images: a list, or spaced evenly in the logarithm {smallest, largest, num}; all takes "
        "every training image that is not held out",
    )
    draws: int = Field(default=1, ge=1, le=1000, description="How often subsets are drawn")
    order: Literal["random", "first"] = Field(
        default="random", description="random subsets, or the first so many rows in the order of the data"
    )
    seed: Seed = Field(default=0, description="Seed of the draws")

    @field_validator("sizes")
    @classmethod
    def _ascending(
        cls, sizes: Literal["all"] | LogSizes | tuple[int, ...]
    ) -> Literal["all"] | LogSizes | tuple[int, ...]:
        if isinstance(sizes, tuple) and list(sizes) != sorted(set(sizes)):
            raise PydanticCustomError("descending", "should ascend, each number once")
        return sizes

    @field_validator("order")
    @classmethod
    def _one_draw_of_the_first(cls, order: str, info: ValidationInfo) -> str:
        if order == "first" and info.data.get("draws", 1) != 1:
            raise PydanticCustomError("one-draw", "the first images are the same in every draw: draws should be 1")
        return order

    def of(self, n_available: int) -> tuple[int, ...]:
        """The sizes of a subject with so many images to fit on, ascending."""
        if self.sizes == "all":
            return (n_available,)
        return self.sizes.values() if isinstance(self.sizes, LogSizes) else self.sizes


class HeldOut(Frozen):
    """Training images, the same for every point, that nothing is fitted or chosen on and all is scored on."""

    n: int = Field(ge=3, description="How many images")
    seed: Seed = Field(default=0, description="Seed of the draw")


class ScoresSpec(Frozen):
    """What is scored, and where."""

    roi_class: str = Field(default="streams", description="The ROI class whose ROIs have a curve each")
    metric: MetricName = Field(default="noise_normalized", description="What a law is fitted to; tables have all")


class LawSpec(Frozen):
    """The law that is fitted to the scores of every ROI, and of all vertices."""

    form: Literal["log", "power", "shifted", "broken", "joint"] = Field(
        default="log", description="The form (docs/studies.md)"
    )
    x: tuple[Predictor, ...] = Field(
        default=(),
        max_length=2,
        description="What it is a law of: one predictor, of a joint law two. Left out, the one of the question",
    )
    resample: Literal["points", "draws", "subjects", "models"] = Field(
        default="points", description="What the bootstrap draws: what the intervals are over"
    )
    n_resamples: int = Field(default=1000, ge=0, le=100_000, description="Resamples; 0 gives no intervals")
    seed: Seed = Field(default=42, description="Seed of the resamples")
    at: tuple[tuple[float, ...], ...] = Field(
        default=(), description="Where to predict the score, as values of the predictors: [[12000], [20000]]"
    )

    @field_validator("x")
    @classmethod
    def _two_for_a_joint_law(cls, x: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        wanted = 2 if info.data.get("form") == "joint" else 1
        if x and len(x) != wanted:
            raise PydanticCustomError("n-predictors", "should have {n} of this law", {"n": wanted})
        return x


class StudyRecipe(Frozen):
    """A question that many fits answer; where they run is said on the command line."""

    algokit: Literal[1] = Field(description="Version of this format")
    study: Question = Field(
        description="data_size: how scores grow with images; parameter_size: with the networks' parameters; compute: "
        "with their work on the images; depth and grid: which layer, and how fine a pooling, predicts what"
    )
    name: Slug = Field(description="Names the folder of results")
    about: str = Field(default="", description="What this study is for, in a sentence")
    subjects: Literal["all"] | Annotated[tuple[Subject, ...], Field(min_length=1)] = Field(
        default="all", description="Subjects to fit, or all that the data hold"
    )
    images: Images = Field(default=Images(), description="The training images that are fitted on")
    val: HeldOut | None = Field(
        default=None, description="Training images held out and scored; null scores the test split"
    )
    scores: ScoresSpec = Field(default=ScoresSpec(), description="What is scored")
    law: LawSpec | None = Field(default=None, description="The law to fit; null fits none")
    features: FeaturesSpec = Field(default=FeaturesSpec(), description="How features are kept")
    members: Annotated[tuple[Member, ...], Field(min_length=1)] = Field(description="The models that are studied")

    _unique_subjects = field_validator("subjects")(unique_subjects)
    _unique_names = field_validator("members")(unique_names)

    @property
    def recipe(self) -> Recipe:
        """The recipe whose features the study reads: they are those of any run with these members."""
        return Recipe(
            algokit=self.algokit,
            name=self.name,
            about=self.about,
            subjects=self.subjects,
            features=self.features,
            members=self.members,
        )

    @property
    def predictors(self) -> tuple[Predictor, ...]:
        """What the law is of, or what scores are drawn against."""
        if self.law is not None and self.law.x:
            return self.law.x
        is_joint = self.law is not None and self.law.form == "joint"
        return ("n_parameters", "n_images") if is_joint else (PREDICTORS[self.study],)
