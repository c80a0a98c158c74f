"""``algokit score`` end to end: tables, files, JSON, and two submissions laid side by side."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import nibabel
import numpy as np
import pytest
from typer.testing import CliRunner, Result

from algokit.challenge import open_challenge
from algokit.challenge.submission import write_predictions
from algokit.cli import app
from algokit.errors import DataError, UsageError
from algokit.scoring import read_vertices
from algokit.types import HEMISPHERES, Predictions
from algokit.verbs.judging import compare

CENTRED = ", centred on the score, those of means no narrower than the jackknife's"


@pytest.fixture(scope="module")
def submissions(small_demo: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The measured responses with little noise (good), with more (poor), and of one subject alone (half)."""
    root, challenge = tmp_path_factory.mktemp("submissions"), open_challenge(small_demo)
    found = {}
    for name, noise in (("good", 0.5), ("poor", 4.0)):
        rng = np.random.default_rng(7)
        predictions = []
        for subject in challenge.subjects:
            for hemisphere in HEMISPHERES:
                measured = challenge.responses(subject, hemisphere, "test")
                values = measured.values + noise * rng.standard_normal(measured.values.shape)
                place = (subject, hemisphere)
                predictions.append(Predictions(values.astype(np.float32), measured.image_ids, *place, "test"))
        write_predictions(root / name, predictions)
        found[name] = root / name
    shutil.copytree(found["good"], root / "broken")
    (root / "broken" / challenge.subjects[0] / "lh_pred_test.npy").unlink()
    return {**found, "broken": root / "broken"}


def run(*arguments: str | Path, data: Path) -> Result:
    runner = CliRunner(env={"COLUMNS": "80", "NO_COLOR": "1"})
    return runner.invoke(app, ["score", *map(str, arguments), "--data", str(data), "--quiet"])


def test_a_plain_score_has_no_intervals_and_says_what_it_rests_on(
    submissions: dict[str, Path], small_demo: Path
) -> None:
    done = run(submissions["good"], data=small_demo)
    assert done.exit_code == 0
    words = " ".join(done.stdout.split())
    assert "zero-ceiling" in words and "at the cap" in words and "constant" in words and "not finite" in words
    assert "official rule: every vertex counts (metric version 1)" in words
    assert "ceilings: " in words
    assert "[" not in done.stdout


def test_intervals_stand_beside_the_score_in_80_columns(submissions: dict[str, Path], small_demo: Path) -> None:
    done = run(submissions["poor"], "--intervals", "--resamples", "20", "--shuffles", "9", data=small_demo)
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert any("[" in line and line.startswith("all") for line in lines)
    words = " ".join(done.stdout.split())
    assert f"20 bootstrap resamples (medians: 20){CENTRED}; chance: 9 shuffles; seed 0" in words
    assert "chance, all vertices:" in words


def test_json_holds_every_row_with_its_interval(submissions: dict[str, Path], small_demo: Path) -> None:
    arguments = (submissions["poor"], "--intervals", "--resamples", "20", "--shuffles", "9", "--json")
    first, again = (json.loads(run(*arguments, data=small_demo).stdout) for _ in range(2))
    assert first == again
    assert all(row["low"] <= row["value"] <= row["high"] for row in first["rows"])
    assert {row["metric"] for row in first["rows"]} == {
        f"{metric}_{statistic}"
        for metric in ("noise_normalized", "scientific_noise_normalized", "r2", "pearson_r")
        for statistic in ("mean", "median")
    }
    other = json.loads(run(*arguments, "--seed", "1", data=small_demo).stdout)
    assert other["rows"] != first["rows"]


def test_scientific_mode_is_named(submissions: dict[str, Path], small_demo: Path) -> None:
    words = " ".join(run(submissions["good"], "--mode", "scientific", data=small_demo).stdout.split())
    assert "scientific mean" in words
    assert "without the vertices whose ceiling is 0; not the challenge score" in words


def test_per_vertex_numbers_and_server_files_are_written(
    submissions: dict[str, Path], small_demo: Path, tmp_path: Path
) -> None:
    options = ("--per-vertex", tmp_path / "vertices", "--server-files", tmp_path / "server")
    done = run(submissions["good"], *options, data=small_demo)
    assert done.exit_code == 0, done.output
    read = read_vertices(tmp_path / "vertices", "test")
    challenge = open_challenge(small_demo)
    assert [(one.subject, one.hemisphere) for one in read] == [
        (subject, hemisphere) for subject in challenge.subjects for hemisphere in HEMISPHERES
    ]
    for one in read:
        assert one.fsaverage_index is not None
        np.testing.assert_array_equal(one.fsaverage_index, challenge.fsaverage_index(one.subject, one.hemisphere))
    assert len(list((tmp_path / "server").glob("*.txt"))) == 4


def test_a_folder_with_other_files_is_refused_before_anything_is_scored(
    submissions: dict[str, Path], small_demo: Path, tmp_path: Path
) -> None:
    (tmp_path / "scores.txt").write_text("kept by hand\n")
    with pytest.raises(UsageError, match="would replace others"):
        runner = CliRunner()
        arguments = ["score", str(submissions["good"]), "--data", str(small_demo), "--server-files", str(tmp_path)]
        runner.invoke(app, [*arguments, "--per-vertex", str(tmp_path / "vertices")], catch_exceptions=False)
    assert [path.name for path in tmp_path.iterdir()] == ["scores.txt"]


def nsd_like(data: Path, folder: Path, subjects: Mapping[str, str]) -> Path:
    """NSD's files in which a subject has the ncsnr behind the ceilings of another."""
    challenge = open_challenge(data)
    for subject, of in subjects.items():
        place = folder / "nsddata_betas/ppdata" / subject / "fsaverage/betas_fithrf_GLMdenoise_RR"
        place.mkdir(parents=True)
        for hemisphere in HEMISPHERES:
            ceilings = challenge.ceilings(of, hemisphere, "test")
            repeats = challenge.manifest.subjects[subject].repeats
            assert ceilings and repeats
            thrice, twice, once = repeats["test"]
            term = (thrice / 3 + twice / 2 + once) / (thrice + twice + once)
            index = challenge.fsaverage_index(subject, hemisphere)
            surface = np.zeros((163_842, 1, 1), np.float32)
            values = np.resize(ceilings.values, index.size)
            surface[index, 0, 0] = np.sqrt(term * values / (1 - values))
            nibabel.save(nibabel.MGHImage(surface, np.eye(4)), place / f"{hemisphere}.ncsnr.mgh")
    return folder


def test_nsd_files_that_are_named_have_to_be_those_behind_the_released_ceilings(
    submissions: dict[str, Path], small_demo: Path, tmp_path: Path
) -> None:
    right = nsd_like(small_demo, tmp_path / "right", {"subj01": "subj01", "subj06": "subj06"})
    swapped = nsd_like(small_demo, tmp_path / "swapped", {"subj01": "subj06", "subj06": "subj01"})
    plain = run(submissions["good"], "--json", data=small_demo)
    agreed = run(submissions["good"], "--json", "--nsd", right, data=small_demo)
    assert agreed.stdout == plain.stdout, agreed.exception
    for paths in ((submissions["good"],), (submissions["good"], submissions["poor"])):
        done = run(*paths, "--nsd", swapped, data=small_demo)
        assert isinstance(done.exception, DataError)
        found = {(one.code, one.severity, Path(one.where).parts[-4]) for one in done.exception.findings}
        assert found == {("ceiling-mismatch", "error", subject) for subject in ("subj01", "subj06")}
        assert len(done.exception.findings) == 4


def test_without_ceilings_it_is_said_that_nsd_has_them(
    submissions: dict[str, Path], small_demo: Path, tmp_path: Path
) -> None:
    for name, missing in (("bare", "*noise_ceiling*.npy"), ("withheld", "*_test_fmri.npy")):
        data = Path(shutil.copytree(small_demo, tmp_path / name))
        for file in data.rglob(missing):
            file.unlink()
        done = run(submissions["good"], data=data)
        assert isinstance(done.exception, DataError)
        advice = {one.code: one.advice for one in done.exception.findings}
        if name == "bare":
            assert "give NSD's ncsnr with --nsd" in advice["no-ceilings"]
        else:
            assert "--nsd" not in advice["no-responses"]


def test_files_are_not_written_of_several_submissions(
    submissions: dict[str, Path], small_demo: Path, tmp_path: Path
) -> None:
    both = (submissions["good"], submissions["poor"])
    done = run(*both, "--per-vertex", tmp_path / "vertices", data=small_demo)
    assert done.exit_code != 0
    assert not (tmp_path / "vertices").exists()


def test_two_submissions_are_ranked_and_compared(submissions: dict[str, Path], small_demo: Path) -> None:
    done = run(submissions["poor"], submissions["good"], "--resamples", "50", data=small_demo)
    assert done.exit_code == 0
    assert max(map(len, done.stdout.splitlines())) <= 80
    words = " ".join(done.stdout.split())
    assert "B better" in words and "A better" not in words
    assert f"50 bootstrap resamples (medians: 50){CENTRED}; seed 0; paired" in words
    assert "every row is judged alone" in words


def test_the_json_of_two_holds_their_comparison_unless_turned_off(
    submissions: dict[str, Path], small_demo: Path
) -> None:
    both = (submissions["good"], submissions["good"], "--resamples", "20", "--json")
    document = json.loads(run(*both, data=small_demo).stdout)
    assert len(document["submissions"]) == 2
    assert {row["verdict"] for row in document["comparison"]["rows"]} == {"not told apart"}
    assert {row["difference"] for row in document["comparison"]["rows"]} == {0}
    assert "comparison" not in json.loads(run(*both, "--no-intervals", data=small_demo).stdout)


def test_one_that_cannot_be_scored_is_named_and_the_other_shown(submissions: dict[str, Path], small_demo: Path) -> None:
    done = run(submissions["good"], submissions["broken"], data=small_demo)
    assert done.exit_code == 1
    assert "official rule" in done.stdout
    assert "broken cannot be scored" in " ".join(done.stderr.split())


def test_the_library_compares_as_the_command_does(submissions: dict[str, Path], small_demo: Path) -> None:
    from algokit.scoring import Intervals

    found = compare(submissions["poor"], submissions["good"], data=small_demo, intervals=Intervals(n_resamples=50))
    whole = found.rows[0]
    assert (whole.metric, whole.verdict) == ("noise_normalized_mean", "B better")
    assert whole.difference == whole.value_b - whole.value_a
