"""The demo challenge as a whole: the real layout, the same bytes every time, and answers that can be found."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from algokit.backbones import GaborSpec, gabor_backbone
from algokit.challenge import check_data, load_manifest, open_challenge, read_mapping, shipped_manifest
from algokit.challenge.synthetic import DemoSettings, write_demo
from algokit.errors import UsageError
from algokit.types import HEMISPHERES, Finding

SMALL = DemoSettings(n_train=16, n_test=5, image_px=48, vertex_fraction=0.002)
SUBJECTS = ("subj01", "subj06")


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo challenge at its default size."""
    root = tmp_path_factory.mktemp("demo") / "challenge"
    assert write_demo(root)
    return root


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("small") / "challenge"
    write_demo(root, settings=SMALL)
    return root


def files(root: Path, part: str = "") -> dict[str, bytes]:
    paths = (path for path in sorted(root.rglob("*")) if path.is_file() and part in str(path))
    return {str(path.relative_to(root)): path.read_bytes() for path in paths}


def problems(root: Path) -> list[Finding]:
    return [finding for finding in check_data(root) if finding.severity != "note"]


def image_ids(root: Path, subject: str, split: str) -> list[int]:
    names = sorted(path.name for path in root.glob(f"*/{subject}/*/{split}*_images/*.png"))
    matches = [re.fullmatch(rf"{split}-(\d{{4}})_nsd-(\d{{5}})\.png", name) for name in names]
    assert [int(match[1]) for match in matches if match] == list(range(1, len(names) + 1))
    return [int(match[2]) for match in matches if match]


def test_the_data_check_finds_nothing(demo: Path) -> None:
    assert problems(demo) == []
    challenge = open_challenge(demo)
    assert (challenge.subjects, challenge.layout_name) == (SUBJECTS, "released")


def test_sizes_are_the_real_ones_scaled_down(demo: Path) -> None:
    manifest = load_manifest(demo / "data_manifest.yaml")
    assert manifest.subjects["subj01"].n_vertices == {"lh": 190, "rh": 205}
    assert manifest.subjects["subj06"].n_vertices == {"lh": 189, "rh": 202}
    assert manifest.roi_classes == shipped_manifest().roi_classes
    assert manifest.subjects["subj01"].repeats == {"train": (205, 26, 9), "test": (60, 0, 0)}


def test_images_are_numbered_by_ascending_id_partly_shared_and_test_images_are_nobodys_training(demo: Path) -> None:
    train = {subject: image_ids(demo, subject, "train") for subject in SUBJECTS}
    test = {subject: image_ids(demo, subject, "test") for subject in SUBJECTS}
    for ids in (*train.values(), *test.values()):
        assert ids == sorted(set(ids))
    shared = set(train["subj01"]) & set(train["subj06"])
    assert len(shared) == 60
    assert not set().union(*train.values()) & set().union(*test.values())
    one, other = (next(demo.glob(f"train_data/{s}/*/*/*_nsd-{min(shared):05d}.png")).read_bytes() for s in SUBJECTS)
    assert one == other
    with Image.open(next(demo.glob("test_data/subj01/*/*/*.png"))) as image:
        assert (image.mode, image.size) == ("RGB", (128, 128))


def test_masks_agree_between_spaces_and_classes_overlap(demo: Path) -> None:
    folder = demo / "train_data" / "subj06" / "roi_masks"
    everything = np.load(folder / "lh.all-vertices_fsaverage_space.npy")
    assert everything.shape == (163842,) and everything.sum() == 189
    labels = {}
    for roi_class in shipped_manifest().roi_classes:
        labels[roi_class] = np.load(folder / f"lh.{roi_class}_challenge_space.npy")
        full = np.load(folder / f"lh.{roi_class}_fsaverage_space.npy")
        np.testing.assert_array_equal(full[everything == 1], labels[roi_class])
        assert not full[everything == 0].any()
    assert (labels["streams"][labels["prf-visualrois"] == 1] == 1).all()  # V1v is early
    assert ((labels["floc-faces"] > 0) & (labels["floc-bodies"] > 0)).any()


def test_the_rois_that_are_empty_in_the_released_data_are_empty(demo: Path) -> None:
    everywhere = {"mTL-faces", "aTL-faces"}
    expected = {
        ("subj01", "lh"): everywhere | {"FBA-2", "FFA-2", "mTL-bodies", "mTL-words"},
        ("subj01", "rh"): everywhere | {"mfs-words", "mTL-bodies", "mTL-words"},
        ("subj06", "lh"): everywhere | {"mTL-bodies"},
        ("subj06", "rh"): everywhere | {"mTL-words"},
    }
    for (subject, hemisphere), names in expected.items():
        empty = set()
        for roi_class in shipped_manifest().roi_classes:
            folder = demo / "train_data" / subject / "roi_masks"
            mapping = read_mapping(folder / f"mapping_{roi_class}.npy")
            labels = np.load(folder / f"{hemisphere}.{roi_class}_challenge_space.npy")
            empty |= {name for integer, name in mapping.items() if integer and integer not in labels}
        assert empty == names


def test_ceilings_follow_the_official_formula_and_one_vertex_has_none(demo: Path) -> None:
    truth = np.load(demo / "truth" / "truth.npz")
    for subject, (three, two, one) in {"subj01": (60, 0, 0), "subj06": (16, 32, 12)}.items():
        term = (three / 3 + two / 2 + one) / 60
        for hemisphere in HEMISPHERES:
            s2 = truth[f"{subject}_{hemisphere}_ncsnr"].astype(float) ** 2
            stored = np.load(demo / f"test_data/{subject}/test_split/noise_ceiling/{hemisphere}_noise_ceiling.npy")
            assert stored.dtype == np.float64
            np.testing.assert_allclose(stored, s2 / (s2 + term), rtol=1e-12)
            np.testing.assert_array_equal(stored, truth[f"{subject}_{hemisphere}_noise_ceiling"])
            assert (stored == 0).sum() == 1


def test_the_planted_signal_reaches_the_ceilings_in_the_test_responses(demo: Path) -> None:
    truth, r2, ceilings = np.load(demo / "truth" / "truth.npz"), [], []
    for subject in SUBJECTS:
        for hemisphere in HEMISPHERES:
            signal = truth[f"{subject}_{hemisphere}_signal_test"]
            measured = np.load(demo / f"test_data/{subject}/test_split/test_fmri/{hemisphere}_test_fmri.npy")
            r2 += list(correlation(signal, measured.astype(float)) ** 2)
            ceilings += list(truth[f"{subject}_{hemisphere}_noise_ceiling"])
    n_test = 60
    unbiased = 1 - (1 - np.array(r2)) * (n_test - 1) / (n_test - 2)
    assert unbiased.mean() == pytest.approx(np.mean(ceilings), abs=0.04)
    assert np.corrcoef(unbiased, ceilings)[0, 1] > 0.8


def correlation(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Pearson r of columns."""
    a, b = a - a.mean(0), b - b.mean(0)
    return np.asarray((a * b).sum(0) / np.sqrt((a**2).sum(0) * (b**2).sum(0)))


ALPHAS = np.logspace(0, 6, 13)


def ridge(x: NDArray[np.float64], y: NDArray[np.float64], new: NDArray[np.float64]) -> NDArray[np.float64]:
    """Dual ridge in closed form: (n_alphas, n_new, n_targets) predictions."""
    centre, mean = x.mean(0), y.mean(0)
    x, new = x - centre, new - centre
    values, vectors = np.linalg.eigh(x @ x.T)
    left, right = new @ x.T @ vectors, vectors.T @ (y - mean)
    return np.stack([left @ (right / (values + alpha)[:, None]) + mean for alpha in ALPHAS])


def gabor_spaces(root: Path, subject: str, split: str) -> dict[tuple[str, int], NDArray[np.float64]]:
    """The backbone's own features of the PNG files, by layer and grid."""
    backbone = gabor_backbone.load(GaborSpec(kind="gabor"), "cpu")
    layers = [layer.name for layer in backbone.card.layers]
    rows = []
    for path in sorted(root.glob(f"{split}_data/{subject}/*/*_images/*.png")):
        with Image.open(path) as image:
            rows.append(np.asarray(image.resize((96, 96), Image.Resampling.BICUBIC), np.float32) / 255)
    found = backbone.activations(torch.from_numpy(np.stack(rows)).permute(0, 3, 1, 2), layers)
    pool = torch.nn.functional.adaptive_max_pool2d
    return {(layer, k): pool(found[layer], k).flatten(1).double().numpy() for layer in layers for k in (1, 2, 4)}


def responses(root: Path, subject: str, split: str) -> NDArray[np.float64]:
    """Both hemispheres, left first."""
    challenge = open_challenge(root)
    return np.hstack([challenge.responses(subject, h, split).values for h in HEMISPHERES]).astype(float)


def test_ridge_on_the_backbones_features_finds_the_planted_layers_and_a_good_score(demo: Path) -> None:
    train, test = gabor_spaces(demo, "subj06", "train"), gabor_spaces(demo, "subj06", "test")
    y, y_test = responses(demo, "subj06", "train"), responses(demo, "subj06", "test")
    fold = np.random.default_rng(0).permutation(len(y)) % 5
    best, chosen, predicted = np.full(y.shape[1], -1.0), np.zeros((2, y.shape[1]), int), np.zeros_like(y_test)
    names = json.loads((demo / "truth" / "truth.json").read_text())["layers"]
    for (layer, grid), raw in train.items():
        x, new = ((values - raw.mean(0)) / raw.std(0) for values in (raw, test[layer, grid]))
        folds = [(ridge(x[fold != f], y[fold != f], x[fold == f]), y[fold == f]) for f in range(5)]
        r = np.mean([[correlation(one, held_out) for one in predictions] for predictions, held_out in folds], axis=0)
        better = r.max(0) > best
        best[better], chosen[:, better] = r.max(0)[better], [[names.index(layer)], [grid]]
        predicted[:, better] = ridge(x, y, new)[r.argmax(0)[better], :, better].T
    archive = np.load(demo / "truth" / "truth.npz")
    true_layer, true_grid, ceiling = (
        np.hstack([archive[f"subj06_{h}_{name}"] for h in HEMISPHERES]) for name in ("layer", "grid", "noise_ceiling")
    )
    assert (chosen[0] == true_layer)[ceiling > 0.2].mean() > 0.8
    assert chosen[1][true_grid == 4].mean() > chosen[1][true_grid == 1].mean() + 1
    r2 = np.maximum(correlation(predicted, y_test), 0) ** 2
    score = np.minimum(100 * r2 / np.where(ceiling == 0, 1e-14, ceiling), 100).mean()
    assert 30 < score < 95


def test_the_same_settings_give_the_same_bytes_in_any_order_of_subjects(small: Path, tmp_path: Path) -> None:
    write_demo(tmp_path / "again", settings=DemoSettings(**{**vars(SMALL), "subjects": SUBJECTS[::-1]}))
    assert files(tmp_path / "again") == files(small)


def test_a_subject_gets_the_same_bytes_whoever_else_is_there(small: Path, tmp_path: Path) -> None:
    write_demo(tmp_path / "alone", settings=DemoSettings(**{**vars(SMALL), "subjects": ("subj06",)}))
    assert files(tmp_path / "alone", "/subj06/") == files(small, "/subj06/")


def test_another_seed_gives_other_images_and_responses(small: Path, tmp_path: Path) -> None:
    write_demo(tmp_path / "other", seed=1, settings=SMALL)
    name = "train_data/subj01/training_split/training_fmri/lh_training_fmri.npy"
    assert not np.allclose(np.load(tmp_path / "other" / name), np.load(small / name))
    assert image_ids(tmp_path / "other", "subj01", "train") != image_ids(small, "subj01", "train")


@pytest.mark.parametrize("layout", ["flat", "challenge"])
def test_other_layouts_hold_the_same_data(small: Path, tmp_path: Path, layout: str) -> None:
    write_demo(tmp_path / "demo", settings=DemoSettings(**{**vars(SMALL), "layout": layout}))
    challenge, released = open_challenge(tmp_path / "demo"), open_challenge(small)
    assert problems(tmp_path / "demo") == []
    assert challenge.layout_name == layout
    assert challenge.has_responses("subj01", "test") == (layout != "challenge")
    one, other = (each.responses("subj01", "lh", "train") for each in (challenge, released))
    np.testing.assert_array_equal(one.values, other.values)
    np.testing.assert_array_equal(one.image_ids, other.image_ids)


def test_writing_it_again_does_nothing(small: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in small.rglob("*")}
    assert not write_demo(small, settings=SMALL)
    assert {path: path.stat().st_mtime_ns for path in small.rglob("*")} == before


def test_a_demo_with_files_missing_is_written_again(small: Path, tmp_path: Path) -> None:
    root = Path(shutil.copytree(small, tmp_path / "demo"))
    next(root.glob("train_data/subj01/*/*/*.png")).unlink()
    (root / "truth" / "truth.npz").unlink()
    assert write_demo(root, settings=SMALL)
    assert files(root) == files(small)


def test_an_incomplete_demo_with_files_of_the_users_own_is_left_alone(small: Path, tmp_path: Path) -> None:
    root = Path(shutil.copytree(small, tmp_path / "demo"))
    (root / "note.txt").write_text("mine")
    assert not write_demo(root, settings=SMALL)
    (root / "data_manifest.yaml").unlink()
    with pytest.raises(UsageError, match=r"1 files missing, .*data_manifest\.yaml.*note\.txt"):
        write_demo(root, settings=SMALL)
    assert (root / "note.txt").read_text() == "mine"


def test_a_folder_with_something_else_in_it_is_left_alone(small: Path, tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("mine")
    for root, seed in ((tmp_path, 0), (tmp_path / "note.txt", 0), (small, 1)):
        with pytest.raises(UsageError, match="not an empty folder"):
            write_demo(root, seed=seed, settings=SMALL)
    assert [path.name for path in tmp_path.iterdir()] == ["note.txt"]


def test_an_interrupted_demo_leaves_nothing_behind(tmp_path: Path) -> None:
    def interrupt(_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_demo(tmp_path / "demo", settings=SMALL, progress=interrupt)
    assert list(tmp_path.iterdir()) == []


def test_every_impossible_setting_is_named(tmp_path: Path) -> None:
    settings = DemoSettings(("subj1",), n_train=1, n_test=0, image_px=5, vertex_fraction=2.0, layout="flta")
    with pytest.raises(UsageError) as caught:
        write_demo(tmp_path / "demo", settings=settings)
    found = {finding.path: finding.advice for finding in caught.value.findings}
    assert set(found) == {"subjects", "layout", "n_train", "n_test", "image_px", "vertex_fraction"}
    assert "subj01" in found["subjects"] and "flat" in found["layout"]
