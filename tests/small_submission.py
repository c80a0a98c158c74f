"""A small submission as a mapping of names to bytes, to be broken and then written as a folder or a zip."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algokit.challenge.submission_check import validate_submission
from algokit.types import HEMISPHERES, Finding, SubjectGeometry

GEOMETRY = {
    "subj01": SubjectGeometry("subj01", n_train=20, n_test=7, n_vertices={"lh": 11, "rh": 13}),
    "subj06": SubjectGeometry("subj06", n_train=18, n_test=9, n_vertices={"lh": 10, "rh": 12}),
}
LEFT, RIGHT = "subj01/lh_pred_test.npy", "subj01/rh_pred_test.npy"
Files = dict[str, bytes]


def npy(array: Any, **options: Any) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array(stream, np.asanyarray(array), **options)
    return stream.getvalue()


def values(subject: str = "subj01", hemisphere: str = "lh") -> NDArray[np.float32]:
    """Predictions that nothing is wrong with, other ones for every subject and hemisphere."""
    one = GEOMETRY[subject]
    shape = (one.n_test, one.n_vertices[hemisphere])  # type: ignore[index]
    return np.random.default_rng(len(subject) + shape[1]).standard_normal(shape).astype(np.float32)


def good() -> Files:
    return {f"{one}/{side}_pred_test.npy": npy(values(one, side)) for one in GEOMETRY for side in HEMISPHERES}


def with_left(array: Any, **options: Any) -> Files:
    """Good but for the first file."""
    return {**good(), LEFT: npy(array, **options)}


def write_folder(root: Path, files: Mapping[str, bytes]) -> Path:
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return root


def write_zip(path: Path, files: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def check(path: Path) -> list[Finding]:
    return validate_submission(path, GEOMETRY)


def codes(path: Path) -> list[tuple[str, str]]:
    """(code, path inside) of every finding."""
    return [(finding.code, finding.path) for finding in check(path)]
