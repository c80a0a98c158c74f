"""The card holds what made the submission, and shouts when the weights were random."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

from algokit.challenge.submission_geometry import submission_geometry
from algokit.reporting.card import build_card, hardware, versions

PLAN: dict[str, Any] = {
    "algokit_version": "0.1.0",
    "key": "abc",
    "recipe": {"name": "demo", "seed": 3},
    "recipe_digest": "d1",
    "challenge": "demo challenge",
    "manifest_digest": "d1",
    "subjects": {"subj01": {"n_train": 20, "n_test": 7, "n_vertices": {"lh": 11, "rh": 13}}},
    "members": [
        {"name": "good", "weights": {"source": "a.safetensors", "sha256": "5e", "is_random": False}},
        {"name": "filters", "weights": None},
    ],
    "steps": [
        {"subject": "subj01", "params": {"images": "i1"}},
        {"subject": "subj01", "params": {"responses": "r1"}},
        {"subject": "subj01", "params": {}},
    ],
    "warnings": ["no val split"],
}


def test_the_card_takes_digests_and_weights_from_the_plan() -> None:
    card = build_card(plan=PLAN, facts={"timings": {"total_s": 1.5}, "schema": "forged", "plan_key": "forged"})
    assert card["schema"] == "algokit-card/1"
    assert (card["plan_key"], card["recipe_digest"]) == ("abc", "d1")
    assert card["data"] == {"images": {"subj01": "i1"}, "responses": {"subj01": "r1"}}
    assert card["weights"]["good"]["sha256"] == "5e"
    assert card["timings"] == {"total_s": 1.5}
    assert json.loads(json.dumps(card)) == card


def test_warnings_of_plan_and_run_stand_once_each() -> None:
    card = build_card(plan=PLAN, facts={"warnings": ["slow", "no val split"]})
    assert card["warnings"] == ["no val split", "slow"]


def test_the_card_says_which_sizes_its_files_have(tmp_path: Path) -> None:
    (tmp_path / "card.json").write_text(json.dumps(build_card(plan=PLAN, facts={})), encoding="utf-8")
    geometry, source = submission_geometry(tmp_path, None, None)
    assert geometry["subj01"].n_vertices == {"lh": 11, "rh": 13}
    assert source == str(tmp_path / "card.json")


def test_versions_name_what_is_installed_and_nothing_else() -> None:
    assert versions(["numpy", "no-such-package"]) == {"python": platform.python_version(), "numpy": version("numpy")}


def test_collecting_versions_and_hardware_imports_no_torch() -> None:
    code = "import sys, algokit.reporting.card as c; c.versions(); c.hardware(); sys.exit('torch' in sys.modules)"
    root = Path(__file__).resolve().parents[3]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0


def test_hardware_names_the_accelerator_it_is_told_and_never_the_machine() -> None:
    assert hardware("H200")["accelerator"] == "H200"
    assert hardware()["accelerator"] is None
    assert platform.node() not in map(str, hardware().values())
