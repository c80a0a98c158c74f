"""The public verbs: one function per command, no printing. The command line parses, calls one of these and renders.

A module's name never is that of a verb, so that ``verbs.score`` always is the function.
"""

from algokit.verbs.cards import DiffReport, RerunReport, diff, rerun
from algokit.verbs.containing import container_command, execute
from algokit.verbs.data import check_data, describe_data, lock_data, make_demo
from algokit.verbs.explaining import ExplainReport, explain
from algokit.verbs.fetching import FetchReport, fetch
from algokit.verbs.judging import ScoreReport, compare, score
from algokit.verbs.machine import DoctorReport, doctor, forecasts
from algokit.verbs.naming import list_members, schema
from algokit.verbs.participants import GroupReport, run_group, run_participants
from algokit.verbs.preparing import RunOptions, default_store, plan
from algokit.verbs.presenting import choices, report
from algokit.verbs.running import RunReport, run
from algokit.verbs.storing import StoreUsage, collect_store, store_contents, store_usage, verify_store
from algokit.verbs.study_running import StudyRunReport, study_plan, study_run
from algokit.verbs.studying import StudyOptions, StudyReport, study_fit
from algokit.verbs.validating import ValidationReport, validate, write_findings
from algokit.verbs.welcoming import Welcome, welcome
from algokit.verbs.zipping import PackReport, pack

__all__ = [
    "DiffReport",
    "DoctorReport",
    "ExplainReport",
    "FetchReport",
    "GroupReport",
    "PackReport",
    "RerunReport",
    "RunOptions",
    "RunReport",
    "ScoreReport",
    "StoreUsage",
    "StudyOptions",
    "StudyReport",
    "StudyRunReport",
    "ValidationReport",
    "Welcome",
    "check_data",
    "choices",
    "collect_store",
    "compare",
    "container_command",
    "default_store",
    "describe_data",
    "diff",
    "doctor",
    "execute",
    "explain",
    "fetch",
    "forecasts",
    "list_members",
    "lock_data",
    "make_demo",
    "pack",
    "plan",
    "report",
    "rerun",
    "run",
    "run_group",
    "run_participants",
    "schema",
    "score",
    "store_contents",
    "store_usage",
    "study_fit",
    "study_plan",
    "study_run",
    "validate",
    "verify_store",
    "welcome",
    "write_findings",
]
