"""Score tables hold the scores' own numbers and nothing for what is not there."""

from __future__ import annotations

from collections.abc import Iterable

from algokit.reporting.tables import Table, comparison_table, report_markdown, roi_table, subject_table, to_markdown
from algokit.types import ScoreRow, Scores

ALL = "all"
METRICS = {"pearson_r_mean": 0.25, "noise_normalized_mean": 40.0, "noise_normalized_median": 38.5}
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
        ScoreRow(*place, n_vertices, metric, 1, METRICS[metric] + extra)
        for *place, n_vertices in PLACES
        for metric in metrics
    )
    given = {"ceiling_source": "test", "n_images": {"subj01": 9, "subj02": 9}, **changes}
    counts = {"n_vertices": 100, "n_zero_ceiling": 1, "n_clipped": 2, "n_constant": 3, "n_nonfinite": 0}
    return Scores(split="test", rows=rows, **counts, **given)  # type: ignore[arg-type]


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
        "### ROIs lh",
        "### ROIs subj01",
        "## Split: val",
    ]
    assert "Note: mind this." in lines
    assert "| streams | early | 30 | 40.00 | 38.50 | 0.2500 |" in lines
    assert "| streams | early | 18 | 40.00 | 38.50 | 0.2500 |" in lines
    assert lines[-1] == "No measured responses for this split; nothing to score."
