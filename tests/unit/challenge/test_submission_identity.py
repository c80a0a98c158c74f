"""Whose predictions a file holds: told with the responses or the card, and never a false alarm for weak predictions."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from small_challenge import shrunk_manifest, write_challenge, write_images
from small_submission import npy, write_folder, write_zip

from algokit.challenge import Challenge, SubjectEntry, open_challenge
from algokit.challenge.submission import write_predictions
from algokit.challenge.submission_check import validate_submission
from algokit.challenge.submission_names import PredictionFile
from algokit.challenge.submission_truth import Truth, _fit
from algokit.types import HEMISPHERES, Finding, Predictions, SubjectGeometry

Array = NDArray[np.float32]
Predicted = dict[tuple[str, str], Array]
N_TEST, N_VERTICES = 60, 30
# subj01 and subj02 see other images; subj05 those of subj01, in the same rows
FIRST_IMAGE = {"subj01": 0, "subj02": 3, "subj05": 0}
GEOMETRY = {one: SubjectGeometry(one, 4, N_TEST, {"lh": N_VERTICES, "rh": N_VERTICES}) for one in FIRST_IMAGE}


def entry() -> SubjectEntry:
    counts = {"train": (4, 0, 0), "test": (N_TEST, 0, 0)}
    sizes = {"lh": N_VERTICES, "rh": N_VERTICES}
    return SubjectEntry(n_train=4, n_test=N_TEST, n_vertices=sizes, repeats=counts)  # type: ignore[arg-type]


def responses(subject: str, hemisphere: str) -> Array:
    """What the images of a subject evoke: three hidden features of each image, and noise of each vertex."""
    ids = FIRST_IMAGE[subject] + 1000 * np.arange(N_TEST)
    features = np.array([np.random.default_rng(int(one)).standard_normal(3) for one in ids])
    rng = np.random.default_rng([int(subject[-1]), hemisphere == "rh"])
    noise = rng.standard_normal((N_TEST, N_VERTICES))
    return (features @ rng.standard_normal((3, N_VERTICES)) + noise).astype(np.float32)


@pytest.fixture(scope="module")
def challenge(tmp_path_factory: pytest.TempPathFactory) -> Challenge:
    manifest = shrunk_manifest("equal", dict.fromkeys(FIRST_IMAGE, entry()))
    root = write_challenge(tmp_path_factory.mktemp("equal"), manifest)
    for subject, first in FIRST_IMAGE.items():
        split = root / "test_data" / subject / "test_split"
        shutil.rmtree(split / "test_images")
        write_images(split / "test_images", "test", N_TEST, 700 + first)
        for hemisphere in HEMISPHERES:
            np.save(split / f"test_fmri/{hemisphere}_test_fmri.npy", responses(subject, hemisphere))
    return open_challenge(root)


def predictions(noise: float = 1.0, seed: int = 0) -> Predicted:
    """Honest ones: what is measured, seen through noise."""
    rng = np.random.default_rng(seed)
    places = [(subject, hemisphere) for subject in FIRST_IMAGE for hemisphere in HEMISPHERES]
    shape = (N_TEST, N_VERTICES)
    noisy = {one: responses(*one) + noise * rng.standard_normal(shape) for one in places}
    return {one: (values / (1 + noise)).astype(np.float32) for one, values in noisy.items()}


def findings(root: Path, predicted: Predicted, challenge: Challenge | None) -> list[Finding]:
    files = {f"{subject}/{hemisphere}_pred_test.npy": npy(one) for (subject, hemisphere), one in predicted.items()}
    return validate_submission(write_folder(root, files), GEOMETRY, challenge=challenge)


def told(root: Path, predicted: Predicted, challenge: Challenge | None) -> list[tuple[str, str]]:
    return [(finding.code, finding.path) for finding in findings(root, predicted, challenge)]


@pytest.mark.parametrize("noise", [0.0, 1.0, 3.0, 10.0, 1000.0])
def test_honest_predictions_are_never_suspected_however_weak(
    tmp_path: Path, challenge: Challenge, noise: float
) -> None:
    assert [one for one in findings(tmp_path, predictions(noise), challenge) if one.severity != "note"] == []


def test_two_subjects_in_each_others_place_are_found(tmp_path: Path, challenge: Challenge) -> None:
    predicted = predictions()
    for hemisphere in HEMISPHERES:
        one, other = ("subj01", hemisphere), ("subj02", hemisphere)
        predicted[one], predicted[other] = predicted[other], predicted[one]
    found = findings(tmp_path, predicted, challenge)
    assert [finding.code for finding in found] == 4 * ["another-subject"]
    assert found[0].what == "rows of another subject (subj02 lh)"
    assert found[0].severity == "error"
    assert found[3].path == "subj02/rh_pred_test.npy"
    assert told(tmp_path, predicted, None) == []


def test_subjects_who_saw_the_same_images_in_the_same_rows_cannot_be_told_apart_and_are_not(
    tmp_path: Path, challenge: Challenge
) -> None:
    predicted = predictions()
    one, other = ("subj01", "lh"), ("subj05", "lh")
    predicted[one], predicted[other] = predicted[other], predicted[one]
    assert told(tmp_path, predicted, challenge) == []


def test_hemispheres_of_one_size_that_are_swapped_are_found(tmp_path: Path, challenge: Challenge) -> None:
    predicted = predictions()
    left, right = ("subj02", "lh"), ("subj02", "rh")
    predicted[left], predicted[right] = predicted[right], predicted[left]
    (finding,) = findings(tmp_path, predicted, challenge)
    assert (finding.code, finding.severity, finding.path) == (
        "hemispheres-swapped",
        "error",
        "subj02/rh_pred_test.npy",
    )


def nsd_ids_as_words(n_images: int) -> list[int]:
    ids = [str(10 * number + 700) for number in range(1, n_images + 1)]
    return sorted(range(n_images), key=lambda row: ids[row])


ORDERS: dict[str, Callable[[Array], Array]] = {
    "last image to the first": lambda one: one[::-1],
    "NSD ids as words": lambda one: one[nsd_ids_as_words(len(one))],
    "numbers as words": lambda one: one[sorted(range(len(one)), key=lambda row: str(row + 1))],
    "one image later": lambda one: np.roll(one, 1, axis=0),
    "one image earlier": lambda one: np.roll(one, -1, axis=0),
}


@pytest.mark.parametrize("order", ORDERS)
def test_rows_in_an_order_that_a_loop_may_give_are_a_warning(tmp_path: Path, challenge: Challenge, order: str) -> None:
    predicted = predictions()
    predicted["subj01", "lh"] = ORDERS[order](predicted["subj01", "lh"])
    (finding,) = findings(tmp_path, predicted, challenge)
    assert (finding.code, finding.severity, finding.path) == ("row-order", "warning", "subj01/lh_pred_test.npy")
    assert order in finding.found


LEFT, RIGHT = "subj01/lh_pred_test.npy", "subj01/rh_pred_test.npy"


def shuffled(predicted: Predicted, *places: tuple[str, str]) -> Predicted:
    order = np.random.default_rng(1).permutation(N_TEST)
    return {place: one[order] if place in places else one for place, one in predicted.items()}


def test_rows_in_any_order_are_a_warning_where_the_other_hemisphere_follows_the_images(
    tmp_path: Path, challenge: Challenge
) -> None:
    (finding,) = findings(tmp_path, shuffled(predictions(), ("subj01", "lh")), challenge)
    assert (finding.code, finding.severity, finding.path) == ("rows-at-chance", "warning", LEFT)
    assert finding.where == str(tmp_path)
    assert RIGHT in finding.found


def test_both_hemispheres_in_any_order_are_a_warning_where_most_files_follow_the_images(
    tmp_path: Path, challenge: Challenge
) -> None:
    predicted = shuffled(predictions(), ("subj01", "lh"), ("subj01", "rh"))
    assert told(tmp_path, predicted, challenge) == [("rows-at-chance", LEFT), ("rows-at-chance", RIGHT)]


def test_a_file_of_noise_beside_good_ones_is_a_warning(tmp_path: Path, challenge: Challenge) -> None:
    predicted = predictions()
    noise = np.random.default_rng(99).standard_normal((N_TEST, N_VERTICES)).astype(np.float32)
    assert told(tmp_path, {**predicted, ("subj01", "lh"): noise}, challenge) == [("rows-at-chance", LEFT)]


def test_where_no_file_follows_the_images_that_is_a_note(tmp_path: Path, challenge: Challenge) -> None:
    predicted = predictions()
    (finding,) = findings(tmp_path, shuffled(predicted, *predicted), challenge)
    assert (finding.code, finding.severity, finding.path) == ("all-at-chance", "note", "")
    assert finding.found.startswith("the best of 6 files has z = ")


@pytest.mark.parametrize("sides", [("lh",), ("rh",), HEMISPHERES])
def test_predictions_of_the_wrong_sign_are_a_warning_and_no_swap(
    tmp_path: Path, challenge: Challenge, sides: tuple[str, ...]
) -> None:
    predicted = predictions()
    for side in sides:
        predicted["subj01", side] *= -1
    found = findings(tmp_path, predicted, challenge)
    assert [(one.code, one.severity, one.path) for one in found] == [
        ("rows-against", "warning", f"subj01/{side}_pred_test.npy") for side in sides
    ]
    assert "sign" in found[0].advice


@pytest.mark.parametrize("noise", [0.5, 2.0, 4.0, 6.0, 8.0, 12.0, 20.0])
def test_files_of_one_quality_are_never_told_apart_by_luck(challenge: Challenge, noise: float) -> None:
    geometry = [PredictionFile(one, side, f"{one}/{side}", (N_TEST, N_VERTICES)) for one, side in predictions()]
    for seed in range(25):
        truth = Truth(challenge)
        predicted = predictions(noise, seed)
        said = [one for file in geometry for one in truth.findings(file, predicted[file.subject, file.hemisphere])]
        assert said == []
        assert {one.code for _, one in truth.closing_findings()} <= {"all-at-chance"}


def test_a_fit_is_the_distance_from_the_mean_over_shuffles_in_their_standard_deviations() -> None:
    rng = np.random.default_rng(5)
    measured = rng.standard_normal((12, 9))
    predicted = measured + 2 * rng.standard_normal((12, 9))
    ranks = (predicted @ measured.T).argsort(axis=1).argsort(axis=1)
    shuffles = np.array([ranks[np.arange(12), rng.permutation(12)].sum() for _ in range(20_000)])
    expected = (np.trace(ranks) - shuffles.mean()) / shuffles.std()
    assert _fit(predicted, measured) == pytest.approx(expected, abs=0.05)


def test_one_wild_image_alone_decides_nothing() -> None:
    rng = np.random.default_rng(6)
    predicted, measured = rng.standard_normal((2, N_TEST, N_VERTICES))
    predicted[7] = measured[7] = 1000.0
    assert _fit(predicted, measured) < 4


@pytest.mark.parametrize("with_truth", [True, False])
def test_the_same_values_twice_are_told_with_the_file_they_are_copied_from(
    tmp_path: Path, challenge: Challenge, with_truth: bool
) -> None:
    predicted = predictions()
    predicted["subj05", "lh"] = predicted["subj01", "lh"]
    found = findings(tmp_path, predicted, challenge if with_truth else None)
    (copy,) = (finding for finding in found if finding.code == "duplicate-file")
    assert (copy.path, copy.found) == ("subj05/lh_pred_test.npy", "subj01/lh_pred_test.npy")


def with_card(root: Path, predicted: Predicted) -> Path:
    """A folder as a run writes it, with the digests of its files in its card."""
    ids = np.arange(N_TEST)
    write_predictions(root, [Predictions(one, ids, *place, "test") for place, one in predicted.items()])  # type: ignore[arg-type]
    names = [str(path.relative_to(root)) for path in root.rglob("*.npy")]
    digests = {name: hashlib.sha256((root / name).read_bytes()).hexdigest() for name in names}
    (root / "card.json").write_text(json.dumps({"files": digests}), encoding="utf-8")
    return root


def checked(path: Path) -> list[tuple[str, str, str]]:
    return [(one.code, one.path, one.found) for one in validate_submission(path, GEOMETRY)]


def exchange(root: Path, one: str, other: str) -> None:
    first = (root / one).read_bytes()
    (root / one).write_bytes((root / other).read_bytes())
    (root / other).write_bytes(first)


def test_files_that_changed_places_are_told_by_their_card(tmp_path: Path) -> None:
    left, right = "subj01/lh_pred_test.npy", "subj01/rh_pred_test.npy"
    root = with_card(tmp_path / "sub", predictions())
    assert checked(root) == []
    exchange(root, left, right)
    assert checked(root) == [("renamed-file", left, right), ("renamed-file", right, left)]
    files = {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*.npy"))}
    packed = write_zip(tmp_path / "sub.zip", files)
    assert checked(packed) == [("renamed-file", left, right), ("renamed-file", right, left)]


def test_a_file_changed_after_its_card_is_a_warning_in_a_folder_and_may_be_trimmed_in_a_zip(tmp_path: Path) -> None:
    left = "subj01/lh_pred_test.npy"
    root = with_card(tmp_path / "sub", predictions())
    (root / left).write_bytes(npy(np.load(root / left) + 1))
    assert [(code, path) for code, path, _ in checked(root)] == [("changed-since-card", left)]
    files = {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*.npy")}
    assert checked(write_zip(tmp_path / "sub.zip", files)) == []


@pytest.mark.parametrize("card", ["", "[]", "{", '{"files": 3}', '{"files": {"a": 1}}', "[" * 100_000])
def test_a_card_that_says_nothing_of_files_changes_nothing(tmp_path: Path, card: str) -> None:
    root = with_card(tmp_path / "sub", predictions())
    (root / "card.json").write_text(card, encoding="utf-8")
    assert checked(root) == []
