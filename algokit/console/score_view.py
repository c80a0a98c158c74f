"""How good a submission is: its tables, its headline, several compared."""

from __future__ import annotations

from collections.abc import Mapping

from rich.text import Text

from algokit.console.streams import results
from algokit.console.tables import table_view
from algokit.reporting.tables import comparison_table, roi_table, subject_table
from algokit.types import Scores


def show_scores(scored: Mapping[str, Scores]) -> None:
    """Print the tables of one submission, or compare several, best first."""
    stream = results()
    if len(scored) > 1:
        stream.print(table_view(comparison_table(scored)))
        return
    for path, scores in scored.items():
        for table in (subject_table(scores), roi_table(scores)):
            stream.print(table_view(table))
            stream.print()
        for note in (*scores.notes, f"ceilings: {scores.ceiling_source or 'none'}"):
            stream.print(Text(note, "dim"))
        stream.print(Text.assemble((f"{path}, ", ""), headline(scores)))


def headline(scores: Scores) -> Text:
    """``val: 41.20 noise-normalized mean, 39.80 median, r 0.310, 3,905 vertices``; what has no ceiling is left out."""
    total = {row.metric: row.value for row in scores.rows if row.subject == row.hemisphere == row.roi_class == "all"}
    text = Text(f"{scores.split}: ")
    if "noise_normalized_mean" in total:
        text.append(f"{total['noise_normalized_mean']:.2f}", "bold green")
        text.append(f" noise-normalized mean, {total['noise_normalized_median']:.2f} median, ")
    return text.append(f"r {total['pearson_r_mean']:.3f}, {scores.n_vertices:,} vertices")
