"""The documentation is true: what it shows runs, what it names exists."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from algokit.challenge.synthetic import DemoSettings, write_demo
from algokit.cli import app, main
from algokit.recipe.load import load_recipe, shipped_recipes
from algokit.recipe.reference import recipe_reference

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]


def fences(language: str) -> list[str]:
    """The code blocks of one language in the README, in order, without their indentation."""
    blocks = re.findall(rf"^( *)```{language}\n(.*?)^ *```", README, flags=re.MULTILINE | re.DOTALL)
    return ["".join(line.removeprefix(indent) for line in block.splitlines(True)) for indent, block in blocks]


COMMANDS = [line for block in fences("sh") for line in block.splitlines()]
ALGOKIT = [command for command in COMMANDS if command.startswith("algokit ")]
MAKE = [command for command in COMMANDS if command.startswith("make ")]


def verbs(tree: typer.Typer, prefix: str = "algokit") -> Iterator[str]:
    """Every command that help shows, groups written out."""
    for command in (one for one in tree.registered_commands if not one.hidden):
        assert command.callback is not None
        yield f"{prefix} {command.name or command.callback.__name__}"
    for group in tree.registered_groups:
        assert group.typer_instance is not None
        yield from verbs(group.typer_instance, f"{prefix} {group.name}")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working folder with the recipes and docs, a small challenge ``DIR`` and a weights file ``FILE``."""
    import timm
    from safetensors.torch import save_file

    folder = tmp_path_factory.mktemp("readme")
    for name in ("recipes", "docs"):
        (folder / name).symlink_to(ROOT / name)
    write_demo(folder / "DIR", settings=DemoSettings(n_train=32, n_test=24, image_px=32, vertex_fraction=0.002))
    save_file(timm.create_model("mobilenetv2_100").state_dict(), folder / "FILE.safetensors")
    for block in fences("yaml"):
        name = block.splitlines()[0].removeprefix("# ")
        (folder / name).write_text(block, encoding="utf-8")
    return folder


def run(command: str, place: Path) -> None:
    """Run one command line of algokit in this process; it has to end well."""
    words = [word.replace("=FILE", f"={place / 'FILE.safetensors'}") for word in shlex.split(command)]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        patch.setenv("ALGOKIT_CACHE", str(place / "cache"))
        patch.setattr(sys, "argv", words)
        with pytest.raises(SystemExit) as way_out:
            main()
    assert way_out.value.code == 0


def test_every_command_line_shown_is_one_that_is_run_below() -> None:
    assert sorted(COMMANDS) == sorted(ALGOKIT + MAKE)
    assert {"DIR", "FILE"} == set(re.findall(r"\b[A-Z]{3,}\b", " ".join(COMMANDS)))


def test_every_command_of_the_readme_runs_in_its_order(place: Path) -> None:
    for command in ALGOKIT:
        run(command, place)


def test_every_python_example_of_the_readme_runs(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)
    for block in fences("python"):
        exec(compile(block, "README.md", "exec"), {})


def test_make_demo_goes_from_nothing_to_a_zip(tmp_path: Path) -> None:
    """The target as it stands, with this interpreter in place of a fresh environment."""
    assert "make demo" in MAKE
    for name in ("Makefile", "recipes", "pyproject.toml", "constraints.txt"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "venv").mkdir()
    (tmp_path / "venv" / "bin").symlink_to(Path(sys.prefix) / "bin")
    (tmp_path / "venv" / ".installed").touch()
    made = subprocess.run(
        ["make", "demo", "VENV=venv"], cwd=tmp_path, capture_output=True, text=True, env={**os.environ, "COLUMNS": "80"}
    )
    assert made.returncode == 0, made.stderr
    assert (tmp_path / "demo" / "submission.zip").is_file()
    assert (tmp_path / "demo" / "submission" / "report.md").is_file()
    assert "demo/submission.zip" in made.stdout


def test_make_test_runs_every_check() -> None:
    """It cannot run inside itself: its dry run has to name the checks."""
    assert "make test" in MAKE
    shown = subprocess.run(["make", "--dry-run", "test"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for check in ("ruff check", "ruff format --check", "mypy", "pytest"):
        assert check in shown
    assert "make test" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_the_readme_has_a_section_for_every_verb_and_for_nothing_else() -> None:
    assert set(re.findall(r"^### `(algokit [a-z ]+)`", README, flags=re.MULTILINE)) == set(verbs(app))


def test_every_verb_has_an_example_in_the_readme() -> None:
    shown = " ".join(f"{command} " for command in ALGOKIT)
    assert not [verb for verb in verbs(app) if f"{verb} " not in shown]


def test_every_recipe_shown_loads_and_every_shipped_one_is_named(place: Path) -> None:
    blocks = fences("yaml")
    assert blocks
    for block in blocks:
        load_recipe(place / block.splitlines()[0].removeprefix("# "))
    assert not [name for name in shipped_recipes() if f"`{name}`" not in README]


@pytest.mark.parametrize("recipe", shipped_recipes().values(), ids=lambda path: path.stem)
def test_headers_of_recipes_name_commands_that_exist(recipe: Path) -> None:
    header = [line for line in recipe.read_text(encoding="utf-8").splitlines() if line.startswith("#")]
    known = set(verbs(app))
    for words in re.findall(r"algokit ([a-z]+(?: (?:check|demo|lock|manifest))?)", " ".join(header)):
        assert f"algokit {words}" in known


def test_the_recipe_reference_is_that_of_the_schema() -> None:
    written = (ROOT / "docs" / "recipe_reference.md").read_text(encoding="utf-8")
    assert written == recipe_reference(), "run: make docs"


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_links_and_files_named_in_the_documentation_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)#]+)[^)]*\)", text) if not link.startswith("http")]
    named = re.findall(r"`((?:algokit|tests|recipes|docs)/[\w./-]+)`", text)
    missing = [link for link in links if not (page.parent / link).exists()]
    assert not missing + [name for name in named if not (ROOT / name).exists()]
