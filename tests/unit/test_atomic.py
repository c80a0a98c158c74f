"""An interrupt at the worst moment, between the making of something hidden and the next line, leaves nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from algokit.atomic import replacing, scratch_file, sweep_partial, written_aside


def interrupted_after(making: Callable[..., None]) -> Callable[..., None]:
    """What Ctrl-C does when it comes while the system makes a file or folder: it is there, and nobody is told."""

    def made(path: Path, *arguments: Any, **options: Any) -> None:
        making(path, *arguments, **options)
        if path.name.endswith(".partial"):
            raise KeyboardInterrupt

    return made


def test_an_interrupt_while_a_hidden_folder_is_made_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "mkdir", interrupted_after(Path.mkdir))
    with pytest.raises(KeyboardInterrupt), written_aside(tmp_path / "artefact"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_an_interrupt_while_a_hidden_file_is_made_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "touch", interrupted_after(Path.touch))
    with pytest.raises(KeyboardInterrupt), replacing(tmp_path / "file.json"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_an_interrupt_while_the_old_is_moved_away_keeps_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "artefact"
    target.mkdir()
    (target / "old").touch()
    with pytest.raises(KeyboardInterrupt), written_aside(target) as aside:
        (aside / "new").touch()
        monkeypatch.setattr(Path, "mkdir", interrupted_after(Path.mkdir))
    assert [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")] == ["artefact", "artefact/old"]


def test_a_scratch_file_is_whole_at_once_and_gone_in_the_end(tmp_path: Path) -> None:
    with scratch_file(tmp_path / "deep" / "artefact", 20_000_001) as path:
        assert path.stat().st_blocks * 512 >= 20_000_001
        assert path.read_bytes().count(0) == 20_000_001
        assert path.name.startswith(".artefact.")
        assert sweep_partial(tmp_path) == 0, "its writer is alive"
    assert list((tmp_path / "deep").iterdir()) == []


def test_an_interrupt_while_a_scratch_file_is_used_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), scratch_file(tmp_path / "artefact", 10):
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []
