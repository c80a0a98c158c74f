"""A small card, built as a run builds it, and ways to change it."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

from algokit.reporting.card import build_card, headline_scores
from algokit.reporting.card_inputs import stated_recipe_digest
from algokit.types import ScoreRow, Scores, Split

RECIPE: dict[str, Any] = {
    "algokit": 1,
    "name": "small",
    "about": "",
    "subjects": "all",
    "val": {"fraction": 0.1, "seed": 0},
    "features": {"dtype": "float32"},
    "members": [
        {
            "name": "net",
            "backbone": {"kind": "timm", "name": "resnet18", "weights": "pretrained", "checkpoint": "a.safetensors"},
            "layers": ["layer1", "layer2"],
            "poolings": [{"kind": "adaptive_max", "grid": [1, 2, 4]}],
            "readout": {"kind": "ridge", "alphas": [1.0, 10.0]},
        }
    ],
    "ensemble": {"kind": "mean"},
}


def digest(word: str) -> str:
    """A digest that stands for a file."""
    return hashlib.sha256(word.encode()).hexdigest()


def plan(**changed: Any) -> dict[str, Any]:
    """A plan as JSON data, as far as cards read it."""
    subjects = ("subj01", "subj02")
    kinds = ("images", "responses")
    return {
        "algokit_version": "0.1.0",
        "key": digest("plan"),
        "recipe": copy.deepcopy(RECIPE),
        "recipe_digest": stated_recipe_digest(RECIPE),
        "challenge": "small challenge",
        "manifest_digest": digest("manifest"),
        "subjects": {one: {"n_train": 20, "n_test": 7, "n_vertices": {"lh": 11, "rh": 13}} for one in subjects},
        "members": [{"name": "net", "weights": {"source": "a.safetensors", "sha256": digest("a"), "is_random": False}}],
        "steps": [{"subject": one, "params": {kind: digest(f"{one}/{kind}")}} for one in subjects for kind in kinds],
        "warnings": ["no val split"],
        **changed,
    }


def scores(split: Split, value: float, *, ceilings: bool = True) -> Scores:
    """Scores with their totals and one ROI row."""
    names = ["noise_normalized_mean", "pearson_r_mean"] if ceilings else ["pearson_r_mean"]
    values = {"noise_normalized_mean": value, "pearson_r_mean": value / 100}
    totals = [ScoreRow("all", "all", "all", "all", 48, name, 1, values[name], low=0.1, high=90.0) for name in names]
    roi = ScoreRow("all", "all", "floc-bodies", "EBA", 7, "noise_normalized_mean", 1, 99.0)
    return Scores(split, (*totals, roi), "the files" if ceilings else "", 48, {"subj01": 7, "subj02": 7}, 1, 0, 0, 0)


def card(test: float | None = 50.0, **changed: Any) -> dict[str, Any]:
    """A card as JSON data; ``changed`` replaces entries."""
    by_split: Mapping[Split, Scores | None] = {"test": None if test is None else scores("test", test), "val": None}
    names = ("subj01/lh_pred_test.npy", "subj01/rh_pred_test.npy", "subj02/lh_pred_test.npy", "fits/net/spaces.json")
    facts = {
        "files": {name: digest(name) for name in (*names, "plan.json")},
        "test_data": {
            f"{subject}/{role}": digest(f"{subject}/{role}")
            for subject in ("subj01", "subj02")
            for role in ("test_fmri.lh", "noise_ceiling.lh", "roi_challenge_space.lh.floc-bodies")
        },
        "versions": {"python": "3.11.7", "numpy": "2.0.0", "torch": "2.14.0"},
        "hardware": {"system": "Linux 6", "machine": "x86_64", "n_cpus": 2, "accelerator": None},
        "device": "cpu",
        "timings": {"total_s": 1.5, "steps_s": {"fit/net/subj01": 1.0}},
        "notes": {},
        "scores": headline_scores(by_split),
    }
    return {**build_card(plan=plan(), facts=facts), **changed}


def changed(document: Mapping[str, Any], path: str, value: Any) -> dict[str, Any]:
    """A copy with the value at ``a/b/0`` (numbers are indices) replaced; ``...`` removes it."""
    copied: dict[str, Any] = copy.deepcopy(dict(document))
    place: Any = copied
    *steps, last = [int(step) if step.isdigit() else step for step in path.split("/")]
    for step in steps:
        place = place[step]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return copied


# Any JSON value, for cards that somebody broke.
scalars = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9)
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
)


def places(document: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every path in a document."""
    inside = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    return [path, *(place for key, value in inside for place in places(value, (*path, key)))]
