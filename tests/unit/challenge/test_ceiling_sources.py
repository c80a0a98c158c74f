"""Ceilings from ncsnr and repeats: whose they are, what goes first, and what is refused."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from nsd_files import design_path, ncsnr_path, write_design, write_mgh, write_ncsnr
from numpy.typing import NDArray

from algokit.challenge import Challenge, Manifest, SubjectEntry, open_challenge, shipped_manifest
from algokit.challenge.ceiling_sources import CeilingSources
from algokit.challenge.layout import ArrayFile
from algokit.challenge.nsd import NsdFolder
from algokit.errors import DataError, UsageError
from algokit.types import HEMISPHERES, Hemisphere

FSAVERAGE = 163_842
# Of subj01 in the small challenge: image ids are 10, 20, ... 120 in training and 15, 25, ... 55 in test.
TRAINING = {10 * i: (3, 2, 1)[i % 3] for i in range(1, 13)}
TEST = {15: 3, 25: 2, 35: 1, 45: 1, 55: 2}
TRAIN_TERM, TEST_TERM = sum(1 / n for n in TRAINING.values()) / 12, sum(1 / n for n in TEST.values()) / 5


def ceiling(ncsnr: NDArray[np.float64], term: float) -> NDArray[np.float64]:
    return ncsnr**2 / (ncsnr**2 + term)


def without_official(small: Path) -> Path:
    for folder in small.glob("test_data/*/test_split/noise_ceiling"):
        shutil.rmtree(folder)
    return small


def on_surface(small: Path) -> dict[Hemisphere, NDArray[np.float32]]:
    """ncsnr on the small challenge's surface: NaN outside the challenge, and one vertex that answers to nothing."""
    values: dict[Hemisphere, NDArray[np.float32]] = {}
    for hemisphere in HEMISPHERES:
        mask = np.load(small / f"train_data/subj01/roi_masks/{hemisphere}.all-vertices_fsaverage_space.npy")
        ncsnr = np.full(mask.size, np.nan, np.float32)
        ncsnr[mask == 1] = np.random.default_rng(len(hemisphere)).uniform(0.1, 1.5, int(mask.sum()))
        ncsnr[np.flatnonzero(mask)[3]] = 0
        values[hemisphere] = ncsnr
    return values


@pytest.fixture
def nsd(small: Path) -> Path:
    """NSD's files of subj01 of the small challenge, where they are found without being named."""
    write_ncsnr(small / "nsd", "subj01", on_surface(small))  # type: ignore[arg-type]
    write_design(small / "nsd", 1, TRAINING, TEST)
    return small / "nsd"


def at_challenge_vertices(small: Path, hemisphere: Hemisphere) -> NDArray[np.float64]:
    values = on_surface(small)[hemisphere].astype(np.float64)
    return values[~np.isnan(values)]


def test_val_ceilings_are_those_of_the_very_images(small: Path, nsd: Path) -> None:
    ids = np.array([120, 10, 50, 20])
    for hemisphere in HEMISPHERES:
        ceilings = open_challenge(small).ceilings("subj01", hemisphere, "val", ids)
        assert ceilings and (ceilings.split, ceilings.hemisphere, ceilings.subject) == ("val", hemisphere, "subj01")
        term = (1 / 3 + 1 / 2 + 1 + 1) / 4  # by TRAINING: 120, 10, 50 and 20 came 3, 2, 1 and 1 times
        np.testing.assert_allclose(ceilings.values, ceiling(at_challenge_vertices(small, hemisphere), term), atol=1e-12)
        assert ceilings.source == f"ncsnr.mgh and the repeats of these 4 images (nsd_expdesign.mat; t = {term:.5f})"
        assert ceilings.values[3] == 0 and ceilings.values.dtype == np.float64


def test_without_image_ids_val_is_all_training_images(small: Path, nsd: Path) -> None:
    ceilings = open_challenge(small).ceilings("subj01", "lh", "val")
    assert ceilings and "all 12 training images (nsd_expdesign.mat" in ceilings.source
    np.testing.assert_allclose(ceilings.values, ceiling(at_challenge_vertices(small, "lh"), TRAIN_TERM), atol=1e-12)


def test_without_a_design_the_manifest_states_the_repeats_and_the_source_says_so(small: Path, nsd: Path) -> None:
    shutil.rmtree(nsd / "nsddata")
    ceilings = open_challenge(small).ceilings("subj01", "lh", "val", np.array([10, 30]))
    term = (6 / 3 + 4 / 2 + 2) / 12  # of all, not of these two
    assert ceilings
    assert (
        ceilings.source
        == f"ncsnr.mgh and the repeats that data_manifest.yaml states for all 12 training images (t = {term:.5f})"
    )
    np.testing.assert_allclose(ceilings.values, ceiling(at_challenge_vertices(small, "lh"), term), atol=1e-12)


def test_official_test_ceilings_go_before_those_made_from_ncsnr(small: Path, nsd: Path) -> None:
    stored = np.load(small / "test_data/subj01/test_split/noise_ceiling/lh_noise_ceiling.npy")
    ceilings = open_challenge(small).ceilings("subj01", "lh", "test")
    assert ceilings and ceilings.source == "the test split's noise_ceiling files"
    np.testing.assert_array_equal(ceilings.values, stored)
    made = open_challenge(without_official(small)).ceilings("subj01", "lh", "test")
    assert made and "all 5 test images (nsd_expdesign.mat" in made.source
    np.testing.assert_allclose(made.values, ceiling(at_challenge_vertices(small, "lh"), TEST_TERM), atol=1e-12)


def test_a_design_alone_makes_val_ceilings_from_the_official_ones(small: Path, nsd: Path) -> None:
    ncsnr = at_challenge_vertices(small, "rh")
    folder = small / "test_data/subj01/test_split/noise_ceiling"
    np.save(folder / "rh_noise_ceiling.npy", ceiling(ncsnr, TEST_TERM))
    ids = np.array([20, 30, 40])
    direct = open_challenge(small).ceilings("subj01", "rh", "val", ids)
    shutil.rmtree(nsd / "nsddata_betas")
    for given in (None, nsd):
        derived = open_challenge(small, nsd=given).ceilings("subj01", "rh", "val", ids)
        assert direct and derived and derived.source != direct.source
        assert derived.source.startswith("ncsnr worked out from the test split's noise_ceiling files by the repeats of")
        np.testing.assert_allclose(derived.values, direct.values, atol=1e-12)


def test_a_made_up_subject_of_full_size_gets_its_official_ceilings(small: Path, small_manifest: Manifest) -> None:
    """Through real files: 163842 vertices, the counts of the challenge, scattered, NaN where nothing was measured."""
    entry = SubjectEntry(n_train=12, n_test=5, n_vertices={"lh": 19_004, "rh": 20_544})
    manifest = small_manifest.model_copy(update={"fsaverage_size": FSAVERAGE, "subjects": {"subj01": entry}})
    rng, surface = np.random.default_rng(1), {}
    for hemisphere, n_vertices in entry.n_vertices.items():
        places = np.sort(rng.choice(FSAVERAGE, n_vertices, replace=False))
        surface[hemisphere] = np.full(FSAVERAGE, np.nan, np.float32)
        surface[hemisphere][places] = np.maximum(rng.normal(0.4, 0.3, n_vertices), 0)
        save_hemisphere(small, manifest, hemisphere, places)
    # Written as the organisers do: t of the split's images, in float64.
    official = {one: ceiling(values.astype(np.float64), TEST_TERM) for one, values in surface.items()}
    nsd = small / "elsewhere"
    write_ncsnr(nsd, "subj01", surface)
    write_design(nsd, 1, TRAINING, TEST)
    challenge = open_challenge(without_official(small), manifest, nsd=nsd)
    for hemisphere in HEMISPHERES:
        made = challenge.ceilings("subj01", hemisphere, "test")
        expected = official[hemisphere][~np.isnan(official[hemisphere])]
        assert made and (expected == 0).sum() > 1000
        np.testing.assert_allclose(made.values, expected, rtol=0, atol=1e-6)
        np.testing.assert_array_equal(made.values == 0, expected == 0)


def save_hemisphere(root: Path, manifest: Manifest, hemisphere: str, places: NDArray[np.int64]) -> None:
    """The files of subj01 with these challenge vertices, and no ROIs."""
    folder = root / "train_data/subj01"
    mask = np.zeros(manifest.fsaverage_size, np.int64)
    for roi_class in manifest.roi_classes:
        np.save(folder / f"roi_masks/{hemisphere}.{roi_class}_fsaverage_space.npy", mask)
        np.save(folder / f"roi_masks/{hemisphere}.{roi_class}_challenge_space.npy", mask[places])
    mask[places] = 1
    np.save(folder / f"roi_masks/{hemisphere}.all-vertices_fsaverage_space.npy", mask)
    for place, n in (("train_data/subj01/training_split/training", 12), ("test_data/subj01/test_split/test", 5)):
        name = "training" if n == 12 else "test"
        np.save(root / f"{place}_fmri/{hemisphere}_{name}_fmri.npy", np.zeros((n, places.size), np.float32))


@pytest.mark.reference
@pytest.mark.parametrize("subject", [f"subj{number:02d}" for number in range(1, 9)])
def test_real_ncsnr_give_the_real_official_ceilings_by_the_documented_repeats(
    reference: Path, tmp_path: Path, subject: str
) -> None:
    entry = shipped_manifest().subjects[subject]
    with np.load(reference / "nsd" / "ceilings.npz") as archive:
        real = {one: archive[f"{subject}_{one}_ncsnr"] for one in HEMISPHERES}
        official = {one: archive[f"{subject}_{one}_noise_ceiling"] for one in HEMISPHERES}
    masks, surface = {}, {}
    for hemisphere in HEMISPHERES:
        places = np.sort(np.random.default_rng(2).choice(FSAVERAGE, real[hemisphere].size, replace=False))
        surface[hemisphere] = np.full(FSAVERAGE, np.nan, np.float32)
        surface[hemisphere][places] = real[hemisphere]
        path, values = tmp_path / f"{hemisphere}.npy", np.zeros(FSAVERAGE, np.int64)
        values[places] = 1
        np.save(path, values)
        masks[hemisphere] = ArrayFile("all_vertices", hemisphere, None, path, values.dtype, values.shape, True)
    write_ncsnr(tmp_path, subject, surface)
    absent = {one: ArrayFile("noise_ceiling", one, None, tmp_path / "no", np.dtype(float), (), False) for one in masks}
    ids = {"train": np.arange(entry.n_train), "test": np.arange(entry.n_test)}
    sources = CeilingSources(subject, entry, absent, masks, ids, NsdFolder(tmp_path, True))  # type: ignore[arg-type]
    terms = {4: ".62616", 8: ".62616", 3: ".55973", 6: ".55973"}
    for hemisphere in HEMISPHERES:
        made = sources.ceilings(hemisphere, "test", None)
        assert made and terms.get(int(subject[-1]), ".33333") in made.source
        np.testing.assert_allclose(made.values, official[hemisphere], rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("subject", "test", "train"),
    [("subj01", 1 / 3, 0.37528), ("subj03", 0.55973, 0.48906), ("subj08", 0.62616, 0.51466)],
)
def test_the_documented_repeats_give_the_published_terms(subject: str, test: float, train: float) -> None:
    repeats = shipped_manifest().subjects[subject].repeats
    assert repeats
    for side, term in (("test", test), ("train", train)):
        three, two, one = repeats[side]  # type: ignore[index]
        assert (three / 3 + two / 2 + one) / (three + two + one) == pytest.approx(term, abs=5e-6)


def test_nsd_without_the_subject_counts_only_where_it_was_named(small: Path, nsd: Path) -> None:
    beside, named = open_challenge(small), open_challenge(small, nsd=nsd)
    (nsd / "nsddata/experiments/nsd/nsd_expdesign.mat").unlink()
    derived = beside.ceilings("subj06", "lh", "val")
    assert derived and derived.source.startswith("ncsnr worked out from the test split's")
    with pytest.raises(DataError, match=r"lh\.ncsnr\.mgh and .*rh\.ncsnr\.mgh"):
        named.ceilings("subj06", "lh", "val")
    with pytest.raises(DataError, match="no val ceilings of subj06"):
        named.ceiling_files("subj06", "val")
    without_official(small)
    assert beside.ceilings("subj06", "lh", "test") is None and beside.ceiling_files("subj06", "test") == {}
    with pytest.raises(DataError, match="no test ceilings of subj06"):
        named.ceilings("subj06", "lh", "test")


def test_ncsnr_without_any_repeats_is_of_no_use(small: Path, nsd: Path, small_manifest: Manifest) -> None:
    shutil.rmtree(nsd / "nsddata")
    subjects = {name: entry.model_copy(update={"repeats": None}) for name, entry in small_manifest.subjects.items()}
    manifest = small_manifest.model_copy(update={"subjects": subjects})
    assert open_challenge(small, manifest).ceilings("subj01", "lh", "val") is None
    with pytest.raises(DataError, match="repeats of the train images are not known"):
        open_challenge(small, manifest, nsd=nsd).ceilings("subj01", "lh", "val")


@pytest.mark.parametrize("is_given", [True, False])
def test_the_ncsnr_of_one_hemisphere_only_is_refused(small: Path, nsd: Path, is_given: bool) -> None:
    ncsnr_path(nsd, "subj01", "rh").unlink()
    challenge = open_challenge(small, nsd=nsd if is_given else None)
    with pytest.raises(DataError, match=r"rh\.ncsnr\.mgh"):
        challenge.ceilings("subj01", "lh", "val")


@pytest.mark.parametrize("bad", [np.nan, -0.25, np.inf])
def test_vertices_without_ncsnr_are_found_inside_the_challenge_alone(small: Path, nsd: Path, bad: float) -> None:
    values = on_surface(small)
    values["lh"][[9, 20, 40]] = bad  # the challenge has the vertices from 5 to 34
    write_ncsnr(nsd, "subj01", values)  # type: ignore[arg-type]
    with pytest.raises(DataError) as caught:
        open_challenge(small).ceilings("subj01", "lh", "val")
    (finding,) = caught.value.findings
    assert finding.code == "ncsnr-range" and finding.found.startswith(f"{bad:g} at vertex 4 (fsaverage 9); 2 of 30")


@pytest.mark.parametrize("shape", [(1, 60, 1), (1, 1, 60)])
def test_one_value_per_vertex_may_be_stored_along_any_axis(small: Path, nsd: Path, shape: tuple[int, ...]) -> None:
    before = open_challenge(small).ceilings("subj01", "lh", "val")
    write_mgh(ncsnr_path(nsd, "subj01", "lh"), on_surface(small)["lh"].reshape(shape))
    after = open_challenge(small).ceilings("subj01", "lh", "val")
    assert before and after
    np.testing.assert_array_equal(before.values, after.values)


@pytest.mark.parametrize("shape", [(59, 1, 1), (60, 1, 1, 2), (6, 10, 1), (120, 1, 1)])
def test_ncsnr_of_another_surface_is_refused(small: Path, nsd: Path, shape: tuple[int, ...]) -> None:
    write_mgh(ncsnr_path(nsd, "subj01", "lh"), np.ones(shape, np.float32))
    with pytest.raises(DataError, match="another surface") as caught:
        open_challenge(small).ceilings("subj01", "lh", "val")
    assert caught.value.findings[0].expected == "60 vertices"


def test_a_damaged_mgh_file_is_a_finding_wherever_it_is_cut(small: Path, nsd: Path) -> None:
    path = ncsnr_path(nsd, "subj01", "lh")
    whole = path.read_bytes()
    for content in (b"", whole[:100], whole[:284], whole[:400], b"text\n" * 99, whole[::-1]):
        path.write_bytes(content)
        with pytest.raises(DataError) as caught:
            open_challenge(small).ceilings("subj01", "lh", "val")
        assert {finding.code for finding in caught.value.findings} <= {"bad-mgh", "ncsnr-size"}


def test_ncsnr_of_another_subject_is_told_by_the_official_ceilings(small: Path, nsd: Path) -> None:
    folder = small / "test_data/subj01/test_split/noise_ceiling"
    for hemisphere in HEMISPHERES:
        np.save(
            folder / f"{hemisphere}_noise_ceiling.npy", ceiling(at_challenge_vertices(small, hemisphere), TEST_TERM)
        )
    challenge = open_challenge(small)
    assert challenge.ceiling_source_findings("subj01") == []
    values = on_surface(small)
    values["rh"][11] += 0.1
    write_ncsnr(nsd, "subj01", values)  # type: ignore[arg-type]
    (finding,) = challenge.ceiling_source_findings("subj01")
    assert (finding.code, finding.severity) == ("ceiling-mismatch", "warning")
    assert (
        finding.where.endswith("rh.ncsnr.mgh")
        and "at vertex 6" in finding.expected
        and "1 of 34 vertices" in finding.found
    )
    for hemisphere in HEMISPHERES:
        ncsnr_path(nsd, "subj01", hemisphere).write_bytes(b"text")
    assert [finding.code for finding in challenge.ceiling_source_findings("subj01")] == ["bad-mgh", "bad-mgh"]
    design_path(nsd).write_bytes(b"text")
    assert [finding.code for finding in challenge.ceiling_source_findings("subj01")] == ["bad-mat"]


def test_a_folder_that_the_user_named_has_to_agree_with_the_official_ceilings(small: Path, nsd: Path) -> None:
    """One that merely lies there is passed over, as `algokit data check` says."""
    folder = small / "test_data/subj01/test_split/noise_ceiling"
    for hemisphere in HEMISPHERES:
        made = ceiling(at_challenge_vertices(small, hemisphere), TEST_TERM)
        np.save(folder / f"{hemisphere}_noise_ceiling.npy", made)
        ceilings = open_challenge(small, nsd=nsd).ceilings("subj01", hemisphere, "test")
        assert ceilings and ceilings.source == "the test split's noise_ceiling files"
        np.testing.assert_array_equal(ceilings.values, made)
    values = on_surface(small)
    values["rh"][11] += 0.1
    write_ncsnr(nsd, "subj01", values)  # type: ignore[arg-type]
    assert open_challenge(small).ceilings("subj01", "rh", "test")
    assert open_challenge(small, nsd=nsd).ceilings("subj01", "lh", "test")
    with pytest.raises(DataError) as caught:
        open_challenge(small, nsd=nsd).ceilings("subj01", "rh", "test")
    (finding,) = caught.value.findings
    assert (finding.code, finding.severity) == ("ceiling-mismatch", "error")
    assert [one.severity for one in open_challenge(small, nsd=nsd).ceiling_source_findings("subj01")] == ["warning"]


@pytest.mark.parametrize("split", ["val", "test"])
@pytest.mark.parametrize("ids", [[], [10, 11], [15, 25]])
def test_images_of_another_split_are_refused(small: Path, nsd: Path, split: str, ids: list[int]) -> None:
    with pytest.raises(UsageError, match=f"not the {split} images"):
        open_challenge(small).ceilings("subj01", "lh", split, np.array(ids, np.int64))  # type: ignore[arg-type]


def test_all_test_images_may_be_named(small: Path) -> None:
    assert open_challenge(small).ceilings("subj01", "lh", "test", np.array([55, 45, 35, 25, 15]))


def test_the_files_are_those_that_are_read(small: Path, nsd: Path) -> None:
    def names(challenge: Challenge) -> list[list[str]]:
        return [sorted(challenge.ceiling_files("subj01", split)) for split in ("train", "val", "test")]  # type: ignore[arg-type]

    official = ["noise_ceiling.lh", "noise_ceiling.rh"]
    computed = ["all_vertices.lh", "all_vertices.rh", "ncsnr.lh", "ncsnr.rh"]
    assert names(open_challenge(small)) == [[], [*computed, "repeats"], official]
    assert open_challenge(small).ceiling_files("subj01", "val")["repeats"] == design_path(nsd)
    assert open_challenge(small).ceiling_files("subj01", "val")["ncsnr.rh"] == ncsnr_path(nsd, "subj01", "rh")
    shutil.rmtree(nsd / "nsddata_betas")
    assert names(open_challenge(small)) == [[], [*official, "repeats"], official]
    shutil.rmtree(nsd)
    assert names(open_challenge(small)) == [[], official, official]
    without_official(small)
    assert names(open_challenge(small)) == [[], [], []]


def test_official_ceilings_cost_no_reader_of_other_files(small: Path, nsd: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from algokit.challenge import open_challenge\n"
        f"challenge = open_challenge(Path({str(small)!r}))\n"
        "assert challenge.ceilings('subj01', 'lh', 'test')\n"
        "assert not {'nibabel', 'scipy'} & set(sys.modules)\n"
        "assert challenge.ceilings('subj01', 'lh', 'val') and {'nibabel', 'scipy'} <= set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
