"""``algokit study fit``: what is printed and written is what was fitted, and exit codes say how it went."""

from __future__ import annotations

import csv
import json
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

from algokit.cli import main

TRUTH = {"S_max": 0.5, "A": 0.4, "alpha": 0.4}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """60 made-up models in two families with two regions each; misalignment .5 + .4 (images / 1000)^-.4."""
    rng = np.random.default_rng(0)
    lines = ["model,family,region,images,params,flops,score"]
    for index, images in enumerate(np.geomspace(1e3, 1e8, 60)):
        params = 1e5 * np.exp(rng.uniform(0, 8))
        y = (0.5 + 0.4 * (images / 1e3) ** -0.4) * np.exp(rng.normal(0, 0.01))
        for region, shift in (("V1", -0.02), ("IT", 0.02)):
            row = (f"m{index}", f"f{index % 2}", region, f"{images:.6g}", f"{params:.6g}", f"{6 * images * params:.6g}")
            lines.append(",".join([*row, f"{1 - y + shift:.9f}"]))
    path = tmp_path_factory.mktemp("study") / "scores.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *words: object) -> tuple[int, str, str]:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(sys, "argv", ["algokit", "study", "fit", *map(str, words)])
    with pytest.raises(SystemExit) as way_out:
        main()
    captured = capsys.readouterr()
    return int(way_out.value.code or 0), captured.out, captured.err


FIT = (
    "--x",
    "images",
    "--y",
    "score",
    "--scale",
    "1e3",
    "--point",
    "model",
    "--mean-over",
    "region",
    "--bootstrap",
    50,
)


def test_json_table_files_and_page_say_the_same(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    code, out, _ = run(capsys, monkeypatch, made, *FIT, "--at", "2e8", "--json", "--out", tmp_path)
    assert code == 0
    group = json.loads(out)["groups"][0]
    for name, truth in TRUTH.items():
        assert group["fit"]["constants"][name]["value"] == pytest.approx(truth, rel=0.1)
    assert group["predictions"][0]["score"] == pytest.approx(0.5 - 0.4 * 2e5**-0.4, abs=0.01)
    assert json.loads((tmp_path / "study.json").read_text(encoding="utf-8"))["groups"][0] == group
    with (tmp_path / "constants.csv").open(encoding="utf-8", newline="") as stream:
        rows = {row["constant"]: row for row in csv.DictReader(stream)}
    for name, one in group["fit"]["constants"].items():
        assert [float(rows[name][key]) for key in ("value", "low", "high")] == [
            one[key] for key in ("value", "low", "high")
        ]
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "http://" not in page.replace("http://www.w3.org/2000/svg", "")
    assert "<script" not in page
    assert f"{group['fit']['constants']['S_max']['value']:.5g}" in page
    picture = ET.parse(tmp_path / "figures" / "law-power-all.svg")
    words = "".join(picture.getroot().itertext())
    assert "images, logarithmic" in words
    assert "plateau 0." in words


def test_what_is_shown_fits_eighty_columns(
    made: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    code, out, _ = run(capsys, monkeypatch, made, *FIT, "--group-by", "family", "--compare", "--at", "2e8")
    assert code == 0
    assert "120 rows, 0 left out by filters, 0 for a missing value" in out
    for words in ("f0: power law, 30 points", "f1: power law, 30 points", "S_max", "shifted", "at 2e+08: 0."):
        assert words in out
    assert max(map(len, out.splitlines())) <= 80


def test_a_refused_fit_says_why_and_ends_with_1(
    made: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    code, out, _ = run(capsys, monkeypatch, made, *FIT, "--where", "images<3000", "--at", "2e8")
    assert code == 1
    assert "refused" in out
    assert "not given, no prediction from a fit that is refused" in " ".join(out.split())


def test_a_refused_fit_can_be_had_beside_the_reasons_and_still_ends_with_1(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = (*FIT, "--where", "images<3000", "--anyway")
    code, out, _ = run(capsys, monkeypatch, made, *words, "--out", tmp_path)
    assert code == 1
    assert "refused" in out
    assert "S_max" in out
    assert "This fit is refused" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_a_prediction_too_far_away_is_not_given_and_ends_with_1(
    made: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    code, out, _ = run(capsys, monkeypatch, made, *FIT, "--at", "1e12")
    assert code == 1
    assert "no prediction this far away" in " ".join(out.split())


def test_a_joint_law_says_what_to_do_with_ten_times_the_compute(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(3)
    lines = ["params,images,flops,score"]
    for _ in range(120):
        n, d = np.exp(rng.uniform(0, 8)), np.exp(rng.uniform(0, 9))
        y = (0.4 + 0.3 * n**-0.5 + 0.5 * d**-0.25) * np.exp(rng.normal(0, 0.005))
        lines.append(f"{1e5 * n:.6g},{1e4 * d:.6g},{6e9 * n * d:.9g},{1 - y:.9f}")
    path = tmp_path / "joint.csv"
    path.write_text("\n".join(lines), encoding="utf-8")
    words = ("--law", "joint", "--x", "params", "--scale", 1e5, "--x2", "images", "--scale2", 1e4, "--y", "score")
    words = (*words, "--compute", "flops", "--bootstrap", 50, "--out", tmp_path / "out")
    code, out, _ = run(capsys, monkeypatch, path, *words, "--json")
    assert code == 0
    group = json.loads(out)["groups"][0]
    frontier = (tmp_path / "out" / "figures" / "frontier-all.svg").read_text(encoding="utf-8")
    tested = [one["score"]["value"] for one in group["allocation"]["frontier"] if one["beyond"] <= group["reach"]]
    assert f"best split {tested[0]:.3f} to {tested[-1]:.3f}" in frontier
    assert "frontier-all" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    growth = group["allocation"]["growth_of_ten"]
    assert growth["images"]["value"] * growth["parameters"]["value"] == pytest.approx(10, rel=1e-3)  # C is 6 N D
    assert growth["images"]["low"] < 10 ** (2 / 3) < growth["images"]["high"]
    assert f"{growth['images']['value']:.2f} times the images" in group["answer"]
    assert "expected score 0." in group["answer"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--y", "scores"), "no such column"),
        (("--law", "joint"), "another number of predictors"),
        (("--where", "images"), "not a filter"),
        (("--scale", "0"), "scales do not fit"),
        (("--at", "1,2"), "not a place"),
        (("--compute", "flops"), "an allocation needs a joint law"),
        (("--at", "far"), "is not X or X,X2"),
        (("--law", "cubic"), "cubic"),
    ],
)
def test_what_does_not_add_up_ends_with_2(
    made: Path, words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    code, _, err = run(capsys, monkeypatch, made, *FIT, *words)
    assert code == 2
    assert said in " ".join(err.split())
