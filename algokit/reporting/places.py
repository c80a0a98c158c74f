"""``vertices/places/`` of a submission without any score: where its vertices lie, for maps of what they chose."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from algokit.errors import UsageError
from algokit.reporting.finished import Finished
from algokit.reporting.json_files import read_json, write_json
from algokit.types import HEMISPHERES, Finding, Hemisphere, Ints, RoiMask

PLACES = "vertices/places"


@dataclass(frozen=True)
class VertexPlaces:
    """Where the vertices of one subject and hemisphere lie.

    Attributes
    ----------
    masks : the ROIs, as the challenge gives them.
    fsaverage_index : (n_vertices,) int64, the fsaverage vertex of each; None where not known.
    """

    subject: str
    hemisphere: Hemisphere
    masks: tuple[RoiMask, ...]
    fsaverage_index: Ints | None

    @property
    def rois(self) -> dict[tuple[str, str], Ints]:
        """(ROI class, ROI) -> indices of its vertices, as in `VertexScores`."""
        return {
            (mask.roi_class, name): np.flatnonzero(mask.labels == label)
            for mask in self.masks
            for label, name in sorted(mask.names.items())
        }


def write_places(folder: Path, finished: Finished) -> None:
    """``vertices/places/<subject>/``: per hemisphere the ROI labels, their names, and the fsaverage vertices."""
    for subject in finished.plan.subjects:
        place = folder / PLACES / subject
        place.mkdir(parents=True)
        for hemisphere in HEMISPHERES:
            masks = finished.challenge.roi_masks(subject, hemisphere)
            index = finished.challenge.fsaverage_index(subject, hemisphere)
            named = [
                {"roi_class": one.roi_class, "names": {str(n): name for n, name in one.names.items()}} for one in masks
            ]
            write_json(place / f"{hemisphere}_rois.json", named)
            if masks:
                np.save(
                    place / f"{hemisphere}_roi_labels.npy", np.stack([one.labels for one in masks]).astype(np.int64)
                )
            if index is not None:
                np.save(place / f"{hemisphere}_fsaverage_index.npy", index.astype(np.int64))


def read_places(folder: Path) -> tuple[VertexPlaces, ...]:
    """What `write_places` wrote; none where a split is scored.

    Raises
    ------
    UsageError : it is damaged.
    """
    try:
        return tuple(_read(folder / PLACES))
    except (OSError, ValueError, KeyError, TypeError, EOFError, AttributeError) as error:
        finding = Finding("the places of its vertices cannot be read", str(folder), found=str(error), code="bad-places")
        raise UsageError(f"{folder} is damaged", [finding]) from error


def _read(place: Path) -> Iterator[VertexPlaces]:
    for subject in sorted(path.name for path in place.glob("subj*")):
        for hemisphere in HEMISPHERES:
            start = place / subject
            named = read_json(start / f"{hemisphere}_rois.json")
            labels = _array(start / f"{hemisphere}_roi_labels.npy", (len(named), -1)) if named else ()
            masks = tuple(_mask(one, row, hemisphere) for one, row in zip(named, labels, strict=True))
            path = start / f"{hemisphere}_fsaverage_index.npy"
            yield VertexPlaces(subject, hemisphere, masks, _array(path, (-1,)) if path.exists() else None)


def _array(path: Path, shape: tuple[int, ...]) -> Ints:
    """Checked before it is read: a header may lie about its size."""
    values = np.load(path, mmap_mode="r", allow_pickle=False)
    fits = values.ndim == len(shape) and all(n in (-1, found) for n, found in zip(shape, values.shape, strict=True))
    if values.dtype != "int64" or not fits:
        raise ValueError(f"{path.name} holds {values.dtype} {values.shape}")
    return np.array(values)


def _mask(named: dict[str, Any], labels: Ints, hemisphere: Hemisphere) -> RoiMask:
    names = {int(label): str(name) for label, name in named["names"].items()}
    return RoiMask(str(named["roi_class"]), hemisphere, labels, names)
