"""Whatever is wrong with what was given: one clear message with place and advice, the right exit code, no traceback."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from running import Ended, Run, algokit, as_json

FMRI = "train_data/subj01/training_split/training_fmri/lh_training_fmri.npy"
IMAGES = "train_data/subj01/training_split/training_images"
TEST_FMRI = "test_data/subj06/test_split/test_fmri/rh_test_fmri.npy"
RECIPE = """\
algokit: 1
name: broken
val: {fraction: 0.9}
members:
  - backbone: {kind: gabour}
    layers: all
    poolings: [{kind: adaptive_max, gird: 3}]
    readout: {kind: ridge, alphas: [-1.0]}
  - backbone: {kind: gabor}
    layers: all
    poolings: [{kind: flatten}]
    readout: {kind: ridge}
    readout: {kind: ridge}
"""


def told(over: Ended, code: int, *said: str) -> None:
    """One message on stderr that says all this, and nothing on stdout that is no JSON."""
    assert over.code == code, over
    assert sum(line.startswith("error: ") for line in over.err.splitlines()) == 1, over.err
    for text in said:
        assert text in over.err
    document = as_json(over.out)
    assert document is None or document["findings"]


def test_every_mistake_in_a_recipe_is_told_at_once_with_its_line(undisturbed: Run, tmp_path: Path) -> None:
    recipe = tmp_path / "broken.yaml"
    recipe.write_text(RECIPE, encoding="utf-8")
    places = [f"{recipe}:{line}:" for line in (3, 5, 7, 8, 13)]
    mistakes = ("0.9", "did you mean gabor", "did you mean grid", "-1.0", "duplicate key")
    for arguments in (undisturbed.at(recipe=recipe).arguments("--json"), ("plan", str(recipe), "--json")):
        over = algokit(*arguments)
        told(over, 2, *places, *mistakes)
        assert len(json.loads(over.out)["findings"]) >= len(mistakes)


def test_what_the_data_do_not_allow_is_refused_before_any_work(fresh: Run) -> None:
    asked = (
        "--set",
        "members.0.readout.folds.n=30",
        "--set",
        "members.0.layers=[gabor.9]",
        "--set",
        "subjects=[subj01,subj02]",
    )
    told(algokit(*fresh.arguments(*asked)), 2, "folds.n", "gabor.9", "did you mean gabor.", "subj02")
    assert not list(fresh.store.glob("features"))


def damage_value(place: Path, value: float = np.nan) -> None:
    values = np.load(place)
    values[3, 5] = value
    anew(place, values)


def anew(place: Path, values: np.ndarray) -> None:
    """Write an array without touching the file it was linked to."""
    place.unlink()
    np.save(place, values)


def cut(place: Path) -> None:
    content = place.read_bytes()
    place.unlink()
    place.write_bytes(content[:-100])


@pytest.mark.parametrize(
    ("name", "damage", "said"),
    [
        (FMRI, damage_value, ("NaN", "row 3, vertex 5")),
        (FMRI, lambda place: damage_value(place, np.inf), ("infinite", "row 3, vertex 5")),
        (FMRI, lambda place: anew(place, np.load(place)[:, :-1]), ("wrong shape", "(40, 38)", "(40, 37)")),
        (FMRI, lambda place: anew(place, np.load(place).astype(np.float64)), ("wrong dtype", "float32", "float64")),
        (FMRI, cut, ("truncated file", "download this subject again")),
        (FMRI, Path.unlink, ("missing",)),
        (f"{IMAGES}/train-0007_nsd-", Path.unlink, ("missing image", "train-0007")),
        (f"{IMAGES}/train-0007_nsd-", cut, ("cannot be decoded", "algokit data check")),
        (TEST_FMRI, cut, ("truncated file",)),
        (TEST_FMRI, damage_value, ("row 3, vertex 5",)),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_bad_data_stop_a_run_with_the_file_that_is_bad(
    made: Run, tmp_path: Path, name: str, damage: Callable[[Path], None], said: tuple[str, ...]
) -> None:
    data = tmp_path / "data"
    shutil.copytree(made.data, data, copy_function=os.link)
    (place,) = data.glob(f"{name}*")
    damage(place)
    folder = str(place.parent / place.name[:10])
    told(algokit(*made.at(data=data).arguments()), 2, folder, *said)
    assert not made.out.exists()


def test_weights_that_are_not_there_are_named_before_any_work(fresh: Run, tmp_path: Path) -> None:
    backbone = "members.0.backbone={kind: timm, name: mobilenetv2_100.ra_in1k, checkpoint: nowhere.pt}"
    asked = ("--set", backbone, "--set", "members.0.readout.folds.n=2")
    told(algokit(*fresh.arguments(*asked), cwd=tmp_path), 3, str(tmp_path / "nowhere.pt"), "advice")
    assert not list(fresh.store.glob("features"))


@pytest.mark.parametrize("device", ["cuda:99", "tpu", "cpu:x"])
def test_a_device_that_is_not_there_is_never_replaced_by_another(made: Run, device: str) -> None:
    told(algokit(*made.arguments("--device", device)), 3, "device", device)
    assert not made.out.exists()


@pytest.mark.parametrize(
    "arguments",
    [("frobnicate",), ("run", "--frobnicate"), ("run",), ("data", "frobnicate"), ("schema", "card", "extra")],
)
def test_an_unknown_verb_or_option_is_usage(arguments: tuple[str, ...]) -> None:
    over = algokit(*arguments)
    assert (over.code, over.out) == (2, "")
    assert over.err.startswith("Usage: ")


@pytest.fixture
def submission(undisturbed: Run, tmp_path: Path) -> Path:
    """A copy to be broken."""
    return Path(shutil.copytree(undisturbed.out, tmp_path / "submission"))


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (Path.unlink, "missing"),
        (cut, "truncated"),
        (lambda place: anew(place, np.load(place)[:-1]), "(12, 40)"),
        (lambda place: place.write_bytes(b"not an array"), "npy"),
    ],
    ids=["missing", "truncated", "misshapen", "no array"],
)
def test_a_bad_submission_is_neither_valid_nor_scored_nor_packed(
    undisturbed: Run, submission: Path, damage: Callable[[Path], None], said: str
) -> None:
    damage(submission / "subj06" / "rh_pred_test.npy")
    data = ("--data", str(undisturbed.data))
    validated = algokit("validate", str(submission), *data, "--json")
    (report,) = json.loads(validated.out)["submissions"]
    assert (validated.code, report["valid"]) == (1, False)
    assert any(said in " ".join(finding.values()) for finding in report["findings"]), report
    told(algokit("score", str(submission), *data, "--json"), 1, said)
    told(algokit("pack", str(submission), *data), 1, said)
    assert sorted(path.name for path in submission.parent.iterdir()) == ["submission"]


NOWHERE = "no/such/place"
MISSING: list[tuple[int, str]] = [
    (2, "plan NOWHERE --json"),
    (2, "plan RECIPE --data NOWHERE --json"),
    (2, "plan RECIPE --manifest NOWHERE --json"),
    (2, "run NOWHERE --data DATA --json"),
    (2, "run RECIPE --data NOWHERE --json"),
    (2, "run RECIPE --data DATA --manifest NOWHERE --json"),
    (2, "validate NOWHERE --json"),
    (2, "validate OUT --data NOWHERE --json"),
    (2, "validate OUT --manifest NOWHERE --json"),
    (2, "score NOWHERE --data DATA --json"),
    (2, "score OUT --data NOWHERE --json"),
    (2, "score OUT --data DATA --manifest NOWHERE --json"),
    (2, "report NOWHERE --data DATA"),
    (2, "report OUT --data NOWHERE"),
    (2, "report OUT --data DATA --manifest NOWHERE"),
    (2, "pack NOWHERE --json"),
    (2, "pack OUT --data NOWHERE --json"),
    (2, "pack OUT --manifest NOWHERE --json"),
    (2, "data check DATA --manifest NOWHERE --json"),
    (2, "data lock NOWHERE --json"),
    (2, "data manifest NOWHERE"),
]


@pytest.mark.parametrize(("code", "command"), MISSING)
def test_a_path_that_is_not_there_is_named(undisturbed: Run, tmp_path: Path, code: int, command: str) -> None:
    places = {"DATA": undisturbed.data, "OUT": undisturbed.out, "RECIPE": undisturbed.recipe, "NOWHERE": NOWHERE}
    arguments = [str(places.get(word, word)) for word in command.split()]
    over = algokit(*arguments, cwd=tmp_path)
    told(over, code, NOWHERE)
    assert bool(over.out) == ("--json" in arguments)
    assert list(tmp_path.iterdir()) == []


def test_a_challenge_that_is_not_there_is_a_finding(tmp_path: Path) -> None:
    over = algokit("data", "check", NOWHERE, "--json", cwd=tmp_path)
    assert (over.code, over.err) == (2, "")
    assert [finding["where"] for finding in json.loads(over.out)["findings"]] == [NOWHERE]
