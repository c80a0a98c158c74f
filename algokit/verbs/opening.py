"""What several verbs open first."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from algokit.challenge import Challenge


def opened(data: Path, manifest: Path | None, nsd: Path | None = None) -> Challenge:
    """The challenge directory, held to a manifest where one is given; ``nsd`` is where NSD's own files lie."""
    from algokit.challenge import load_manifest, open_challenge

    return open_challenge(data, load_manifest(manifest) if manifest else None, nsd=nsd)
