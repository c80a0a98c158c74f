"""One row of a study's tidy results, made up; tests replace what they are about."""

from __future__ import annotations

from algokit.studies.tidy import StudyRow

ROW = StudyRow(
    study="s",
    point="net/n10",
    series="net",
    member="net",
    layer=None,
    depth=None,
    grid=None,
    n_parameters=1000,
    n_images=10,
    flops=50.0,
    draw=0,
    subject="subj01",
    hemisphere="lh",
    roi_class="streams",
    roi="early",
    metric="r2",
    version=1,
    value=0.2,
    ceiling=0.5,
    n_vertices=30,
    n_zero_ceiling=0,
    split="test",
    n_scored=60,
)
