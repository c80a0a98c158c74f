"""Tables from anywhere: filters and means as pandas has them, and a line for everything that is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from published import published_points

from algokit.errors import AlgokitError, DataError, UsageError
from algokit.studies.selection import Selecting, select
from algokit.studies.table import kept_rows, parse_filter, read_table

FLAGS = ("is_pretrained", "is_random", "is_ssl", "is_adv", "is_ablation")
LARGE = "arch_family!=ConvNeXt,ConvNeXtFlex,ViT,ViTFlex|samples_per_class=0,300"
FILTERS = {
    "samples": ("dataset=imagenet", LARGE),
    "parameters": ("dataset=imagenet,ecoset", "samples_per_class=0"),
    "joint": ("dataset=imagenet,ecoset", LARGE),
}
TABLE = """model,region,images,score,random
a,V1,100,0.10,False
a,IT,100,0.20,False
b,V1,1000,0.30,False
b,IT,1000,,False
c,V1,10000,0.40,True
c,IT,10000,0.50,True
"""


def table(tmp_path: Path, text: str = TABLE) -> Path:
    path = tmp_path / "scores.csv"
    path.write_text(text, encoding="utf-8")
    return path


def selecting(**changes: object) -> Selecting:
    return Selecting(**{"x": ("images",), "y": "score", "scales": (1.0,), "point": "model", **changes})  # type: ignore[arg-type]


def explained(refusal: pytest.ExceptionInfo[AlgokitError]) -> str:
    return str(refusal.value)


@pytest.mark.reference
@pytest.mark.parametrize("fit", FILTERS)
def test_published_points_are_those_of_pandas(reference: Path, fit: str) -> None:
    filters = tuple(parse_filter(text) for text in (*(f"{flag}=False" for flag in FLAGS), *FILTERS[fit]))
    asked = Selecting(
        x=("n_params", "n_samples_seen"),
        y="score",
        scales=(1e5, 1e4),
        filters=filters,
        point="model_id",
        mean_over="region",
        extra=("total_flops",),
    )
    found = select(read_table(reference / "scaling" / "benchmark_scores.csv"), asked)
    expected = published_points(reference, fit)
    points = found.groups[0]
    assert points.observations.units == tuple(expected.index)
    np.testing.assert_allclose(points.observations.score, expected.score, rtol=1e-14)
    np.testing.assert_array_equal(points.observations.predictors, [expected.N, expected.D])
    np.testing.assert_array_equal(points.extra["total_flops"], expected.C)


def test_rows_of_a_point_are_one_mean_and_missing_ones_are_counted(tmp_path: Path) -> None:
    found = select(read_table(table(tmp_path)), selecting(mean_over="region", filters=(parse_filter("random=false"),)))
    points = found.groups[0].observations
    assert points.score.tolist() == pytest.approx([0.15, 0.3])
    assert points.units == ("a", "b")
    assert (found.n_rows, found.n_filtered, found.n_missing, found.n_incomplete) == (6, 2, 1, 1)


def test_the_order_of_rows_changes_nothing(tmp_path: Path) -> None:
    head, *rows = TABLE.splitlines()
    turned = select(read_table(table(tmp_path, "\n".join([head, *rows[::-1]]))), selecting())
    straight = select(read_table(table(tmp_path)), selecting())
    assert turned.groups[0].observations.units == straight.groups[0].observations.units
    np.testing.assert_allclose(turned.groups[0].observations.score, straight.groups[0].observations.score)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("region=V1", "abc"),
        ("images>=1000", "bbcc"),
        ("images<1000", "aa"),
        ("images=1e3", "bb"),
        ("score=", "b"),
        ("score!=", "aabcc"),
        ("model!=a,b", "cc"),
        ("model=a|images>1000", "aacc"),
        ("random=TRUE", "cc"),
    ],
)
def test_filters_keep_what_they_say(tmp_path: Path, text: str, kept: str) -> None:
    read = read_table(table(tmp_path))
    rows = np.flatnonzero(kept_rows(read, [parse_filter(text)]))
    assert "".join(read.columns["model"][row] for row in rows) == kept


@pytest.mark.parametrize("text", ["region", "=V1", "images>many", "images>1,2"])
def test_what_is_no_filter_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="not"):
        parse_filter(text)


def test_groups_have_points_of_their_own(tmp_path: Path) -> None:
    found = select(read_table(table(tmp_path)), selecting(group_by="random"))
    assert [(one.group, len(one.observations.score)) for one in found.groups] == [("False", 2), ("True", 1)]


def test_units_are_what_is_resampled(tmp_path: Path) -> None:
    found = select(read_table(table(tmp_path)), selecting(point="", resample="region"))
    assert set(found.groups[0].observations.units) == {"V1", "IT"}


def test_a_cell_that_is_no_number_is_named_with_file_line_and_column(tmp_path: Path) -> None:
    path = table(tmp_path, TABLE.replace("0.30", "good"))
    with pytest.raises(DataError) as refusal:
        select(read_table(path), selecting())
    assert f"{path}:4: score: not a number" in explained(refusal)
    assert "found good" in explained(refusal)


def test_lines_are_those_of_the_file_also_after_a_cell_of_two_lines(tmp_path: Path) -> None:
    path = table(tmp_path, TABLE.replace("a,V1", '"a\n",V1').replace("0.30", "good"))
    with pytest.raises(DataError, match=r"scores\.csv:5: score"):
        select(read_table(path), selecting(point=""))


def test_a_column_that_is_not_there_brings_the_nearest_ones(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"found scores; did you mean score\?"):
        select(read_table(table(tmp_path)), selecting(y="scores"))


@pytest.mark.parametrize(
    ("option", "asked"),
    [
        ("--x2", {"x": ("images", "nothing"), "scales": (1.0, 1.0)}),
        ("--point", {"point": "nothing"}),
        ("--mean-over", {"mean_over": "nothing"}),
        ("--group-by", {"group_by": "nothing"}),
        ("--resample", {"resample": "nothing"}),
    ],
)
def test_a_column_that_is_not_there_is_told_with_the_option_that_named_it(
    tmp_path: Path, option: str, asked: dict[str, Any]
) -> None:
    with pytest.raises(UsageError, match=f"{option}: no such column"):
        select(read_table(table(tmp_path)), selecting(**asked))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("a,IT,100,", "a,IT,200,", r"scores\.csv:3: images: another value for the same point .*100 as in line 2"),
        ("a,IT,", "a,V1,", r"scores\.csv:3: region: twice in one point"),
    ],
)
def test_rows_of_one_point_that_do_not_go_together_are_refused(tmp_path: Path, old: str, new: str, said: str) -> None:
    path = table(tmp_path, TABLE.replace(old, new))
    with pytest.raises(DataError, match=said):
        select(read_table(path), selecting(mean_over="region"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no rows"),
        ("a,b\n", "no rows"),
        ("a,b\n1\n", r"scores\.csv:2: a row of another length \(expected 2 cells; found 1\)"),
        ("a,a\n1,2\n", r"scores\.csv:1: a column is there twice"),
        ('a,b\n"1,2\n', "not a CSV file"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(DataError, match=said):
        read_table(table(tmp_path, text))


def test_a_table_that_is_not_there_or_not_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="No such file"):
        read_table(tmp_path / "none.csv")
    (tmp_path / "binary.csv").write_bytes(b"a,b\n\xff\xfe,1\n")
    with pytest.raises(DataError, match="not a CSV file"):
        read_table(tmp_path / "binary.csv")
