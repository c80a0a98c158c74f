"""Write the demo challenge: a folder in the real layout whose answers are known and lie in it under ``truth/``."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from algokit.atomic import written_aside
from algokit.challenge.ceilings import ceiling_from_ncsnr, ceiling_term
from algokit.challenge.layout import ArrayFile, Tree
from algokit.challenge.manifest import (
    MANIFEST_NAME,
    Manifest,
    Side,
    SubjectEntry,
    manifest_to_yaml,
    shipped_manifest,
)
from algokit.challenge.synthetic.anatomy import SOURCES, Anatomy, Cortex, Source
from algokit.challenge.synthetic.features import LAYERS, GaborFeatures, grey, pooled
from algokit.challenge.synthetic.images import draw_scene, texture_tiles
from algokit.challenge.synthetic.settings import N_NSD_IMAGES, DemoSettings
from algokit.challenge.synthetic.trials import noiseless_signals, repeat_counts, respond
from algokit.errors import UsageError
from algokit.types import HEMISPHERES, Finding, Hemisphere, Ints, Progress, ProgressCallback, no_progress

_VERSION = 1  # of the generator: another one writes other bytes for the same settings
_SHARED = 0.25  # of a subject's training images are seen by every subject

Features: TypeAlias = dict[int, dict[Source, NDArray[np.float32]]]  # by image id
Arrays: TypeAlias = dict[str, NDArray[Any]]


def write_demo(
    root: Path, *, seed: int = 0, settings: DemoSettings | None = None, progress: ProgressCallback = no_progress
) -> bool:
    """Write the demo challenge; the same seed and settings give the same bytes.

    Beside the data lie its ``data_manifest.yaml`` and ``truth/``: ``truth.json`` (settings, layer names) and
    ``truth.npz`` with, for ``subj01_lh`` and so on, ``_layer`` (index into the names), ``_grid``, ``_ncsnr``,
    ``_noise_ceiling`` (test), ``_noise_ceiling_train`` per vertex, and the noiseless ``_signal_train`` and
    ``_signal_test`` (n_images, n_vertices).

    Returns
    -------
    False where ``root`` already holds this very demo, every file of it, and nothing was done.

    Raises
    ------
    UsageError : the settings make no sense, or ``root`` holds something else.
    DiskError : the disk is full or not writable.
    """
    settings, official = settings or DemoSettings(), shipped_manifest()
    if findings := settings.findings(official):
        raise UsageError("no demo challenge has these settings", findings)
    stamp = {"version": _VERSION, "seed": seed, **asdict(settings), "subjects": sorted(set(settings.subjects))}
    if _stamp_in(root) == stamp:
        if _is_whole(root, _Demo(root, seed, settings, official).paths()):
            return False
    elif root.exists() and not (root.is_dir() and not any(root.iterdir())):
        finding = Finding("not an empty folder", str(root), advice="remove it, or name another one", code="not-empty")
        raise UsageError("the demo challenge was not written", [finding])
    with written_aside(root) as folder:
        truth = _Demo(folder, seed, settings, official).write(progress)
        (folder / "truth").mkdir()
        np.savez(folder / "truth" / "truth.npz", allow_pickle=False, **truth)
        text = json.dumps({"settings": stamp, "layers": LAYERS}, indent=1) + "\n"
        (folder / "truth" / "truth.json").write_text(text, encoding="utf-8")
    return True


def _is_whole(root: Path, expected: set[Path]) -> bool:
    """Whether every file of a demo is there; what is left of one is replaced only where nothing else lies in it."""
    there = {path for path in root.rglob("*") if path.is_file()}
    missing, others = sorted(expected - there), sorted(there - expected)
    if missing and others:
        found = f"{len(missing)} files missing, {missing[0]} first; not of the demo: {others[0]}"
        advice = "move your own files away to have it written again, or name another folder"
        finding = Finding("an incomplete demo with other files in it", str(root), "", "", found, advice)
        raise UsageError("the demo challenge was not written", [finding])
    return not missing


def _stamp_in(root: Path) -> Any:
    try:
        return json.loads((root / "truth" / "truth.json").read_text(encoding="utf-8"))["settings"]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _size(entry: SubjectEntry, settings: DemoSettings) -> SubjectEntry:
    """A real subject's entry, scaled down."""
    assert entry.repeats is not None
    n_images: dict[Side, int] = {"train": settings.n_train, "test": settings.n_test}
    return SubjectEntry(
        n_train=settings.n_train,
        n_test=settings.n_test,
        n_vertices={h: int(n * settings.vertex_fraction) for h, n in entry.n_vertices.items()},
        repeats={side: repeat_counts(n, entry.repeats[side]) for side, n in n_images.items()},
    )


def _number(subject: str) -> int:
    return int(subject.removeprefix("subj"))


class _Demo:
    """One demo challenge being written into ``folder``."""

    def __init__(self, folder: Path, seed: int, settings: DemoSettings, official: Manifest) -> None:
        sizes = {subject: _size(entry, settings) for subject, entry in official.subjects.items()}
        chosen = {subject: size for subject, size in sizes.items() if subject in settings.subjects}
        sizing = {"name": "algokit-demo", "image_px": settings.image_px, "subjects": chosen}
        self._manifest = official.model_copy(update=sizing)
        self._tree = Tree(folder, folder, settings.layout, official.layouts[settings.layout], self._manifest)
        self._seed = seed
        self._n_common = {h: max(size.n_vertices[h] for size in sizes.values()) for h in HEMISPHERES}

    def write(self, progress: ProgressCallback) -> Arrays:
        """Everything but ``truth/``, which it returns."""
        (self._tree.root / MANIFEST_NAME).write_text(manifest_to_yaml(self._manifest), encoding="utf-8")
        features = self._write_images(progress)
        truth: Arrays = {}
        for subject in self._manifest.subjects:
            truth |= self._write_subject(subject, features)
        return truth

    def paths(self) -> set[Path]:
        """Every file of the demo, those in ``truth/`` too."""
        root = self._tree.root
        own = {root / MANIFEST_NAME, root / "truth" / "truth.npz", root / "truth" / "truth.json"}
        images = (path for places in self._image_paths().values() for path in places)
        arrays = (array.path for subject in self._manifest.subjects for array in self._arrays(subject))
        return own.union(images, arrays)

    def _arrays(self, subject: str) -> Iterator[ArrayFile]:
        all_there = self._tree.layout_name != "challenge"
        return (array for array in self._tree.arrays(subject) if array.required or all_there)

    def _stream(self, *words: object) -> np.random.Generator:
        """Random numbers that depend on the seed and these words only, whatever else is drawn."""
        digest = hashlib.sha256(repr((self._seed, *words)).encode()).digest()
        return np.random.default_rng(np.frombuffer(digest, np.uint32))

    def _image_ids(self, subject: str) -> dict[Side, Ints]:
        """NSD ids in row order, ascending: shared and own training images, and test images nobody else sees."""
        entry = self._manifest.subjects[subject]
        deck = self._stream("ids").permutation(N_NSD_IMAGES)
        n_shared = int(_SHARED * entry.n_train)
        n_own = entry.n_train + entry.n_test - n_shared
        first = n_shared + (_number(subject) - 1) * n_own
        own = deck[first : first + n_own]
        return {
            "train": np.sort(np.concatenate([deck[:n_shared], own[entry.n_test :]])),
            "test": np.sort(own[: entry.n_test]),
        }

    def _image_paths(self) -> dict[int, list[Path]]:
        """Where every image has to appear, by NSD id."""
        paths: dict[int, list[Path]] = {}
        for subject in self._manifest.subjects:
            for side, ids in self._image_ids(subject).items():
                folder, template = self._tree.image_template(subject, side)
                for number, image_id in enumerate(ids.tolist(), start=1):
                    name = template.format(number=number, image_id=image_id)
                    paths.setdefault(image_id, []).append(folder / name)
        return paths

    def _write_images(self, progress: ProgressCallback) -> Features:
        tiles, gabor = texture_tiles(self._stream("tiles")), GaborFeatures()
        features: Features = {}
        paths = self._image_paths()
        for done, (image_id, places) in enumerate(sorted(paths.items()), start=1):
            image = draw_scene(self._stream("image", image_id), tiles, self._manifest.image_px)
            encoded = io.BytesIO()
            Image.fromarray(image).save(encoded, "png", compress_level=1)
            for place in places:
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(encoded.getvalue())
            maps = gabor.maps(grey(image))
            features[image_id] = {(layer, grid): pooled(maps[layer], grid) for layer, grid in SOURCES}
            progress(Progress("demo", done, len(paths), "images"))
        return features

    def _write_subject(self, subject: str, features: Features) -> Arrays:
        """Write one subject's arrays; returns what is known about its vertices."""
        content: Arrays = {}
        truth: Arrays = {}
        for name, rois in self._manifest.roi_classes.items():
            content[f"roi_mapping.{name}"] = np.array({0: "Unknown", **rois}, dtype=object)
        for hemisphere in HEMISPHERES:
            anatomy = self._anatomy(subject, hemisphere)
            content |= self._masks(anatomy, hemisphere)
            known = self._signals(subject, hemisphere, anatomy, features)
            content |= self._measured(subject, hemisphere, known)
            truth |= {f"{subject}_{hemisphere}_{name}": values for name, values in known.items()}
        for array in self._arrays(subject):
            array.path.parent.mkdir(parents=True, exist_ok=True)
            np.save(array.path, content[array.key], allow_pickle=array.role == "roi_mapping")
        return truth

    def _anatomy(self, subject: str, hemisphere: Hemisphere) -> Anatomy:
        everywhere = self._stream("cortex", hemisphere).permutation(self._manifest.fsaverage_size)
        cortex = Cortex(everywhere[: self._n_common[hemisphere]], self._manifest.roi_classes)
        n_vertices = self._manifest.subjects[subject].n_vertices[hemisphere]
        rng = self._stream("anatomy", subject, hemisphere)
        return cortex.of_subject(rng, _number(subject), hemisphere, n_vertices)

    def _masks(self, anatomy: Anatomy, hemisphere: Hemisphere) -> Arrays:
        def spread(values: Ints | int) -> Ints:
            full = np.zeros(self._manifest.fsaverage_size, np.int64)
            full[anatomy.vertices] = values
            return full

        masks = {f"all_vertices.{hemisphere}": spread(1)}
        for roi_class, labels in anatomy.labels.items():
            masks[f"roi_challenge_space.{hemisphere}.{roi_class}"] = labels
            masks[f"roi_fsaverage_space.{hemisphere}.{roi_class}"] = spread(labels)
        return masks

    def _signals(self, subject: str, hemisphere: Hemisphere, anatomy: Anatomy, features: Features) -> Arrays:
        """The truth about every vertex."""
        entry, ids = self._manifest.subjects[subject], self._image_ids(subject)
        rows = [features[image_id] for side in ids.values() for image_id in side.tolist()]
        columns = {source: np.stack([row[source] for row in rows]) for source in SOURCES}
        signals = noiseless_signals(self._stream("readout", subject, hemisphere), columns, anatomy.sources)
        terms = {side: ceiling_term(counts) for side, counts in (entry.repeats or {}).items()}
        return {
            "layer": np.array([LAYERS.index(layer) for layer, _ in anatomy.sources]),
            "grid": np.array([grid for _, grid in anatomy.sources]),
            "ncsnr": anatomy.ncsnr,
            "noise_ceiling": ceiling_from_ncsnr(anatomy.ncsnr, terms["test"]),
            "noise_ceiling_train": ceiling_from_ncsnr(anatomy.ncsnr, terms["train"]),
            "signal_train": signals[: entry.n_train],
            "signal_test": signals[entry.n_train :],
        }

    def _measured(self, subject: str, hemisphere: Hemisphere, known: Arrays) -> Arrays:
        repeats = self._manifest.subjects[subject].repeats or {}
        fmri = {
            f"{side}_fmri.{hemisphere}": respond(
                self._stream("trials", subject, hemisphere, side), known[f"signal_{side}"], known["ncsnr"], counts
            )
            for side, counts in repeats.items()
        }
        return {**fmri, f"noise_ceiling.{hemisphere}": known["noise_ceiling"]}
