"""Challenge vertices on the surface of fsaverage."""

from __future__ import annotations

import numpy as np

from algokit.challenge.layout import ArrayFile
from algokit.challenge.rois import all_vertices_findings
from algokit.errors import DataError
from algokit.types import Ints


def fsaverage_index(mask: ArrayFile, n_vertices: int) -> Ints:
    """The vertex of fsaverage each challenge vertex is: (n_vertices,) int64, ascending.

    Raises
    ------
    DataError : the all-vertices mask holds other things than ``n_vertices`` ones and else zeros.
    """
    if findings := all_vertices_findings(mask, n_vertices):
        raise DataError(f"{mask.path} cannot be used", findings)
    return np.flatnonzero(mask.values()).astype(np.int64)
