from __future__ import annotations

from pathlib import Path

import pytest

from algokit.pipeline import free_memory
from algokit.pipeline.free_memory import V1_UNLIMITED, free_bytes

MEMINFO = "MemTotal:       32000 kB\nMemFree:  1000 kB\nMemAvailable:   20000 kB\n"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(free_memory, "ROOT", tmp_path)
    return tmp_path


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_without_a_group_it_is_what_the_machine_has_available(root: Path) -> None:
    write(root / "proc/meminfo", MEMINFO)
    assert free_bytes("cpu") == 20_000 * 1024


def test_the_tightest_group_above_counts_and_file_pages_are_free(root: Path) -> None:
    write(root / "proc/meminfo", MEMINFO)
    write(root / "proc/self/cgroup", "0::/job/task\n")
    write(root / "sys/fs/cgroup/job/task/memory.max", "max\n")
    write(root / "sys/fs/cgroup/job/task/memory.current", "3000000\n")
    write(root / "sys/fs/cgroup/job/memory.max", "5000000\n")
    write(root / "sys/fs/cgroup/job/memory.current", "3000000\n")
    write(root / "sys/fs/cgroup/job/memory.stat", "anon 1\ninactive_file 500000\n")
    assert free_bytes("cpu") == 2_500_000


def test_version_1_groups_count_too_and_its_no_limit_is_none(root: Path) -> None:
    write(root / "proc/meminfo", MEMINFO)
    write(root / "proc/self/cgroup", "4:cpu:/elsewhere\n3:memory:/docker/abc\n")
    top = root / "sys/fs/cgroup/memory"
    write(top / "memory.limit_in_bytes", f"{V1_UNLIMITED * 7}\n")
    write(top / "memory.usage_in_bytes", "17\n")
    assert free_bytes("cpu") == 20_000 * 1024
    write(top / "docker/abc/memory.limit_in_bytes", "900\n")
    write(top / "docker/abc/memory.usage_in_bytes", "1000\n")
    assert free_bytes("cpu") == 0


def test_where_nothing_is_known_nothing_is_refused(root: Path) -> None:
    assert free_bytes("cpu") == V1_UNLIMITED
