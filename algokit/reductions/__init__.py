"""Reductions: a feature space -> fewer columns, before any readout sees it.

To add one
----------
1. Add a spec class here with ``n_columns``.
2. Write its function in ``<name>_reduction.py``; it satisfies `Reduction`.
3. Add one row to `CATALOGUE`. The contract suite in ``tests/contracts`` then runs over it.

A pooling sees one image; a reduction sees all images of a subject, and is fitted on training rows alone.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from algokit.frozen import Frozen, Seed
from algokit.registry import Catalogue
from algokit.types import Ints


class _Reduction(Frozen):
    standardize: bool = Field(
        default=False, description="First divide every feature by its SD over the fit rows (val left out)"
    )
    keep_features: bool = Field(
        default=False,
        description="Leave the features in the store when the run ends: other recipes and later runs need no forward "
        "pass for these images then",
    )

    @property
    def is_fitted(self) -> bool:
        """Whether what it does depends on which training rows it is fitted on."""
        return self.standardize

    def n_columns(self, n_features: int, n_train: int, n_fit: int) -> int:
        """Columns that are left of a space.

        Parameters
        ----------
        n_train, n_fit : training rows, and those of them that are not held out.
        """
        raise TypeError("every reduction spec sizes itself")


class GramSpec(_Reduction):
    """As many columns as training images, with the same inner products: a ridge fit cannot tell the difference.

    It is the Gram matrix in the shape of features, for spaces far wider than there are images.
    """

    kind: Literal["gram"]

    def n_columns(self, n_features: int, n_train: int, n_fit: int) -> int:
        return min(n_features, n_train)


class PcaSpec(_Reduction):
    """Principal components of the fit rows (val left out), largest first; all rows are projected on them."""

    kind: Literal["pca"]
    n_components: int = Field(ge=1, le=100_000, description="Components kept; at most the fit rows allow, less one")

    @property
    def is_fitted(self) -> bool:
        return True

    def n_columns(self, n_features: int, n_train: int, n_fit: int) -> int:
        return min(self.n_components, n_features, n_fit - 1)


class SparseProjectionSpec(_Reduction):
    """Very sparse random projection: inner products are kept on average, whatever the images are.

    A space that is no wider stays as it is.
    """

    kind: Literal["sparse_projection"]
    n_components: int = Field(ge=1, le=100_000, description="Columns of the projection")
    seed: Seed = Field(default=0, description="Seed of the projection")

    def n_columns(self, n_features: int, n_train: int, n_fit: int) -> int:
        return min(self.n_components, n_features)


ReductionSpec: TypeAlias = Annotated[GramSpec | PcaSpec | SparseProjectionSpec, Field(discriminator="kind")]

CATALOGUE = Catalogue(
    "reduction",
    {
        "gram": "algokit.reductions.gram_reduction:reduce_gram",
        "pca": "algokit.reductions.pca_reduction:reduce_pca",
        "sparse_projection": "algokit.reductions.sparse_projection_reduction:reduce_sparse_projection",
    },
)


class Reduction(Protocol):
    """A member."""

    def __call__(
        self,
        train: NDArray[np.floating],
        test: NDArray[np.floating],
        fit_rows: Ints,
        spec: Any,
        *,
        device: str,
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Reduce one feature space of one subject.

        Parameters
        ----------
        train, test : (n_train, n_features), (n_test, n_features), usually memory maps; taken in blocks.
        fit_rows : the training rows that anything is fitted on, ascending.
        spec : the member's own spec.
        device : where the arithmetic runs, as torch names it.

        Returns
        -------
        (n_train, n_columns), (n_test, n_columns), with ``n_columns`` as the spec says.
        """
        ...
