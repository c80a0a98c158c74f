"""``algokit study run``: points are what independent fits give, shared, resumed, and written down in full."""

from __future__ import annotations

import csv
import errno
import json
import os
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from small_study import small_study

from algokit import verbs
from algokit.atomic import writer
from algokit.challenge import Challenge, open_challenge
from algokit.cli import main
from algokit.errors import DataError, DiskError, RecipeError, UsageError
from algokit.pipeline import run as pipeline_run
from algokit.pipeline import shards
from algokit.pipeline.inputs import held_out_rows
from algokit.recipe.study_plan import draw_seed
from algokit.reporting.study_run_page import refuse_foreign_study
from algokit.solvers import shared_space
from algokit.solvers.learning_curve import nested_subsets
from algokit.store import Store
from algokit.studies.tidy import COLUMNS
from algokit.types import Progress

Rows = list[dict[str, str]]


@pytest.fixture(scope="module")
def made(small_demo: Path, tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    folder = tmp_path_factory.mktemp("study")
    recipe = small_study(folder)
    report = verbs.study_run(recipe, data=small_demo, out=folder / "out", store=folder / "store")
    return SimpleNamespace(recipe=recipe, data=small_demo, folder=folder, report=report, store=folder / "store")


def table(path: Path) -> Rows:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def value(rows: Rows, **wanted: Any) -> float:
    (row,) = [row for row in rows if all(row[name] == str(one) for name, one in wanted.items())]
    return float(row["value"])


def test_a_point_is_a_ridge_of_scikit_learn_on_the_images_of_its_draw(small_demo: Path, tmp_path: Path) -> None:
    one_space = ("layers: [conv, tokens]", "layers: [conv]"), ("grid: [1, 2]", "grid: 2")
    recipe = small_study(tmp_path, *one_space, ("alphas: [1.0, 100.0]", "alphas: [5.0]"), (", standardize: true", ""))
    report = verbs.study_run(recipe, data=small_demo, out=tmp_path / "out", store=tmp_path / "store")
    store, rows = Store(tmp_path / "store"), table(tmp_path / "out" / "results.csv")
    challenge = open_challenge(small_demo)
    for subject in ("subj01", "subj06"):
        (step,) = [one for one in report.plan.features if one.subject == subject]
        features = store.open("features", str(step.key))
        x, new = (np.asarray(store.array(features, name), np.float64) for name in ("train", "test"))
        for draw, size in ((0, 12), (1, 20), (1, 40)):
            seed = draw_seed(3, draw, subject)
            (chosen,) = nested_subsets(len(x), (size,), seed)
            for hemisphere in ("lh", "rh"):
                y = challenge.responses(subject, hemisphere, "train").values
                truth = challenge.responses(subject, hemisphere, "test").values
                guess = Ridge(5.0).fit(x[chosen], y[chosen]).predict(new)
                r = np.array([np.corrcoef(a, b)[0, 1] for a, b in zip(guess.T, truth.T, strict=True)])
                r2 = np.maximum(r, 0) ** 2
                ceiling = np.where((c := challenge.ceilings(subject, hemisphere, "test").values) == 0, 1e-14, c)
                place = {"draw": draw, "n_images": size, "subject": subject, "hemisphere": hemisphere, "roi": "all"}
                assert value(rows, metric="r2", **place) == pytest.approx(r2.mean(), abs=1e-6)
                expected = np.minimum(r2 / ceiling, 1).mean()
                assert value(rows, metric="noise_normalized", **place) == pytest.approx(expected, abs=1e-5)


def test_with_all_images_the_score_is_that_of_a_run(made: SimpleNamespace, tmp_path: Path) -> None:
    """Another way around the same question: the ordinary search, ensemble and scores."""
    text = made.recipe.read_text().splitlines()
    kept = [line for line in text if not line.startswith(("study:", "images:", "scores:"))]
    recipe = tmp_path / "run.yaml"
    recipe.write_text("\n".join(kept) + "\n")
    scores = verbs.run(recipe, data=made.data, out=tmp_path / "run", store=tmp_path / "store").scores["test"]
    ours = [row for row in made.report.rows if (row.n_images, row.draw, row.metric) == (40, 0, "noise_normalized")]
    assert scores is not None
    for roi in {row.roi for row in ours}:
        mine = [row for row in ours if row.roi == roi]
        pooled = sum(row.value * row.n_vertices for row in mine) / sum(row.n_vertices for row in mine)
        (theirs,) = [
            row
            for row in scores.rows
            if (row.subject, row.hemisphere, row.roi_class, row.roi, row.metric)
            == ("all", "all", mine[0].roi_class, roi, "noise_normalized_mean")
        ]
        assert 100 * pooled == pytest.approx(theirs.value, abs=0.02)
        assert sum(row.n_vertices for row in mine) == theirs.n_vertices


def test_every_row_says_metric_version_vertices_ceiling_and_scored_images(made: SimpleNamespace) -> None:
    rows = table(made.folder / "out" / "results.csv")
    assert tuple(rows[0]) == COLUMNS
    assert len(rows) == len(made.report.rows)
    for row in rows:
        assert int(row["n_vertices"]) > 0 and int(row["version"]) >= 1 and int(row["n_scored"]) == 12
        assert 0 <= float(row["ceiling"]) <= 1
        assert float(row["value"]) <= 1
    assert {row["metric"] for row in rows} == {"noise_normalized", "scientific_noise_normalized", "r2", "pearson_r"}


class StoppedError(Exception):
    """What a kill looks like from inside."""


def test_a_study_that_was_stopped_resumes_with_the_same_bytes(made: SimpleNamespace, tmp_path: Path) -> None:
    curves: list[str] = []

    def stop(progress: Progress) -> None:
        if "curve/" in progress.note and progress.note.split("; ")[0].startswith("6 of"):
            curves.append(progress.note)
            raise StoppedError

    with pytest.raises(StoppedError):
        verbs.study_run(made.recipe, data=made.data, out=tmp_path / "out", store=tmp_path / "s", progress=stop)
    assert not (tmp_path / "out").exists()
    again = verbs.study_run(made.recipe, data=made.data, out=tmp_path / "out", store=tmp_path / "s")
    assert 0 < again.n_made < again.plan.n_points == 12
    for path in made.report.files:
        name = path.relative_to(made.folder / "out")
        assert (tmp_path / "out" / name).read_bytes() == path.read_bytes(), name
    once_more = verbs.study_run(made.recipe, data=made.data, out=tmp_path / "out", store=tmp_path / "s")
    assert once_more.n_made == 0


def test_the_next_run_removes_what_a_killed_study_left_in_the_store(
    made: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = tmp_path / "store"
    run = {"data": made.data, "out": tmp_path / "out", "store": store, "options": verbs.RunOptions(shard_images=16)}
    run["overrides"] = ("subjects=[subj01]",)

    def stop(_: Store) -> None:
        if list(store.glob("shards/*/*/rows.npy")):
            raise StoppedError

    with monkeypatch.context() as patched, pytest.raises(StoppedError):
        patched.setattr(shards, "remove_finished", stop)
        verbs.study_run(made.recipe, **run)
    assert list(store.glob("features/*/*/train.npy")), "nothing of these is left to do"
    verbs.study_run(made.recipe, **run)
    assert not list(store.glob("shards/*/*"))
    left = store / f".discarded.{writer()}-{2**22 + 1}.ab12cd34.partial"  # of a process that is no more
    left.touch()
    assert verbs.study_run(made.recipe, **run).n_made == 0
    assert not left.exists(), "though there was nothing else to do"


def test_another_draw_and_another_question_make_no_features_and_redo_no_draw(
    made: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise AssertionError("features are made again")

    monkeypatch.setattr(pipeline_run, "extract_features", refuse)
    run = {"data": made.data, "store": made.store}
    more = small_study(tmp_path, ("draws: 2", "draws: 3"))
    assert verbs.study_run(more, out=tmp_path / "a", **run).n_made == 6  # sizes of one more draw, two subjects
    depth = small_study(tmp_path, ("study: data_size", "study: depth"))
    report = verbs.study_run(depth, out=tmp_path / "b", **run)
    assert [one.depth for one in report.plan.series] == pytest.approx([1 / 3, 2 / 3])
    grid = small_study(tmp_path, ("study: data_size", "study: grid"))
    assert [one.grid for one in verbs.study_run(grid, out=tmp_path / "c", **run).plan.series] == [1, 2]


def test_a_feature_space_is_read_once_for_all_sizes_and_draws(
    made: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    original = shared_space.SharedSpace.__init__

    def counting(self: Any, space: Any, *args: Any, **options: Any) -> None:
        read.append(space.name)
        original(self, space, *args, **options)

    monkeypatch.setattr(shared_space.SharedSpace, "__init__", counting)
    recipe = small_study(tmp_path, ("seed: 3", "seed: 4"))
    verbs.study_run(recipe, data=made.data, out=tmp_path / "out", store=made.store)
    assert sorted(read) == sorted(2 * ["conv@mean1", "conv@mean2", "tokens@mean1", "tokens@mean2"])  # two subjects


def test_held_out_images_are_scored_and_fitted_on_nowhere(made: SimpleNamespace, tmp_path: Path) -> None:
    recipe = small_study(tmp_path, ("sizes: [12, 20, 40]", "sizes: [12, 30]"), ("scores:", "val: {n: 10}\nscores:"))
    report = verbs.study_run(recipe, data=made.data, out=tmp_path / "out", store=made.store)
    assert {row.split for row in report.rows} == {"val"}
    assert {row.n_scored for row in report.rows} == {10}
    challenge = open_challenge(made.data)
    for subject in challenge.subjects:
        rows = held_out_rows(40, 10, 0, subject)
        (curve,) = [one for one in report.plan.curves if one.subject == subject]
        for seed in curve.seeds:
            chosen = rows.fit[nested_subsets(30, (30,), seed)[0]]
            assert len(set(chosen)) == 30 and not set(chosen) & set(rows.val)


def test_an_image_of_both_splits_is_refused(
    made: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = Challenge.responses

    def mixed(self: Any, subject: str, hemisphere: Any, split: Any) -> Any:
        found = original(self, subject, hemisphere, split)
        if split == "test":
            ids = found.image_ids.copy()
            ids[0] = original(self, subject, hemisphere, "train").image_ids[0]
            return type(found)(found.values, ids, subject, hemisphere, split)
        return found

    monkeypatch.setattr(Challenge, "responses", mixed)
    recipe = small_study(tmp_path, ("seed: 3", "seed: 5"))
    with pytest.raises(DataError, match="cannot be scored"):
        verbs.study_run(recipe, data=made.data, out=tmp_path / "out", store=made.store)


def command(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *words: object
) -> tuple[int, str, str]:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(sys, "argv", ["algokit", "study", *map(str, words)])
    with pytest.raises(SystemExit) as way_out:
        main()
    captured = capsys.readouterr()
    return int(way_out.value.code or 0), captured.out, captured.err


def test_the_command_line_plans_runs_and_takes_a_recipe_in_the_place_of_run(
    made: SimpleNamespace, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    where = ("--data", made.data, "--store", made.store)
    code, out, _ = command(capsys, monkeypatch, "plan", made.recipe, *where)
    assert code == 0 and "12 points in all" in out
    code, out, _ = command(capsys, monkeypatch, "run", made.recipe, *where, "--out", tmp_path / "a", "--json")
    assert code == 0 and json.loads(out)["n_made"] == 0
    code, out, _ = command(capsys, monkeypatch, made.recipe, *where, "--out", tmp_path / "b")
    assert code == 0 and "0 points made, 12 kept" in out
    names = {path.name for path in (tmp_path / "b").iterdir()}
    assert {"results.csv", "report.html", "plan.json", "study.json", "figures"} <= names
    for path in (tmp_path / "a").rglob("*.*"):
        assert (tmp_path / "b" / path.relative_to(tmp_path / "a")).read_bytes() == path.read_bytes()


def test_a_folder_with_something_else_in_it_is_left_alone_and_nothing_is_read(
    made: SimpleNamespace, tmp_path: Path
) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(UsageError, match="folder of their own"):
        verbs.study_run(made.recipe, data=made.data, out=tmp_path, store=tmp_path / "store")
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


@pytest.mark.parametrize("strange", [".gitignore", "figures/my drawing.svg", "figures/old/law-log-all.svg", "subj01"])
def test_a_study_with_anything_beside_it_is_not_replaced(made: SimpleNamespace, tmp_path: Path, strange: str) -> None:
    out = Path(shutil.copytree(made.folder / "out", tmp_path / "out"))
    refuse_foreign_study(out)
    (out / strange).parent.mkdir(exist_ok=True)
    (out / strange).touch()
    with pytest.raises(UsageError) as caught:
        refuse_foreign_study(out)
    assert caught.value.findings[0].found == strange


def test_files_that_are_only_called_like_ours_are_not_replaced(tmp_path: Path) -> None:
    for name in ("results.csv", "report.html"):
        (tmp_path / name).touch()
    with pytest.raises(UsageError):
        refuse_foreign_study(tmp_path)


def contents(folder: Path) -> dict[str, bytes]:
    """Name -> bytes of every file below a folder."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_study_is_replaced_as_a_whole_or_not_at_all_and_one_that_is_the_same_is_left(
    made: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = {"data": made.data, "store": made.store}
    out = Path(shutil.copytree(made.folder / "out", tmp_path / "out"))
    before, number = contents(out), out.stat().st_ino
    verbs.study_run(made.recipe, out=out, **run)
    assert out.stat().st_ino == number
    depth = small_study(tmp_path, ("study: data_size", "study: depth"))
    real = Path.write_bytes

    def full(path: Path, content: bytes) -> int:
        if path.name == "results.parquet":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        return real(path, content)

    with monkeypatch.context() as patched, pytest.raises(DiskError):
        patched.setattr(Path, "write_bytes", full)
        verbs.study_run(depth, out=out, **run)
    assert contents(out) == before
    verbs.study_run(depth, out=out, **run)
    verbs.study_run(depth, out=tmp_path / "fresh", **run)
    assert contents(out) == contents(tmp_path / "fresh")
    assert before.keys() - contents(out).keys(), "a picture of the older study that this one has not"
    assert {path.name for path in tmp_path.iterdir()} == {"out", "fresh", depth.name}


def test_every_problem_is_told_with_its_line(made: SimpleNamespace, tmp_path: Path) -> None:
    recipe = small_study(
        tmp_path,
        ("sizes: [12, 20, 40]", "sizes: [4, 50]"),
        ("roi_class: streams", "roi_class: stream"),
        ("kind: ridge, alphas: [1.0, 100.0]", "kind: ridge, selection: loo, alphas: [1.0]"),
        (", folds: {n: 3, seed: 1}", ""),
        ("scores:", "law: {form: log, resample: models}\nscores:"),
    )
    with pytest.raises(RecipeError) as caught:
        verbs.study_run(recipe, data=made.data, out=tmp_path / "out", store=made.store)
    found = [(finding.where.rpartition("small.yaml:")[2], finding.path) for finding in caught.value.findings]
    assert found == [
        ("5:10", "images.sizes"),
        ("5:10", "images.sizes"),
        ("5:10", "images.sizes"),
        ("6:18", "law.resample"),
        ("7:10", "scores.roi_class"),
        ("12:28", "members[0].readout.selection"),
    ]
