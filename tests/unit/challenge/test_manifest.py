"""The shipped manifest against the published numbers, and manifests as files."""

from __future__ import annotations

from pathlib import Path

import pytest

from algokit.challenge import Manifest, load_manifest, manifest_to_yaml, shipped_manifest
from algokit.challenge.ceilings import ceiling_term
from algokit.errors import DataError, UsageError

OFFICIAL = shipped_manifest()


def test_the_challenge_has_315997_vertices_79453411_test_values_and_31_rois() -> None:
    vertices = {subject: sum(entry.n_vertices.values()) for subject, entry in OFFICIAL.subjects.items()}
    assert sum(vertices.values()) == 315_997
    assert sum(entry.n_test * vertices[subject] for subject, entry in OFFICIAL.subjects.items()) == 79_453_411
    assert sum(len(names) for names in OFFICIAL.roi_classes.values()) == 31


def test_both_hemispheres_of_all_subjects_but_two_have_39548_vertices() -> None:
    vertices = {subject: sum(entry.n_vertices.values()) for subject, entry in OFFICIAL.subjects.items()}
    others = dict.fromkeys((f"subj0{number}" for number in (1, 2, 3, 4, 5, 7)), 39_548)
    assert vertices == {**others, "subj06": 39_198, "subj08": 39_511}


@pytest.mark.parametrize(
    ("subjects", "train_term", "test_term"),
    [((1, 2, 5, 7), 0.37528, 1 / 3), ((3, 6), 0.48906, 984 / 1758), ((4, 8), 0.51466, 1484 / 2370)],
)
def test_repeats_give_the_published_ceiling_terms(
    subjects: tuple[int, ...], train_term: float, test_term: float
) -> None:
    for number in subjects:
        repeats = OFFICIAL.subjects[f"subj0{number}"].repeats
        assert repeats
        assert ceiling_term(repeats["train"]) == pytest.approx(train_term, abs=5e-6)
        assert ceiling_term(repeats["test"]) == pytest.approx(test_term, abs=1e-15)


def test_integers_count_up_from_one_within_every_roi_class() -> None:
    for names in OFFICIAL.roi_classes.values():
        assert list(names) == list(range(1, len(names) + 1))


@pytest.mark.parametrize("name", ["official", "small"])
def test_a_manifest_written_as_yaml_reads_back_equal(name: str, small_manifest: Manifest, tmp_path: Path) -> None:
    manifest = OFFICIAL if name == "official" else small_manifest
    path = tmp_path / "data_manifest.yaml"
    path.write_text(manifest_to_yaml(manifest), encoding="utf-8")
    assert load_manifest(path) == manifest
    assert load_manifest(path).digest() == manifest.digest()


def test_words_that_yaml_would_read_otherwise_are_quoted(tmp_path: Path) -> None:
    names = {1: "true", 2: "Null", 3: "1e3", 4: "a: b", 5: "", 6: "V1v", 7: 'say "hé"', 8: "-"}
    path = tmp_path / "data_manifest.yaml"
    path.write_text(manifest_to_yaml(OFFICIAL.model_copy(update={"roi_classes": {"on": names}})), encoding="utf-8")
    assert load_manifest(path).roi_classes == {"on": names}


def test_the_digest_depends_on_what_is_said_and_not_on_its_order() -> None:
    backwards = dict(reversed(OFFICIAL.subjects.items()))
    assert OFFICIAL.model_copy(update={"subjects": backwards}).digest() == OFFICIAL.digest()
    assert OFFICIAL.model_copy(update={"image_px": 424}).digest() != OFFICIAL.digest()


def test_every_problem_of_a_manifest_is_told_with_its_line(tmp_path: Path) -> None:
    text = manifest_to_yaml(OFFICIAL)
    text = (
        text.replace("n_train: 9841", "n_train: 9840", 1).replace("lh: 18978, ", "").replace("noise_ceiling:", "noise:")
    )
    text = text.replace('"{subject}"', '"/somewhere/{subject}"', 1)
    path = tmp_path / "data_manifest.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError) as caught:
        load_manifest(path)
    told = "\n".join(map(str, caught.value.findings))
    for part in (
        "adds up to 9841, n_train is 9840",
        "n_vertices needs lh and rh",
        "files.noise",
        "below the challenge",
    ):
        assert part in told
    assert all(finding.where.startswith(f"{path}:") for finding in caught.value.findings)


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ('"train_data/{subject}"', '"train_data"', "name {subject} once"),
        ('"train_data/{subject}"', '"../{subject}"', "below the challenge folder"),
        ("roi_masks/mapping_{roi_class}.npy", "roi_masks/mapping_{class}.npy", "{roi_class}"),
        ("test-{number:04d}_", "test_", "files.test_images"),
        ("{hemisphere}_test_fmri.npy", "{hemisphere}_{number:04d}.npy", "files.test_fmri"),
        ("prf-visualrois: {", '"../prf": {', "pattern"),
        ("subj03:", "subject3:", "pattern"),
        ("  test_fmri:", "  test_fmris:", "test_fmris"),
    ],
)
def test_a_manifest_that_would_lead_elsewhere_is_refused(tmp_path: Path, before: str, after: str, told: str) -> None:
    text = manifest_to_yaml(OFFICIAL)
    assert before in text
    path = tmp_path / "data_manifest.yaml"
    path.write_text(text.replace(before, after, 1), encoding="utf-8")
    with pytest.raises(DataError) as caught:
        load_manifest(path)
    assert told in str(caught.value)


def test_an_unknown_subject_is_refused_with_a_suggestion() -> None:
    with pytest.raises(UsageError, match="did you mean subj01"):
        OFFICIAL.geometry("subj1")
