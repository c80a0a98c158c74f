"""What Algonauts 2023 *is*: its manifest, its directory, its checks. No torch."""

from algokit.challenge.ceilings import ceiling_from_ncsnr, ceiling_term, ncsnr2_from_ceiling
from algokit.challenge.check import check_data
from algokit.challenge.describe import describe_directory
from algokit.challenge.directory import Challenge, open_challenge
from algokit.challenge.images import ImageFile
from algokit.challenge.lock import LOCK_NAME, DigestCache, lock_data
from algokit.challenge.manifest import (
    MANIFEST_NAME,
    Manifest,
    SubjectEntry,
    load_manifest,
    manifest_to_yaml,
    shipped_manifest,
)
from algokit.challenge.mapping import read_mapping

__all__ = [
    "LOCK_NAME",
    "MANIFEST_NAME",
    "Challenge",
    "DigestCache",
    "ImageFile",
    "Manifest",
    "SubjectEntry",
    "ceiling_from_ncsnr",
    "ceiling_term",
    "check_data",
    "describe_directory",
    "load_manifest",
    "lock_data",
    "manifest_to_yaml",
    "ncsnr2_from_ceiling",
    "open_challenge",
    "read_mapping",
    "shipped_manifest",
]
