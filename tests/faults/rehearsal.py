"""A whole way from recipe to zip and a study, small enough to be run thousands of times, in processes forked from one.

The way is in four stages, and each begins with what the ones before have left: ``steps`` (shards, features,
reductions, fits, ensembles; with learned weights, hence out-of-fold predictions), ``submission`` (the folder with
scores, card, report and figures), ``zip``, and ``study`` (the features that no stage before has made, curves, and the
folder of results). What is computed for the reader alone and writes nothing is made small: resamples of the intervals
and of laws, and brain maps.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args
from unittest.mock import patch

from forking import one_thread, typed

from algokit.challenge.synthetic import DemoSettings, write_demo
from algokit.store import file_sha256

RECIPE = """\
algokit: 1
name: rehearsal
subjects: [subj01]
val: {fraction: 0.1, seed: 0}
ensemble: {kind: stacking}
members:
  - backbone: {kind: gabor}
    layers: [gabor.2, texture]
    poolings: [{kind: adaptive_max, grid: [2]}]
    reduction: {kind: pca, n_components: 8}
    readout: &ridge {kind: ridge, alphas: [1, 100, 10000], folds: {n: 3}, standardize: true}
  - name: second
    backbone: {kind: gabor}
    layers: [gabor.3]
    poolings: [{kind: adaptive_max, grid: [1]}]
    readout: *ridge
"""
STUDY = """\
algokit: 1
study: data_size
name: rehearsal_study
subjects: [subj01]
images: {sizes: [6, 9, 14, 24], draws: 2}
scores: {roi_class: floc-bodies, metric: noise_normalized}
law: {form: log, n_resamples: 0}
members:
  - backbone: {kind: gabor}
    layers: [gabor.1, gabor.3]
    poolings: [{kind: adaptive_max, grid: [1]}]
    readout: {kind: ridge, alphas: [1, 100, 10000], folds: {n: 3}, standardize: true}
"""
SIZES = DemoSettings(subjects=("subj01",), n_train=24, n_test=6, image_px=32, vertex_fraction=0.0008)
Stage = Literal["steps", "submission", "zip", "study"]
STAGES: tuple[Stage, ...] = get_args(Stage)
_PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c63f8cfc0f01f00050001ff56c72f0d"
    "0000000049454e44ae426082"
)
_TELLS_TIME = re.compile(r"out/(card\.json|report\.(html|md))|store/(digests\.json|history/begun/.*|\.lock)")


@dataclass(frozen=True)
class Place:
    """Where one rehearsal reads and writes: everything below ``root``."""

    root: Path
    data: Path

    @property
    def store(self) -> Path:
        return self.root / "store"

    @property
    def out(self) -> Path:
        return self.root / "out"

    @property
    def zip(self) -> Path:
        return self.root / "out.zip"

    @property
    def study(self) -> Path:
        return self.root / "study"

    @property
    def said(self) -> Path:
        """What the last command said; where there is always space."""
        return self.data.with_name(f"{self.root.name}.said")

    def command(self, stage: Stage) -> tuple[str, ...]:
        """What is typed for a stage."""
        if stage == "zip":
            return ("pack", str(self.out), "--out", str(self.zip))
        reads = ("--data", str(self.data), "--store", str(self.store), "--quiet", "--device", "cpu")
        sizes = ("--batch-size", "4", "--shard-images", "32" if stage == "study" else "16", "--workers", "1")
        if stage == "study":
            recipe = str(self.data.parent / "study.yaml")
            return ("study", "run", recipe, "--out", str(self.study), *reads, *sizes)
        recipe = str(self.data.parent / "rehearsal.yaml")
        return ("run", recipe, "--out", str(self.out), *reads, *sizes, *(("--json",) if stage == "steps" else ()))

    def files(self) -> dict[str, str]:
        """Digest of every file that a reader finds, apart from those that say when something was done."""
        found = sorted(path for path in self.root.rglob("*") if path.is_file())
        names = {path.relative_to(self.root).as_posix(): path for path in found}
        return {
            name: file_sha256(path)
            for name, path in names.items()
            if not _TELLS_TIME.fullmatch(name) and ".partial" not in name
        }


@cache
def _surface() -> Any:
    from algokit.reporting import gallery

    return gallery.load_surface()


@contextmanager
def small_thinking(stage: Stage) -> Iterator[None]:
    """Without what takes time and writes nothing; for the steps also without the submission that follows them."""
    from algokit.reporting import folder, gallery, run_scores
    from algokit.reporting.figures import painting
    from algokit.scoring import Intervals

    surface = _surface()
    with (
        patch.object(gallery, "load_surface", lambda: surface),
        patch.object(Intervals.__init__, "__defaults__", (0, 0, 0, 0)),
        patch.object(painting, "_png", lambda sheet, palette: _PNG),
    ):
        if stage != "steps":
            yield
            return
        unscored = dict.fromkeys(("test", "val"))
        with (
            patch.object(folder, "write_submission", lambda *args, **kwargs: None),
            patch.object(run_scores, "scores_of", lambda *args, **kwargs: unscored),
        ):
            yield


@dataclass(frozen=True)
class Rehearsal:
    """What every stage begins with, and what it ends with.

    Attributes
    ----------
    before : a folder per stage, to be copied.
    whole : digest of every file that is there after a stage (`Place.files`).
    passing : the same of features made for a reduction alone. The run that made them removes them when it ends; one
        that finds them there leaves them, so after a kill they may be there or not.
    """

    data: Path
    before: dict[Stage, Path]
    whole: dict[Stage, dict[str, str]]
    passing: dict[str, str]

    def differing(self, place: Place, stage: Stage) -> list[str]:
        """The files that are not as an undisturbed stage leaves them."""
        found, whole = place.files(), self.whole[stage]
        expected = {name: digest for name, digest in self.passing.items() if name in found} | whole
        return sorted(name for name in found.keys() | expected.keys() if found.get(name) != expected.get(name))


def rehearsed(root: Path) -> Rehearsal:
    """Run all stages once, which also loads every library."""
    os.environ.setdefault("JE_ARROW_MALLOC_CONF", "background_thread:false")  # else Arrow starts a thread
    one_thread()
    data, before, whole = root / "data", {}, {}
    write_demo(data, settings=SIZES)
    (root / "rehearsal.yaml").write_text(RECIPE, encoding="utf-8")
    (root / "study.yaml").write_text(STUDY, encoding="utf-8")
    place = Place(root / "now", data)
    place.root.mkdir()
    assert undisturbed(place, "steps", "--set", "members.0.reduction.keep_features=true") == 0
    kept = place.files()
    shutil.rmtree(place.root)
    place.root.mkdir()
    for stage in STAGES:
        before[stage] = Path(shutil.copytree(place.root, root / f"before-{stage}"))
        assert undisturbed(place, stage) == 0, place.said.read_text(encoding="utf-8")
        whole[stage] = place.files()
    shutil.rmtree(place.root)
    one_thread()
    gone = kept.keys() - whole[STAGES[-1]].keys()
    passing = {name: kept[name] for name in gone if name.startswith("store/features/")}
    return Rehearsal(data, before, whole, passing)


def undisturbed(place: Place, stage: Stage, *more: str) -> int:
    """A stage to its end."""
    with small_thinking(stage):
        return typed((*place.command(stage), *more), place.said)
