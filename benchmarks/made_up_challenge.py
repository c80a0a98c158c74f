"""A challenge of the true sizes with noise for brains, and a submission that correlates with it: what scoring costs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algokit.challenge.layout import Tree
from algokit.challenge.manifest import MANIFEST_NAME, Manifest, Side, SubjectEntry, manifest_to_yaml, shipped_manifest
from algokit.challenge.submission import prediction_file
from algokit.types import HEMISPHERES, Hemisphere

_N_TRAIN = 2  # nothing of the training split is read for a score
_LAYOUT = "released"


def write_challenge(data: Path, submission: Path, *, n_subjects: int = 8, fraction: float = 1.0) -> None:
    """Write ``data`` in the released layout, and ``submission``; at full size 640 MB together, in about 10 s.

    Parameters
    ----------
    n_subjects : the first so many of the eight.
    fraction : of every subject's vertices; the numbers of test images are always the true ones.
    """
    manifest = _manifest(n_subjects, fraction)
    tree = Tree(data, data, _LAYOUT, manifest.layouts[_LAYOUT], manifest)
    data.mkdir(parents=True)
    (data / MANIFEST_NAME).write_text(manifest_to_yaml(manifest), encoding="utf-8")
    for subject in manifest.subjects:
        _write_images(tree, subject)
        content: dict[str, NDArray[Any]] = {
            f"roi_mapping.{name}": np.array({0: "Unknown", **rois}, dtype=object)
            for name, rois in manifest.roi_classes.items()
        }
        for hemisphere in HEMISPHERES:
            content |= _hemisphere(manifest, subject, hemisphere)
            place = submission / prediction_file(subject, hemisphere)
            place.parent.mkdir(parents=True, exist_ok=True)
            np.save(place, content.pop("predictions"))
        for array in tree.arrays(subject):
            array.path.parent.mkdir(parents=True, exist_ok=True)
            np.save(array.path, content[array.key], allow_pickle=array.role == "roi_mapping")


def _manifest(n_subjects: int, fraction: float) -> Manifest:
    official = shipped_manifest()
    subjects = {
        name: SubjectEntry(
            n_train=_N_TRAIN,
            n_test=entry.n_test,
            n_vertices={side: max(40, round(fraction * n)) for side, n in entry.n_vertices.items()},
        )
        for name, entry in list(official.subjects.items())[:n_subjects]
    }
    return official.model_copy(update={"name": "made-up", "image_px": 8, "subjects": subjects})


def _write_images(tree: Tree, subject: str) -> None:
    """Files with the names of images: a score needs the ids in the names, never a pixel."""
    entry = tree.manifest.subjects[subject]
    first = 0
    sizes: dict[Side, int] = {"train": entry.n_train, "test": entry.n_test}
    for side, n_images in sizes.items():
        folder, template = tree.image_template(subject, side)
        folder.mkdir(parents=True)
        for number in range(1, n_images + 1):
            (folder / template.format(number=number, image_id=first + number)).touch()
        first += n_images


def _hemisphere(manifest: Manifest, subject: str, hemisphere: Hemisphere) -> Mapping[str, NDArray[Any]]:
    """Every array of one hemisphere by its key in the tree, and the predictions."""
    entry = manifest.subjects[subject]
    n_vertices = entry.n_vertices[hemisphere]
    rng = np.random.default_rng([int(subject.removeprefix("subj")), hemisphere == "rh"])
    truth = rng.standard_normal((entry.n_test, n_vertices), dtype=np.float32)
    predictions = rng.standard_normal(truth.shape, dtype=np.float32)
    predictions += rng.uniform(-0.1, 1, n_vertices).astype(np.float32) * truth  # correlations from -0.1 to 0.7
    predictions *= 0.2
    ceilings = rng.uniform(0.05, 0.8, n_vertices)
    ceilings[rng.random(n_vertices) < 0.0063] = 0.0  # as many zeros as in the official ones
    vertices = np.sort(rng.permutation(manifest.fsaverage_size)[:n_vertices])
    content: dict[str, NDArray[Any]] = {
        "predictions": predictions,
        f"train_fmri.{hemisphere}": np.zeros((entry.n_train, n_vertices), np.float32),
        f"test_fmri.{hemisphere}": truth,
        f"noise_ceiling.{hemisphere}": ceilings,
        f"all_vertices.{hemisphere}": _spread(manifest, vertices, np.ones(n_vertices, np.int64)),
    }
    for roi_class, names in manifest.roi_classes.items():
        labels = rng.integers(0, len(names) + 1, n_vertices)
        content[f"roi_challenge_space.{hemisphere}.{roi_class}"] = labels
        content[f"roi_fsaverage_space.{hemisphere}.{roi_class}"] = _spread(manifest, vertices, labels)
    return content


def _spread(manifest: Manifest, vertices: NDArray[Any], values: NDArray[Any]) -> NDArray[np.int64]:
    full = np.zeros(manifest.fsaverage_size, np.int64)
    full[vertices] = values
    return full
