"""How good a submission is: its tables, its headline, several ranked, two compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from rich.text import Text

from algokit.console.streams import results
from algokit.console.tables import table_view
from algokit.reporting.tables import Mode, Table, comparison_table, paired_tables, roi_table, subject_table
from algokit.scoring import Comparison
from algokit.types import ScoreRow, Scores

_RULES: dict[Mode, str] = {
    "official": "official rule: every vertex counts",
    "scientific": "scientific: without the vertices whose ceiling is 0; not the challenge score",
}


def show_scores(scored: Mapping[str, Scores], mode: Mode = "official") -> None:
    """Print the tables of one submission, or rank several, best first."""
    stream = results()
    if len(scored) > 1:
        stream.print(table_view(_narrow(comparison_table(scored, mode=mode))))
        stream.print(Text(_RULES[mode], "dim"))
        return
    for path, scores in scored.items():
        for table in (subject_table(scores, mode=mode), roi_table(scores, mode=mode)):
            stream.print(table_view(_narrow(table)))
            stream.print()
        for line in (*scores.notes, *_facts(scores, mode)):
            stream.print(Text(line, "dim"))
        stream.print(Text.assemble((f"{path}, ", ""), headline(scores, mode)))


def show_comparison(comparison: Comparison, a: str, b: str, mode: Mode = "official") -> None:
    """Print whether B is better than A, subject by subject and ROI by ROI."""
    stream = results()
    for table in paired_tables(comparison, mode=mode):
        stream.print()
        stream.print(table_view(table))
    for line in (_RULES[mode], comparison.intervals, *comparison.notes):
        stream.print(Text(line, "dim"))
    stream.print(f"A: {a}\nB: {b}", markup=False)


def headline(scores: Scores, mode: Mode = "official") -> Text:
    """``val: 41.20 noise-normalized mean, 39.80 median, r 0.310, 3,905 vertices``; what has no ceiling is left out."""
    total, name = _total(scores), "noise_normalized" if mode == "official" else "scientific_noise_normalized"
    text = Text(f"{scores.split}: ")
    n_vertices = scores.n_vertices
    if mean := total.get(f"{name}_mean"):
        n_vertices = mean.n_vertices
        text.append(f"{mean.value:.2f}", "bold green")
        text.append("" if mean.low is None or mean.high is None else f" [{mean.low:.2f}, {mean.high:.2f}]")
        text.append(" noise-normalized mean, " if mode == "official" else " scientific mean, ")
        text.append(f"{total[f'{name}_median'].value:.2f} median, ")
    return text.append(f"r {total['pearson_r_mean'].value:.3f}, {n_vertices:,} vertices")


def _narrow(table: Table) -> Table:
    """Headers that break where a terminal is narrow, so that no number has to."""
    return replace(table, headers=tuple(name.replace("scientific ", "scientific\n") for name in table.headers))


def _facts(scores: Scores, mode: Mode) -> list[str]:
    total = _total(scores)
    versions = {row.version for row in total.values()}
    facts = [
        f"vertices: {scores.n_zero_ceiling:,} zero-ceiling, {scores.n_clipped:,} at the cap, "
        f"{scores.n_constant:,} constant, {scores.n_nonfinite:,} not finite",
        f"{_RULES[mode]} (metric version {', '.join(map(str, sorted(versions)))})",
        f"ceilings: {scores.ceiling_source or 'none'}",
    ]
    chance = total.get("noise_normalized_mean") or total["pearson_r_mean"]
    if scores.intervals:
        facts.append(f"intervals: {scores.intervals}")
    if chance.chance_low is not None and chance.chance_high is not None:
        facts.append(
            f"chance, all vertices: {chance.chance_low:.2f} to {chance.chance_high:.2f}, p {chance.p_value:.3f}"
        )
    return facts


def _total(scores: Scores) -> dict[str, ScoreRow]:
    return {row.metric: row for row in scores.rows if row.subject == row.hemisphere == row.roi_class == "all"}
