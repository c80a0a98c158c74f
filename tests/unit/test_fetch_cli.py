"""``algokit fetch`` from the outside, and what plan and run do with weights that are missing or not the locked ones."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from algokit import verbs
from algokit.backbones import shipped_card
from algokit.cli import main
from algokit.errors import WeightsError
from tests.unit.pipeline.weights_server import Publisher, publishing

NAME = "alexnet-owt-7be5be79.pth"
SHA256 = hashlib.sha256(b"other weights").hexdigest()
RECIPE = """\
algokit: 1
name: three
members:
  - name: one
    backbone: {kind: torchvision, name: alexnet}
    layers: [features.2]
    poolings: [{kind: flatten}]
    readout: &ridge {kind: ridge, alphas: [1.0], folds: {n: 3}}
  - name: two
    backbone: {kind: timm, name: resnet18}
    layers: [layer1]
    poolings: [{kind: flatten}]
    readout: *ridge
  - name: three
    backbone: {kind: timm, name: resnet50, checkpoint: mine.pth}
    layers: [layer1]
    poolings: [{kind: flatten}]
    readout: *ridge
"""
OF_THE_HUB = (
    "--set",
    "members.0={backbone: {kind: open_clip, name: ViT-L-14, weights: metaclip_400m}, name: one, \
layers: [transformer.resblocks.1], poolings: [{kind: cls_token}], \
readout: {kind: ridge, alphas: [1.0], folds: {n: 3}}}",
)
WITHOUT_SOCKETS = """\
import os, sys
def end(event, arguments):
    if event in ("socket.__new__", "socket.connect", "socket.getaddrinfo"):
        os.write(2, f"{event} {arguments}".encode())
        os._exit(99)
sys.addaudithook(end)
from algokit.cli import main
main()
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "three members.yaml"
    path.write_text(RECIPE)
    return path


@pytest.fixture
def publisher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Publisher]:
    """Where the card of AlexNet says its weights are."""
    with publishing() as one:
        card = shipped_card("torchvision", "alexnet")
        assert card is not None
        moved = card.model_copy(update={"weights": {"IMAGENET1K_V1": f"{one.address}/alexnet.pth"}})
        folder = tmp_path / "cards"
        folder.mkdir()
        (folder / "torchvision--alexnet.json").write_text(moved.model_dump_json())
        monkeypatch.setattr("algokit.backbones.CARDS", folder)
        monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
        yield one


@pytest.fixture
def alexnet(tmp_path: Path) -> Path:
    path = tmp_path / "alexnet.yaml"
    path.write_text(RECIPE[: RECIPE.index("  - name: two")])
    return path


@pytest.fixture
def algokit(monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    def run(*arguments: object) -> int:
        monkeypatch.setattr(sys, "argv", ["algokit", *map(str, arguments)])
        try:
            main()
        except SystemExit as way_out:
            return int(way_out.code or 0)
        return 0

    return run


def without_network(tmp_path: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """The command line in a process that cannot open a socket, with empty caches."""
    environment = {"PATH": "", "HOME": str(tmp_path), "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    command = [sys.executable, "-c", WITHOUT_SOCKETS, *map(str, arguments)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_a_run_lists_all_missing_weights_with_the_command_to_type_and_opens_no_socket(
    recipe: Path, small_demo: Path, tmp_path: Path
) -> None:
    started = time.monotonic()
    done = without_network(tmp_path, "run", recipe, "--data", small_demo, "--json", "--set", "members.2.name=last")
    assert time.monotonic() - started < 40  # a hub's library that tries the network again takes 46 s for one file
    assert done.returncode == 3, done.stderr
    findings = json.loads(done.stdout)["findings"]
    assert [(one["path"], one["code"]) for one in findings] == [
        ("members[0].backbone", "weights-missing"),
        ("members[1].backbone", "weights-missing"),
        ("members[2].backbone.checkpoint", "weights-missing"),
    ]
    assert [one["expected"] for one in findings] == [NAME, "timm/resnet18.a1_in1k", ""]
    for finding in findings[:2]:
        assert f"algokit fetch '{recipe}' --set members.2.name=last" in finding["advice"]
    assert "weights" not in {path.name for path in tmp_path.rglob("*")}
    assert not list(tmp_path.rglob("digests.json"))  # before the data are read


def test_a_plan_without_weights_opens_no_socket_and_says_they_are_missing(recipe: Path, tmp_path: Path) -> None:
    done = without_network(
        tmp_path, "plan", recipe, "--json", *OF_THE_HUB, "--set", "members.2.backbone={kind: timm, name: resnet50}"
    )
    assert done.returncode == 0, done.stderr
    warnings = json.loads(done.stdout)["warnings"]
    assert [warning.split(" are ")[0] for warning in warnings[:3]] == [
        "the weights of one",
        "the weights of two",
        "the weights of three",
    ]
    assert all("algokit fetch" in warning for warning in warnings[:3])


def test_a_list_says_what_is_missing_and_under_which_licence_without_network(recipe: Path, tmp_path: Path) -> None:
    done = without_network(tmp_path, "fetch", recipe, "--list", "--json", *OF_THE_HUB)
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)["weights"]
    assert [(row["members"], row["kind"], row["name"], row["tag"], row["present"]) for row in rows] == [
        (["one"], "open_clip", "ViT-L-14", "metaclip_400m", False),
        (["two"], "timm", "resnet18", "a1_in1k", False),
    ]
    assert [row["licence"] for row in rows] == ["CC-BY-NC-4.0", "apache-2.0"]
    assert not (tmp_path / "weights.lock.json").exists()


def test_fetch_brings_the_weights_writes_the_lock_beside_the_recipe_and_a_plan_holds_to_it(
    publisher: Publisher, alexnet: Path, algokit: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    publisher.files["/alexnet.pth"] = b"other weights"
    assert algokit("fetch", alexnet, "--json") == 0
    lock = alexnet.parent / "weights.lock.json"
    (row,) = json.loads(capsys.readouterr().out)["weights"]
    assert (row["sha256"], row["bytes"], row["fetched"], row["locked"]) == (SHA256, 13, True, True)
    assert json.loads(lock.read_text())["weights"][0]["sha256"] == SHA256
    (member,) = verbs.plan(alexnet).members
    assert member.weights is not None
    assert member.weights["sha256"] == SHA256

    Path(row["path"]).write_bytes(b"changed since")
    with pytest.raises(WeightsError) as caught:
        verbs.plan(alexnet)
    (finding,) = caught.value.findings
    assert finding.expected == f"sha256 {SHA256}"
    assert finding.found == f"sha256 {hashlib.sha256(b'changed since').hexdigest()}"
    assert algokit("plan", alexnet) == 3
    assert algokit("fetch", alexnet) == 3  # nobody can tell which of the two is right, so neither is replaced
    assert Path(row["path"]).read_bytes() == b"changed since"


def test_a_run_holds_to_the_lock_it_is_given_before_it_computes(
    publisher: Publisher, alexnet: Path, small_demo: Path, tmp_path: Path, algokit: Callable[..., int]
) -> None:
    publisher.files["/alexnet.pth"] = b"other weights"
    lock = tmp_path / "elsewhere" / "lock.json"
    assert algokit("fetch", alexnet, "--lock", lock) == 0
    assert not (tmp_path / "weights.lock.json").exists()
    lock.write_text(lock.read_text().replace(SHA256, "0" * 64))
    store = tmp_path / "store"
    assert algokit("run", alexnet, "--data", small_demo, "--store", store, "--lock", lock) == 3
    assert {path.name for path in store.iterdir()} <= {"digests.json"}
    assert algokit("run", alexnet, "--data", small_demo, "--store", store, "--lock", tmp_path / "none.json") == 2


def test_a_lock_of_several_recipes_keeps_the_entries_of_the_others(
    publisher: Publisher, alexnet: Path, algokit: Callable[..., int]
) -> None:
    entry = {"kind": "timm", "name": "x", "tag": "y", "location": "a/b", "file": "f", "bytes": 1, "sha256": "0" * 64}
    lock = alexnet.parent / "weights.lock.json"
    lock.write_text(json.dumps({"schema": "algokit-weights-lock/1", "weights": [entry]}))
    publisher.files["/alexnet.pth"] = b"other weights"
    assert algokit("fetch", alexnet) == 0
    assert [one["kind"] for one in json.loads(lock.read_text())["weights"]] == ["timm", "torchvision"]


def test_a_failed_fetch_exits_3_and_writes_no_lock(
    publisher: Publisher, alexnet: Path, algokit: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert algokit("fetch", alexnet) == 3
    assert "is not published there" in capsys.readouterr().err
    assert not (alexnet.parent / "weights.lock.json").exists()


def test_a_recipe_without_published_weights_has_nothing_to_fetch(
    algokit: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert algokit("fetch", Path(__file__).resolve().parents[2] / "recipes" / "demo.yaml") == 0
    assert capsys.readouterr().out == "this recipe needs no published weights\n"


def test_a_tag_that_nobody_publishes_is_told_with_its_line(
    alexnet: Path, algokit: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    alexnet.write_text(alexnet.read_text().replace("name: alexnet}", "name: alexnet, weights: V9}"))
    assert algokit("fetch", alexnet, "--list") == 2
    assert "alexnet.yaml:5:" in capsys.readouterr().err


def test_the_list_fits_into_80_columns_and_names_what_is_missing(
    recipe: Path, algokit: Callable[..., int], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(recipe.parent))
    monkeypatch.setenv("TORCH_HOME", str(recipe.parent))
    assert algokit("fetch", recipe, "--list") == 0
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= 80
    assert "2 files missing: algokit fetch downloads and checks them." in shown
