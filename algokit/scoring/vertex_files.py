"""Per-vertex scores as files, and back: ``<folder>/<split>/<subject>/{lh,rh}_*``, .npy arrays and a small JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algokit.atomic import written_aside
from algokit.challenge.npy_header import open_regular
from algokit.errors import UsageError
from algokit.types import HEMISPHERES, Finding, Hemisphere, Ints, Scores, Split, VertexScores

# attribute of `VertexScores` -> name of its file
_FRACTIONS = {"pearson_r": "pearson_r", "ceiling": "noise_ceiling", "normalized": "noise_normalized"}
_OURS = re.compile(
    r"[^/]+/(lh|rh)_((pearson_r|noise_ceiling|noise_normalized|fsaverage_index|roi_vertices)\.npy|vertices\.json)"
)


def write_vertices(folder: Path, scores: Scores) -> None:
    """Write the numbers of every vertex below ``folder/<split>``; what an earlier call wrote there is replaced.

    Per subject and hemisphere: ``pearson_r``, ``noise_normalized`` and ``noise_ceiling`` ((n_vertices,) float32, as
    fractions), ``fsaverage_index`` ((n_vertices,) int64), those that are known; ``roi_vertices.npy``, the columns of
    every ROI one after the other, and ``vertices.json``, which names these ROIs and everything else.

    Raises
    ------
    UsageError : the scores carry no vertices, or the place holds other files.
    DiskError : the disk is full or not writable.
    """
    place = folder / scores.split
    if not scores.vertices:
        finding = Finding("these scores carry no vertices", advice="score the submission again", code="no-vertices")
        raise UsageError("there is nothing to write", [finding])
    _refuse_foreign(place)
    with written_aside(place) as aside:
        for one in scores.vertices:
            (aside / one.subject).mkdir(exist_ok=True)
            _write_hemisphere(aside / one.subject, one)


def _refuse_foreign(place: Path) -> None:
    if not place.exists():
        return
    names = [path.relative_to(place).as_posix() for path in sorted(place.rglob("*")) if not path.is_dir()]
    foreign = [name for name in names if not _OURS.fullmatch(name)] if place.is_dir() else [place.name]
    if foreign:
        found = ", ".join(foreign[:3]) + (f" and {len(foreign) - 3} more" if len(foreign) > 3 else "")
        advice = "give a new folder, or move these files away"
        finding = Finding("this place holds other files", str(place), found=found, advice=advice, code="out-taken")
        raise UsageError("per-vertex scores would replace files that are not theirs", [finding])


def _write_hemisphere(place: Path, one: VertexScores) -> None:
    for attribute, name in _FRACTIONS.items():
        values = getattr(one, attribute)
        if values is not None:
            np.save(place / f"{one.hemisphere}_{name}.npy", values.astype(np.float32))
    if one.fsaverage_index is not None:
        np.save(place / f"{one.hemisphere}_fsaverage_index.npy", one.fsaverage_index.astype(np.int64))
    columns = [np.asarray(vertices, dtype=np.int64) for vertices in one.rois.values()]
    np.save(place / f"{one.hemisphere}_roi_vertices.npy", np.concatenate([*columns, np.empty(0, np.int64)]))
    document = {
        "subject": one.subject,
        "hemisphere": one.hemisphere,
        "split": one.split,
        "n_images": one.n_images,
        "n_vertices": one.pearson_r.size,
        "files": sorted(name for attribute, name in _FRACTIONS.items() if getattr(one, attribute) is not None),
        "fsaverage_index": one.fsaverage_index is not None,
        "constant": np.flatnonzero(one.constant).tolist(),
        "nonfinite": np.flatnonzero(one.nonfinite).tolist(),
        "rois": [[*roi, int(vertices.size)] for roi, vertices in one.rois.items()],
    }
    text = json.dumps(document, indent=1, sort_keys=True) + "\n"
    (place / f"{one.hemisphere}_vertices.json").write_text(text, encoding="utf-8")


def read_vertices(folder: Path, split: Split) -> tuple[VertexScores, ...]:
    """What `write_vertices` wrote, to float32's precision; subjects by name, left hemispheres first.

    Raises
    ------
    UsageError : there is nothing for this split, or a file is missing, damaged or does not fit; all findings.
    """
    place = folder / split
    documents = sorted(place.glob("*/[lr]h_vertices.json")) if place.is_dir() else []
    read, findings = [], []
    for path in documents:
        try:
            read.append(_read_hemisphere(path, split))
        except (OSError, ValueError, KeyError, TypeError, EOFError) as error:
            what = "per-vertex scores that cannot be read"
            findings.append(Finding(what, str(path), found=str(error), code="bad-vertices"))
    findings += _orphans(place, documents)
    if findings:
        raise UsageError(f"{place} is damaged; score the submission again", findings)
    if not read:
        advice = "score the submission with --per-vertex, or give a folder that algokit run wrote"
        finding = Finding("no per-vertex scores", str(place), advice=advice, code="no-vertices")
        raise UsageError("there is nothing to read", [finding])
    return tuple(read)


def _orphans(place: Path, documents: Iterable[Path]) -> list[Finding]:
    """Arrays whose document is gone: a hemisphere would vanish from the scores without a word."""
    known = {(path.parent, path.name[:2]) for path in documents}
    arrays = {(path.parent, path.name[:2]): path for path in sorted(place.glob("*/[lr]h_*.npy"))}
    return [
        Finding("arrays without their vertices.json", str(path), code="bad-vertices")
        for key, path in arrays.items()
        if key not in known
    ]


def _read_hemisphere(path: Path, split: Split) -> VertexScores:
    with open_regular(path) as stream:
        document = json.loads(stream.read())
    hemisphere: Hemisphere = HEMISPHERES[HEMISPHERES.index(document["hemisphere"])]
    stated = (document["subject"], hemisphere, document["split"])
    if stated != (path.parent.name, path.name[:2], split):
        raise ValueError(f"it says that it is of {stated}")
    n_vertices, n_images = int(document["n_vertices"]), int(document["n_images"])
    fractions = {
        attribute: _array(path, name, n_vertices, "float32").astype(np.float64) if name in document["files"] else None
        for attribute, name in _FRACTIONS.items()
    }
    if fractions["pearson_r"] is None:
        raise ValueError("it names no pearson_r")
    index = _array(path, "fsaverage_index", n_vertices, "int64") if document["fsaverage_index"] else None
    return VertexScores(
        subject=path.parent.name,
        hemisphere=hemisphere,
        split=split,
        n_images=n_images,
        pearson_r=fractions["pearson_r"],
        ceiling=fractions["ceiling"],
        normalized=fractions["normalized"],
        constant=_mask(document["constant"], n_vertices),
        nonfinite=_mask(document["nonfinite"], n_vertices),
        rois=_rois(path, document, n_vertices),
        fsaverage_index=index,
    )


def _array(document: Path, name: str, n_values: int, dtype: str) -> NDArray[Any]:
    path = document.with_name(f"{document.name[:2]}_{name}.npy")
    open_regular(path).close()  # a pipe would keep the next line waiting
    values = np.load(path, mmap_mode="r", allow_pickle=False)  # a header that lies about its size is refused here
    if values.shape != (n_values,) or values.dtype != dtype:
        raise ValueError(f"{path.name} holds {values.dtype} {values.shape} instead of {dtype} ({n_values},)")
    if not np.isfinite(values).all():
        raise ValueError(f"{path.name} holds values that are not finite")
    return np.array(values)


def _mask(vertices: Any, n_vertices: int) -> NDArray[np.bool_]:
    mask = np.zeros(n_vertices, dtype=bool)
    mask[_columns(np.asarray(vertices, dtype=np.int64), n_vertices)] = True
    return mask


def _columns(vertices: Ints, n_vertices: int) -> Ints:
    if vertices.size and not 0 <= vertices.min() <= vertices.max() < n_vertices:
        raise ValueError(f"vertices {vertices.min()}..{vertices.max()} of {n_vertices}")
    return vertices


def _rois(path: Path, document: Mapping[str, Any], n_vertices: int) -> dict[tuple[str, str], Ints]:
    names = [(str(roi_class), str(roi)) for roi_class, roi, _ in document["rois"]]
    sizes = [int(size) for *_, size in document["rois"]]
    columns = _columns(_array(path, "roi_vertices", sum(sizes), "int64"), n_vertices)
    return dict(zip(names, np.split(columns, np.cumsum(sizes)[:-1]), strict=True)) if names else {}
