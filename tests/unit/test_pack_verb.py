"""``algokit pack``: what rounding changed, what the card and the provenance say, and what the zip never holds."""

from __future__ import annotations

import hashlib
import json
import zipfile
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import pearsonr
from typer.testing import CliRunner

from algokit import verbs
from algokit.challenge import open_challenge
from algokit.challenge.mantissa import DEFAULT_BITS, round_mantissa
from algokit.challenge.submission import write_predictions
from algokit.cli import app
from algokit.errors import SubmissionError, UsageError
from algokit.metrics import CATALOGUE as METRICS
from algokit.reporting.json_files import json_text
from algokit.types import HEMISPHERES, Predictions
from algokit.verbs.trimming import LIMIT_POINTS, TrimEffect, trim_findings
from algokit.verbs.zipping import SizeForecast

Arrays = dict[tuple[str, str], NDArray[Any]]


@dataclass(frozen=True)
class Case:
    """A submission with a card, its truth, and where the data lie."""

    folder: Path
    data: Path
    card: dict[str, Any]
    truth: Arrays
    ceilings: Arrays
    masks: dict[tuple[str, str], dict[str, NDArray[Any]]]


@pytest.fixture
def case(small_demo: Path, tmp_path: Path) -> Case:
    challenge = open_challenge(small_demo)
    folder, rng = tmp_path / "sub", np.random.default_rng(3)
    truth, ceilings, masks = {}, {}, {}
    for subject in challenge.subjects:
        for side in HEMISPHERES:
            responses, known = challenge.responses(subject, side, "test"), challenge.ceilings(subject, side, "test")
            assert known
            noise = rng.standard_normal(responses.values.shape)
            values = (0.2 * (np.asarray(responses.values) + noise)).astype(np.float32)
            write_predictions(folder, [Predictions(values, responses.image_ids, subject, side, "test")])
            truth[subject, side], ceilings[subject, side] = np.asarray(responses.values, np.float64), known.values
            masks[subject, side] = {
                f"{mask.roi_class} {name}": mask.labels == label
                for mask in challenge.roi_masks(subject, side)
                for label, name in mask.names.items()
            }
    sizes = {one: challenge.geometry(one) for one in challenge.subjects}
    geometry = {
        name: {"n_train": one.n_train, "n_test": one.n_test, "n_vertices": dict(one.n_vertices)}
        for name, one in sizes.items()
    }
    card = {"schema": "algokit-card/1", "geometry": geometry, "timings": {"total_s": 0.1}, "recipe": {"name": "é"}}
    (folder / "card.json").write_text(json_text(card), encoding="utf-8")
    return Case(folder, small_demo, card, truth, ceilings, masks)


def arrays_of(zip_path: Path) -> Arrays:
    found = {}
    with zipfile.ZipFile(zip_path) as archive:
        for name in archive.namelist():
            subject, file = name.split("/")
            found[subject, file[:2]] = np.load(BytesIO(archive.read(name))).astype(np.float64)
    return found


def means(case: Case, predicted: Arrays) -> dict[str, float]:
    """The official mean of every subject, hemisphere and ROI and of everything, vertex by vertex."""
    found, pool = {}, []
    for (subject, side), truth in case.truth.items():
        percent = []
        for vertex, ceiling in enumerate(case.ceilings[subject, side]):
            r = pearsonr(truth[:, vertex], predicted[subject, side][:, vertex]).statistic
            percent.append(min(100 * max(r, 0) ** 2 / (ceiling or 1e-14), 100))
        pool += percent
        found[f"{subject} {side} all all"] = float(np.mean(percent))
        for roi, inside in case.masks[subject, side].items():
            if inside.any():
                found[f"{subject} {side} {roi}"] = float(np.mean(np.array(percent)[inside]))
    return {**found, "all all all all": float(np.mean(pool))}


def test_the_change_of_every_roi_is_that_of_an_independent_scoring(case: Case, tmp_path: Path) -> None:
    plain = verbs.pack(case.folder, out=tmp_path / "plain.zip")
    report = verbs.pack(case.folder, out=tmp_path / "small.zip", data=case.data, trim_bits=12)
    before, after = means(case, arrays_of(plain.path)), means(case, arrays_of(report.path))
    assert report.trim
    official = report.trim.document()["changes_points"]
    for place, value in before.items():
        assert official[place] == pytest.approx(abs(after[place] - value), rel=5e-3, abs=1e-9), place
    worst = max(abs(after[one] - before[one]) for one in after)
    assert report.trim.points == max(report.trim.changes.values()) >= worst * (1 - 1e-9)  # differences of rounded sums
    points, at = report.trim.largest["noise_normalized_mean"]
    assert points == pytest.approx(report.trim.changes[at])
    assert "noise_normalized_median" in report.trim.largest
    assert report.n_bytes < plain.n_bytes


def test_more_bits_than_the_limit_allows_are_a_warning_when_asked_for_and_fewer_by_default(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = verbs.pack(case.folder, out=tmp_path / "a.zip", data=case.data, trim_bits=16)
    (finding,) = report.findings
    assert (finding.code, finding.severity) == ("trim-change", "warning")
    monkeypatch.setattr("algokit.challenge.mantissa.DEFAULT_BITS", 16)
    better = verbs.pack(case.folder, out=tmp_path / "b.zip", data=case.data, trim_mantissa=True)
    assert better.trim
    assert better.trim.points < LIMIT_POINTS
    assert better.trim.n_bits == better.trim.document()["bits"] < 16
    assert [(one.code, one.severity) for one in better.findings] == [("trim-fewer", "note")]


def test_a_default_that_cannot_hold_leaves_no_zip_and_no_word_in_the_card(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("algokit.verbs.trimming.LIMIT_POINTS", 1e-14)
    before = (case.folder / "card.json").read_text()
    with pytest.raises(SubmissionError) as caught:
        verbs.pack(case.folder, out=tmp_path / "b.zip", data=case.data, trim_mantissa=True)
    (error,) = caught.value.findings
    assert (error.code, error.severity) == ("trim-change", "error")
    assert not (tmp_path / "b.zip").exists()
    assert (case.folder / "card.json").read_text() == before


def test_an_effect_no_rounding_can_avoid_is_told_without_impossible_advice() -> None:
    effect = TrimEffect(8, changes={"subj01 lh all all": 50.0})
    (finding,) = trim_findings(effect, "sub", default_bits=8)
    assert (finding.severity, finding.found) == ("error", "50 points at subj01 lh all all")
    assert "--trim-bits" not in finding.advice
    assert list(trim_findings(TrimEffect(8, changes={"subj01 lh all all": 0.99e-4}), "sub", default_bits=8)) == []


def test_without_test_responses_each_vertex_is_compared_with_what_it_was(case: Case, tmp_path: Path) -> None:
    plain = arrays_of(verbs.pack(case.folder, out=tmp_path / "plain.zip").path)
    report = verbs.pack(case.folder, out=tmp_path / "small.zip", trim_bits=14)
    rounded = arrays_of(report.path)
    worst = min(
        (pearsonr(values[:, vertex], rounded[place][:, vertex]).statistic, f"{place[0]} {place[1]} vertex {vertex}")
        for place, values in plain.items()
        for vertex in range(values.shape[1])
    )
    assert report.trim
    assert report.trim.worst_pearson_r == pytest.approx(worst[0], abs=1e-12)
    assert report.trim.worst_vertex == worst[1]
    assert [(one.code, one.severity) for one in report.findings] == [("trim-not-measured", "warning")]
    usual = verbs.pack(case.folder, out=tmp_path / "usual.zip", trim_mantissa=True)
    assert [(one.code, one.severity) for one in usual.findings] == [("trim-not-measured", "note")]


def test_the_card_says_what_was_packed_and_nothing_else_in_it_changes(case: Case, tmp_path: Path) -> None:
    card = case.folder / "card.json"
    before = card.read_text(encoding="utf-8")
    first = verbs.pack(case.folder, out=tmp_path / "first.zip", data=case.data, trim_bits=6)
    assert first.card == card
    packed = json.loads(card.read_text(encoding="utf-8"))["packed"]
    assert packed["zip"] == "first.zip"
    assert packed["sha256"] == hashlib.sha256(first.path.read_bytes()).hexdigest()
    assert packed["n_bytes"] == first.path.stat().st_size
    assert packed["n_bytes"] == pytest.approx(packed["forecast_bytes"], rel=0.03)
    assert (packed["trim"]["bits"], packed["trim"]["kept_bits"]) == (6, 17)
    assert packed["trim"]["changes_points"]
    verbs.pack(case.folder, out=tmp_path / "second.zip")
    again = json.loads(card.read_text(encoding="utf-8"))
    assert (again["packed"]["zip"], again["packed"]["trim"]) == ("second.zip", None)
    again.pop("packed")
    assert json_text(again) == before


def test_a_card_that_cannot_be_written_costs_a_warning_and_no_zip(case: Case, tmp_path: Path) -> None:
    (case.folder / "card.json").write_text("[]")
    report = verbs.pack(case.folder, out=tmp_path / "a.zip", data=case.data)
    assert (report.card, [one.code for one in report.findings]) == (None, ["card-not-updated"])
    assert report.path.is_file()
    assert (case.folder / "card.json").read_text() == "[]"
    repacked = verbs.pack(report.path, out=tmp_path / "b.zip", data=case.data)
    assert (repacked.card, repacked.findings) == (None, ())
    assert repacked.sha256 == report.sha256


def test_provenance_lies_beside_the_zip_and_never_in_it(case: Case, tmp_path: Path) -> None:
    plain = verbs.pack(case.folder, out=tmp_path / "plain" / "a.zip")
    report = verbs.pack(case.folder, out=tmp_path / "told" / "a.zip", provenance=True)
    assert report.sha256 == plain.sha256
    assert sorted(path.name for path in (tmp_path / "told").iterdir()) == ["a.zip", "a.zip.provenance.json"]
    with zipfile.ZipFile(report.path) as archive:
        assert all(name.endswith("_pred_test.npy") for name in archive.namelist())
    assert report.provenance
    told = json.loads(report.provenance.read_text(encoding="utf-8"))
    assert told["card"] == case.card
    assert told["packed"]["sha256"] == report.sha256
    assert told["findings"] == []
    assert told["versions"]["numpy"] == np.__version__
    from_zip = verbs.pack(report.path, out=tmp_path / "c.zip", data=case.data, provenance=True)
    assert from_zip.provenance
    assert json.loads(from_zip.provenance.read_text())["card"] is None


def test_what_the_zip_mends_is_told(case: Case, tmp_path: Path) -> None:
    wide, big, both = (f"subj01/{name}_pred_test.npy" for name in ("lh", "rh", "rh"))
    np.save(case.folder / wide, np.load(case.folder / wide).astype(np.float64))
    np.save(case.folder / big, np.load(case.folder / both).astype(">f4"))
    (checked,) = verbs.validate([case.folder], data=case.data)
    report = verbs.pack(case.folder, out=tmp_path / "a.zip", data=case.data)
    assert [(one.code, one.path, one.severity) for one in report.findings] == [
        ("float64", wide, "warning"),
        ("big-endian", big, "warning"),
    ]
    assert [(one.code, one.path) for one in checked.findings] == [(one.code, one.path) for one in report.findings]
    assert {one.advice for one in report.findings} == {"the zip holds it as float32, in C order"}
    again = verbs.pack(report.path, out=tmp_path / "b.zip", data=case.data)
    assert again.findings == ()


@pytest.mark.parametrize("trim_bits", [0, 21, -3])
def test_a_number_of_bits_out_of_range_is_refused(case: Case, tmp_path: Path, trim_bits: int) -> None:
    with pytest.raises(UsageError, match="1 to 20"):
        verbs.pack(case.folder, out=tmp_path / "a.zip", trim_bits=trim_bits)
    assert not (tmp_path / "a.zip").exists()


def test_the_command_tells_the_forecast_first_and_then_what_came_out(case: Case, tmp_path: Path) -> None:
    out = tmp_path / "a.zip"
    result = CliRunner().invoke(app, ["pack", str(case.folder), "--out", str(out), "--trim-bits", "5", "--provenance"])
    assert result.exit_code == 0, result.output
    assert result.stderr.startswith("forecast: ")
    assert "5 mantissa bits rounded away" in result.stderr
    said = " ".join(result.stdout.split())
    assert "zip written: " in said
    assert "forecast +" in said or "forecast -" in said
    quiet = CliRunner().invoke(app, ["pack", str(case.folder), "--out", str(out), "--quiet", "--json"])
    assert quiet.stderr == ""
    document = json.loads(quiet.stdout)
    assert document["bytes"] == out.stat().st_size
    assert (document["trim"], document["card"]) == (None, str(case.folder / "card.json"))


def test_a_zip_the_challenge_would_not_have_taken_is_told_with_the_way_out(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from algokit.console.pack_view import show_forecast

    monkeypatch.setattr("algokit.challenge.zip_source.UPLOAD_LIMIT_BYTES", 1000)
    told: list[SizeForecast] = []
    report = verbs.pack(case.folder, out=tmp_path / "a.zip", announce=told.append)
    (finding,) = report.findings
    assert (finding.code, finding.advice) == ("over-upload-limit", "give --trim-mantissa")
    assert told[0].n_bytes > told[0].limit_bytes == 1000
    show_forecast(told[0])
    assert "--trim-mantissa" in capsys.readouterr().err


def test_the_default_keeps_small_rois_of_real_ceilings_within_the_limit(reference: Path) -> None:
    """Real ceilings and correlations of the subject with the lowest ones, in groups as large as the smallest ROIs."""
    known = np.load(reference / "nsd" / "ceilings.npz")
    rng, n_images = np.random.default_rng(0), 395
    for side in HEMISPHERES:
        ceilings = known[f"subj08_{side}_noise_ceiling"].astype(np.float64)
        r = np.sqrt(known[f"subj08_{side}_baseline_r2"].astype(np.float64))
        truth = rng.standard_normal((n_images, len(r)), dtype=np.float32)
        noise = rng.standard_normal(truth.shape, dtype=np.float32)
        predicted = (0.3 * (r * truth + np.sqrt(1 - r**2) * noise) + 0.05).astype(np.float32)
        scores = [
            METRICS.load("noise_normalized").compute(truth, values, ceilings)
            for values in (predicted, round_mantissa(predicted, DEFAULT_BITS))
        ]
        groups = np.array_split(rng.permutation(len(r)), len(r) // 60)
        change = max(abs(100 * float((scores[1] - scores[0])[group].mean())) for group in groups)
        assert 1e-6 < change < LIMIT_POINTS
