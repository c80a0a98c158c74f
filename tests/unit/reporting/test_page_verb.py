"""``algokit report``: of a run's folder, of a stranger's folder or zip, and what it refuses."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from small_run import SmallRun

from algokit import verbs
from algokit.errors import SubmissionError, UsageError
from algokit.scoring import Intervals

FEW = Intervals(n_resamples=20, n_permutations=20, n_median_resamples=20)


def test_a_report_from_the_folder_is_the_page_that_the_run_wrote(ran: SmallRun, tmp_path: Path) -> None:
    out = ran.copied(tmp_path / "elsewhere")
    (out / "report.html").unlink()
    shutil.rmtree(out / "figures")
    assert verbs.report(out) == out / "report.html"
    assert (out / "report.html").read_bytes() == (ran.out / "report.html").read_bytes()
    names = {path.name: path.read_bytes() for path in (ran.out / "figures").iterdir()}
    assert {path.name: path.read_bytes() for path in (out / "figures").iterdir()} == names


def test_the_page_names_no_place_of_this_machine(ran: SmallRun) -> None:
    text = (ran.out / "report.html").read_text()
    assert str(ran.out.parent) not in text
    assert ".partial" not in text
    assert str(ran.data) not in text


def test_every_section_of_a_run_is_there(ran: SmallRun) -> None:
    text = (ran.out / "report.html").read_text()
    sections = re.findall('<section id="([a-z]+)"', text)
    wanted = "verdict findings regions brain choices ceilings tables making methods card reproduce environment"
    assert " ".join(sections) == wanted
    assert "algokit rerun card.json" in text


def test_markdown_is_written_where_asked(ran: SmallRun, tmp_path: Path) -> None:
    out = verbs.report(ran.out, markdown=True, out=tmp_path / "tables.md")
    assert out.read_bytes() == (ran.out / "report.md").read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == ["tables.md"]


def test_a_page_elsewhere_has_its_pictures_beside_it(ran: SmallRun, tmp_path: Path) -> None:
    page = verbs.report(ran.out, out=tmp_path / "mine.html")
    assert page.is_file()
    assert len(list((tmp_path / "mine-figures").glob("*.svg"))) == len(list((ran.out / "figures").iterdir()))
    assert 'href="mine-figures/subject-bars.svg"' in page.read_text()


@pytest.fixture
def stranger(ran: SmallRun, tmp_path: Path) -> Path:
    folder = tmp_path / "theirs"
    for subject in ("subj01", "subj06"):
        shutil.copytree(ran.out / subject, folder / subject)
    return folder


def test_a_strangers_folder_is_scored_and_its_page_lies_beside_it(ran: SmallRun, stranger: Path) -> None:
    before = sorted(stranger.rglob("*"))
    page = verbs.report(stranger, data=ran.data, intervals=FEW)
    assert page == stranger.parent / "theirs.report.html"
    assert sorted(stranger.rglob("*")) == before
    scored = verbs.score([stranger], data=ran.data)[0].scores
    assert scored is not None
    total = next(row for row in scored.rows if row.metric == "noise_normalized_mean")
    assert f"<strong>{total.value:.2f}</strong>" in page.read_text()
    assert "has no card" in page.read_text()


def test_a_zip_is_reported_on_as_its_folder_is(ran: SmallRun, stranger: Path) -> None:
    zipped = verbs.pack(stranger, data=ran.data).path
    page = verbs.report(zipped, data=ran.data, intervals=FEW)
    assert page == zipped.parent / "theirs.report.html"
    folder = verbs.report(stranger, data=ran.data, intervals=FEW, out=stranger.parent / "folder.html").read_text()
    headlines = [text.split("<strong>")[1].split("</strong>")[0] for text in (page.read_text(), folder)]
    assert headlines[0] == headlines[1]


def test_warnings_about_a_strangers_files_stand_in_the_findings(ran: SmallRun, stranger: Path) -> None:
    path = stranger / "subj01" / "lh_pred_test.npy"
    values = np.load(path)
    values[:, 3] = 1
    np.save(path, values)
    text = verbs.report(stranger, data=ran.data, intervals=FEW).read_text()
    assert "<dt>where</dt><dd>subj01/lh_pred_test.npy</dd>" in text
    assert "no findings" not in text


def test_without_data_a_strangers_submission_is_refused_with_the_way_out(stranger: Path) -> None:
    with pytest.raises(UsageError) as caught:
        verbs.report(stranger)
    assert "--data" in caught.value.findings[0].advice


def test_a_path_without_a_submission_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        verbs.report(tmp_path / "nothing")


def test_a_tree_of_several_submissions_is_refused(ran: SmallRun, stranger: Path) -> None:
    shutil.copytree(stranger, stranger.parent / "tree" / "one")
    shutil.copytree(stranger, stranger.parent / "tree" / "two")
    with pytest.raises(UsageError, match="one submission"):
        verbs.report(stranger.parent / "tree", data=ran.data)


def test_a_submission_that_cannot_be_scored_gives_findings_and_no_page(ran: SmallRun, stranger: Path) -> None:
    (stranger / "subj01" / "lh_pred_test.npy").unlink()
    with pytest.raises(SubmissionError):
        verbs.report(stranger, data=ran.data)
    assert not (stranger.parent / "theirs.report.html").exists()


def test_scoring_again_with_data_gives_the_scores_of_the_run(ran: SmallRun, tmp_path: Path) -> None:
    page = verbs.report(ran.out, data=ran.data, out=tmp_path / "again.html").read_text()
    assert page.split("<strong>")[1][:5] == (ran.out / "report.html").read_text().split("<strong>")[1][:5]
