"""Learning curves in the store: seen, checked, kept by the study they are of, and cleared when nothing is."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from command_line import called
from small_study import small_study

from algokit import verbs
from algokit.errors import RecipeError, UsageError, WeightsError
from algokit.store import Entry, entries

OTHER = (("grid: [1, 2]", "grid: [1, 3]"), ("name: small", "name: other"))
RUN_WORDS = ("study:", "images:", "scores:")


class Made:
    """A store with the artefacts of two studies, which share features, and the studies' folders of results."""

    def __init__(self, folder: Path, data: Path) -> None:
        self.folder, self.data, self.store = folder, data, folder / "store"
        self.out, self.other = folder / "out", folder / "other"
        self.recipe = folder / "small.yaml"

    def run(self, *changes: tuple[str, str], out: str = "out") -> verbs.StudyRunReport:
        place = self.folder / f"{out}-recipe"
        place.mkdir(exist_ok=True)
        recipe = small_study(place, *changes)
        return verbs.study_run(recipe, data=self.data, out=self.folder / out, store=self.store)

    def files(self) -> dict[str, bytes]:
        """Every artefact's files by their place."""
        found = (path for entry in entries(self.store) for path in entry.path.iterdir())
        return {path.relative_to(self.store).as_posix(): path.read_bytes() for path in found}


@pytest.fixture(scope="module")
def finished(small_demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Made:
    made = Made(tmp_path_factory.mktemp("studies"), small_demo)
    made.run()
    made.run(*OTHER, out="other")
    small_study(made.folder)
    return made


@pytest.fixture
def made(finished: Made, tmp_path: Path) -> Made:
    """The same, to be changed."""
    for name in ("store", "out", "other"):
        shutil.copytree(finished.folder / name, tmp_path / name)
    small_study(tmp_path)
    return Made(tmp_path, finished.data)


def run_recipe(folder: Path, *changes: tuple[str, str]) -> Path:
    """A recipe of a run with the study's member."""
    lines = small_study(folder, *changes).read_text(encoding="utf-8").splitlines(keepends=True)
    small_study(folder)
    path = folder / "run.yaml"
    path.write_text("".join(line for line in lines if not line.startswith(RUN_WORDS)), encoding="utf-8")
    return path


def of_kind(found: list[Entry] | tuple[Entry, ...], kind: str) -> set[str]:
    return {entry.id for entry in found if entry.kind == kind}


def test_what_no_kept_study_is_made_of_goes_and_the_kept_one_runs_again_from_what_stayed(made: Made) -> None:
    before, results = made.files(), (made.other / "results.csv").read_bytes()
    garbage = verbs.collect_store(made.store, keep=[made.out], remove=True)
    subjects = ("subj01", "subj06")
    assert of_kind(garbage.unreferenced, "curve") == {f"curve/tiny/{one}/draw-{n}" for one in subjects for n in (0, 1)}
    assert of_kind(garbage.unreferenced, "features") == {
        f"features/tiny/{one}/{layer}@mean3" for one in subjects for layer in ("conv", "tokens")
    }
    gone = {entry.key for entry in garbage.unreferenced}
    assert made.files() == {name: content for name, content in before.items() if name.split("/")[2] not in gone}
    assert made.run().n_made == 0
    assert made.run(*OTHER, out="other").n_made == 12
    assert (made.other / "results.csv").read_bytes() == results
    assert made.files() == before


def test_a_study_is_kept_by_its_folder_its_plan_and_its_recipe_alike(made: Made) -> None:
    wanted = verbs.collect_store(made.store, keep=[made.out])
    assert len(of_kind(wanted.kept, "curve")) == 4
    for keep in ([made.out / "plan.json"], [made.recipe]):
        assert verbs.collect_store(made.store, keep=keep, data=made.data) == wanted
    both = verbs.collect_store(made.store, keep=[made.recipe, made.other], data=made.data)
    assert both.unreferenced == ()


def test_a_study_of_depth_keeps_a_curve_per_layer_named_by_member_and_subject(made: Made) -> None:
    report = made.run(("study: data_size", "study: depth"), ("draws: 2", "draws: 1"), out="depth")
    kept = verbs.collect_store(made.store, keep=[report.folder]).kept
    curves = {entry.id: (entry.member, entry.subject) for entry in kept if entry.kind == "curve"}
    assert curves == {
        f"curve/tiny/{layer}/{subject}/draw-0": ("tiny", subject)
        for layer in ("conv", "tokens")
        for subject in ("subj01", "subj06")
    }


def test_a_run_keeps_no_curve_a_study_no_fit_and_features_that_a_run_reduced_stay_for_a_study_alone(made: Made) -> None:
    recipe = run_recipe(made.folder, ("    readout:", "    reduction: {kind: pca, n_components: 5}\n    readout:"))
    verbs.run(recipe, data=made.data, out=made.folder / "run", store=made.store)
    alone = verbs.collect_store(made.store, keep=[made.folder / "run"])
    assert {entry.kind for entry in alone.kept} == {"images", "reduction", "fit", "ensemble"}
    assert len([entry for entry in alone.unreferenced if entry.kind == "curve"]) == 8
    both = verbs.collect_store(made.store, keep=[made.folder / "run", made.recipe, made.other], data=made.data)
    assert both.unreferenced == ()
    studies = verbs.collect_store(made.store, keep=[made.out, made.other])
    assert {entry.kind for entry in studies.unreferenced} == {"reduction", "fit", "ensemble"}


def test_nothing_is_removed_where_the_keys_of_a_study_are_not_known(
    made: Made, capsys: pytest.CaptureFixture[str]
) -> None:
    before = made.files()
    assert called("study", "plan", made.recipe, "--json") == 0
    (made.folder / "without-data.json").write_text(capsys.readouterr().out, encoding="utf-8")
    (made.folder / "weights").mkdir()
    needs = small_study(
        made.folder / "weights", ("{kind: tiny}", "{kind: timm, name: resnet18}"), ("[conv, tokens]", "[layer1]")
    )
    (made.folder / "fit").mkdir()
    (made.folder / "fit" / "study.json").write_text("{}", encoding="utf-8")
    for keep, data, error, words in (
        (made.recipe, None, UsageError, "add --data DIR"),
        (made.folder / "without-data.json", None, WeightsError, "planned without data"),
        (needs, made.data, WeightsError, "weights of it are not on this machine"),
        (made.folder / "fit", None, RecipeError, "algokit study run writes"),
    ):
        with pytest.raises(error) as caught:
            verbs.collect_store(made.store, keep=[keep], data=data, remove=True)
        assert words in str(caught.value.findings)
    assert made.files() == before


def test_a_flipped_bit_in_a_curve_is_named_and_that_draw_alone_is_made_again(
    made: Made, capsys: pytest.CaptureFixture[str]
) -> None:
    before = made.files()
    (entry,) = [one for one in made_of(made) if one.id == "curve/tiny/subj06/draw-1"]
    file = entry.path / "lh_pearson_r.npy"
    file.write_bytes(file.read_bytes()[:-1] + b"\x55")
    assert called("store", "verify", "curve", "--store", made.store, "--json", "--quiet") == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["n_artefacts"], [one["path"] for one in found["findings"]]) == (8, [entry.id])
    assert made.run().n_made == 3  # its sizes
    assert made.files() == before


def made_of(made: Made) -> list[Entry]:
    """The artefacts of the first study."""
    keys = {key for curve in json.loads((made.out / "plan.json").read_text())["curves"] for key in curve["keys"]}
    return [entry for entry in entries(made.store) if entry.key in keys]


def test_the_command_line_lists_sums_keeps_and_removes_curves(
    made: Made, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    place = ("--store", made.store)
    assert called("store", "ls", "curve", *place) == called("store", "du", *place) == 0
    shown = capsys.readouterr().out
    assert "curve/tiny/subj06/draw-1" in shown and "8 artefacts" in shown
    assert called("store", "ls", "curve", *place, "--json") == called("store", "du", *place, "--json") == 0
    listed, usage = (json.loads(text) for text in split_documents(capsys.readouterr().out))
    assert {(one["member"], one["subject"]) for one in listed["artefacts"]} == {("tiny", "subj01"), ("tiny", "subj06")}
    assert usage["kind"]["curve"] == {
        "n_artefacts": 8,
        "n_bytes": sum(one["n_bytes"] for one in listed["artefacts"]),
    }
    words = ("store", "gc", *place, "--keep", made.recipe, "--data", made.data, "--quiet", "--json")
    assert called(*words) == called(*words, "--yes") == 0
    dry, wet = (json.loads(text) for text in split_documents(capsys.readouterr().out))
    assert dry["unreferenced"] == wet["unreferenced"]
    assert [dry["removed"], wet["removed"]] == [False, True]
    left = {entry.key for entry in entries(made.store) if entry.kind == "curve"}
    assert left == {entry.key for entry in made_of(made)}
    assert len(left) == 4


def split_documents(text: str) -> list[str]:
    """The JSON documents printed one after the other."""
    found, decoder = [], json.JSONDecoder()
    while text := text.strip():
        end = decoder.raw_decode(text)[1]
        found.append(text[:end])
        text = text[end:]
    return found
