"""A challenge directory opened: layouts, row order, responses, masks."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from algokit.challenge import Manifest, check_data, open_challenge
from algokit.challenge.images import scan_images
from algokit.errors import DataError, UsageError
from algokit.types import Hemisphere


def moved(small: Path, train: str, test: str) -> Path:
    """The small challenge with its two sides moved to other places."""
    root = small / "moved"
    for subject in ("subj01", "subj06"):
        for side, template in (("train_data", train), ("test_data", test)):
            target = root / template.format(subject=subject)
            shutil.copytree(small / side / subject, target, dirs_exist_ok=True)
    shutil.copy(small / "data_manifest.yaml", root)
    return root


@pytest.mark.parametrize("parent", ["", "challenge_data/", "algonauts_2023_challenge_data/"])
@pytest.mark.parametrize(
    ("name", "train", "test"),
    [
        ("released", "train_data/{subject}", "test_data/{subject}"),
        ("training_test", "training/{subject}", "test/{subject}"),
        ("flat", "{subject}", "{subject}"),
    ],
)
def test_every_layout_holds_the_same_challenge(small: Path, parent: str, name: str, train: str, test: str) -> None:
    root = moved(small, parent + train, parent + test)
    challenge = open_challenge(root)
    assert (challenge.layout_name, challenge.subjects, challenge.root) == (name, ("subj01", "subj06"), root)
    assert check_data(root) == []
    there, here = (one.responses("subj06", "rh", "test").values for one in (challenge, open_challenge(small)))
    np.testing.assert_array_equal(there, here)


def test_the_layout_of_2023_needs_no_test_responses(small: Path) -> None:
    root = moved(small, "{subject}", "{subject}")
    for folder in root.glob("*/test_split/*"):
        if folder.name != "test_images":
            shutil.rmtree(folder)
    challenge = open_challenge(root)
    assert challenge.layout_name == "challenge"
    assert challenge.has_responses("subj01", "train") and not challenge.has_responses("subj01", "test")
    assert challenge.ceilings("subj01", "lh", "test") is None
    assert {finding.severity for finding in check_data(root)} == {"note"}
    with pytest.raises(DataError, match="no test responses"):
        challenge.responses("subj01", "lh", "test")


def test_row_i_of_the_responses_belongs_to_image_number_i_plus_1(small: Path) -> None:
    challenge = open_challenge(small)
    images = challenge.images("subj01", "train")
    responses = challenge.responses("subj01", "lh", "train")
    assert [image.number for image in images] == list(range(1, 13))
    assert [image.image_id for image in images] == list(responses.image_ids) == list(range(10, 130, 10))
    np.testing.assert_array_equal(np.floor(responses.values[:, 0]), np.arange(12))


def test_images_are_sorted_by_number_and_not_by_name(tmp_path: Path) -> None:
    for name in ("train-9999_nsd-00002.png", "train-10000_nsd-00003.png", "train-0002_nsd-00001.png"):
        (tmp_path / name).touch()
    folder = scan_images(tmp_path, "train-{number:04d}_nsd-{image_id:05d}.png")
    assert [(image.number, image.image_id) for image in folder.images] == [(2, 1), (9999, 2), (10000, 3)]


def test_responses_are_memory_mapped_and_cannot_be_written_to(small: Path) -> None:
    values = open_challenge(small).responses("subj06", "lh", "test").values
    assert isinstance(values, np.memmap)
    assert (values.shape, values.dtype, values.flags.writeable) == ((6, 28), np.float32, False)


@pytest.mark.parametrize("hemisphere", ["lh", "rh"])
def test_roi_masks_carry_labels_and_names(small: Path, hemisphere: Hemisphere) -> None:
    challenge = open_challenge(small)
    masks = {mask.roi_class: mask for mask in challenge.roi_masks("subj06", hemisphere)}
    assert list(masks) == list(challenge.manifest.roi_classes)
    n_vertices = challenge.geometry("subj06").n_vertices[hemisphere]
    np.testing.assert_array_equal(masks["floc-places"].labels, np.arange(n_vertices) % 4)
    assert masks["floc-places"].names == {1: "OPA", 2: "PPA", 3: "RSC"}


@pytest.mark.parametrize("hemisphere", ["lh", "rh"])
def test_every_column_has_its_vertex_on_fsaverage(small: Path, hemisphere: Hemisphere) -> None:
    path = small / f"train_data/subj06/roi_masks/{hemisphere}.all-vertices_fsaverage_space.npy"
    mask = np.random.default_rng(0).permutation(np.load(path))
    np.save(path, mask)
    index = open_challenge(small).fsaverage_index("subj06", hemisphere)
    assert index.dtype == np.int64 and [vertex for vertex, one in enumerate(mask) if one] == index.tolist()


def test_a_mask_of_another_subject_tells_no_vertices(small: Path) -> None:
    folders = small / "train_data/subj01/roi_masks", small / "train_data/subj06/roi_masks"
    shutil.copy(*(folder / "lh.all-vertices_fsaverage_space.npy" for folder in folders))
    with pytest.raises(DataError, match="28 ones"):
        open_challenge(small).fsaverage_index("subj06", "lh")


def test_files_are_those_that_are_there(small: Path) -> None:
    (small / "test_data/subj01/test_split/noise_ceiling/lh_noise_ceiling.npy").rename(small / "elsewhere")
    (small / "test_data/subj01/test_split/noise_ceiling/rh_noise_ceiling.npy").unlink()
    files = open_challenge(small).files("subj01")
    assert len(files) == 2 * (1 + 1 + 6 + 6 + 1) + 6
    assert files["train_fmri.lh"] == small / "train_data/subj01/training_split/training_fmri/lh_training_fmri.npy"
    assert files["roi_challenge_space.rh.streams"].name == "rh.streams_challenge_space.npy"
    assert files["roi_mapping.streams"].name == "mapping_streams.npy"


def test_some_of_the_subjects_can_be_opened(small: Path) -> None:
    shutil.rmtree(small / "train_data/subj01")
    shutil.rmtree(small / "test_data/subj01")
    challenge = open_challenge(small)
    assert challenge.subjects == ("subj06",)
    with pytest.raises(UsageError, match="subj01"):
        challenge.images("subj01", "train")


def test_a_manifest_none_of_whose_subjects_is_there_is_refused(small: Path, small_manifest: Manifest) -> None:
    others = small_manifest.model_copy(update={"subjects": {"subj03": small_manifest.subjects["subj01"]}})
    with pytest.raises(DataError, match="expected subj03; found subj01, subj06"):
        open_challenge(small, others)


def test_a_val_split_has_no_files(small: Path) -> None:
    with pytest.raises(UsageError, match="carved"):
        open_challenge(small).responses("subj01", "lh", "val")


def test_only_the_official_manifest_makes_a_challenge_official(small: Path) -> None:
    assert not open_challenge(small).is_official
