"""The command line: one small file per verb that parses, calls one function of `algokit.verbs` and renders.

Nothing here imports torch, and what a command needs is imported when it runs, so that help answers at once.
"""

from __future__ import annotations

import errno
import io
import os
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Annotated

import typer

from algokit.cli import data, store, study
from algokit.cli.bids import as_verb, bids
from algokit.cli.diff import diff
from algokit.cli.doctor import doctor
from algokit.cli.execute import execute
from algokit.cli.explain import explain
from algokit.cli.fetch import fetch
from algokit.cli.list import list_members
from algokit.cli.pack import pack
from algokit.cli.plan import plan
from algokit.cli.report import report
from algokit.cli.rerun import rerun
from algokit.cli.run import run
from algokit.cli.schema import schema
from algokit.cli.score import score
from algokit.cli.validate import validate
from algokit.cli.welcome import welcome

BUG = 70
INTERRUPTED = 130

app = typer.Typer(
    name="algokit",
    help="From a YAML recipe to a scored, zipped submission for the Algonauts 2023 challenge.",
    epilog="Exit codes: 0 fine, 1 findings or a failed run, 2 recipe, data or usage wrong, 3 machine not ready, "
    "70 a bug in algokit, 130 interrupted.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(data.app, name="data")
app.add_typer(store.app, name="store")
app.add_typer(study.app, name="study")
app.command("list")(list_members)
for hidden in (execute, welcome):
    app.command(hidden=True)(hidden)
for command in (doctor, fetch, plan, run, explain, validate, score, report, pack, rerun, diff, schema, bids):
    app.command()(command)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"algokit {version('algokit')}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Options before the verb."""


def main() -> None:
    """Run the command line; every way out is an exit code and at most one clear message."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal that knows ASCII alone still gets every word
            stream.reconfigure(errors="backslashreplace")
    try:
        app(as_verb(sys.argv[1:]))
    except SystemExit as way_out:
        if way_out.code == INTERRUPTED:
            typer.echo("interrupted; finished steps are kept, nothing half-written; run it again", err=True)
        if isinstance(way_out.__context__, BrokenPipeError):  # whoever read our output has seen enough
            sys.exit(0)
        _tell_programs(way_out.__context__)
        raise
    except Exception as error:
        sys.exit(_explained(error))


def _tell_programs(refusal: BaseException | None) -> None:
    """A command line that could not be parsed, once more as JSON; the parser has told the user."""
    message = getattr(refusal, "format_message", None)  # of the parser's own errors, whatever their class
    if message is not None and "--json" in sys.argv:
        from algokit.console import write_json
        from algokit.types import Finding

        finding = Finding(message(), advice="see --help", code="usage")
        write_json({"error": "the command line is not right", "findings": [finding.as_dict()]})


def _explained(error: Exception) -> int:
    """Say what went wrong; return the exit code."""
    from algokit.console import show_error, write_json
    from algokit.errors import AlgokitError, MachineError

    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        typer.echo("the output could not be written: no space left where stdout goes", err=True)
        return MachineError.exit_code
    error = as_told(error)
    if not isinstance(error, AlgokitError):
        return _bug(error)
    show_error(error.headline, error.findings)
    if "--json" in sys.argv:
        write_json({"error": error.headline, "findings": [finding.as_dict() for finding in error.findings]})
    return error.exit_code


def as_told(error: Exception) -> Exception:
    """The error, or what stands for it: a file that is closed to this user is no bug, wherever it was met."""
    from algokit.errors import InputError
    from algokit.types import Finding

    if not isinstance(error, PermissionError):
        return error
    advice = "its owner can let you in (chmod a+rX, all folders above it too), or copy it"
    finding = Finding("permission denied", str(error.filename or ""), advice=advice, code="unreadable")
    raised = InputError("a file or folder is closed to this user", [finding])
    raised.__cause__ = error
    return raised


def _bug(error: Exception) -> int:
    handle, name = tempfile.mkstemp(prefix="algokit-bug-", suffix=".txt")
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        stream.write("".join(traceback.format_exception(error)))
    typer.echo(f"this is a bug in algokit ({type(error).__name__}); please report it with {Path(name)}", err=True)
    return BUG
