"""A made-up challenge of two subjects: noisy predictions, a few zero ceilings, and one ROI only one hemisphere has."""

from __future__ import annotations

from typing import Any

import numpy as np

from algokit.scoring import ScoredHemisphere
from algokit.types import HEMISPHERES, Ceilings, Hemisphere, Predictions, Responses, RoiMask

SIZES: dict[str, tuple[int, dict[Hemisphere, int]]] = {
    "subj01": (12, {"lh": 30, "rh": 40}),
    "subj06": (15, {"lh": 20, "rh": 25}),
}
NAMES = {1: "V1v", 2: "V1d", 3: "V2v"}
PLACES = [(subject, hemisphere) for subject in SIZES for hemisphere in HEMISPHERES]
ALL = "all"


def item(subject: str, hemisphere: Hemisphere, split: Any = "test") -> ScoredHemisphere:
    """Noisy predictions, a few zero ceilings, and one ROI (V2v) that only subj06 rh has."""
    n_images, n_vertices = SIZES[subject][0], SIZES[subject][1][hemisphere]
    rng = np.random.default_rng(n_vertices)
    truth = rng.standard_normal((n_images, n_vertices)).astype(np.float32)
    predicted = (truth * rng.uniform(-0.5, 1, n_vertices) + rng.standard_normal(truth.shape)).astype(np.float32)
    ceiling = rng.uniform(0.1, 0.9, n_vertices)
    ceiling[:2] = 0
    labels = np.arange(n_vertices) % 3
    if (subject, hemisphere) == ("subj06", "rh"):
        labels[-4:] = 3
    place = (subject, hemisphere, split)
    ids = np.arange(n_images) * 7
    return ScoredHemisphere(
        Predictions(predicted, ids, *place),
        Responses(truth, ids, *place),
        Ceilings(ceiling, *place, f"made up for {subject}"),
        [
            RoiMask("prf-visualrois", hemisphere, labels, NAMES),
            RoiMask("streams", hemisphere, np.zeros_like(labels), {1: "early"}),
        ],
    )


ITEMS = {place: item(*place) for place in PLACES}
