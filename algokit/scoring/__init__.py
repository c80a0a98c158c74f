"""How good is a submission? The challenge's own verdict, computed here."""

from algokit.scoring.document import score_document, scores_from_document
from algokit.scoring.hemisphere import ScoredHemisphere, vertex_scores
from algokit.scoring.score import score
from algokit.scoring.submission import score_submission

__all__ = [
    "ScoredHemisphere",
    "score",
    "score_document",
    "score_submission",
    "scores_from_document",
    "vertex_scores",
]
