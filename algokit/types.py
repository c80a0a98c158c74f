"""Frozen values that flow between layers. No torch, no I/O.

Arrays never travel alone: whatever is scored or joined carries its subject, hemisphere, split and
image ids, and joining two of them checks that these agree.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Hemisphere: TypeAlias = Literal["lh", "rh"]
Split: TypeAlias = Literal["train", "val", "test"]
Severity: TypeAlias = Literal["error", "warning", "note"]
Ints: TypeAlias = NDArray[np.int64]

HEMISPHERES: tuple[Hemisphere, Hemisphere] = ("lh", "rh")


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong or worth knowing: what, where, expected, found, what to do.

    Every error a user sees, from a misspelt recipe key to a NaN in a prediction, is a list of these.

    Attributes
    ----------
    what : the problem in a few words, lower case, no full stop.
    where : ``file:line:col``, a file, or a step id; "" where there is no place.
    path : the path inside a document (``members[0].readout.alphas``); "" where there is none.
    expected, found, advice : "" where they add nothing.
    severity : ``error`` makes the thing unusable, ``warning`` costs something, ``note`` informs.
    code : a stable kebab-case name for programs.
    """

    what: str
    where: str = ""
    path: str = ""
    expected: str = ""
    found: str = ""
    advice: str = ""
    severity: Severity = "error"
    code: str = ""

    def __str__(self) -> str:
        place = ": ".join(part for part in (self.where, self.path) if part)
        details = "; ".join(
            part
            for part in (
                f"expected {self.expected}" if self.expected else "",
                f"found {self.found}" if self.found else "",
                self.advice,
            )
            if part
        )
        return (f"{place}: " if place else "") + self.what + (f" ({details})" if details else "")

    def as_dict(self) -> dict[str, str]:
        """The finding as plain strings, for ``--json``."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


@dataclass(frozen=True)
class Responses:
    """Measured responses of one subject, hemisphere and split.

    Attributes
    ----------
    values : (n_images, n_vertices) float32, z-scored betas averaged over repeats; usually a memory map.
    image_ids : (n_images,) int64, 0-based NSD ids in row order.
    """

    values: NDArray[np.float32]
    image_ids: Ints
    subject: str
    hemisphere: Hemisphere
    split: Split


@dataclass(frozen=True)
class Predictions:
    """Predicted responses of one subject, hemisphere and split; same shape and order as `Responses`."""

    values: NDArray[np.float32]
    image_ids: Ints
    subject: str
    hemisphere: Hemisphere
    split: Split


@dataclass(frozen=True)
class Ceilings:
    """Noise ceilings of one subject and hemisphere **for one split**.

    Attributes
    ----------
    values : (n_vertices,) float64, fraction 0..1 in r2 units; exact zeros occur.
    split : the split whose repeats they describe; scoring another split with them is refused.
    source : where they come from, in words that go into the card.
    """

    values: NDArray[np.float64]
    subject: str
    hemisphere: Hemisphere
    split: Split
    source: str


@dataclass(frozen=True)
class RoiMask:
    """Integer labels of one ROI class over the challenge vertices of one hemisphere.

    Attributes
    ----------
    labels : (n_vertices,) int64, 0 = in no ROI of this class.
    names : integer -> ROI name, without 0.
    """

    roi_class: str
    hemisphere: Hemisphere
    labels: Ints
    names: Mapping[int, str]


@dataclass(frozen=True)
class SubjectGeometry:
    """The sizes of one subject: what a plan, a submission or a score is shaped by."""

    subject: str
    n_train: int
    n_test: int
    n_vertices: Mapping[Hemisphere, int]


@dataclass(frozen=True)
class FitRecord:
    """What one member chose for every vertex of one subject and hemisphere.

    Attributes
    ----------
    space_names : the member's feature spaces in order, as "layer@pooling".
    space_index : (n_vertices,) int64 into ``space_names``.
    alpha : (n_vertices,) float64.
    cv_score : (n_vertices,) float32, mean over folds of Pearson r of the chosen space and alpha.
    """

    member: str
    subject: str
    hemisphere: Hemisphere
    space_names: tuple[str, ...]
    space_index: Ints
    alpha: NDArray[np.float64]
    cv_score: NDArray[np.float32]


@dataclass(frozen=True)
class VertexScores:
    """The numbers of every vertex of one hemisphere and split: what every aggregate is made from.

    Attributes
    ----------
    n_images : how many images were scored.
    pearson_r : (n_vertices,) float64, -1..1; 0 where the prediction is constant or not finite.
    ceiling : (n_vertices,) float64, fraction 0..1 in r2 units; None where none is known.
    normalized : (n_vertices,) float64, 0..1, the official noise-normalized score; None without ceilings.
    constant, nonfinite : (n_vertices,) bool, predictions that score 0 whatever the truth, and why.
    rois : (ROI class, ROI) -> indices of its vertices, perhaps none. "all" as ROI is any ROI of the class, "all" as
        both is every vertex.
    fsaverage_index : (n_vertices,) int64, the vertex of fsaverage (163842) each column is; None where not known.
    """

    subject: str
    hemisphere: Hemisphere
    split: Split
    n_images: int
    pearson_r: NDArray[np.float64]
    ceiling: NDArray[np.float64] | None
    normalized: NDArray[np.float64] | None
    constant: NDArray[np.bool_]
    nonfinite: NDArray[np.bool_]
    rois: Mapping[tuple[str, str], Ints]
    fsaverage_index: Ints | None = None

    @property
    def r2(self) -> NDArray[np.float64]:
        """Square of r, 0 where r is negative; (n_vertices,) float64, 0..1."""
        return np.square(np.maximum(self.pearson_r, 0.0))


@dataclass(frozen=True)
class ScoreRow:
    """One aggregate score with everything that makes it a score.

    Attributes
    ----------
    subject, hemisphere, roi_class, roi : "all" where they are pooled over.
    metric : ``<metric>_mean`` or ``<metric>_median``; ``scientific_noise_normalized_*`` leaves out the vertices whose
        ceiling is 0, ``n_vertices`` then counts the others.
    value : 0..100 for the two ``noise_normalized``, 0..1 for ``r2``, -1..1 for ``pearson_r``.
    n_zero_ceiling, n_clipped, n_constant, n_nonfinite : how many of the row's vertices have a ceiling of exactly 0,
        reach the cap, or have a constant or non-finite prediction.
    low, high : 95 % interval of ``value`` over images; None where none was computed.
    chance_low, chance_high : 95 % of what predictions of shuffled images score; None likewise.
    p_value : share of shuffles that score at least as well; None likewise.
    """

    subject: str
    hemisphere: str
    roi_class: str
    roi: str
    n_vertices: int
    metric: str
    version: int
    value: float
    n_zero_ceiling: int = 0
    n_clipped: int = 0
    n_constant: int = 0
    n_nonfinite: int = 0
    low: float | None = None
    high: float | None = None
    chance_low: float | None = None
    chance_high: float | None = None
    p_value: float | None = None


@dataclass(frozen=True)
class Scores:
    """Scores of one submission on one split, with ceiling source and counts beside them.

    Attributes
    ----------
    intervals : how the intervals of the rows were made, in words that go into the card; "" where there are none.
    vertices : what the rows were made from, per subject and hemisphere; not part of the JSON document.
    """

    split: Split
    rows: tuple[ScoreRow, ...]
    ceiling_source: str
    n_vertices: int
    n_images: Mapping[str, int]
    n_zero_ceiling: int
    n_clipped: int
    n_constant: int
    n_nonfinite: int
    notes: tuple[str, ...] = ()
    intervals: str = ""
    vertices: tuple[VertexScores, ...] = field(default=(), compare=False, repr=False)


@dataclass(frozen=True)
class Progress:
    """One progress message: ``done`` of ``total`` units of ``unit`` in the step named ``step``."""

    step: str
    done: int
    total: int
    unit: str = ""
    note: str = ""


ProgressCallback: TypeAlias = Callable[[Progress], None]


def no_progress(_: Progress) -> None:
    """The callback for callers who do not care."""


@dataclass(frozen=True)
class Artefact:
    """A verified entry of the store: a folder of arrays and its meta.json, already read."""

    key: str
    path: Any
    meta: Mapping[str, Any] = field(default_factory=dict)


def errors_among(findings: Sequence[Finding]) -> list[Finding]:
    """The findings that make the thing unusable."""
    return [finding for finding in findings if finding.severity == "error"]
