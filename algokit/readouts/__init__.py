"""Readouts: features -> responses.

To add one
----------
1. Add a spec class here; its ``gives_out_of_fold`` says whether an ensemble can learn weights from it.
2. Write ``<name>_readout.py`` with a function that satisfies `Readout`.
3. Add one row to `CATALOGUE`. The contract suite in ``tests/contracts`` then runs over it.

Members see arrays only: feature spaces in, choices and predictions out. They are thin over `algokit.solvers`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, SerializerFunctionWrapHandler, ValidationInfo, field_validator, model_serializer
from pydantic_core import PydanticCustomError

from algokit.frozen import Frozen, Seed
from algokit.registry import Catalogue


class FoldsSpec(Frozen):
    """How the fit rows are cut into cross-validation folds."""

    n: int = Field(default=8, ge=2, description="Number of folds")
    kind: Literal["shuffled", "contiguous", "grouped"] = Field(
        default="shuffled",
        description="grouped: shuffled, but rows of one image file stay in one fold, and on one side of val",
    )
    seed: Seed = Field(default=0, description="Seed of the shuffle")


class LogSpace(Frozen):
    """``num`` penalties from 10**start to 10**stop, evenly spaced in the exponent."""

    start: float = Field(ge=-300, le=300)
    stop: float = Field(ge=-300, le=300)
    num: int = Field(ge=1, le=1000)


PositiveFloat = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Alphas: TypeAlias = Annotated[tuple[PositiveFloat, ...], Field(min_length=1)] | LogSpace


def _ascending(alphas: tuple[float, ...] | LogSpace) -> tuple[float, ...]:
    if isinstance(alphas, LogSpace):
        exponents = np.linspace(alphas.start, alphas.stop, alphas.num)
        return tuple(sorted(math.pow(10.0, float(exponent)) for exponent in exponents))
    return tuple(sorted(alphas))


class ExhaustiveSearch(Frozen):
    """Every feature space is searched for every vertex."""

    kind: Literal["exhaustive"]


class PrunedSearch(Frozen):
    """Spaces that hardly any of some randomly drawn vertices would miss are left out; the rest is searched for all."""

    kind: Literal["pruned"]
    n_vertices: int = Field(
        default=1000, ge=4, description="Vertices drawn, in proportion from both hemispheres: half choose, half check"
    )
    loss: float = Field(
        default=0.01, ge=0, le=2, description="Cross-validated r that a vertex may lose without being counted"
    )
    share: float = Field(
        default=0.01, ge=0, lt=1, description="Share of the choosing vertices that may lose more than that"
    )
    margin: float = Field(
        default=0.0, ge=0, le=4, description="Choose as if this much less were allowed to be lost; at 4 all is kept"
    )
    floor: float = Field(
        default=-1.0, ge=-1, le=1, description="Vertices whose best cross-validated r is lower count as losing nothing"
    )
    delta: float = Field(
        default=0.05, gt=0, le=0.3, description="Chance of the draw that the bound in the notes may fail"
    )
    seed: Seed = Field(default=0, description="Seed of the draw")


SearchSpec: TypeAlias = Annotated[ExhaustiveSearch | PrunedSearch, Field(discriminator="kind")]


class RidgeSpec(Frozen):
    """Ridge regression; penalty and feature space chosen per vertex by cross-validated Pearson r.

    `loo` and `gcv` approximate that choice from one factorisation, without folds.
    """

    gives_out_of_fold: ClassVar[bool] = True

    kind: Literal["ridge"]
    alphas: Alphas = Field(
        default=LogSpace(start=0, stop=8, num=9), description="Penalties: a list, or powers of ten {start, stop, num}"
    )
    folds: FoldsSpec = FoldsSpec()
    standardize: bool = Field(
        default=False,
        description="Divide every feature by its SD over the fit rows (val left out); centring is always done",
    )
    search: SearchSpec = Field(
        default=ExhaustiveSearch(kind="exhaustive"),
        description="Whether spaces may be left out after a look at a few vertices (docs/pruning.md)",
    )

    selection: Literal["kfold", "loo", "gcv"] = Field(
        default="kfold",
        description="kfold: mean r over the folds; loo: r of leave-one-out predictions over all fit rows; gcv: squared "
        "error by generalised cross-validation. loo and gcv take no folds",
    )

    def alpha_values(self) -> tuple[float, ...]:
        """The penalties, ascending."""
        return _ascending(self.alphas)

    @field_validator("selection")
    @classmethod
    def _takes_no_folds(cls, selection: str, info: ValidationInfo) -> str:
        if selection != "kfold" and info.data.get("folds", FoldsSpec()) != FoldsSpec():
            raise PydanticCustomError(
                "needless-folds", "{selection} has no folds: leave folds out", {"selection": selection}
            )
        if selection != "kfold" and isinstance(info.data.get("search"), PrunedSearch):
            raise PydanticCustomError(
                "pruned-without-folds", "a pruned search chooses by folds, not by {selection}", {"selection": selection}
            )
        return selection

    @model_serializer(mode="wrap")
    def _as_before(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """The default selection and search are not written: keys of recipes stay what they were without the fields."""
        document: dict[str, Any] = handler(self)
        if self.selection == "kfold":
            document.pop("selection", None)
        if isinstance(self.search, ExhaustiveSearch):
            document.pop("search", None)
        return document


class BandedRidgeSpec(Frozen):
    """Ridge regression over all of the member's feature spaces jointly, each a band with its own penalty per vertex.

    Penalties are searched: every candidate mixes the bands by weights that sum to 1, and a band's penalty is alpha
    divided by its weight.
    """

    gives_out_of_fold: ClassVar[bool] = False

    kind: Literal["banded_ridge"]
    alphas: Alphas = Field(
        default=LogSpace(start=0, stop=8, num=9),
        description="Penalties of a mix of the bands: a list, or powers of ten {start, stop, num}",
    )
    n_iter: int = Field(
        default=32,
        ge=0,
        le=10_000,
        description="Random mixes tried, beside all bands alike and each band alone",
    )
    seed: Seed = Field(default=0, description="Seed of the random mixes")
    folds: FoldsSpec = FoldsSpec()
    standardize: bool = Field(
        default=False,
        description="Divide every feature by its SD over the fit rows (val left out); centring is always done",
    )

    def alpha_values(self) -> tuple[float, ...]:
        """The penalties, ascending."""
        return _ascending(self.alphas)


class PcaOlsSpec(Frozen):
    """Principal components of all the member's feature spaces side by side, then ordinary least squares per vertex."""

    gives_out_of_fold: ClassVar[bool] = False  # it has no folds: nothing is chosen

    kind: Literal["pca_ols"]
    n_components: int = Field(default=100, ge=1, description="Components kept; capped by the rank of the features")
    standardize: bool = Field(default=False, description="Divide every feature by its SD over the rows fitted on")
    seed: Seed = Field(default=0, description="Seed of the randomised PCA")


ReadoutSpec: TypeAlias = Annotated[RidgeSpec | BandedRidgeSpec | PcaOlsSpec, Field(discriminator="kind")]

CATALOGUE = Catalogue(
    "readout",
    {
        "ridge": "algokit.readouts.ridge_readout:fit_ridge",
        "banded_ridge": "algokit.readouts.banded_ridge_readout:fit_banded_ridge",
        "pca_ols": "algokit.readouts.pca_ols_readout:fit_pca_ols",
    },
)


@dataclass(frozen=True)
class FeatureSpace:
    """One feature space of one subject.

    Attributes
    ----------
    name : step id of the features ("blocks.2@max3").
    train : (n_train, n_features) float32, all training rows in row order; usually a memory map.
    test : (n_test, n_features) float32.
    """

    name: str
    train: NDArray[np.float32]
    test: NDArray[np.float32]


@dataclass(frozen=True)
class Rows:
    """Which training rows are fitted on and which are held out as the val split (both ascending, disjoint).

    Attributes
    ----------
    groups : (n_train,) int64, equal for training rows that show the same image; None where nobody asked.
    """

    fit: NDArray[np.int64]
    val: NDArray[np.int64]
    groups: NDArray[np.int64] | None = None


@dataclass(frozen=True)
class Blocks:
    """How much is held at once.

    Attributes
    ----------
    targets : per block.
    operator_bytes : of operators ready to be applied; more alphas than fit are taken in several runs over the targets.
    """

    targets: int
    operator_bytes: int


@dataclass(frozen=True)
class ReadoutResult:
    """What a readout returns; targets are the concatenation of the response blocks given.

    Attributes
    ----------
    space_index, alpha, cv_score : (n_targets,) int64, float64, float32. The choice per target, made on the fit rows.
    val_predictions : (n_val, n_targets) float32, from a fit on the fit rows only (the nested prediction).
    test_predictions : (n_test, n_targets) float32, from a refit on all training rows with the same choice.
    notes : what was out of the ordinary (a space run in float64, constant features, ...), for the card.
    band_alpha : (n_spaces, n_targets) float64, the penalty of every space where all are used jointly; infinite where a
        space takes no part. None for readouts that use one space per target.
    """

    space_index: NDArray[np.int64]
    alpha: NDArray[np.float64]
    cv_score: NDArray[np.float32]
    val_predictions: NDArray[np.float32]
    test_predictions: NDArray[np.float32]
    notes: tuple[str, ...] = ()
    band_alpha: NDArray[np.float64] | None = None


class Readout(Protocol):
    """A member."""

    def __call__(
        self,
        spaces: Iterable[FeatureSpace],
        responses: Sequence[NDArray[np.float32]],
        rows: Rows,
        spec: Any,
        *,
        device: str,
        progress: Callable[[int, str], None],
        blocks: Blocks | None = None,
        out_of_fold: NDArray[np.float32] | None = None,
    ) -> ReadoutResult:
        """Fit and predict.

        Parameters
        ----------
        spaces : visited once each, in order; ties go to the earlier one.
        responses : blocks of targets, each (n_train, n_block_targets) (the two hemispheres), usually memory maps.
        spec : the member's own spec, the one whose ``kind`` is its row in `CATALOGUE`.
        device : where the arithmetic runs, as torch names it ("cpu", "cuda:0").
        progress : called with (spaces finished, name of the space).
        blocks : how much to hold at once; None where memory is no matter. Changes no result.
        out_of_fold : (n_train, n_targets), usually a memory map: filled at the fit rows with predictions of the same
            choice, each from a fit that saw neither the row's fold nor the val rows. Only for a spec whose
            ``gives_out_of_fold`` is true.

        Raises
        ------
        UsageError : out-of-fold predictions are asked of a readout that has none; shapes or rows do not fit.
        DataError : a feature or a response is not finite.
        """
        ...
