from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from made_up_row import ROW

from algokit.recipe.study_schema import LawSpec
from algokit.studies.pooling import UNITS, law_points, pooled, rois_of
from algokit.studies.tidy import rows_csv


def test_a_pool_is_the_mean_over_all_vertices() -> None:
    rows = [ROW, replace(ROW, hemisphere="rh", value=0.6, ceiling=0.7, n_vertices=10)]
    (one,) = pooled(rows, "r2", ("n_images",), UNITS["points"])
    every_vertex = np.repeat([0.2, 0.6], [30, 10])
    assert one.value == pytest.approx(every_vertex.mean())
    assert one.ceiling == pytest.approx(np.repeat([0.5, 0.7], [30, 10]).mean())
    assert (one.n_vertices, one.x) == (40, (10.0,))


def test_an_unknown_ceiling_makes_that_of_the_pool_unknown() -> None:
    (one,) = pooled([ROW, replace(ROW, hemisphere="rh", ceiling=None)], "r2", ("n_images",), UNITS["points"])
    assert one.ceiling is None


def test_what_is_resampled_comes_apart_and_all_else_is_pooled() -> None:
    rows = [replace(ROW, draw=draw, subject=subject) for draw in range(3) for subject in ("subj01", "subj02")]
    for resample, n_units in (("points", 1), ("draws", 3), ("subjects", 2), ("models", 1)):
        (points,) = law_points(rows, "r2", LawSpec(resample=resample), ("n_images",))
        assert len(points.observations.units) == len(set(points.observations.units)) == n_units
        assert points.extra["flops"] == pytest.approx([50.0] * n_units)


def test_predictors_of_a_law_with_powers_are_divided_by_a_power_of_ten() -> None:
    rows = [replace(ROW, n_images=n, point=f"net/n{n}") for n in (250, 900)]
    for form, scale in (("log", 1.0), ("power", 100.0)):
        (points,) = law_points(rows, "r2", LawSpec(form=form), ("n_images",))
        assert points.observations.scales == (scale,)
        assert list(points.observations.predictors[0]) == [250.0, 900.0]


def test_all_vertices_come_last_and_other_metrics_are_left_out() -> None:
    rows = [replace(ROW, roi="all", roi_class="all"), ROW, replace(ROW, metric="pearson_r")]
    assert rois_of(rows) == ["early", "all"]
    assert len(pooled(rows, "r2", ("n_images",), UNITS["points"])) == 2


def test_parquet_holds_what_the_csv_says_with_types() -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    from algokit.studies.parquet import rows_parquet

    rows = [ROW, replace(ROW, layer="conv", depth=0.5, grid=2, ceiling=None, value=1 / 3)]
    table = parquet.read_table(io.BytesIO(rows_parquet(rows)))
    header, *lines = rows_csv(rows).splitlines()
    assert table.column_names == header.split(",")
    for found, text in zip(table.to_pylist(), lines, strict=True):
        assert ["" if value is None else str(value) for value in found.values()] == text.split(",")
    assert str(table.schema.field("n_images").type) == "int64"
    assert str(table.schema.field("depth").type) == "double"
