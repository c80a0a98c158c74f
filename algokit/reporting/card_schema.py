"""What a card says, as classes: ``algokit schema card`` is made from these, and every card read back is held to them.

A card is a record, and the version in its ``schema`` is raised only where an older reader would misread it. Within a
version entries may be added: so keys that are not known here are kept, and `algokit diff` compares them too. Entries
that came after the first cards of version 1 were written have a default; all others have to be there.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

Digest: TypeAlias = Annotated[str, Field(pattern="^[0-9a-f]{64}$", description="sha256 in hex")]
Number: TypeAlias = Annotated[float, Field(allow_inf_nan=False)]
Count: TypeAlias = Annotated[int, Field(ge=0, lt=2**63)]
Subject: TypeAlias = Annotated[str, Field(pattern=r"^subj\d\d$")]


class Record(BaseModel):
    """Base of the parts of a card: it does not change, and keeps what it does not know."""

    model_config = ConfigDict(frozen=True, extra="allow")


class CardChallenge(Record):
    """Which challenge this answers."""

    name: str
    manifest_digest: Digest = Field(description="What its data have to be")


class VertexCounts(Record):
    """Vertices per hemisphere."""

    lh: Count
    rh: Count


class CardGeometry(Record):
    """The sizes of one subject: what `algokit validate` holds the files to."""

    n_train: Count
    n_test: Count
    n_vertices: VertexCounts


class CardData(Record):
    """What was learned from, per subject."""

    images: dict[Subject, Digest] = Field(description="Over all images in row order, with their ids")
    responses: dict[Subject, Digest] = Field(description="Over the training responses of both hemispheres")


class CardWeights(Record):
    """The weights of one member."""

    source: str = Field(description="File name or repository; never a path of a machine")
    sha256: Digest | Literal[""] = Field(description="Of the file; empty where weights come from a seed or a formula")
    is_random: bool = Field(description="Untrained")


class CardNumber(Record):
    """One score over all vertices of all subjects and hemispheres."""

    value: Number
    version: Count = Field(description="Of the metric: two versions are two metrics")
    n_vertices: Count = Field(description="How many vertices are aggregated")
    low: Number | None = Field(description="95 % interval over images; null where none was computed")
    high: Number | None = Field(description="95 % interval over images; null where none was computed")


class CardScores(Record):
    """The scores of one split, and what gives them their meaning."""

    n_vertices: Count
    n_zero_ceiling: Count
    n_images: dict[Subject, Count]
    ceiling_source: str
    intervals: str = Field(description="How the intervals were made; empty where there are none")
    metrics: dict[str, CardNumber] = Field(description="By <metric>_mean or <metric>_median")


class CardHardware(Record):
    """The machine, without its name."""

    system: str
    machine: str = Field(description="Processor architecture")
    n_cpus: Count | None
    accelerator: str | None = Field(description="The GPUs that were used")


class CardExecutor(Record):
    """What ran the plan."""

    kind: str = Field(description="local, docker, apptainer")
    image: str | None = Field(default=None, description="Of a container: its digest")


class CardGroupTime(Record):
    """Forecast and actual time of the steps of one kind and backbone or readout."""

    n_steps: Count = Field(description="That were made")
    forecast_s: Number | None = Field(description="Null where the machine's rates were not measured")
    actual_s: Number
    is_whole: bool = Field(description="False where an earlier run had begun some of it: no comparison then")


class CardTimings(Record):
    """Seconds; of the steps that were made, not of those the store already held."""

    total_s: Number
    steps_s: dict[str, Number]
    groups: dict[str, CardGroupTime] = Field(
        default_factory=dict,
        description="Forecast beside actual: features/<kind>/<backbone>; reduction, fit or ensemble and its kind",
    )


class CardPacked(Record):
    """The zip that was made of this submission."""

    zip: str = Field(description="File name")
    sha256: Digest
    n_bytes: Count
    forecast_bytes: Count | None = None
    trim: dict[str, Any] | None = Field(default=None, description="How values were shortened, and what that changed")


class Card(Record):
    """Everything that made a submission."""

    schema_version: Literal["algokit-card/1"] = Field(alias="schema")
    algokit_version: str
    plan_key: Digest = Field(description="Of the recipe's name and every step: same key, same predictions")
    recipe: dict[str, Any] = Field(
        description="The resolved recipe, overrides included (algokit schema recipe); checkpoints by file name only"
    )
    recipe_digest: Digest = Field(description="Of the recipe without its checkpoints")
    challenge: CardChallenge
    geometry: dict[Subject, CardGeometry]
    data: CardData
    weights: dict[str, CardWeights] = Field(description="By member")
    test_data: dict[str, Digest] = Field(description="Files behind the scores, as subject/role")
    files: dict[str, Digest] = Field(description="Files of the submission folder, by path")
    versions: dict[str, str] = Field(description="Of Python and of packages")
    hardware: CardHardware
    executor: CardExecutor | None = Field(default=None, description="What ran the plan; null in cards from before it")
    device: str | None = Field(description="Where the arithmetic ran; null where every step was kept from the store")
    timings: CardTimings
    notes: dict[str, tuple[str, ...]] = Field(
        description="What was out of the ordinary in a fit, and what learned weights are worth, by step"
    )
    warnings: tuple[str, ...]
    scores: dict[Literal["test", "val"], CardScores | None] = Field(
        default_factory=dict, description="By split; null where there were no measured responses"
    )
    packed: CardPacked | None = None


def card_schema() -> dict[str, Any]:
    """The JSON schema of a card (draft 2020-12)."""
    schema = _closed(Card.model_json_schema())
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "algokit card"}


def _closed(schema: Any) -> Any:
    """Say of mappings by subject that they have no other keys, which pydantic checks and does not write."""
    if isinstance(schema, list):
        return [_closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {"additionalProperties": False} if "patternProperties" in schema else {}
    return {**{name: _closed(value) for name, value in schema.items()}, **closed}
