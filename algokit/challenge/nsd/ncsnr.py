"""NSD's noise ceiling signal-to-noise ratio: one number per vertex of fsaverage, in a FreeSurfer ``.mgh`` file."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algokit.errors import DataError
from algokit.types import Finding, Ints

_AGAIN = "download it again from NSD"


def read_ncsnr(path: Path, fsaverage_size: int, fsaverage_index: Ints) -> NDArray[np.float64]:
    """The ncsnr of the challenge vertices: (n_vertices,) float64, 0 or more.

    Parameters
    ----------
    fsaverage_size : how many vertices the file has to hold.
    fsaverage_index : (n_vertices,) int64, those that are wanted. Others may be NaN, and are where the surface
        was not measured.

    Raises
    ------
    DataError : the file cannot be read, is of another surface, or holds no ncsnr at one of these vertices.

    Source: Allen et al. 2022, ``betas_fithrf_GLMdenoise_RR`` on fsaverage.
    """
    values = _whole(path, fsaverage_size)[fsaverage_index]
    bad = np.flatnonzero(~(np.isfinite(values) & (values >= 0)))
    if not bad.size:
        return values
    first = int(bad[0])
    found = (
        f"{values[first]:g} at vertex {first} (fsaverage {fsaverage_index[first]}); "
        f"{bad.size} of {values.size} vertices are so"
    )
    advice = "check that the file is of the same subject and hemisphere as the all-vertices mask"
    finding = Finding("no ncsnr at challenge vertices", str(path), "", "0 or more", found, advice, code="ncsnr-range")
    raise DataError(f"{path} cannot be used", [finding])


def _whole(path: Path, fsaverage_size: int) -> NDArray[np.float64]:
    """Every vertex; the header is held against the size before anything is allocated."""
    from nibabel.freesurfer.mghformat import MGHImage

    try:
        with path.open("rb") as stream, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image: Any = MGHImage.from_stream(stream)
            shape = tuple(int(n) for n in image.shape)
            right = sorted(shape, reverse=True) == [fsaverage_size, *[1] * (len(shape) - 1)]
            # As stored: (n, 1, 1) or (n, 1, 1, 1), big-endian float32.
            values = np.asarray(image.dataobj, np.float64).reshape(-1) if right else None
    except Exception as error:  # a damaged file can make the reader raise anything
        found = " ".join(str(error).split())[:160] or type(error).__name__
        finding = Finding("not a readable .mgh file", str(path), "", "", found, _AGAIN, code="bad-mgh")
        raise DataError(f"{path} cannot be read", [finding]) from error
    if values is None:
        advice = "take the file in the folder fsaverage; NSD has others in native surface space and in volumes"
        expected, found = f"{fsaverage_size} vertices", f"shape {shape}"
        finding = Finding("ncsnr of another surface", str(path), "", expected, found, advice, code="ncsnr-size")
        raise DataError(f"{path} cannot be used", [finding])
    return values
