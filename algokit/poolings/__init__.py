"""Poolings: activation -> feature matrix.

To add one
----------
1. Add a spec class here with ``n_features`` (which refuses layouts it cannot take, before any weight is loaded).
2. Write its function ``(values, layer, specs) -> [(n, n_features), ...]`` in ``<name>_pooling.py``.
3. Add one row to `CATALOGUE`. The contract suite in ``tests/contracts`` then runs over it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal, Protocol, TypeAlias

from pydantic import Field

from algokit.backbones import LayerInfo
from algokit.frozen import Frozen
from algokit.registry import Catalogue

Grid: TypeAlias = Annotated[int, Field(gt=0, le=64)]


class PoolingMismatchError(ValueError):
    """A pooling was asked to take a layout it cannot take; the message says which and what to do."""


class _Pooling(Frozen):
    def each(self) -> tuple[Any, ...]:
        """The poolings this entry stands for (a list of grids is several)."""
        return (self,)

    def label(self) -> str:
        """Short name used in step ids and tables: ``max3``."""
        raise TypeError("every pooling spec names itself")

    def n_features(self, layer: LayerInfo) -> int:
        """Columns per image for that layer.

        Raises
        ------
        PoolingMismatchError : this pooling cannot take the layer's layout.
        """
        raise TypeError("every pooling spec sizes itself")


class _Adaptive(_Pooling):
    grid: Grid | Annotated[tuple[Grid, ...], Field(min_length=1)] = Field(
        description="Side k of the k x k output grid; a list is one feature space per entry"
    )

    def each(self) -> tuple[Any, ...]:
        grids = self.grid if isinstance(self.grid, tuple) else (self.grid,)
        return tuple(self.model_copy(update={"grid": grid}) for grid in grids)

    def n_features(self, layer: LayerInfo) -> int:
        if layer.layout == "vector":
            raise PoolingMismatchError(f"{layer.name} is a vector and has no grid to pool; use kind: flatten")
        if layer.height == 0:
            raise PoolingMismatchError(f"the tokens of {layer.name} lie on no grid; use kind: mean_tokens or flatten")
        if not isinstance(self.grid, int):
            raise TypeError("expand a list of grids with each() first")
        return layer.channels * self.grid**2


class AdaptiveMaxSpec(_Adaptive):
    """Adaptive max pooling to a k x k grid; prefix tokens are dropped, patch tokens are laid out on their grid."""

    kind: Literal["adaptive_max"]

    def label(self) -> str:
        return f"max{self.grid}"


class AdaptiveMeanSpec(_Adaptive):
    """Adaptive mean pooling to a k x k grid."""

    kind: Literal["adaptive_mean"]

    def label(self) -> str:
        return f"mean{self.grid}"


class ClsTokenSpec(_Pooling):
    """The first prefix (class) token alone."""

    kind: Literal["cls_token"]

    def label(self) -> str:
        return "cls"

    def n_features(self, layer: LayerInfo) -> int:
        if layer.layout != "tokens" or layer.n_prefix == 0:
            raise PoolingMismatchError(f"{layer.name} ({layer.layout}) has no class token")
        return layer.channels


class MeanTokensSpec(_Pooling):
    """Mean over the patch tokens; prefix tokens are left out."""

    kind: Literal["mean_tokens"]

    def label(self) -> str:
        return "meantok"

    def n_features(self, layer: LayerInfo) -> int:
        if layer.layout != "tokens":
            raise PoolingMismatchError(f"{layer.name} is a {layer.layout}, not tokens; use kind: adaptive_mean")
        return layer.channels


class FlattenSpec(_Pooling):
    """Every value of the activation, prefix tokens included, in memory order."""

    kind: Literal["flatten"]

    def label(self) -> str:
        return "flat"

    def n_features(self, layer: LayerInfo) -> int:
        if layer.layout == "map":
            return layer.channels * layer.height * layer.width
        return layer.channels * (layer.n_tokens if layer.layout == "tokens" else 1)


PoolingSpec = Annotated[
    AdaptiveMaxSpec | AdaptiveMeanSpec | ClsTokenSpec | MeanTokensSpec | FlattenSpec, Field(discriminator="kind")
]

CATALOGUE = Catalogue(
    "pooling",
    {
        "adaptive_max": "algokit.poolings.adaptive_pooling:adaptive_max",
        "adaptive_mean": "algokit.poolings.adaptive_pooling:adaptive_mean",
        "cls_token": "algokit.poolings.token_pooling:cls_token",
        "mean_tokens": "algokit.poolings.token_pooling:mean_tokens",
        "flatten": "algokit.poolings.flatten_pooling:flatten",
    },
)


class Pooling(Protocol):
    """A member: pure function from a batch of activations to features."""

    def __call__(self, values: Any, layer: LayerInfo, specs: Sequence[Any]) -> list[Any]:
        """Pool one layer in several ways of the member's kind at once, so that these can share work.

        What one spec gives does not depend, to the last bit, on which others it comes with.

        Parameters
        ----------
        values : (n, *layer shape) tensor, in any memory format.

        Returns
        -------
        One (n, n_features) tensor per spec, on the same device, of the same dtype.
        """
        ...
