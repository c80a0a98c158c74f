"""How long steps take on a machine whose rates were measured, and what finished runs teach about it. Arithmetic alone.

A step is costed from its own numbers (FLOPs, bytes, images) and a device's measured rates; no rate has a default, so
that without a measurement there is no time. Runs correct it: of every *group* of steps (one backbone's features, one
kind of reduction, one readout's fits, one kind of ensemble) the ratio of actual to raw forecast is kept, averaged by
their length.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, TypeAlias

from pydantic import Field

from algokit.frozen import Frozen
from algokit.recipe.plan import Plan, PlannedMember, Step, StepKind

PRIOR_S = 10.0  # the rates alone weigh as much as a run of so many seconds
MEMORY_S = 3600.0  # older runs weigh at most as much as one of so many seconds

Rate: TypeAlias = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Rates(Frozen):
    """What one device of a machine does in a second, measured.

    ``device`` is "cpu" or "cuda". Rates of images, memory and disk are those of the machine it is in.
    """

    device: str
    accelerator: str = Field(default="", description="The GPU's own name")
    map_flops: Rate = Field(description="Forward pass of a convolutional network, FLOP/s by its card")
    token_flops: Rate = Field(description="Forward pass of a transformer, FLOP/s by its card")
    product_flops: Rate = Field(description="Product of square float32 matrices, FLOP/s")
    images: Rate = Field(description="Images of 425 px decoded and brought to 224 px, per second")
    memory_bytes: Rate = Field(description="Bytes read and written by copying a large array, per second")
    disk_write_bytes: Rate = Field(description="Bytes written and synced, per second")
    disk_read_bytes: Rate = Field(description="Bytes read that the system does not hold in memory, per second")


class Learned(Frozen):
    """What runs taught about one group of steps.

    ``log_ratio`` is the natural logarithm of actual over raw forecast; ``weight_s`` the length of the runs
    behind it, the rates' own `PRIOR_S` included.
    """

    log_ratio: Annotated[float, Field(allow_inf_nan=False)] = 0.0
    weight_s: Annotated[float, Field(ge=0, allow_inf_nan=False)] = PRIOR_S

    def after(self, raw_s: float, actual_s: float) -> Learned:
        """With one more run, which counts by its length: a short one hardly, a long one almost alone.

        Its length is the geometric mean of the two times. What a small run took is mostly what any run takes to get
        going, and says little of a large one.
        """
        if raw_s <= 0 or actual_s <= 0:
            return self
        length_s = math.sqrt(raw_s * actual_s)
        share = length_s / (length_s + self.weight_s)
        log_ratio = self.log_ratio + share * (math.log(actual_s / raw_s) - self.log_ratio)
        return Learned(log_ratio=log_ratio, weight_s=min(self.weight_s + length_s, MEMORY_S))

    @property
    def ratio(self) -> float:
        """By how much the raw forecast is multiplied."""
        return math.exp(self.log_ratio)


@dataclass(frozen=True)
class GroupForecast:
    """The steps of one group.

    Attributes
    ----------
    group : ``features/<kind>/<backbone>``, ``reduction/<kind>``, ``fit/<readout>`` or ``ensemble/<kind>``.
    raw_s : by the measured rates alone.
    seconds : what runs taught included.
    """

    group: str
    kind: StepKind
    n_steps: int
    raw_s: float
    seconds: float


@dataclass(frozen=True)
class Forecast:
    """How long steps take on one device."""

    device: str
    groups: tuple[GroupForecast, ...]

    @property
    def seconds(self) -> float:
        """All of them, one after the other."""
        return sum(group.seconds for group in self.groups)

    def of_kind(self, kind: StepKind) -> float:
        """Seconds of the steps of one kind."""
        return sum(group.seconds for group in self.groups if group.kind == kind)


def forecast(plan: Plan, steps: Iterable[Step], rates: Rates, learned: Mapping[str, Learned]) -> Forecast:
    """How long the given steps of a plan take.

    Parameters
    ----------
    steps : of the plan; all of them, or those that have to be made.
    learned : by group.
    """
    grouped: dict[str, list[Step]] = {}
    for step in steps:
        grouped.setdefault(group_of(plan, step), []).append(step)
    groups = []
    for group, members in grouped.items():
        raw_s = _seconds(plan, members, rates)
        ratio = learned.get(group, Learned()).ratio
        groups.append(GroupForecast(group, members[0].kind, len(members), raw_s, raw_s * ratio))
    return Forecast(rates.device, tuple(groups))


def group_of(plan: Plan, step: Step) -> str:
    """The group that a step's time is learned with."""
    if step.kind == "features":
        card = _member(plan, step).card
        return f"features/{card.kind}/{card.name}"
    if step.kind == "reduction":
        return f"reduction/{step.params['reduction']['kind']}"
    if step.kind == "fit":
        return f"fit/{step.params['readout']['kind']}"
    return f"ensemble/{step.params['ensemble']['kind']}"


def _member(plan: Plan, step: Step) -> PlannedMember:
    return next(member for member in plan.members if member.name == step.member)


def _seconds(plan: Plan, steps: list[Step], rates: Rates) -> float:
    """Of steps of one group."""
    if steps[0].kind == "features":
        return _features_s(plan, steps, rates)
    return sum(_step_s(plan, step, rates) for step in steps)


def _features_s(plan: Plan, steps: list[Step], rates: Rates) -> float:
    """One pass per member and subject, however many of its spaces are made; weights are read once per member.

    A GPU works while the processor decodes, and the slower of the two is waited for. A processor does one or the other.
    """
    seconds = 0.0
    for name in dict.fromkeys(step.member for step in steps):
        member = next(one for one in plan.members if one.name == name)
        seconds += 4 * member.card.n_parameters / rates.disk_read_bytes
    for name, subject in dict.fromkeys((step.member, step.subject) for step in steps):
        mine = [step for step in steps if (step.member, step.subject) == (name, subject)]
        card, n_images = _member(plan, mine[0]).card, mine[0].shape[0]
        has_tokens = any(layer.layout == "tokens" for layer in card.layers)
        forward_s = card.flops_per_image * n_images / (rates.token_flops if has_tokens else rates.map_flops)
        decode_s = n_images / rates.images
        seconds += forward_s + decode_s if rates.device == "cpu" else max(forward_s, decode_s)
        seconds += sum(step.out_bytes for step in mine) / rates.disk_write_bytes
    return seconds


def _step_s(plan: Plan, step: Step, rates: Rates) -> float:
    """Inputs are read from disk, products made, results written; an ensemble passes over memory instead."""
    read_bytes = sum(plan.step(name).out_bytes for name in step.inputs)
    seconds = read_bytes / rates.disk_read_bytes + step.out_bytes / rates.disk_write_bytes
    if step.kind == "ensemble":
        return seconds + (read_bytes + step.out_bytes) / rates.memory_bytes + step.flops / rates.product_flops
    return seconds + step.flops / rates.product_flops
