"""How good is a submission? The challenge's own verdict, computed here."""

from algokit.scoring.compare import Comparison, ComparisonRow, compare, comparison_document
from algokit.scoring.document import score_document, scores_from_document
from algokit.scoring.hemisphere import ScoredHemisphere, vertex_scores
from algokit.scoring.intervals import Intervals
from algokit.scoring.score import score
from algokit.scoring.submission import compare_submissions, score_submission
from algokit.scoring.vertex_files import read_vertices, write_vertices

__all__ = [
    "Comparison",
    "ComparisonRow",
    "Intervals",
    "ScoredHemisphere",
    "compare",
    "compare_submissions",
    "comparison_document",
    "read_vertices",
    "score",
    "score_document",
    "score_submission",
    "scores_from_document",
    "vertex_scores",
    "write_vertices",
]
