"""Pictures of laws say in words what our own tables hold, and call the columns of other tables by their names."""

from __future__ import annotations

import csv
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_up_row import ROW
from small_study import small_study

from algokit import verbs
from algokit.reporting.figures.svg import WIDTH, text_width
from algokit.studies.tidy import rows_csv

NOISE_NORMALIZED = ("metric=noise_normalized",)


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Rows as a study writes them, two metrics for 60 made-up points of a joint law."""
    rng = np.random.default_rng(3)
    rows = []
    for index in range(60):
        n, d = int(1e5 * np.exp(rng.uniform(0, 8))), int(100 * np.exp(rng.uniform(0, 5)))
        y = (0.4 + 0.3 * (n / 1e5) ** -0.5 + 0.25 * (d / 100) ** -0.4) * np.exp(rng.normal(0, 0.003))
        point = replace(ROW, point=f"p{index:02}", n_parameters=n, n_images=d, flops=2.0 * n * d)
        rows += [replace(point, metric="noise_normalized", value=1 - y), replace(point, metric="r2", value=(1 - y) / 2)]
    path = tmp_path_factory.mktemp("ours") / "results.csv"
    path.write_text(rows_csv(rows), encoding="utf-8")
    return path


def drawn(table: Path, out: Path, **options: Any) -> dict[str, list[str]]:
    """Name of every picture of a fit -> its texts."""
    asked = {"x": ("n_images",), "law": "log", "where": NOISE_NORMALIZED, "n_resamples": 0, "anyway": True, **options}
    verbs.study_fit(table, verbs.StudyOptions(y="value", **asked), out=out)
    return pictures(out / "figures")


def pictures(folder: Path) -> dict[str, list[str]]:
    return {path.stem: list(ET.parse(path).getroot().itertext()) for path in folder.glob("*.svg")}


JOINT = {"x": ("n_parameters", "n_images"), "law": "joint", "scales": (1e5, 100.0), "compute": "flops"}


def test_a_law_of_our_table_is_drawn_in_words_with_units(ours: Path, tmp_path: Path) -> None:
    (words,) = drawn(ours, tmp_path).values()
    assert "noise-normalized r² against images" in words
    assert {"training images, logarithmic", "noise-normalized r² (fraction)"} <= set(words)
    assert "r² (fraction)" in drawn(ours, tmp_path / "raw", where=("metric=r2",))["law-log-all"]


def test_a_joint_law_and_its_frontier_too_and_no_axis_runs_out_of_the_picture(ours: Path, tmp_path: Path) -> None:
    found = drawn(ours, tmp_path, **JOINT)
    assert {"predicted by the law of parameters and images", "measured noise-normalized r² (fraction)"} <= set(
        found["law-joint-all"]
    )
    assert {"FLOP of the passes over the images, logarithmic", "noise-normalized r² (fraction)"} <= set(
        found["frontier-all"]
    )
    assert (
        max(text_width(one, 11) for words in found.values() for one in words if "law of" in one or "logarithmic" in one)
        < WIDTH
    )


def test_a_score_of_several_metrics_has_the_name_of_its_column(ours: Path, tmp_path: Path) -> None:
    (words,) = drawn(ours, tmp_path, where=()).values()
    assert {"value against images", "value (fraction)", "training images, logarithmic"} <= set(words)


def test_columns_of_another_table_keep_their_names_whatever_ours_call_so(ours: Path, tmp_path: Path) -> None:
    """Its flops may be those of training, its values another score."""
    with ours.open(encoding="utf-8", newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["metric"] == "noise_normalized"]
    theirs = tmp_path / "theirs.csv"
    with theirs.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, ("n_parameters", "n_images", "flops", "metric", "value"), extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    found = drawn(theirs, tmp_path / "log") | drawn(theirs, tmp_path / "joint", **JOINT)
    assert {"value against n_images", "value (fraction)", "n_images, logarithmic"} <= set(found["law-log-all"])
    assert "predicted by the law of n_parameters and n_images" in found["law-joint-all"]
    assert {"flops, logarithmic", "value (fraction)"} <= set(found["frontier-all"])


def test_a_long_name_is_shortened_to_what_the_axis_has_room_for(ours: Path, tmp_path: Path) -> None:
    long = "images_of_the_training_set_that_were_seen_by_the_network_at_least_once"
    theirs = tmp_path / "theirs.csv"
    theirs.write_text(ours.read_text(encoding="utf-8").replace("n_images", long, 1), encoding="utf-8")
    (words,) = drawn(theirs, tmp_path / "out", x=(long,)).values()
    (axis,) = [one for one in words if one.endswith(", logarithmic")]
    assert axis.startswith("images_of_the") and "…" in axis
    assert text_width(axis, 11) <= WIDTH


def test_the_law_of_a_study_is_in_the_words_of_its_other_pictures(small_demo: Path, tmp_path: Path) -> None:
    law = "law: {form: log, n_resamples: 0}\nscores:"
    recipe = small_study(tmp_path, ("scores:", law), ("sizes: [12, 20, 40]", "sizes: [12, 16, 20, 40]"))
    report = verbs.study_run(recipe, data=small_demo, out=tmp_path / "out", store=tmp_path / "store")
    found = pictures(report.folder / "figures")
    laws = [words for name, words in found.items() if name.startswith("law-")]
    assert laws
    for words in (*laws, found["rois-noise-normalized"]):
        assert {"training images, logarithmic", "noise-normalized r² (fraction)"} <= set(words)
    assert "Predictors: training images." in (report.folder / "report.html").read_text(encoding="utf-8")
    assert not [one for words in found.values() for one in words if "n_images" in one or "noise_normalized" in one]
