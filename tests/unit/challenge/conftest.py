"""A challenge small enough to break in every way: two subjects, tiny images, its own manifest."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from algokit.challenge import Manifest, SubjectEntry, manifest_to_yaml, shipped_manifest

IMAGE_PX = 8
FSAVERAGE_SIZE = 60
FIRST_VERTEX = 5
SUBJECTS = {
    "subj01": SubjectEntry(
        n_train=12, n_test=5, n_vertices={"lh": 30, "rh": 34}, repeats={"train": (6, 4, 2), "test": (5, 0, 0)}
    ),
    "subj06": SubjectEntry(
        n_train=10, n_test=6, n_vertices={"lh": 28, "rh": 31}, repeats={"train": (5, 2, 3), "test": (1, 2, 3)}
    ),
}


def save(path: Path, array: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, array)  # type: ignore[arg-type]


def write_images(folder: Path, prefix: str, n_images: int, offset: int) -> None:
    """Images 1, 2, ... with NSD ids 10 + offset, 20 + offset, ..."""
    folder.mkdir(parents=True)
    for number in range(1, n_images + 1):
        image = Image.new("RGB", (IMAGE_PX, IMAGE_PX), (number, 0, 0))
        image.save(folder / f"{prefix}-{number:04d}_nsd-{10 * number + offset:05d}.png")


def write_masks(folder: Path, entry: SubjectEntry) -> None:
    """Vertices next to each other on fsaverage; labels that run through every integer of their class."""
    for roi_class, names in shipped_manifest().roi_classes.items():
        for hemisphere, n_vertices in entry.n_vertices.items():
            everything, full = np.zeros((2, FSAVERAGE_SIZE), np.int64)
            everything[FIRST_VERTEX : FIRST_VERTEX + n_vertices] = 1
            labels = np.arange(n_vertices) % (len(names) + 1)
            full[FIRST_VERTEX : FIRST_VERTEX + n_vertices] = labels
            save(folder / f"{hemisphere}.all-vertices_fsaverage_space.npy", everything)
            save(folder / f"{hemisphere}.{roi_class}_challenge_space.npy", labels)
            save(folder / f"{hemisphere}.{roi_class}_fsaverage_space.npy", full)
        save(folder / f"mapping_{roi_class}.npy", {0: "Unknown", **names})


def write_subject(train: Path, test: Path, entry: SubjectEntry) -> None:
    """Response of image row i at vertex j: i + j / 100. The ceilings belong to an ncsnr from 0 to 2."""
    write_images(train / "training_split/training_images", "train", entry.n_train, 0)
    write_images(test / "test_split/test_images", "test", entry.n_test, 5)
    write_masks(train / "roi_masks", entry)
    assert entry.repeats
    three, two, one = entry.repeats["test"]
    term = (three / 3 + two / 2 + one) / entry.n_test
    for hemisphere, n_vertices in entry.n_vertices.items():
        columns = np.arange(n_vertices, dtype=np.float32) / 100
        rows = np.arange(entry.n_train, dtype=np.float32)[:, None]
        ncsnr = np.linspace(0, 2, n_vertices)
        save(train / f"training_split/training_fmri/{hemisphere}_training_fmri.npy", rows + columns)
        save(test / f"test_split/test_fmri/{hemisphere}_test_fmri.npy", rows[: entry.n_test] + columns)
        save(test / f"test_split/noise_ceiling/{hemisphere}_noise_ceiling.npy", ncsnr**2 / (ncsnr**2 + term))


@pytest.fixture(scope="session")
def small_manifest() -> Manifest:
    """The official manifest, shrunk to `SUBJECTS`."""
    sizes = {"name": "small", "image_px": IMAGE_PX, "fsaverage_size": FSAVERAGE_SIZE, "subjects": SUBJECTS}
    return shipped_manifest().model_copy(update=sizes)


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory, small_manifest: Manifest) -> Path:
    """The small challenge in the released layout, with its manifest in it; not to be changed."""
    root = tmp_path_factory.mktemp("template")
    for subject, entry in SUBJECTS.items():
        write_subject(root / "train_data" / subject, root / "test_data" / subject, entry)
    (root / "data_manifest.yaml").write_text(manifest_to_yaml(small_manifest), encoding="utf-8")
    return root


@pytest.fixture
def small(template: Path, tmp_path: Path) -> Path:
    """A copy of the small challenge."""
    return Path(shutil.copytree(template, tmp_path, dirs_exist_ok=True))
