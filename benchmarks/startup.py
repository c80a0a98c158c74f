"""How soon does help answer? `algokit --help` beside the bare interpreter and the library that parses the command line.

    python benchmarks/startup.py            ten of each, in turn
    python benchmarks/startup.py --json     the last line is one JSON object

Every one is a process of its own, from its start to its end. Seconds are the least of --repeats, as whatever else the
machine does only adds to them. ``help_vs_typer`` is help over ``import typer`` alone: what our commands add.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time

from page import cpu, write_section

ROUTES = {
    "python": ("-c", "pass"),
    "typer": ("-c", "import typer"),
    "help": ("-m", "algokit", "--help"),
    "run_help": ("-m", "algokit", "run", "--help"),
}
WORDS = {
    "python": "the interpreter alone",
    "typer": "`import typer`",
    "help": "`algokit --help`",
    "run_help": "`algokit run --help`",
}


def main() -> None:
    """Time every route and print what it took."""
    arguments = _arguments()
    tries = [{name: _seconds(route) for name, route in ROUTES.items()} for _ in range(arguments.repeats)]
    least = {name: min(one[name] for one in tries) for name in ROUTES}
    text = _table(least)
    print(text)
    if arguments.write:
        write_section("startup.py", "startup", text)
    if arguments.json:
        print(json.dumps({**{f"{name}_s": s for name, s in least.items()}, "help_vs_typer": _ratio(least)}))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repeats", type=int, default=10, help="of everything (10)")
    parser.add_argument("--write", action="store_true", help="put the table into docs/benchmarks.md")
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    return parser.parse_args()


def _seconds(route: tuple[str, ...]) -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, *route], check=True, capture_output=True)
    return time.perf_counter() - started


def _ratio(least: dict[str, float]) -> float:
    return least["help"] / least["typer"]


def _table(least: dict[str, float]) -> str:
    rows = [f"| {words} | {least[name]:.2f} |" for name, words in WORDS.items()]
    told = f"{cpu()}; help takes {_ratio(least):.2f} times as long as its library."
    return "\n".join([told, "", "| what | seconds |", "|---|--:|", *rows])


if __name__ == "__main__":
    main()
