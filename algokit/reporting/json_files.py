"""The JSON files of a submission folder: the same document is always the same bytes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from algokit.challenge.npy_header import open_regular


def json_text(document: Any) -> str:
    """A document as indented text with sorted keys; ValueError for NaN and infinities."""
    return json.dumps(document, indent=1, sort_keys=True, allow_nan=False) + "\n"


def write_json(path: Path, document: Any) -> None:
    """Write a document; see `json_text`."""
    path.write_text(json_text(document), encoding="utf-8")


def read_json(path: Path) -> Any:
    """Read a document; OSError or ValueError where there is none, or a pipe or a device, which may never answer."""
    with open_regular(path) as stream:
        return json.loads(stream.read().decode("utf-8"))
