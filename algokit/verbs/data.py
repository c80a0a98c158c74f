"""A challenge directory: check it, lock it, describe it, make one up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from algokit.types import Finding, ProgressCallback, no_progress
from algokit.verbs.opening import opened


def check_data(
    root: Path, *, manifest: Path | None = None, quick: bool = False, progress: ProgressCallback = no_progress
) -> list[Finding]:
    """Every departure of a challenge directory from its manifest; ``quick`` reads names and headers only."""
    from algokit.challenge import check_data as check
    from algokit.challenge import load_manifest

    return check(root, load_manifest(manifest) if manifest else None, quick=quick, progress=progress)


def lock_data(
    root: Path, *, out: Path | None = None, full: bool = False, progress: ProgressCallback = no_progress
) -> dict[str, Any]:
    """Record size and sha256 of every file of the challenge; ``data_lock.json`` in it where ``out`` is None."""
    from algokit.challenge import lock_data as lock

    return lock(opened(root, None), out, full=full, progress=progress)


def describe_data(root: Path) -> str:
    """The manifest (YAML) that a directory itself implies, for a challenge that is not the official one."""
    from algokit.challenge import describe_directory, manifest_to_yaml

    return manifest_to_yaml(describe_directory(root))


def make_demo(root: Path, *, seed: int = 0, progress: ProgressCallback = no_progress) -> Path:
    """Write the embedded demo challenge; does nothing where the same one is there already."""
    from algokit.challenge.synthetic import write_demo

    write_demo(root, seed=seed, progress=progress)
    return root
