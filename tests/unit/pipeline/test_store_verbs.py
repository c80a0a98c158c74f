"""The store seen, checked and cleared: nothing that is needed or in use goes, and no flipped bit is used."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from command_line import called
from tiny_runs import Runner
from tiny_runs import made as reasons

from algokit import verbs
from algokit.atomic import move_aside, sweep_partial
from algokit.challenge.synthetic import DemoSettings, write_demo
from algokit.console.quantities import age
from algokit.errors import RecipeError, UsageError, WeightsError
from algokit.pipeline.run import StepOutcome
from algokit.recipe.plan import Plan
from algokit.store import META, Store, StoreInUseError, check_artefacts, digest_of, entries, in_use
from algokit.types import Progress

RECIPE = """\
algokit: 1
name: it
members:
  - backbone: {kind: tiny}
    layers: [conv, vector]
    poolings: [{kind: flatten}]
    readout: {kind: ridge, alphas: [1, 100], folds: {n: 3}}
"""
SMALLER = ("members.0.layers=[conv]",)


class Made:
    """A challenge, a recipe, and a store with the artefacts of two runs: of both layers, and of one alone.

    ``out`` is as much of a submission of the second as ``gc`` reads.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.recipe = folder, folder / "tiny.yaml"
        self.data, self.store, self.out = (folder / name for name in ("data", "store", "out"))

    def run(self, *overrides: str) -> tuple[Plan, list[StepOutcome]]:
        runner = Runner(self.data, self.folder)
        self.recipe.write_text(RECIPE, encoding="utf-8")
        return runner.run(*overrides)

    def files(self) -> dict[str, bytes]:
        """What is stored, by its place; without what is remembered beside."""
        found = (path for kind in ("features", "fit", "ensemble", "images") for path in (self.store / kind).rglob("*"))
        return {path.relative_to(self.store).as_posix(): path.read_bytes() for path in found if path.is_file()}

    def path(self, step: str) -> Path:
        (entry,) = [one for one in entries(self.store) if one.id == step]
        return entry.path


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Made:
    made = Made(tmp_path_factory.mktemp("finished"))
    write_demo(made.data, settings=DemoSettings(n_train=24, n_test=8, image_px=32, vertex_fraction=0.001))
    made.run()
    plan, _ = made.run(*SMALLER)
    made.out.mkdir()
    (made.out / "plan.json").write_text(plan.model_dump_json(), encoding="utf-8")
    return made


@pytest.fixture
def made(finished: Made, tmp_path: Path) -> Made:
    """The same, to be changed."""
    for name in ("store", "out"):
        shutil.copytree(finished.folder / name, tmp_path / name)
    for name in ("data", "tiny.yaml"):
        (tmp_path / name).symlink_to(finished.folder / name)
    return Made(tmp_path)


def flip(file: Path, at: int = -1) -> None:
    content = bytearray(file.read_bytes())
    content[at] ^= 1
    file.write_bytes(content)


def test_a_flipped_bit_is_named_with_file_artefact_and_step_and_the_next_run_ends_with_the_same_bytes(
    made: Made, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = made.files()
    place = made.path("features/tiny/subj01/vector@flat")
    (fit,) = {one.path for one in entries(made.store) if one.id == "fit/tiny/subj01" and len(one.meta["spaces"]) == 2}
    flip(place / "train.npy", at=200)
    flip(fit / "lh_alpha.npy")
    assert called("store", "verify", "--store", made.store, "--json", "--quiet") == 1
    found = json.loads(capsys.readouterr().out)["findings"]
    named = {(one["path"], one["where"].split("/")[1], one["what"]) for one in found}
    assert named == {
        (step, path.name[:12], f"the bytes of {file} changed since it was written")
        for step, path, file in (
            ("features/tiny/subj01/vector@flat", place, "train.npy"),
            ("fit/tiny/subj01", fit, "lh_alpha.npy"),
        )
    }
    assert not place.exists() and not fit.exists()
    assert len(list((made.store / "corrupt").iterdir())) == 2
    _, outcomes = made.run()
    assert set(reasons(outcomes)) == {one["path"] for one in found}
    assert made.files() == whole
    assert called("store", "verify", "--store", made.store) == 0


@pytest.mark.parametrize("word", ["float32", "tiny", "sha256"])
def test_a_flipped_bit_in_the_record_of_an_artefact_is_found_too(made: Made, word: str) -> None:
    place = made.path("features/tiny/subj06/conv@flat") / META
    content = bytearray(place.read_bytes())
    content[content.index(word.encode()) + len(word) - 1] ^= 1
    place.write_bytes(content)
    checked = verbs.verify_store(made.store)
    assert [finding.code for finding in checked.findings] == ["corrupt-artefact"]
    assert META in checked.findings[0].what


def test_a_sound_store_is_read_whole_and_left_as_it_is(made: Made) -> None:
    before = made.files()
    steps: list[Progress] = []
    checked = verbs.verify_store(made.store, progress=steps.append)
    assert (checked.findings, checked.n_bytes) == ((), sum(map(len, before.values())))
    assert (checked.n_artefacts, steps[-1].done) == (sum(name.endswith(META) for name in before),) * 2
    assert made.files() == before
    assert verbs.verify_store(made.store, steps="fit").n_artefacts == 4


def test_what_goes_away_while_it_is_checked_is_no_damage(made: Made) -> None:
    listed = list(entries(made.store))
    shutil.rmtree(listed[0].path)
    assert check_artefacts(made.store, listed).findings == ()


def test_listing_tells_step_size_age_and_what_is_not_whole(made: Made) -> None:
    before = time.time()
    flip(made.path("features/tiny/subj01/conv@flat") / "train.npy")  # the same size: only verify sees it
    place = made.path("features/tiny/subj06/conv@flat")
    (place / "test.npy").unlink()
    found = {entry.path: entry for entry in verbs.store_contents(made.store)}
    assert [entry.problem for entry in found.values() if entry.problem] == ["test.npy is missing"]
    assert found[place].n_bytes == sum(file.stat().st_size for file in place.iterdir())
    assert all(entry.made_s <= before for entry in found.values())
    assert (found[place].id, found[place].member, found[place].subject) == (
        "features/tiny/subj06/conv@flat",
        "tiny",
        "subj06",
    )
    assert {entry.kind for entry in verbs.store_contents(made.store, steps="*/subj01")} == {"fit", "ensemble"}


def test_usage_sums_to_every_byte_that_is_there(made: Made) -> None:
    (made.store / "others").mkdir()
    (made.store / "others" / "part").write_bytes(b"x" * 1000)
    (made.path("features/tiny/subj01/conv@flat") / META).unlink()  # it counts as never written
    usage = verbs.store_usage(made.store)
    everything = sum(path.stat().st_size for path in made.store.rglob("*") if path.is_file())
    assert sum(entry.n_bytes for entry in usage.artefacts) + sum(usage.others.values()) == everything
    assert sum(n for n, _ in usage.by("kind").values()) == len(usage.artefacts)
    of_subjects = [entry for entry in usage.artefacts if entry.kind != "images"]
    assert sum(n for n, _ in usage.by("subject").values()) == len(of_subjects)
    strange = [what for what in usage.others if what.startswith("not the store's own: ")]
    assert [what.split(": ")[1].split("/")[0] for what in strange] == ["features", "others"]
    assert usage.others[strange[1]] == 1000
    assert usage.by("member").keys() == {"tiny"}


def rubbish(made: Made) -> list[Path]:
    """What a killed run, a failed check and somebody else left."""
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    key = digest_of("killed")
    with Store(made.store).write("features", key, {}) as aside:
        name = aside.name.replace(f"-{os.getpid()}.", f"-{dead.pid}.")
    shutil.rmtree(made.store / "features" / key[:2] / key)
    half = made.store / "features" / key[:2] / name
    half.mkdir()
    grave = made.store / "corrupt" / "features-1-x"
    grave.mkdir(parents=True)
    return [half, grave]


def test_what_no_submission_is_made_of_goes_and_a_run_of_what_was_kept_finds_everything(made: Made) -> None:
    gone = rubbish(made)
    strange = made.store / "others" / "ab" / digest_of("shard")
    strange.mkdir(parents=True)
    (strange / "part.npy").write_bytes(b"1")
    before = made.files()
    dry = verbs.collect_store(made.store, keep=[made.out])
    assert made.files() == before and all(path.exists() for path in gone)
    assert {entry.id for entry in dry.unreferenced} == {
        *(f"features/tiny/{subject}/vector@flat" for subject in ("subj01", "subj06")),
        *(f"fit/tiny/{subject}" for subject in ("subj01", "subj06")),
        *(f"ensemble/{subject}" for subject in ("subj01", "subj06")),
    }
    assert [path.name for path in dry.strangers] == ["others"]
    verbs.collect_store(made.store, keep=[made.out / "plan.json"], remove=True)
    kept = {path.relative_to(made.store).as_posix() for entry in dry.kept for path in entry.path.iterdir()}
    assert made.files() == {name: before[name] for name in kept}
    assert not any(path.exists() for path in gone) and (strange / "part.npy").exists()
    assert not list(made.store.rglob("*.partial"))
    _, outcomes = made.run(*SMALLER)
    assert reasons(outcomes) == {}


def test_a_recipe_is_kept_by_the_data_it_is_planned_on(made: Made) -> None:
    garbage = verbs.collect_store(made.store, keep=[made.recipe], data=made.data)
    assert (
        len([one for one in garbage.kept if one.kind != "images"]) == 8
    )  # four spaces, two fits, two ensembles: of both layers
    both = verbs.collect_store(made.store, keep=[made.recipe, made.out], data=made.data)
    assert both.unreferenced == ()


def test_a_job_that_was_left_is_no_stranger_and_goes(made: Made) -> None:
    job = made.store / "jobs" / f"{16 * 'a'}.json"
    job.parent.mkdir()
    job.write_text("{}")
    found = verbs.collect_store(store=made.store, older_than_days=1000, remove=True)
    assert (found.jobs, found.strangers, found.unreferenced) == ((job,), (), ())
    assert not job.exists()


def test_age_spares_the_young_and_keeping_spares_the_old(made: Made) -> None:
    old = [entry for entry in entries(made.store) if entry.id == "fit/tiny/subj01"]
    for entry in old:
        os.utime(entry.path / META, (0, time.time() - 3 * 86400))
    (one, other) = verbs.collect_store(made.store, older_than_days=2).unreferenced
    assert {one.key, other.key} == {entry.key for entry in old}
    assert verbs.collect_store(made.store, older_than_days=4).unreferenced == ()
    (one,) = verbs.collect_store(made.store, older_than_days=2, keep=[made.out]).unreferenced
    assert len(one.meta["spaces"]) == 2


def test_nothing_is_removed_where_it_is_not_known_what_to_keep(made: Made, tmp_path: Path) -> None:
    before = made.files()
    (tmp_path / "plan.json").write_text("{}", encoding="utf-8")
    needs = tmp_path / "needs.yaml"
    needs.write_text(
        RECIPE.replace("{kind: tiny}", "{kind: timm, name: resnet18}").replace("[conv, vector]", "[layer1]")
    )
    for options, error in (
        ({}, UsageError),
        ({"keep": [made.recipe]}, UsageError),
        ({"keep": [tmp_path / "plan.json"]}, RecipeError),
        ({"keep": [tmp_path / "no.json"]}, RecipeError),
        ({"keep": [needs], "data": made.data}, WeightsError),
    ):
        with pytest.raises(error):
            verbs.collect_store(made.store, remove=True, **options)  # type: ignore[arg-type]
    with pytest.raises(UsageError):
        verbs.collect_store(tmp_path / "nowhere", older_than_days=0)
    assert made.files() == before


def test_nothing_is_removed_from_a_store_that_a_run_uses(made: Made) -> None:
    refused: list[str] = []

    def collect(_: Progress) -> None:
        with pytest.raises(StoreInUseError) as caught:
            verbs.collect_store(made.store, older_than_days=0, remove=True)
        refused.append(caught.value.findings[0].code)

    shutil.rmtree(made.store / "fit")
    verbs.run(
        made.recipe,
        data=made.data,
        store=made.store,
        out=made.folder / "submission",
        progress=lambda message: collect(message) if message.step.startswith("fit/") else None,
    )
    assert set(refused) == {"store-in-use"}
    assert verbs.collect_store(made.store, older_than_days=0).unreferenced


def test_the_lock_of_a_killed_run_is_gone_with_it(made: Made) -> None:
    code = (
        "import time; from pathlib import Path; from algokit.store import in_use\n"
        f"with in_use(Path({str(made.store)!r})): print('using', flush=True); time.sleep(60)\n"
    )
    user = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert user.stdout is not None and user.stdout.readline() == "using\n"
    assert called("store", "gc", "--store", made.store, "--older-than", "0", "--yes") == 3
    with in_use(made.store):
        pass
    user.kill()
    user.wait()
    user.stdout.close()
    assert called("store", "gc", "--store", made.store, "--older-than", "0", "--yes") == 0
    assert {name.partition("/")[0] for name in made.files()} == {"images"}  # small, and any run may need them


def test_a_collection_that_is_killed_half_way_is_finished_by_the_next_sweep(tmp_path: Path) -> None:
    code = (
        "from pathlib import Path; from algokit.atomic import move_aside\n"
        f"here = Path({str(tmp_path)!r}); print(move_aside([here / 'a', here / 'gone', here / 'b'], here).name)\n"
    )
    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {path.name for path in tmp_path.iterdir()} == {"c", ended.stdout.strip()}
    assert sweep_partial(tmp_path) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["c"]
    mine = move_aside([tmp_path / "c"], tmp_path)
    assert sweep_partial(tmp_path) == 0, "of a living process"
    assert [path.name for path in mine.iterdir()] == ["0"]


@pytest.mark.parametrize(("elapsed_s", "words"), [(0, "<1 min"), (60, "1 min"), (7199, "1 h"), (86400 * 400, "400 d")])
def test_ages_are_told_in_the_largest_whole_unit(elapsed_s: float, words: str) -> None:
    assert age(1000.0, 1000.0 + elapsed_s) == words


def test_every_view_fits_into_80_columns_and_says_what_is_wrong(
    made: Made, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    (made.path("features/tiny/subj06/conv@flat") / "test.npy").unlink()
    place = ("--store", made.store)
    assert called("store", "ls", *place) == called("store", "du", *place) == 0
    assert called("store", "gc", *place, "--keep", made.out, "--quiet") == 0
    assert called("explain", "ensemble", made.recipe, "--data", made.data, *place, "--quiet") == 0
    shown = capsys.readouterr().out
    assert all(len(line) <= 80 for line in shown.splitlines())
    for words in ("test.npy is missing", "1 not whole", "features/tiny/subj06/conv@flat", "free on the disk"):
        assert words in shown
    assert "images: digests of one set" in shown
    assert "unknown step" not in shown
    assert "nothing is removed without --yes" in shown
    assert "2 steps: 2 in the store, 0 made by the next run" in shown
