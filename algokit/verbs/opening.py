"""What several verbs open first."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from algokit.challenge import Challenge


def opened(data: Path, manifest: Path | None, nsd: Path | None = None) -> Challenge:
    """The challenge directory, held to a manifest where one is given; ``nsd`` is where NSD's own files lie."""
    from algokit.challenge import load_manifest, open_challenge

    return open_challenge(data, load_manifest(manifest) if manifest else None, nsd=nsd)


def wanted_subjects(challenge: Challenge, asked: Collection[str]) -> list[str]:
    """The subjects of the data that are asked for ("all" asks for all), in their order; the plan refuses others."""
    return [subject for subject in challenge.subjects if asked == "all" or subject in asked]
