"""What every hostile submission is held against: a real challenge on disk with the sizes of `small_submission`."""

from __future__ import annotations

import pytest
from small_challenge import shrunk_manifest, write_challenge
from small_submission import GEOMETRY

from algokit.challenge import Challenge, SubjectEntry, open_challenge


@pytest.fixture(scope="session")
def challenge(tmp_path_factory: pytest.TempPathFactory) -> Challenge:
    """Images, responses, ceilings and masks of the small subjects; not to be changed."""
    entries = {
        subject: SubjectEntry(
            n_train=one.n_train,
            n_test=one.n_test,
            n_vertices=dict(one.n_vertices),
            repeats={"train": (one.n_train, 0, 0), "test": (one.n_test, 0, 0)},
        )
        for subject, one in GEOMETRY.items()
    }
    return open_challenge(write_challenge(tmp_path_factory.mktemp("challenge"), shrunk_manifest("hostile", entries)))
