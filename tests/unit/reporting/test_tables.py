"""Score tables hold the scores' own numbers and nothing for what is not there."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from algokit.reporting.tables import (
    Table,
    ceiling_words,
    comparison_table,
    p_text,
    paired_tables,
    report_markdown,
    roi_table,
    split_facts,
    split_tables,
    subject_table,
    to_markdown,
)
from algokit.scoring import Comparison, ComparisonRow
from algokit.types import ScoreRow, Scores

ALL = "all"
METRICS = {
    "pearson_r_mean": 0.25,
    "r2_mean": 0.0625,
    "noise_normalized_mean": 40.0,
    "noise_normalized_median": 38.5,
    "scientific_noise_normalized_mean": 39.0,
    "scientific_noise_normalized_median": 37.5,
}
PLACES = [
    (ALL, ALL, ALL, ALL, 100),
    (ALL, ALL, "streams", "early", 30),
    (ALL, "lh", ALL, ALL, 60),
    (ALL, "lh", "streams", "early", 18),
    ("subj01", ALL, ALL, ALL, 50),
    ("subj01", ALL, "streams", "early", 20),
]


def scores(metrics: Iterable[str] = METRICS, extra: float = 0.0, **changes: object) -> Scores:
    rows = tuple(
        ScoreRow(*place, n_vertices - metric.startswith("scientific"), metric, 1, METRICS[metric] + extra)
        for *place, n_vertices in PLACES
        for metric in metrics
    )
    given = {"ceiling_source": "test", "n_images": {"subj01": 9, "subj02": 9}, **changes}
    counts = {"n_vertices": 100, "n_zero_ceiling": 1, "n_clipped": 2, "n_constant": 3, "n_nonfinite": 0}
    return Scores(split="test", rows=rows, **{**counts, **given})  # type: ignore[arg-type]


def test_the_subject_table_has_a_row_per_subject_and_hemisphere() -> None:
    table = subject_table(scores())
    names = ("noise-normalized mean", "noise-normalized median", "raw r")
    assert table.headers == ("subject", "hemisphere", "vertices", *names)
    assert table.rows == (
        (ALL, ALL, 100, 40.0, 38.5, 0.25),
        (ALL, "lh", 60, 40.0, 38.5, 0.25),
        ("subj01", ALL, 50, 40.0, 38.5, 0.25),
    )


def test_the_roi_table_is_bilateral_over_all_subjects_unless_asked() -> None:
    assert roi_table(scores()).rows == (("streams", "early", 30, 40.0, 38.5, 0.25),)
    assert roi_table(scores(), "subj01").rows == (("streams", "early", 20, 40.0, 38.5, 0.25),)
    assert roi_table(scores(), "subj01", "lh").rows == ()


def test_the_scientific_mode_shows_its_own_scores_and_the_vertices_they_count() -> None:
    table = subject_table(scores(), mode="scientific")
    assert table.headers == ("subject", "hemisphere", "vertices", "scientific mean", "scientific median", "raw r")
    assert table.rows[0] == (ALL, ALL, 99, 39.0, 37.5, 0.25)
    assert roi_table(scores(), mode="scientific").rows == (("streams", "early", 29, 39.0, 37.5, 0.25),)


def with_intervals() -> Scores:
    plain = scores()
    rows = tuple(
        replace(
            row,
            low=row.value - 1.5,
            high=row.value + 1.25,
            chance_low=0.1,
            chance_high=0.75,
            p_value=0.005,
        )
        for row in plain.rows
    )
    return replace(plain, rows=rows, intervals="95 % over images")


def test_a_score_is_written_with_its_interval() -> None:
    table = subject_table(with_intervals())
    assert table.text()[0] == [ALL, ALL, "100", "40.00 [38.50, 41.25]", "38.50", "0.2500"]


def test_the_full_table_has_r2_all_intervals_and_chance() -> None:
    table = subject_table(with_intervals(), full=True)
    assert table.headers[3:] == ("noise-normalized mean", "noise-normalized median", "raw r", "r2", "chance", "p")
    assert table.text()[0][3:] == [
        "40.00 [38.50, 41.25]",
        "38.50 [37.00, 39.75]",
        "0.2500 [-1.2500, 1.5000]",
        "0.0625 [-1.4375, 1.3125]",
        "0.10 to 0.75",
        "0.005",
    ]
    assert "chance" not in subject_table(scores(), full=True).headers


def test_submissions_with_intervals_are_ranked_by_their_score() -> None:
    table = comparison_table({"plain": scores(extra=0.1), "sure": with_intervals()})
    assert [row[0] for row in table.rows] == ["plain", "sure"]
    assert table.text()[1][2] == "40.00 [38.50, 41.25]"


def paired(*places: tuple[str, str, str, str], metric: str = "noise_normalized_mean") -> Comparison:
    rows = [
        ComparisonRow(*place, 10, metric, 1, 40.0, 41.5, 1.5, 0.25, 2.75, 0.004, 0.04, "B better") for place in places
    ]
    return Comparison("test", tuple(rows), {"subj01": 9}, "test", "1000 resamples; paired", ())


def test_two_submissions_are_set_apart_by_subject_and_by_roi() -> None:
    tables = paired_tables(
        paired(
            (ALL, ALL, ALL, ALL),
            ("subj01", "lh", ALL, ALL),
            (ALL, ALL, "streams", ALL),
            (ALL, ALL, "streams", "early"),
            ("subj01", ALL, "streams", "early"),
        )
    )
    assert [table.title for table in tables] == ["Subjects and hemispheres", "ROIs"]
    numbers = ["40.00", "41.50", "1.50 [0.25, 2.75]"]
    assert tables[0].text() == [
        ["all all", *numbers, "0.004", "B better"],
        ["subj01 lh", *numbers, "0.004", "B better"],
    ]
    assert tables[1].text() == [["streams", *numbers, "", "B better"], ["  early", *numbers, "0.040", "B better"]]
    assert tables[1].headers[4] == "p (Holm)"


def test_without_ceilings_two_submissions_are_set_apart_by_raw_r() -> None:
    (table,) = paired_tables(paired((ALL, ALL, ALL, ALL), metric="pearson_r_mean"))
    assert table.text()[0][1:4] == ["40.0000", "41.5000", "1.5000 [0.2500, 2.7500]"]


def test_a_report_names_its_intervals_and_the_scientific_score() -> None:
    text = report_markdown({}, {"test": with_intervals()})
    assert "- intervals: 95 % over images" in text
    assert "### Without the vertices whose ceiling is 0 (scientific; not the challenge score)" in text
    assert "| all | all | 99 | 39.00 [37.50, 40.25] | 37.50 [36.00, 38.75] |" in text
    none_zero = report_markdown({}, {"test": scores(n_zero_ceiling=0)})
    assert "scientific" not in none_zero


def test_the_best_submission_comes_first_and_one_without_ceilings_last() -> None:
    table = comparison_table({"raw": scores(["pearson_r_mean"], 0.5), "worse": scores(), "better": scores(extra=1)})
    assert [row[0] for row in table.rows] == ["better", "worse", "raw"]
    assert table.rows[2][2:5] == (None, None, 0.75)


def test_cells_are_written_with_the_digits_of_their_column() -> None:
    table = Table("", ("name", "raw r", "mean", "n"), (("a|b", 0.123456, 40.511, 7), ("c", None, 1.0, 8)), {"raw r": 4})
    assert to_markdown(table).splitlines() == [
        "| name | raw r | mean | n |",
        "| --- | ---: | ---: | ---: |",
        "| a\\|b | 0.1235 | 40.51 | 7 |",
        "| c | n/a | 1.00 | 8 |",
    ]


def test_a_report_begins_with_its_warnings_and_names_every_split() -> None:
    card = {"recipe": {"name": "demo"}, "warnings": ["RANDOM WEIGHTS: a"]}
    lines = report_markdown(card, {"test": scores(notes=("mind this",)), "val": None}).splitlines()
    assert lines[0] == "# demo"
    assert lines[2] == "> **Warning:** RANDOM WEIGHTS: a"
    assert [line for line in lines if line.startswith("#")] == [
        "# demo",
        "## Split: test",
        "### Subjects and hemispheres",
        "### ROIs",
        "### Without the vertices whose ceiling is 0 (scientific; not the challenge score)",
        "### Counts of vertices",
        "### ROIs lh",
        "### ROIs subj01",
        "## Split: val",
    ]
    assert "- note: mind this" in lines
    assert "| streams | early | 30 | 40.00 | 38.50 | 0.2500 | 0.0625 |" in lines
    assert "| streams | early | 18 | 40.00 | 38.50 | 0.2500 | 0.0625 |" in lines
    assert lines[-1] == "No measured responses for this split; nothing to score."


def test_names_from_elsewhere_are_text_in_markdown_and_nothing_else() -> None:
    bad = "a\n## b <img src=x> [c](http://d) *e* `f` g|h"
    places = (replace(row, roi=bad) if row.roi_class != ALL else row for row in scores().rows)
    text = report_markdown(
        {"recipe": {"name": bad}, "warnings": [bad]}, {"test": replace(scores(notes=(bad,)), rows=tuple(places))}
    )
    assert "\n## b" not in text
    assert "<img" not in text
    assert not re.search(r"(?<!\\)[\[\]]\(", text)
    assert "&lt;img src=x&gt; \\[c\\](http://d) \\*e\\* \\`f\\` g\\|h" in text
    columns = {line.replace("\\|", "").count("|") for line in text.splitlines() if line.startswith("| streams")}
    assert columns == {8}


def test_a_p_is_never_written_as_nought() -> None:
    assert [p_text(one) for one in (0.0004, 0.0005, 0.001, 0.02)] == ["< 0.001", "0.001", "0.001", "0.020"]
    rows = tuple(replace(row, p_value=1 / 10_000) for row in with_intervals().rows)
    assert subject_table(replace(with_intervals(), rows=rows), full=True).text()[0][-1] == "< 0.001"


def test_a_split_says_that_its_p_are_not_corrected_only_where_it_has_any() -> None:
    assert "not corrected" in " ".join(split_facts(with_intervals())["chance and p"])
    assert "chance and p" not in split_facts(scores())


def test_the_words_that_ceilings_of_all_subjects_share_are_told_once() -> None:
    source = "ncsnr and repeats (a.csv; t = 0.1); ncsnr and repeats (b.csv; t = 0.2)"
    assert ceiling_words(source) == "ncsnr and repeats (a.csv; t = 0.1 · b.csv; t = 0.2)"
    two = "one (t = 1), and other (x); one (t = 2), and other (x); one (t = 1), and other (x)"
    assert ceiling_words(two) == "one (t = 1 · t = 2 · t = 1), and other (x)"
    for other in ("", "one file", "one (a; b)", "one (a); two (b)"):
        assert ceiling_words(other) == other


def test_tables_of_a_split_are_all_there_and_none_is_empty() -> None:
    tables = split_tables(scores())
    assert [table.title for table in tables.first] == ["Subjects and hemispheres", "ROIs"]
    assert "Counts of vertices" in [table.title for table in tables.rest]
    assert all(table.rows for table in (*tables.first, *tables.rest))
