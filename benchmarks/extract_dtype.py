"""What float16 features cost: the same recipe on the same data with both dtypes, compared vertex by vertex."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np


def compare(data: Path | None, recipe: str, overrides: Sequence[str]) -> tuple[str, dict[str, Any]]:
    """Run both and say how far the r of the test split moves, and how many vertices choose another space or penalty."""
    from algokit import verbs
    from algokit.challenge.synthetic import write_demo
    from algokit.recipe.load import shipped_recipes

    with tempfile.TemporaryDirectory(prefix="algokit-dtype-") as name:
        folder = Path(name)
        if data is None:
            data = folder / "demo"
            write_demo(data)
        found = {}
        for dtype in ("float32", "float16"):
            report = verbs.run(
                shipped_recipes()[recipe],
                data=data,
                out=folder / dtype,
                store=folder / "store",
                overrides=[*overrides, f"features.dtype={dtype}"],
            )
            found[dtype] = (_correlations(report, data), _choices(report, folder / "store"))
    (full, full_choices), (half, half_choices) = found["float32"], found["float16"]
    delta = half - full
    summary = {
        "recipe": recipe,
        "n_vertices": len(delta),
        "mean_r": float(full.mean()),
        "mean_delta_r": float(delta.mean()),
        "mean_abs_delta_r": float(np.abs(delta).mean()),
        "max_abs_delta_r": float(np.abs(delta).max()),
        "same_choice": float(np.mean(full_choices == half_choices)),
    }
    lines = [
        "| recipe | vertices | mean r | mean change of r | mean size of it | largest | same space and penalty |",
        "|---|--:|--:|--:|--:|--:|--:|",
        f"| {recipe} | {summary['n_vertices']} | {summary['mean_r']:.4f} | {summary['mean_delta_r']:+.1e} "
        f"| {summary['mean_abs_delta_r']:.1e} | {summary['max_abs_delta_r']:.1e} "
        f"| {100 * summary['same_choice']:.2f} % |",
    ]
    return "\n".join(lines), summary


def _correlations(report: Any, data: Path) -> np.ndarray:
    """Pearson r of every vertex on the test split, by NumPy in float64."""
    from algokit.challenge import open_challenge

    challenge = open_challenge(data)
    found = []
    for subject in report.plan.subjects:
        for hemisphere in ("lh", "rh"):
            ours = np.load(report.submission / subject / f"{hemisphere}_pred_test.npy").astype(np.float64)
            truth = np.asarray(challenge.responses(subject, hemisphere, "test").values, np.float64)
            ours, truth = ours - ours.mean(axis=0), truth - truth.mean(axis=0)
            norms = np.sqrt(np.square(ours).sum(axis=0) * np.square(truth).sum(axis=0))
            found.append((ours * truth).sum(axis=0) / np.where(norms == 0, np.inf, norms))
    return np.concatenate(found)


def _choices(report: Any, store: Path) -> np.ndarray:
    """Per member and vertex: number of the space, and penalty, as one text."""
    from algokit.store import Store

    found = []
    for step in report.plan.of_kind("fit"):
        artefact = Store(store).open("fit", str(step.key))
        for hemisphere in ("lh", "rh"):
            space, alpha = (np.load(artefact.path / f"{hemisphere}_{name}.npy") for name in ("space_index", "alpha"))
            found += [f"{one} {other:.6g}" for one, other in zip(space, alpha, strict=True)]
    return np.array(found)
