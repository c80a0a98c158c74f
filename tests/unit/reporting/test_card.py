"""The card holds what made the submission, and shouts when the weights were random."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from small_card import card, digest, plan, scores

from algokit.challenge.submission_geometry import submission_geometry
from algokit.pipeline.surroundings import hardware, versions
from algokit.reporting.card import build_card, headline_scores


def test_the_card_takes_digests_and_weights_from_the_plan() -> None:
    made = build_card(plan=plan(), facts={"timings": {"total_s": 1.5}, "schema": "forged", "plan_key": "forged"})
    assert made["schema"] == "algokit-card/1"
    assert made["plan_key"] == digest("plan")
    assert made["data"]["images"] == {one: digest(f"{one}/images") for one in ("subj01", "subj02")}
    assert made["data"]["responses"] == {one: digest(f"{one}/responses") for one in ("subj01", "subj02")}
    assert made["weights"]["net"]["sha256"] == digest("a")
    assert made["timings"] == {"total_s": 1.5}
    assert json.loads(json.dumps(made)) == made


def test_warnings_of_plan_and_run_stand_once_each() -> None:
    assert build_card(plan=plan(), facts={"warnings": ["slow", "no val split"]})["warnings"] == ["no val split", "slow"]


def test_the_card_says_which_sizes_its_files_have(tmp_path: Path) -> None:
    (tmp_path / "card.json").write_text(json.dumps(card()), encoding="utf-8")
    geometry, source = submission_geometry(tmp_path, None, None)
    assert geometry["subj01"].n_vertices == {"lh": 11, "rh": 13}
    assert source == str(tmp_path / "card.json")


def test_the_headline_is_of_all_vertices_and_says_what_gives_it_its_meaning() -> None:
    made = headline_scores({"test": scores("test", 40.5), "val": None})
    assert made["val"] is None
    assert made["test"]["ceiling_source"] == "the files"
    assert made["test"]["n_vertices"] == 48
    assert set(made["test"]["metrics"]) == {"noise_normalized_mean", "pearson_r_mean"}
    assert made["test"]["metrics"]["noise_normalized_mean"] == {
        "value": 40.5,
        "version": 1,
        "n_vertices": 48,
        "low": 0.1,
        "high": 90.0,
    }


def test_versions_name_what_is_installed_and_nothing_else() -> None:
    assert versions(["numpy", "no-such-package"]) == {"python": platform.python_version(), "numpy": version("numpy")}


def test_collecting_versions_and_hardware_imports_no_torch() -> None:
    look = "from algokit.pipeline.surroundings import hardware, versions; versions(); hardware()"
    code = f"import sys; {look}; sys.exit('torch' in sys.modules)"
    root = Path(__file__).resolve().parents[3]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0


def test_hardware_names_the_accelerator_it_is_told_and_never_the_machine() -> None:
    assert hardware("H200")["accelerator"] == "H200"
    assert hardware()["accelerator"] is None
    assert platform.node() not in map(str, hardware().values())
