"""Files as NSD has them, made up: ncsnr on fsaverage, and an experimental design with the trials that are asked for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import scipy.io
from numpy.typing import ArrayLike

from algokit.types import HEMISPHERES

N_SUBJECTS, N_IMAGES, N_TRIALS, N_PER_SESSION = 8, 10_000, 30_000, 750
SESSIONS = (40, 40, 32, 30, 40, 32, 40, 30)


def write_ncsnr(nsd: Path, subject: str, ncsnr: Mapping[str, ArrayLike]) -> None:
    """Both hemispheres' ``.mgh`` files, each value a vertex of fsaverage."""
    for hemisphere in HEMISPHERES:
        path = ncsnr_path(nsd, subject, hemisphere)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_mgh(path, np.asarray(ncsnr[hemisphere], np.float32)[:, None, None])


def write_mgh(path: Path, values: Any) -> None:
    nibabel.save(nibabel.MGHImage(values, np.eye(4)), path)


def ncsnr_path(nsd: Path, subject: str, hemisphere: str) -> Path:
    folder = nsd / "nsddata_betas/ppdata" / subject / "fsaverage/betas_fithrf_GLMdenoise_RR"
    return folder / f"{hemisphere}.ncsnr.mgh"


def design_path(nsd: Path) -> Path:
    return nsd / "nsddata/experiments/nsd/nsd_expdesign.mat"


def write_design(nsd: Path, number: int, training: Mapping[int, int], test: Mapping[int, int]) -> None:
    """A design in which subject ``number`` saw 0-based image ids this often in training and in the last sessions.

    The trials sit at the very ends of both parts and all others show images that are not asked for.
    """
    ids = np.arange(N_IMAGES) + 60_000
    wanted = sorted({*training, *test})
    ids[100 : 100 + len(wanted)] = wanted
    place = {image_id: 100 + at for at, image_id in enumerate(wanted)}
    order = np.resize(np.arange(N_IMAGES - 2000, N_IMAGES), N_TRIALS)
    end = N_PER_SESSION * SESSIONS[number - 1]
    first_test = end - 3 * N_PER_SESSION
    trials = [place[image_id] for image_id, n in training.items() for _ in range(n)]
    order[first_test - len(trials) : first_test] = trials
    trials = [place[image_id] for image_id, n in test.items() for _ in range(n)]
    half = len(trials) // 2
    order[first_test : first_test + half] = trials[:half]
    order[end - len(trials) + half : end] = trials[half:]
    order[end:] = np.resize([*place.values(), 0], N_TRIALS - end)  # trials of sessions that never were
    images = np.tile(np.arange(N_IMAGES) + 50_000, (N_SUBJECTS, 1))
    images[number - 1] = ids
    path = design_path(nsd)
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {"masterordering": order[None] + 1.0, "subjectim": images + 1.0, "sharedix": np.arange(1, 1001.0)[None]}
    scipy.io.savemat(path, content, do_compression=True)
