"""What is made again, and why: damage, a changed recipe, nothing at all."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
from running import Run, algokit, artefacts, leftovers, predictions

from algokit.store import Store

CHANGED = "the bytes of {} changed since it was written"


def stored(store: Path) -> dict[str, Path]:
    """Step -> its artefact."""
    opened = [Store(store).open(kind, key) for kind, key in artefacts(store)]
    return {artefact.meta["id"]: artefact.path for artefact in opened}


def flip(file: Path) -> None:
    """Another last byte."""
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)


def test_a_damaged_artefact_is_named_and_made_again_with_the_same_bytes(made: Run, undisturbed: Run) -> None:
    place, space = stored(made.store), "gabor.0@max2"
    damaged = {
        f"features/gabor/subj06/{space}": "train.npy",
        "fit/gabor/subj06": "rh_alpha.npy",
        "ensemble/subj01": "lh_test.npy",
    }
    for step, file in damaged.items():
        flip(place[step] / file)
    flip(place[f"features/gabor/subj01/{space}"] / "train.npy")  # its fit is kept; shared rows are not copied from it
    shutil.rmtree(place["ensemble/subj06"])
    (made.store / "history" / "faults.json").write_text('{"ensemble/subj06": 1}', encoding="utf-8")
    over = algokit(*made.arguments("--json"))
    assert over.code == 0, over.err
    assert over.made() == {"ensemble/subj06": "new"} | {step: CHANGED.format(file) for step, file in damaged.items()}
    assert predictions(made.out) == predictions(undisturbed.out)
    moved = sorted(path.name.rsplit("-", 2)[0] for path in (made.store / "corrupt").iterdir())
    assert moved == ["ensemble", "features", "features", "fit"]
    assert artefacts(made.store).keys() == artefacts(undisturbed.store).keys() - {
        ("features", place[f"features/gabor/subj01/{space}"].name)
    }


def test_a_changed_grid_makes_only_what_it_touches_and_says_why(made: Run, undisturbed: Run) -> None:
    over = algokit(*made.arguments("--json", "--set", "members.0.poolings.0.grid=[1,4]"))
    assert over.code == 0, over.err
    reasons = over.made()
    features = {step: reason for step, reason in reasons.items() if step.startswith("features/")}
    assert features
    assert all(step.endswith("@max4") and reason == "new" for step, reason in features.items())
    for subject in ("subj01", "subj06"):
        why = reasons[f"fit/gabor/{subject}"]
        inputs = dict(words.split(" ", 1) for words in why.split("; "))
        for layer in ("gabor.0", "texture"):
            assert f"{layer}@max4" in inputs["with"] and f"{layer}@max2" in inputs["without"]
        assert reasons[f"ensemble/{subject}"] == f"fit/gabor/{subject} changed"
    assert predictions(made.out) != predictions(undisturbed.out)


def test_another_val_split_makes_no_features(made: Run) -> None:
    over = algokit(*made.arguments("--set", "val.seed=1"))
    assert over.code == 0, over.err
    assert "4 steps made" in over.out
    assert "20 kept" in over.out
    assert "val.seed 0 -> 1" in over.out
    again = algokit(*made.arguments("--set", "val.seed=1"))
    assert again.code == 0
    assert "nothing to do" in again.out
    assert "unchanged" in again.out
    assert leftovers(made.store.parent) == []


def test_other_test_responses_are_scored_anew_and_nothing_is_made(made: Run, undisturbed: Run, tmp_path: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(made.data, data, copy_function=os.link)
    for place in data.glob("test_data/*/test_split/test_fmri/*.npy"):
        values = np.load(place)
        place.unlink()
        np.save(place, -values)
    shutil.copytree(undisturbed.out, made.out)
    over = algokit(*made.at(data=data).arguments("--json"))
    assert (over.code, over.made(), json.loads(over.out)["reused"]) == (0, {}, False)
    before, after = (json.loads((out / "scores.json").read_text()) for out in (undisturbed.out, made.out))
    assert after["test"]["pearson_r_mean"] < 0 < before["test"]["pearson_r_mean"]
    assert after["val"] == before["val"]
