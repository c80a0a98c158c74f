"""The demo's cortex: which vertices a hemisphere has, their ROI labels, and the one source each of them reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from algokit.types import Hemisphere, Ints

Source = tuple[str, int]  # a layer of `features` and the grid it is pooled to

# Where an ROI lies on a line through the hemisphere from early to late, 0..1. ROIs of different classes overlap.
_SPANS: dict[str, tuple[float, float]] = {
    "V1v": (0.00, 0.04),
    "V1d": (0.04, 0.085),
    "V2v": (0.085, 0.13),
    "V2d": (0.13, 0.165),
    "V3v": (0.165, 0.20),
    "V3d": (0.20, 0.24),
    "hV4": (0.245, 0.285),
    "EBA": (0.60, 0.78),
    "FBA-1": (0.47, 0.50),
    "FBA-2": (0.50, 0.53),
    "mTL-bodies": (0.58, 0.60),
    "OFA": (0.27, 0.31),
    "FFA-1": (0.45, 0.48),
    "FFA-2": (0.48, 0.51),
    "OPA": (0.76, 0.83),
    "PPA": (0.39, 0.45),
    "RSC": (0.96, 1.00),
    "OWFA": (0.28, 0.32),
    "VWFA-1": (0.49, 0.53),
    "VWFA-2": (0.53, 0.56),
    "mfs-words": (0.56, 0.58),
    "mTL-words": (0.58, 0.60),
    "early": (0.00, 0.23),
    "midventral": (0.23, 0.29),
    "midlateral": (0.29, 0.34),
    "midparietal": (0.34, 0.39),
    "ventral": (0.39, 0.60),
    "lateral": (0.60, 0.77),
    "parietal": (0.77, 0.93),
}

# ROIs that hold no vertex of a subject number and hemisphere in the released data. Source: the NaN rows of the
# official per-ROI output. The two not listed here and not above (mTL-faces, aTL-faces) are empty everywhere.
_ABSENT = {
    "FBA-1": ("2lh", "2rh", "4lh", "7lh", "7rh"),
    "FBA-2": ("1lh",),
    "FFA-2": ("1lh",),
    "VWFA-2": ("3rh", "4rh", "8rh"),
    "mfs-words": ("1rh", "3rh"),
}
_PRESENT_ONLY = {"mTL-bodies": ("6rh", "8rh"), "mTL-words": ("6lh", "7rh")}

# Early ROIs read fine filters on fine grids, high ones texture on coarse grids; the rest follow their stream.
_SOURCES: dict[str, Source] = {
    **dict.fromkeys(("V1v", "V1d"), ("gabor.0", 4)),
    **dict.fromkeys(("V2v", "V2d", "early"), ("gabor.1", 4)),
    **dict.fromkeys(("V3v", "V3d", "midlateral", "midparietal"), ("gabor.2", 2)),
    **dict.fromkeys(("hV4", "midventral", "OFA", "OWFA"), ("gabor.3", 2)),
    **dict.fromkeys(("EBA", "OPA", "lateral", "parietal"), ("texture", 2)),
}
_HIGHEST: Source = ("texture", 1)
SOURCES = tuple(dict.fromkeys([*_SOURCES.values(), _HIGHEST]))

_MEDIAN_NCSNR, _SPREAD_NCSNR = 0.6, 0.5  # of a log-normal; the subjects' own medians run from 0.32 to 0.54


@dataclass(frozen=True)
class Anatomy:
    """One hemisphere before any image is shown.

    Attributes
    ----------
    vertices : (n_vertices,) fsaverage indices, ascending.
    labels : ROI class -> (n_vertices,) integers, 0 = none.
    sources : per vertex.
    ncsnr : (n_vertices,) signal SD over the noise SD of one trial; one vertex has exactly 0.
    """

    vertices: Ints
    labels: Mapping[str, Ints]
    sources: tuple[Source, ...]
    ncsnr: NDArray[np.float64]


@dataclass(frozen=True)
class Cortex:
    """What the hemispheres of all subjects share: ``order``, fsaverage indices from early to late; and ROI integers."""

    order: Ints
    roi_classes: Mapping[str, Mapping[int, str]]

    def of_subject(self, rng: np.random.Generator, number: int, hemisphere: Hemisphere, n_vertices: int) -> Anatomy:
        """The vertices, labels, sources and ncsnr of one subject."""
        kept = rng.choice(len(self.order), n_vertices, replace=False)
        kept = kept[np.argsort(self.order[kept])]
        position = (kept + 0.5) / len(self.order)
        spans = {name: span for name, span in _SPANS.items() if _is_present(name, f"{number}{hemisphere}")}
        labels = {roi_class: _labels(position, names, spans) for roi_class, names in self.roi_classes.items()}
        ncsnr = _MEDIAN_NCSNR * np.exp(_SPREAD_NCSNR * rng.standard_normal(n_vertices))
        ncsnr[rng.integers(n_vertices)] = 0.0
        return Anatomy(self.order[kept], labels, tuple(_source(place, spans) for place in position), ncsnr)


def _is_present(roi: str, cell: str) -> bool:
    return cell not in _ABSENT.get(roi, ()) and cell in _PRESENT_ONLY.get(roi, (cell,))


def _labels(position: NDArray[np.float64], names: Mapping[int, str], spans: Mapping[str, tuple[float, float]]) -> Ints:
    labels = np.zeros(len(position), np.int64)
    for integer, name in names.items():
        start, stop = spans.get(name, (0.0, 0.0))
        labels[(position >= start) & (position < stop)] = integer
    return labels


def _source(place: float, spans: Mapping[str, tuple[float, float]]) -> Source:
    """The source of the first ROI that has the place; streams come last in `_SPANS`."""
    inside = (name for name, (start, stop) in spans.items() if start <= place < stop)
    return _SOURCES.get(next(inside, ""), _HIGHEST)
