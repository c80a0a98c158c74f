"""What people see: tables, findings and progress. The only package that knows rich.

Results go to stdout, everything else to stderr. Colours and widths are rich's business (it honours ``NO_COLOR`` and
``COLUMNS``); every view has to read well in 80 columns and without colour.
"""

from algokit.console.card_view import show_diff, show_rerun
from algokit.console.doctor_view import show_doctor
from algokit.console.explain_view import show_explained
from algokit.console.fetch_view import show_weights
from algokit.console.findings import show_error, show_findings
from algokit.console.pack_view import show_pack
from algokit.console.plan_view import show_plan
from algokit.console.progress import shown_progress
from algokit.console.run_view import show_run
from algokit.console.score_view import show_comparison, show_scores
from algokit.console.store_view import show_artefacts, show_checked, show_garbage, show_usage
from algokit.console.streams import say, write_json
from algokit.console.study_run_view import show_study_plan, show_study_run
from algokit.console.study_view import show_study
from algokit.console.tables import show_members
from algokit.console.validation_view import show_validation
from algokit.console.welcome_view import show_welcome

__all__ = [
    "say",
    "show_artefacts",
    "show_checked",
    "show_comparison",
    "show_diff",
    "show_doctor",
    "show_error",
    "show_explained",
    "show_findings",
    "show_garbage",
    "show_members",
    "show_pack",
    "show_plan",
    "show_rerun",
    "show_run",
    "show_scores",
    "show_study",
    "show_study_plan",
    "show_study_run",
    "show_usage",
    "show_validation",
    "show_weights",
    "show_welcome",
    "shown_progress",
    "write_json",
]
