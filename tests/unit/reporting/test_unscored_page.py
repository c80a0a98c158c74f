"""Choices are shown of members that had something to choose, in the recipe's order, with or without any score."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from algokit import verbs
from algokit.challenge import open_challenge
from algokit.errors import DataError, UsageError
from algokit.reporting.places import read_places
from algokit.reporting.reported import read_reported

RECIPE = """
algokit: 1
name: two
members:
  - name: zebra
    backbone: {kind: gabor}
    layers: all
    poolings: [{kind: adaptive_max, grid: [2]}]
    readout: {kind: ridge, alphas: [100.0]}
  - name: components
    backbone: {kind: gabor}
    layers: all
    poolings: [{kind: adaptive_max, grid: [1, 2]}]
    readout: {kind: pca_ols, n_components: 5}
  - name: alone
    backbone: {kind: gabor}
    layers: [texture]
    poolings: [{kind: adaptive_max, grid: [1]}]
    readout: {kind: ridge, alphas: [100.0]}
"""


@dataclass(frozen=True)
class Unscored:
    """A run of three members on data without test responses and without a val split."""

    data: Path
    out: Path

    def copied(self, place: Path) -> Path:
        return Path(shutil.copytree(self.out, place))


@pytest.fixture(scope="module")
def unscored(small_demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Unscored:
    root = tmp_path_factory.mktemp("unscored")
    data = root / "data"
    shutil.copytree(small_demo, data, ignore=shutil.ignore_patterns("test_fmri"))
    (root / "two.yaml").write_text(RECIPE)
    verbs.run(root / "two.yaml", data=data, out=root / "out", store=root / "store")
    return Unscored(data, root / "out")


def test_only_what_had_several_candidates_is_drawn(unscored: Unscored) -> None:
    names = {path.stem for path in (unscored.out / "figures").iterdir()}
    subjects = ("median", "subj01", "subj06")
    assert names == {"depth-zebra", *(f"layer-map-zebra-{one}" for one in subjects)}


def test_the_page_says_what_was_chosen_and_who_chose_nothing(unscored: Unscored) -> None:
    text = (unscored.out / "report.html").read_text()
    assert "The layer that cross-validation on training images chose for every vertex." in text
    assert "components and alone have nothing to choose." in text
    assert "penalty that cross-validation" not in text


def test_members_come_in_the_order_of_the_recipe(unscored: Unscored) -> None:
    members = read_reported(unscored.out).members
    assert [one.member for one in members] == ["zebra", "components", "alone"]
    assert [sorted(one.chosen) for one in members] == [["layer"], [], []]


def test_the_places_of_the_vertices_are_those_of_the_data(unscored: Unscored) -> None:
    challenge = open_challenge(unscored.data)
    places = read_places(unscored.out)
    assert [(one.subject, one.hemisphere) for one in places] == [
        (subject, hemisphere) for subject in ("subj01", "subj06") for hemisphere in ("lh", "rh")
    ]
    for one in places:
        np.testing.assert_array_equal(one.fsaverage_index, challenge.fsaverage_index(one.subject, one.hemisphere))
        for mask in challenge.roi_masks(one.subject, one.hemisphere):
            for label, name in mask.names.items():
                np.testing.assert_array_equal(one.rois[mask.roi_class, name], np.flatnonzero(mask.labels == label))


def test_damaged_places_are_refused(unscored: Unscored, tmp_path: Path) -> None:
    out = unscored.copied(tmp_path / "out")
    np.save(out / "vertices" / "places" / "subj01" / "lh_roi_labels.npy", np.zeros((1, 3)))
    with pytest.raises(UsageError, match="damaged"):
        read_reported(out)


def test_a_run_writes_over_what_it_wrote(unscored: Unscored, tmp_path: Path) -> None:
    out = unscored.copied(tmp_path / "out")
    (out / "scores.json").unlink()
    recipe = unscored.out.parent / "two.yaml"
    again = verbs.run(recipe, data=unscored.data, out=out, store=unscored.out.parent / "store")
    assert not again.reused
    assert verbs.run(recipe, data=unscored.data, out=out, store=unscored.out.parent / "store").reused


def test_a_recipe_without_val_has_no_val_in_its_documents(unscored: Unscored) -> None:
    assert json.loads((unscored.out / "scores.json").read_text()) == {"test": None}
    assert re.findall("## Split: (.*)", (unscored.out / "report.md").read_text()) == ["test"]


def test_no_command_is_printed_that_these_data_refuse(unscored: Unscored) -> None:
    commands = re.findall("<code>(algokit .*?)</code>", (unscored.out / "report.html").read_text())
    assert len(commands) >= 5
    assert not [one for one in commands if "score" in one]
    assert [one for one in commands if one == "algokit report ."]
    assert all("--out ../" in one for one in commands if one.startswith(("algokit run", "algokit rerun")))


def test_data_without_test_responses_leave_the_stored_scores_and_the_page_says_so(
    unscored: Unscored, tmp_path: Path
) -> None:
    out = unscored.copied(tmp_path / "out")
    text = verbs.report(out, data=unscored.data).read_text()
    assert "the test split was not scored again" in text
    assert "no test responses" in text


def test_a_strangers_submission_on_such_data_is_refused(unscored: Unscored, tmp_path: Path) -> None:
    for subject in ("subj01", "subj06"):
        shutil.copytree(unscored.out / subject, tmp_path / "theirs" / subject)
    with pytest.raises(DataError):
        verbs.report(tmp_path / "theirs", data=unscored.data)
