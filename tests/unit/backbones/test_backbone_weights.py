import hashlib
import pickle
import struct
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from algokit.backbones import TimmSpec, TorchvisionSpec, shipped_card
from algokit.backbones.weights import (
    WeightsFile,
    load_strictly,
    random_record,
    read_state,
    seeded,
    weights_file,
)
from algokit.errors import RecipeError, WeightsError

STATE = {"0.weight": torch.eye(2), "0.bias": torch.tensor([1.0, 2.0])}


def timm_spec(**given):
    return TimmSpec.model_validate({"kind": "timm", "name": "resnet18", **given})


def hub_file(cache: Path, repo: str, name: str, data: bytes = b"weights") -> Path:
    """A file as the hub's own tool leaves it: a snapshot named by the reference ``main``."""
    root = cache / f"models--{repo.replace('/', '--')}"
    (root / "refs").mkdir(parents=True)
    (root / "refs" / "main").write_text("abc")
    (root / "snapshots" / "abc").mkdir(parents=True)
    (root / "snapshots" / "abc" / name).write_bytes(data)
    return root / "snapshots" / "abc" / name


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    return tmp_path


def test_all_formats_give_the_same_tensors(tmp_path):
    save_file(STATE, tmp_path / "a.safetensors")
    torch.save(STATE, tmp_path / "b.pt")
    torch.save({"epoch": 3, "state_dict": {f"module.{key}": value for key, value in STATE.items()}}, tmp_path / "c.pth")
    for path in sorted(tmp_path.iterdir()):
        state = read_state(WeightsFile(path, path.name))
        assert state.keys() == STATE.keys()
        assert all(torch.equal(state[key], STATE[key]) for key in STATE)


class Bomb:
    def __reduce__(self):
        return Path.write_text, (Path("exploded"), "")


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("weights.npz", b"PK"),
        ("cut.safetensors", struct.pack("<Q", 999) + b"{}"),
        ("empty.pt", b""),
        ("text.pth", b"not a pickle"),
    ],
)
def test_what_is_no_weights_file_is_refused_by_name(tmp_path, name, data):
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(WeightsError, match=name):
        read_state(WeightsFile(path, name))


def test_a_pickle_that_would_run_code_is_refused_unrun(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"w": Bomb()}, "bomb.pt")
    with pytest.raises(WeightsError, match=r"bomb\.pt"):
        read_state(WeightsFile(Path("bomb.pt"), "bomb.pt"))
    assert not Path("exploded").exists()


@pytest.mark.parametrize("data", [b"not a pickle", pickle.dumps({"w": 1.0}, protocol=4), pickle.dumps(Bomb)])
def test_a_bad_pickle_is_refused_without_torchs_advice_to_trust_it(tmp_path, data):
    (tmp_path / "w.pt").write_bytes(data)
    with pytest.raises(WeightsError) as caught:
        read_state(WeightsFile(tmp_path / "w.pt", "w.pt"))
    assert "weights_only" not in str(caught.value)
    assert "best as .safetensors" in str(caught.value)


def test_a_mismatch_lists_missing_unexpected_and_misshapen_weights_and_changes_nothing():
    network = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 3))
    before = {key: value.clone() for key, value in network.state_dict().items()}
    state = {
        "0.weight": torch.zeros(3, 2),
        "0.bias": torch.zeros(2),
        "1.weight": torch.zeros(3, 2),
        "head": torch.ones(1),
    }
    with pytest.raises(WeightsError) as caught:
        load_strictly(network, state, "w.pt")
    assert [(finding.what, finding.found) for finding in caught.value.findings] == [
        ("the file lacks weights the network has", "1.bias"),
        ("the file has weights the network lacks", "head"),
        ("the file has weights of another shape", "0.weight (3, 2) for (2, 2)"),
    ]
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())


def test_a_checkpoint_is_recorded_by_its_name_and_sha256(tmp_path):
    path = tmp_path / "mine.safetensors"
    path.write_bytes(b"abc")
    record = weights_file(
        timm_spec(checkpoint=path, weights="random"), shipped_card("timm", "resnet18"), "random"
    ).record()
    assert record.source == "mine.safetensors"
    assert record.sha256 == hashlib.sha256(b"abc").hexdigest()
    assert not record.is_random


def test_a_missing_checkpoint_is_an_error_with_its_path(tmp_path):
    with pytest.raises(WeightsError, match="no such weights file"):
        weights_file(timm_spec(checkpoint=tmp_path / "none.pt"), shipped_card("timm", "resnet18"), "pretrained")


def test_the_hubs_file_is_found_in_its_local_cache_under_any_of_its_names(cache):
    card = shipped_card("timm", "resnet18")
    path = hub_file(cache / "hub", "timm/resnet18.a1_in1k", "pytorch_model.bin")
    assert weights_file(timm_spec(), card, "pretrained") == WeightsFile(path, "timm/resnet18.a1_in1k")


def test_absent_hub_weights_say_what_is_missing_and_what_to_do(cache):
    with pytest.raises(
        WeightsError, match=r"timm/resnet18\.a2_in1k \(model\.safetensors.*algokit fetch RECIPE.*checkpoint: FILE"
    ):
        weights_file(timm_spec(), shipped_card("timm", "resnet18"), "a2_in1k")


def test_a_tag_the_model_does_not_have_is_the_recipes_fault(cache):
    with pytest.raises(RecipeError, match="did you mean a1_in1k"):
        weights_file(timm_spec(), shipped_card("timm", "resnet18"), "a1_in2k")


def test_a_file_whose_digest_is_not_the_one_in_its_name_is_damaged(cache):
    path = cache / "torch" / "hub" / "checkpoints" / "alexnet-owt-7be5be79.pth"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"cut short")
    spec = TorchvisionSpec(kind="torchvision", name="alexnet")
    file = weights_file(spec, shipped_card("torchvision", "alexnet"), "pretrained")
    assert file.path == path
    with pytest.raises(WeightsError, match="7be5be79"):
        file.record()


def test_seeded_weights_depend_on_the_seed_alone_and_leave_the_global_generator_as_it_was():
    def drawn(seed):
        with seeded(seed):
            return random_record(nn.Linear(3, 3), seed)

    torch.manual_seed(5)
    expected_next = torch.rand(1)
    torch.manual_seed(5)
    first = drawn(1)
    assert torch.equal(torch.rand(1), expected_next)
    assert drawn(1) == first
    assert drawn(2).sha256 != first.sha256
    assert first.source == "random (seed 1)"
    assert first.is_random


def test_the_digest_of_tensors_sees_names_shapes_types_and_values():
    def digest(weight, name="weight"):
        module = nn.Module()
        module.register_buffer(name, weight)
        return random_record(module, 0).sha256

    weight = torch.arange(4.0)
    variants = [weight, weight + 1, weight.reshape(2, 2), weight.half(), weight.bfloat16()]
    assert len({*map(digest, variants), digest(weight, "other")}) == 6
