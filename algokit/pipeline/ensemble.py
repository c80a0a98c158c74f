"""Predictions of the members -> one prediction per subject, hemisphere and split."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from algokit.recipe.plan import Step
from algokit.store import Store
from algokit.types import HEMISPHERES


def average_members(step: Step, fits: Sequence[Step], store: Store) -> None:
    """Make one ensemble step: the plain mean over members of their predicted responses.

    The artefact holds ``{h}_test`` and ``{h}_val`` (float32) and ``val_rows``, as a fit does.
    """
    artefacts = [store.open("fit", str(fit.key)) for fit in fits]
    with store.write("ensemble", str(step.key), {"id": step.id, "params": step.params}) as folder:
        np.save(folder / "val_rows.npy", store.array(artefacts[0], "val_rows"))
        for hemisphere in HEMISPHERES:
            for split in ("val", "test"):
                name = f"{hemisphere}_{split}"
                total = np.zeros_like(store.array(artefacts[0], name), dtype=np.float64)
                for artefact in artefacts:
                    total += store.array(artefact, name)
                np.save(folder / f"{name}.npy", (total / len(artefacts)).astype(np.float32))
