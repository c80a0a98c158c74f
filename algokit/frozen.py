"""What every pydantic model of algokit has in common: it does not change, and it refuses keys it does not know."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

Seed: TypeAlias = Annotated[int, Field(ge=0, lt=2**32)]
Finite: TypeAlias = Annotated[float, Field(ge=-1e6, le=1e6)]


class Frozen(BaseModel):
    """Base of specs, recipes, manifests and plans."""

    model_config = ConfigDict(frozen=True, extra="forbid")
