"""A submission folder is replaced only where everything in it is ours."""

from __future__ import annotations

from pathlib import Path

import pytest

from algokit.errors import UsageError
from algokit.reporting.folder import refuse_foreign

OURS = ("plan.json", "card.json", "subj01/lh_pred_test.npy", "val/subj01/image_ids.npy", "fits/a/subj01/rh_alpha.npy")


def _folder(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def test_nothing_an_empty_folder_and_a_submission_of_ours_may_be_replaced(tmp_path: Path) -> None:
    refuse_foreign(tmp_path / "absent")
    refuse_foreign(_folder(tmp_path))
    refuse_foreign(_folder(tmp_path / "ours", *OURS))


@pytest.mark.parametrize(
    ("names", "named"),
    [
        ((*OURS, "notes.txt"), "notes.txt"),
        ((*OURS, "subj01/lh_pred_test.npy.bak"), "subj01/lh_pred_test.npy.bak"),
        (("subj01/lh_pred_test.npy",), "subj01/lh_pred_test.npy"),
        (("photo.jpg",), "photo.jpg"),
    ],
)
def test_files_that_are_not_ours_are_named_and_kept(tmp_path: Path, names: tuple[str, ...], named: str) -> None:
    out = _folder(tmp_path / "out", *names)
    with pytest.raises(UsageError) as caught:
        refuse_foreign(out)
    assert named in caught.value.findings[0].found
    assert (out / named).exists()


def test_a_file_in_the_place_is_kept(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        refuse_foreign(_folder(tmp_path, "out") / "out")
