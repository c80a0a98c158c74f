"""Where NSD's own files are looked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from algokit.challenge.nsd import find_nsd
from algokit.errors import UsageError


@pytest.fixture
def nsd(tmp_path: Path) -> Path:
    """A folder that holds both of NSD's trees."""
    for name in ("nsddata", "nsddata_betas"):
        (tmp_path / "downloads/bucket" / name).mkdir(parents=True)
    return tmp_path / "downloads/bucket"


@pytest.mark.parametrize("given", [".", "..", "nsddata", "nsddata_betas"])
def test_the_folder_given_may_be_the_one_above_or_below(nsd: Path, given: str) -> None:
    found = find_nsd((nsd / given).resolve(), nsd / "challenge")
    assert found and found.is_given and found.root.resolve() == nsd.resolve()


def test_one_of_the_trees_or_the_design_or_a_table_alone_will_do(tmp_path: Path) -> None:
    for name in ("a/nsddata/experiments", "b/nsddata_betas", "c", "d"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "c/nsd_expdesign.mat").touch()
    (tmp_path / "d/subj01_repeats.csv").touch()
    for name in "abcd":
        found = find_nsd(tmp_path / name, tmp_path)
        assert found and found.root == tmp_path / name
    found = find_nsd(tmp_path / "c", tmp_path)
    assert found and found.repeats_path("subj01") == tmp_path / "c/nsd_expdesign.mat"


def test_a_folder_without_nsd_is_refused(tmp_path: Path) -> None:
    for given in (tmp_path, tmp_path / "absent"):
        with pytest.raises(UsageError) as caught:
            find_nsd(given, tmp_path)
        assert [finding.code for finding in caught.value.findings] == ["no-nsd"]


def test_one_of_several_has_to_be_named(tmp_path: Path) -> None:
    for name in ("first", "second"):
        (tmp_path / name / "nsddata").mkdir(parents=True)
    with pytest.raises(UsageError, match="first, second"):
        find_nsd(tmp_path, tmp_path)


@pytest.mark.parametrize("place", ["nsd", "."])
def test_nsd_is_found_beside_the_challenge(tmp_path: Path, place: str) -> None:
    assert find_nsd(None, tmp_path) is None
    (tmp_path / place / "nsddata_betas").mkdir(parents=True)
    found = find_nsd(None, tmp_path)
    assert found and not found.is_given and found.root == tmp_path / place


def test_the_design_goes_before_a_table(nsd: Path) -> None:
    found = find_nsd(nsd, nsd)
    assert found and found.repeats_path("subj03") is None
    (nsd / "subj03_repeats.csv").touch()
    assert found.repeats_path("subj03") == nsd / "subj03_repeats.csv" and found.repeats_path("subj04") is None
    design = nsd / "nsddata/experiments/nsd/nsd_expdesign.mat"
    design.parent.mkdir(parents=True)
    design.touch()
    assert found.repeats_path("subj03") == found.repeats_path("subj04") == design
