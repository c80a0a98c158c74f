"""Weights come from a publisher on this machine; where they go is a cache of the test's own."""

import errno
import hashlib
import json
from pathlib import Path

import pytest

from algokit.backbones.published import Published
from algokit.errors import UsageError, WeightsError
from algokit.pipeline.weights import download as downloads
from algokit.pipeline.weights.download import download
from algokit.pipeline.weights.fetch import fetch_weights, list_weights, lock_entries
from algokit.pipeline.weights.lock import read_lock, write_lock
from algokit.pipeline.weights.needed import NeededWeights
from algokit.pipeline.weights.offers import offer_of
from algokit.types import Progress, no_progress
from tests.unit.pipeline.weights_server import COMMIT, Publisher, publishing

DATA = bytes(range(256)) * 9000  # more than two of the blocks that are read at once
SHA256 = hashlib.sha256(DATA).hexdigest()
NAME = f"net-{SHA256[:8]}.pth"
REPOSITORY = "lab/net"
LOCK = Path("weights.lock.json")


@pytest.fixture
def publisher(tmp_path, monkeypatch):
    with publishing() as one:
        monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", one.address)
        template = one.address + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(downloads, "_PAUSES_S", (0.0,))
        yield one


def at_address(publisher: Publisher, name: str = NAME) -> NeededWeights:
    return NeededWeights(Published("torchvision", "net", "V1", f"{publisher.address}/{name}", "MIT"), (0,))


def on_hub(location: str = REPOSITORY, kind: str = "timm") -> NeededWeights:
    return NeededWeights(Published(kind, "net", "a1", location, "MIT"), (1,))


def fetched(*needed: NeededWeights, lock=None, progress=no_progress):
    return fetch_weights(needed, lock or {}, LOCK, progress)


def leftovers(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.name.endswith(".algokit-part")]


def codes(error: pytest.ExceptionInfo[WeightsError]) -> list[str]:
    return [finding.code for finding in error.value.findings]


def test_a_file_at_an_address_goes_into_torchs_own_folder_with_its_digest(publisher, tmp_path):
    publisher.files[f"/{NAME}"] = DATA
    (state,) = fetched(at_address(publisher))
    assert state.path == tmp_path / "torch" / "hub" / "checkpoints" / NAME
    assert state.path.read_bytes() == DATA
    assert (state.sha256, state.n_bytes, state.is_new) == (SHA256, len(DATA), True)
    assert not leftovers(tmp_path)


def test_what_is_here_is_not_asked_for_again(publisher):
    publisher.files[f"/{NAME}"] = DATA
    publisher.put(REPOSITORY, "model.safetensors", DATA)
    needed = (at_address(publisher), on_hub())
    first = fetched(*needed)
    publisher.asked.clear()
    assert [(one.path, one.sha256, one.is_new) for one in fetched(*needed)] == [
        (one.path, one.sha256, False) for one in first
    ]
    assert not publisher.asked


def test_a_file_of_the_hub_goes_into_the_hubs_own_cache_where_its_library_finds_it(publisher, tmp_path):
    from huggingface_hub import hf_hub_download

    publisher.put(REPOSITORY, "model.safetensors", DATA)
    (state,) = fetched(on_hub())
    there = hf_hub_download(REPOSITORY, "model.safetensors", cache_dir=tmp_path / "hub", local_files_only=True)
    assert Path(there) == state.path == tmp_path / "hub" / "models--lab--net" / "snapshots" / COMMIT / state.path.name
    assert state.path.read_bytes() == DATA
    assert publisher.ranges(f"/{REPOSITORY}/resolve/main/model.safetensors") == [""]  # downloaded once


def test_a_login_goes_to_the_hub_and_not_to_where_it_leads(publisher, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    path = f"/{REPOSITORY}/resolve/main/model.safetensors"
    publisher.put(REPOSITORY, "model.safetensors", DATA)
    publisher.files["/far/away"] = DATA
    publisher.leads_to[path] = publisher.address.replace("127.0.0.1", "localhost") + "/far/away"
    publisher.break_after = [1_500_000]
    (state,) = fetched(on_hub())
    assert state.path.resolve() == tmp_path / "hub" / "models--lab--net" / "blobs" / SHA256
    assert publisher.ranges("/far/away") == ["", "bytes=1500000-"]
    assert (publisher.logins[path], publisher.logins["/far/away"]) == ("Bearer hf_secret", "")


@pytest.mark.parametrize(
    ("kind", "location", "expected"),
    [
        ("timm", REPOSITORY, "model.safetensors"),
        ("open_clip", REPOSITORY, "open_clip_pytorch_model.bin"),
        ("timm", f"{REPOSITORY}/open_clip_pytorch_model.bin", "open_clip_pytorch_model.bin"),
    ],
)
def test_of_a_repository_with_files_of_two_libraries_that_of_the_backbones_own_is_taken(
    publisher, kind, location, expected
):
    publisher.put(REPOSITORY, "model.safetensors", b"of timm")
    publisher.put(REPOSITORY, "open_clip_pytorch_model.bin", b"of open_clip")
    (state,) = fetched(on_hub(location, kind))
    assert state.file == expected
    assert list_weights([on_hub(location, kind)], {})[0].path == state.path


def test_a_connection_that_breaks_is_opened_again_where_it_stopped(publisher):
    publisher.files[f"/{NAME}"] = DATA
    publisher.break_after = [1_500_000, 700_000]
    (state,) = fetched(at_address(publisher))
    assert state.sha256 == SHA256
    assert publisher.ranges(f"/{NAME}") == ["", "bytes=1500000-", "bytes=2200000-"]


@pytest.mark.parametrize("is_hub", [False, True])
def test_a_download_that_failed_goes_on_with_the_next_call(publisher, tmp_path, is_hub):
    needed = on_hub() if is_hub else at_address(publisher)
    path = f"/{REPOSITORY}/resolve/main/model.safetensors" if is_hub else f"/{NAME}"
    publisher.files[path] = DATA
    publisher.break_after = [1_500_000, 0, 0, 0]
    with pytest.raises(WeightsError) as caught:
        fetched(needed)
    assert codes(caught) == ["no-network"]
    assert needed.published.found() is None  # nothing half-written is taken for whole
    assert [part.stat().st_size for part in leftovers(tmp_path)] == [1_500_000]
    publisher.break_after, publisher.asked = [], []
    assert fetched(needed)[0].sha256 == SHA256
    assert publisher.ranges(path) == ["bytes=1500000-"]
    assert not leftovers(tmp_path)


def test_parts_of_another_version_are_never_joined(publisher, tmp_path):
    publisher.files["/net.pth"] = DATA
    publisher.break_after = [1_500_000, 0, 0, 0]
    with pytest.raises(WeightsError):
        fetched(at_address(publisher, "net.pth"))
    publisher.files["/net.pth"] = DATA[::-1]
    publisher.break_after = []
    (state,) = fetched(at_address(publisher, "net.pth"))
    assert state.path.read_bytes() == DATA[::-1]
    assert not leftovers(tmp_path)


def test_a_server_without_ranges_sends_everything_again(publisher):
    publisher.files[f"/{NAME}"] = DATA
    publisher.knows_ranges = False
    publisher.break_after = [1_500_000]
    assert fetched(at_address(publisher))[0].sha256 == SHA256


@pytest.mark.parametrize("is_hub", [False, True])
def test_a_file_with_another_digest_is_refused_and_removed(publisher, tmp_path, is_hub):
    needed = on_hub() if is_hub else at_address(publisher)
    path = f"/{REPOSITORY}/resolve/main/model.safetensors" if is_hub else f"/{NAME}"
    publisher.files[path] = DATA
    offer = offer_of(needed.published)
    publisher.files[path] = DATA[::-1]
    with pytest.raises(WeightsError) as caught:
        download(offer, lambda n: None)
    assert codes(caught) == ["weights-digest"]
    assert caught.value.findings[0].found == f"sha256 {hashlib.sha256(DATA[::-1]).hexdigest()[: 64 if is_hub else 12]}"
    assert needed.published.found() is None
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and path.stat().st_size]


@pytest.mark.parametrize("is_hub", [False, True])
def test_a_damaged_file_is_brought_again(publisher, is_hub):
    needed = on_hub() if is_hub else at_address(publisher)
    publisher.files[f"/{REPOSITORY}/resolve/main/model.safetensors" if is_hub else f"/{NAME}"] = DATA
    (state,) = fetched(needed)
    state.path.resolve().write_bytes(DATA[:-1])
    (again,) = fetched(needed)
    assert again.is_new
    assert again.path.read_bytes() == DATA


def test_a_blob_that_is_itself_a_link_is_known_by_its_own_name(publisher, tmp_path):
    publisher.put(REPOSITORY, "model.safetensors", DATA)
    (state,) = fetched(on_hub())
    blob = state.path.resolve()
    shared = tmp_path / ("f" * 64)  # stores shared by several caches name files by another digest
    blob.rename(shared)
    blob.symlink_to(shared)
    publisher.asked.clear()
    assert fetched(on_hub())[0].sha256 == SHA256
    assert not publisher.asked
    shared.write_bytes(b"damaged")
    assert fetched(on_hub())[0].is_new
    assert shared.read_bytes() == b"damaged"  # it is not ours to remove


def test_every_failure_is_in_one_list_and_what_came_stays(publisher):
    publisher.files[f"/{NAME}"] = DATA
    publisher.refuse["/busy.pth"] = (503, "")
    publisher.refuse["/lab/gated/resolve/main/model.safetensors"] = (403, "GatedRepo")
    publisher.refuse["/lab/gone/resolve/main/model.safetensors"] = (401, "RepoNotFound")
    dead = Published("torchvision", "dead", "V1", "http://127.0.0.1:9/dead.pth")
    needed = [
        at_address(publisher),
        at_address(publisher, "none.pth"),
        at_address(publisher, "busy.pth"),
        NeededWeights(dead, (3, 4)),
        on_hub("lab/gated"),
        on_hub("lab/gone"),
        on_hub("lab/empty"),
    ]
    with pytest.raises(WeightsError) as caught:
        fetched(*needed)
    assert caught.value.exit_code == 3
    assert codes(caught) == [
        "weights-not-published",
        "server-error",
        "no-network",
        "gated",
        "weights-not-published",
        "weights-not-published",
    ]
    assert caught.value.findings[2].path == "members[3].backbone, members[4].backbone"
    assert all(finding.advice for finding in caught.value.findings)
    assert needed[0].published.found()


def test_a_hub_that_is_told_to_stay_offline_is_not_mistaken_for_no_network(publisher, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(WeightsError, match="HF_HUB_OFFLINE"):
        fetched(on_hub())


def test_a_disk_without_room_is_said_before_a_byte_is_loaded(publisher, monkeypatch):
    publisher.files[f"/{NAME}"] = DATA
    monkeypatch.setattr("shutil.disk_usage", lambda place: type("Usage", (), {"free": len(DATA) - 1}))
    with pytest.raises(WeightsError) as caught:
        fetched(at_address(publisher))
    assert codes(caught) == ["disk-full"]
    assert not publisher.ranges(f"/{NAME}")


def test_a_disk_that_runs_full_keeps_what_came(publisher, tmp_path):
    publisher.files[f"/{NAME}"] = DATA
    needed = at_address(publisher)

    def full(n_bytes: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(WeightsError) as caught:
        download(offer_of(needed.published), full)
    assert codes(caught) == ["disk-full"]
    assert leftovers(tmp_path)[0].stat().st_size == 1 << 20
    assert needed.published.found() is None


def test_a_cache_that_cannot_be_written_to_is_said_with_its_place(publisher, tmp_path):
    publisher.files[f"/{NAME}"] = DATA
    (tmp_path / "torch").write_text("not a folder")
    with pytest.raises(WeightsError) as caught:
        fetched(at_address(publisher))
    assert codes(caught) == ["not-writable"]
    assert caught.value.findings[0].where == str(tmp_path / "torch" / "hub" / "checkpoints")


def test_two_downloads_of_one_file_do_not_write_into_each_other(publisher):
    fcntl = pytest.importorskip("fcntl")
    publisher.files[f"/{NAME}"] = DATA
    offer = offer_of(at_address(publisher).published)
    offer.target.parent.mkdir(parents=True)
    with downloads._part(offer).open("ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(WeightsError) as caught:
            download(offer, lambda n: None)
    assert codes(caught) == ["weights-busy"]


def test_progress_counts_bytes_up_to_the_size_of_the_file(publisher):
    publisher.files[f"/{NAME}"] = DATA
    seen: list[Progress] = []
    fetched(at_address(publisher), progress=seen.append)
    assert [one.done for one in seen] == [1 << 20, 2 << 20, len(DATA)]
    assert {(one.total, one.unit, one.step) for one in seen} == {(len(DATA), "bytes", "weights/torchvision/net")}


def test_the_lock_says_what_the_publisher_said_and_is_the_same_bytes_in_any_order(publisher, tmp_path):
    publisher.files[f"/{NAME}"] = DATA
    publisher.put(REPOSITORY, "model.safetensors", b"abc")
    entries = lock_entries(fetched(at_address(publisher), on_hub()))
    write_lock(tmp_path / "a.json", entries)
    write_lock(tmp_path / "b.json", entries[::-1])
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    assert json.loads((tmp_path / "a.json").read_text())["weights"][0] == {
        "kind": "timm",
        "name": "net",
        "tag": "a1",
        "location": REPOSITORY,
        "file": "model.safetensors",
        "bytes": 3,
        "sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",  # FIPS 180-2, appendix B.1
    }
    assert str(tmp_path) not in (tmp_path / "a.json").read_text()
    assert list(read_lock(tmp_path / "a.json").values()) == entries[::-1]


@pytest.mark.parametrize("is_here", [True, False])
def test_weights_that_are_not_those_of_the_lock_are_refused_with_both_digests(publisher, tmp_path, is_here):
    publisher.put(REPOSITORY, "model.safetensors", DATA)
    write_lock(tmp_path / "lock.json", lock_entries(fetched(on_hub())))
    path = on_hub().published.found()
    lock = read_lock(tmp_path / "lock.json")
    path.resolve().unlink()
    publisher.put(REPOSITORY, "model.safetensors", b"abc")
    if is_here:
        fetched(on_hub())
    publisher.asked.clear()
    with pytest.raises(WeightsError) as caught:
        fetched(on_hub(), lock=lock)
    (finding,) = caught.value.findings
    assert (finding.code, finding.expected) == ("weights-lock", f"sha256 {SHA256}")
    assert finding.found == "sha256 ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert not publisher.ranges(f"/{REPOSITORY}/resolve/main/model.safetensors")  # said before the bytes come


def test_what_is_missing_is_listed_with_the_size_the_lock_knows_and_without_network(publisher, tmp_path):
    publisher.put(REPOSITORY, "model.safetensors", DATA)
    write_lock(tmp_path / "lock.json", lock_entries(fetched(on_hub())))
    on_hub().published.found().resolve().unlink()
    publisher.asked.clear()
    states = list_weights([on_hub(), at_address(publisher)], read_lock(tmp_path / "lock.json"))
    assert [(one.path, one.n_bytes, one.is_locked) for one in states] == [(None, len(DATA), True), (None, None, False)]
    assert not publisher.asked


def test_a_lock_that_is_none_is_refused_with_its_place(tmp_path):
    path = tmp_path / "lock.json"
    with pytest.raises(UsageError):
        read_lock(path, is_given=True)
    path.write_text('{"schema": "algokit-weights-lock/1", "weights": [{"kind": "timm"}]}')
    with pytest.raises(UsageError, match=r"lock\.json:1:\d+"):
        read_lock(path)
