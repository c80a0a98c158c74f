"""The old server's four files: its names, its lines, its order, and the quirks that old files have."""

from __future__ import annotations

import math
import os
import re
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import pearsonr

from algokit.errors import DiskError, UsageError
from algokit.scoring import ScoredHemisphere, score, score_document, scores_from_document
from algokit.scoring.server_files import Statistic, write_server_files
from algokit.types import HEMISPHERES, Ceilings, Hemisphere, Predictions, Responses, RoiMask, Scores, Split

NAMES = ["scores.txt", "scores_roi.txt", "scores_subj_hemishphere.txt", "scores_subj_hemishphere_roi.txt"]
ROIS = re.split(  # as in every file the server returned
    r"\s",
    "V1v V1d V2v V2d V3v V3d hV4 EBA FBA-1 FBA-2 mTL-bodies OFA FFA-1 FFA-2 mTL-faces aTL-faces OPA PPA RSC "
    "OWFA VWFA-1 VWFA-2 mfs-words mTL-words early midventral midlateral midparietal ventral lateral parietal",
)
SIDES = {"lh": "LH", "rh": "RH"}
WORDS = {4: "mfs-words", 5: "mTL-words"}
BODIES = {1: "EBA", 4: "mTL-bodies"}


def item(subject: str, hemisphere: Hemisphere, split: Split = "test", ceilings: bool = True) -> ScoredHemisphere:
    """Bodies are given before words as in the manifest; only subj06 lh has mTL-words, only rights have mTL-bodies."""
    rng = np.random.default_rng([ord(subject[-1]), hemisphere == "rh"])
    n_images, n_vertices = 9, 20 + int(subject[-1])
    truth, noise = rng.standard_normal((2, n_images, n_vertices)).astype(np.float32)
    words = np.where(np.arange(n_vertices) < 7, 4, 0)
    words[10:14] = 5 if (subject, hemisphere) == ("subj06", "lh") else 0
    bodies = np.where(np.arange(n_vertices) % 2, 1, 0)
    bodies[-4:] = 4 if hemisphere == "rh" else 0
    place, ids = (subject, hemisphere, split), np.arange(n_images)
    values = np.where(np.arange(n_vertices) < 2, 0, rng.uniform(0.1, 0.9, n_vertices))
    return ScoredHemisphere(
        Predictions(truth + noise, ids, *place),
        Responses(truth, ids, *place),
        Ceilings(values, *place, "made up") if ceilings else None,
        [RoiMask("floc-bodies", hemisphere, bodies, BODIES), RoiMask("floc-words", hemisphere, words, WORDS)],
    )


PLACES: list[tuple[str, Hemisphere]] = [(subject, side) for subject in ("subj06", "subj01") for side in HEMISPHERES]
ITEMS = {place: item(*place) for place in PLACES}


@pytest.fixture(scope="module")
def scores() -> Scores:
    return score(ITEMS.values())


def percent(place: tuple[str, Hemisphere], roi: str = "") -> list[float]:
    """The rule, vertex by vertex, in another library."""
    parts, found = ITEMS[place], []
    assert parts.ceilings
    truth, predicted = (one.values.astype(np.float64) for one in (parts.responses, parts.predictions))
    for vertex in range(truth.shape[1]):
        named = {mask.names.get(int(mask.labels[vertex])) for mask in parts.roi_masks}
        if not roi or roi in named:
            r = pearsonr(truth[:, vertex], predicted[:, vertex]).statistic
            found.append(min(100 * max(r, 0) ** 2 / (parts.ceilings.values[vertex] or 1e-14), 100))
    return found


def lines(path: Path) -> dict[str, float]:
    """Label -> value of every line but a heading; a label stands once."""
    pairs = [line.rsplit(": ", 1) for line in path.read_text().splitlines() if "Score is" not in line]
    assert len({label for label, _ in pairs}) == len(pairs)
    return {label: float(value) for label, value in pairs}


def test_the_four_files_have_the_servers_names_headings_labels_and_order(scores: Scores, tmp_path: Path) -> None:
    paths = write_server_files(tmp_path / "new" / "server", scores)
    assert [path.name for path in paths] == NAMES
    assert sorted(path.name for path in (tmp_path / "new" / "server").iterdir()) == sorted(NAMES)
    texts = [path.read_text() for path in paths]
    assert all(text.endswith("\n") and not text.endswith("\n\n") for text in texts)
    assert [text.splitlines()[0] for text in texts[1:]] == [
        "ROI scores. Score is the mean noise-normalized encoding accuracy across all vertices of each ROI from all "
        "subjects and hemispheres appended together.",
        "Subject and hemishphere scores. Score is the mean noise-normalized encoding accuracy across all vertices of "
        "each subject and hemisphere.",
        "Subject, hemisphere, and ROI scores. Score is the mean noise-normalized encoding accuracy across all "
        "vertices of each subject, hemisphere, and ROI.",
    ]
    sides = [f"{subject} {side}" for subject in ("subj01", "subj06") for side in ("LH", "RH")]
    assert list(lines(paths[0])) == ["All_vertices"]
    assert list(lines(paths[1])) == ["All_vertices", *ROIS]
    assert list(lines(paths[2])) == sides
    assert list(lines(paths[3])) == [f"{side} {roi}" for side in sides for roi in ROIS]


@pytest.mark.parametrize("statistic", ["mean", "median"])
def test_every_number_is_that_of_the_rule_written_out_vertex_by_vertex(
    scores: Scores, tmp_path: Path, statistic: Statistic
) -> None:
    pool = {"mean": np.mean, "median": np.median}[statistic]
    total, _, by_side, by_roi = write_server_files(tmp_path, scores, statistic=statistic)
    everything = [value for place in PLACES for value in percent(place)]
    assert lines(total)["All_vertices"] == pytest.approx(float(pool(everything)), rel=1e-12)
    for (subject, hemisphere), label in ((place, f"{place[0]} {SIDES[place[1]]}") for place in PLACES):
        whole = float(pool(percent((subject, hemisphere))))
        assert lines(by_side)[label] == pytest.approx(whole, rel=1e-12)
        for roi in ROIS:
            values = percent((subject, hemisphere), roi)
            wanted = float(pool(values)) if values else math.nan
            assert lines(by_roi)[f"{label} {roi}"] == pytest.approx(wanted, rel=1e-12, nan_ok=True)
    assert f"the {statistic} noise-normalized" in by_side.read_text()


def test_roi_lines_pool_left_hemispheres_only_and_the_total_pools_both(scores: Scores, tmp_path: Path) -> None:
    total, pooled, _, by_roi = write_server_files(tmp_path, scores)
    left = [value for place in PLACES if place[1] == "lh" for value in percent(place, "EBA")]
    assert lines(pooled)["EBA"] == pytest.approx(np.mean(left), rel=1e-12)
    assert lines(pooled)["mTL-words"] == lines(by_roi)["subj06 LH mTL-words"]
    assert math.isnan(lines(pooled)["mTL-bodies"])
    assert not math.isnan(lines(by_roi)["subj01 RH mTL-bodies"])
    assert lines(pooled)["All_vertices"] == lines(total)["All_vertices"]


def test_an_empty_roi_is_written_nan(scores: Scores, tmp_path: Path) -> None:
    by_roi = write_server_files(tmp_path, scores)[3].read_text()
    assert "\nsubj01 LH mTL-faces: nan\n" in by_roi
    assert by_roi.count(": nan\n") == 4 * 31 - 4 * 2 - 1 - 2  # EBA and mfs-words everywhere, and three others


def test_values_keep_all_their_digits(scores: Scores, tmp_path: Path) -> None:
    total = write_server_files(tmp_path, scores)[0].read_text()
    assert total == f"All_vertices: {score_document(scores)['noise_normalized_mean']!r}\n"


def test_scores_read_back_from_their_document_give_the_same_files(scores: Scores, tmp_path: Path) -> None:
    first = write_server_files(tmp_path / "a", scores)
    again = write_server_files(tmp_path / "b", scores_from_document(score_document(scores)))
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in again]


def test_older_files_are_replaced_and_others_left_alone(scores: Scores, tmp_path: Path) -> None:
    (tmp_path / "scores.txt").write_text("All_vertices: 1\n")
    (tmp_path / "notes.txt").write_text("mine")
    write_server_files(tmp_path, scores)
    assert (tmp_path / "scores.txt").read_text() != "All_vertices: 1\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*NAMES, "notes.txt"])
    (tmp_path / "taken").write_text("")
    with pytest.raises(DiskError):
        write_server_files(tmp_path / "taken", scores)


@pytest.mark.parametrize("name", NAMES)
def test_a_file_of_that_name_that_is_not_the_servers_is_left_alone(name: str, scores: Scores, tmp_path: Path) -> None:
    (tmp_path / name).write_text("my own notes\nAll_vertices: 3\n")
    with pytest.raises(UsageError, match="would replace others") as caught:
        write_server_files(tmp_path, scores)
    (finding,) = caught.value.findings
    assert finding.where == str(tmp_path / name) and "my own notes" in finding.found
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == "my own notes\nAll_vertices: 3\n"


def test_every_name_that_is_taken_is_told_and_a_pipe_is_not_waited_for(scores: Scores, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / NAMES[0])
    (tmp_path / NAMES[1]).mkdir()
    (tmp_path / NAMES[2]).write_bytes(b"\xff" * 5000)
    (tmp_path / NAMES[3]).symlink_to(tmp_path / "nowhere")
    with pytest.raises(UsageError) as caught:
        write_server_files(tmp_path, scores)
    assert [Path(one.where).name for one in caught.value.findings] == NAMES


@pytest.mark.parametrize("first", ["mean", "median"])
def test_the_servers_own_files_of_either_year_are_replaced(first: Statistic, scores: Scores, tmp_path: Path) -> None:
    write_server_files(tmp_path, scores, statistic=first)
    for name in NAMES:
        (tmp_path / name).write_text((tmp_path / name).read_text().replace("\n", "\r\n"), newline="")
    again = write_server_files(tmp_path, scores)
    assert "the mean noise-normalized" in again[1].read_text()


def test_what_the_server_never_scored_is_refused(tmp_path: Path) -> None:
    for refused in (item("subj01", "lh", "val"), item("subj01", "lh", ceilings=False)):
        with pytest.raises(UsageError, match="the old server"):
            write_server_files(tmp_path / "none", score([refused]))
    assert not (tmp_path / "none").exists()
