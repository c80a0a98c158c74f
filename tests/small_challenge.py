"""A real challenge on disk, of a few vertices and tiny images, with whatever subjects a test needs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from algokit.challenge import Manifest, SubjectEntry, manifest_to_yaml, shipped_manifest

IMAGE_PX = 8
FSAVERAGE_SIZE = 60
FIRST_VERTEX = 5


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


def shrunk_manifest(name: str, subjects: Mapping[str, SubjectEntry]) -> Manifest:
    """The official manifest with other subjects, images and surface."""
    sizes = {"name": name, "image_px": IMAGE_PX, "fsaverage_size": FSAVERAGE_SIZE, "subjects": dict(subjects)}
    return shipped_manifest().model_copy(update=sizes)


def write_challenge(root: Path, manifest: Manifest) -> Path:
    """Every subject in the released layout, and the manifest beside them."""
    for subject, entry in manifest.subjects.items():
        write_subject(root / "train_data" / subject, root / "test_data" / subject, entry)
    (root / "data_manifest.yaml").write_text(manifest_to_yaml(manifest), encoding="utf-8")
    return root
