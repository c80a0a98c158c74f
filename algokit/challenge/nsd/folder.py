"""Where the files of the Natural Scenes Dataset lie: in a folder that was named, or beside the challenge's own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from algokit.errors import UsageError
from algokit.types import HEMISPHERES, Finding, Hemisphere

_BETAS, _DATA = "nsddata_betas", "nsddata"
_NCSNR = "ppdata/{subject}/fsaverage/betas_fithrf_GLMdenoise_RR/{hemisphere}.ncsnr.mgh"
DESIGN_NAME = "nsd_expdesign.mat"


@dataclass(frozen=True)
class NsdFolder:
    """A folder with ``nsddata_betas`` or ``nsddata`` in it, laid out as NSD's own bucket.

    Attributes
    ----------
    is_given : named by the user. What a named folder lacks is an error; what lies beside the challenge's files is
        used as far as it goes.
    """

    root: Path
    is_given: bool

    def ncsnr_paths(self, subject: str) -> dict[Hemisphere, Path]:
        """Signal SD over noise SD of the betas the challenge was made from; there or not."""
        betas = self.root / _BETAS
        return {one: betas / _NCSNR.format(subject=subject, hemisphere=one) for one in HEMISPHERES}

    def repeats_path(self, subject: str) -> Path | None:
        """The experiment's design, else a table of this subject's repeats; None where neither is there."""
        candidates = (
            self.root / _DATA / "experiments" / "nsd" / DESIGN_NAME,
            self.root / DESIGN_NAME,
            self.root / f"{subject}_repeats.csv",
        )
        return next((path for path in candidates if is_there(path)), None)


def find_nsd(given: Path | None, challenge_root: Path) -> NsdFolder | None:
    """The folder given, or the one above or below it that holds NSD; else ``nsd`` in the challenge, or the challenge.

    Raises
    ------
    UsageError : a folder is given and there is nothing of NSD in it.
    """
    if given is None:
        beside = (challenge_root / "nsd", challenge_root)
        return next((NsdFolder(folder, False) for folder in beside if _holds_nsd(folder)), None)
    above = [given.parent] if given.name in (_BETAS, _DATA) else []
    there = [folder for folder in (given, *above) if _holds_nsd(folder)]
    found = there[:1] or [folder for folder in _below(given) if _holds_nsd(folder)]
    if len(found) == 1:
        return NsdFolder(found[0], True)
    if found:
        what, names = "several folders with NSD in them", ", ".join(folder.name for folder in found)
        finding = Finding(what, str(given), "", "one", names, "name the one that is meant", code="many-nsd")
    else:
        what = "nothing of NSD here" if given.is_dir() else "no such folder"
        expected = f"{_BETAS}, {_DATA} or {DESIGN_NAME} in it"
        finding = Finding(what, str(given), "", expected, "", "give the folder NSD was downloaded to", code="no-nsd")
    raise UsageError(f"{given} cannot be used as NSD", [finding])


def is_there(path: Path) -> bool:
    """Whether there is such a file; one that cannot be looked at is, so that reading it says why."""
    try:
        return path.is_file()
    except OSError:
        return True


def _holds_nsd(folder: Path) -> bool:
    """Whether ``folder`` is the top of a tree of NSD."""
    try:
        names = (_BETAS, _DATA)
        holds_data = any((folder / name).is_dir() for name in names) or (folder / DESIGN_NAME).is_file()
        return holds_data or any(folder.glob("subj??_repeats.csv"))
    except OSError:
        return False


def _below(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.is_dir())
    except OSError:
        return []
