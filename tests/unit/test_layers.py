"""The shape of the house: imports point downwards, one owner per library, nobody else prints or reads variables."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "algokit"
FAMILIES = {
    "backbones": "backbone",
    "poolings": "pooling",
    "reductions": "reduction",
    "readouts": "readout",
    "metrics": "metric",
}
CONTRACTS = 2
MEMBERS = 4
LAYERS = {
    "errors": 0,
    "types": 0,
    "registry": 0,
    "frozen": 0,
    "syncing": 0,
    "interrupts": 0,
    "atomic": 1,
    "store": 1,
    "challenge": 1,
    "documents": 1,
    "recipe": 3,
    "solvers": 3,
    "pipeline": 5,
    "executors": 6,
    "scoring": 7,
    "reporting": 7,
    "studies": 7,
    "listing": 7,
    "verbs": 7.5,
    "console": 8,
    "cli": 8,
    "__main__": 9,
    "": 9,
}
OWNERS = {
    "rich": ("console",),
    "typer": ("cli",),
    "timm": ("backbones.timm_backbone",),
    "open_clip": ("backbones.open_clip_backbone",),
    "torchvision": ("backbones.torchvision_backbone",),
    "docker": ("executors.docker_engine",),
    "nibabel": ("challenge.nsd.ncsnr", "reporting.figures.surface"),
    "scipy": ("challenge.nsd.design", "studies"),
    "jinja2": ("reporting.page",),
    "ruamel": ("documents",),
    "himalaya": ("solvers.band_choice",),
    "pyarrow": ("studies.parquet",),
}
WITHOUT_TORCH = (
    "cli",
    "console",
    "verbs",
    "scoring",
    "reporting",
    "recipe",
    "challenge",
    "documents",
    "store",
    "metrics",
)
HEAVY = (
    *("torch", "timm", "open_clip", "torchvision", "sklearn", "docker", "matplotlib"),
    *("nibabel", "nilearn", "scipy", "jinja2", "pandas", "pyarrow"),
)

Import = tuple[str, str]


def module_name(path: Path) -> str:
    """``backbones.timm_backbone`` for its file; "" for ``algokit/__init__.py``."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


SOURCES = {module_name(path): ast.parse(path.read_text(encoding="utf-8")) for path in sorted(PACKAGE.rglob("*.py"))}


def layer_of(module: str) -> float:
    top, _, rest = module.partition(".")
    if top in FAMILIES:
        return MEMBERS if rest else CONTRACTS
    return LAYERS[top]


def imported(tree: ast.AST) -> Iterator[str]:
    """Every dotted name that is imported anywhere in a module, inside functions and type checks too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide the layer"
            for alias in node.names:
                yield f"{node.module}.{alias.name}"


def inner_imports() -> Iterator[Import]:
    """(importer, imported) pairs of algokit's own modules, without the leading ``algokit``."""
    for importer, tree in SOURCES.items():
        for name in imported(tree):
            if name.split(".")[0] != "algokit":
                continue
            target = name.removeprefix("algokit").lstrip(".")
            while target not in SOURCES:
                target = target.rpartition(".")[0]
            yield importer, target


def used_names(tree: ast.AST) -> set[str]:
    """Dotted names that are read (``os.environ``) and plain names that are called (``print``)."""
    dotted = {ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    called = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    return dotted | called | set(imported(tree))


def in_any(module: str, places: tuple[str, ...]) -> bool:
    return any(module == place or module.startswith(place + ".") for place in places)


def test_every_module_has_a_layer() -> None:
    unknown = [name for name in SOURCES if name.split(".")[0] not in {*LAYERS, *FAMILIES}]
    assert not unknown


def test_imports_point_downwards() -> None:
    upward = [(a, b) for a, b in inner_imports() if layer_of(a) < layer_of(b)]
    assert not upward


def test_nothing_inside_imports_the_public_list() -> None:
    assert not [importer for importer, target in inner_imports() if target == "" and importer != ""]


def test_no_two_packages_import_each_other() -> None:
    def package(module: str) -> str:
        top = module.split(".")[0]
        return f"members of {top}" if layer_of(module) == MEMBERS else top

    graph: dict[str, set[str]] = {}
    for importer, target in inner_imports():
        if package(importer) != package(target):
            graph.setdefault(package(importer), set()).add(package(target))
    TopologicalSorter(graph).prepare()


def test_members_see_arrays_and_not_the_project() -> None:
    allowed = {"errors", "types", "registry", "solvers"}
    strangers = [
        (importer, target)
        for importer, target in inner_imports()
        if layer_of(importer) == MEMBERS and target.split(".")[0] not in {*allowed, *FAMILIES}
    ]
    assert not strangers


def test_members_know_other_families_by_their_contract_alone() -> None:
    strangers = [
        (importer, target)
        for importer, target in inner_imports()
        if layer_of(importer) == layer_of(target) == MEMBERS and importer.split(".")[0] != target.split(".")[0]
    ]
    assert not strangers


@pytest.mark.parametrize("layer", ["scoring", "reporting", "studies", "verbs", "cli", "console"])
def test_upper_layers_never_import_members_directly(layer: str) -> None:
    assert not [(a, b) for a, b in inner_imports() if in_any(a, (layer,)) and layer_of(b) == MEMBERS]


@pytest.mark.parametrize("family", FAMILIES)
def test_every_catalogue_row_names_a_file_with_the_family_suffix(family: str) -> None:
    contract = SOURCES[family]
    rows = [
        value.value
        for node in ast.walk(contract)
        if isinstance(node, ast.Dict)
        for value in node.values
        if isinstance(value, ast.Constant) and str(value.value).startswith("algokit.")
    ]
    files = {str(row).partition(":")[0].removeprefix("algokit.") for row in rows}
    assert rows
    assert all(file.endswith("_" + FAMILIES[family]) for file in files)
    on_disk = {name for name in SOURCES if name.startswith(family + ".") and name.endswith("_" + FAMILIES[family])}
    assert files == on_disk


@pytest.mark.parametrize("library", OWNERS)
def test_each_library_has_one_owner(library: str) -> None:
    users = [name for name, tree in SOURCES.items() if any(one.split(".")[0] == library for one in imported(tree))]
    assert not [user for user in users if not in_any(user, OWNERS[library])]


def test_only_cli_and_console_print() -> None:
    speakers = {"print", "sys.stdout", "sys.stderr", "typer.echo"}
    loud = [name for name, tree in SOURCES.items() if used_names(tree) & speakers]
    assert not [name for name in loud if not in_any(name, ("cli", "console"))]


def test_only_cli_reads_the_environment() -> None:
    allowed = ("cli", "backbones.torch_cache")  # the second reads torch's own settings, as torch would
    readers = {"os.environ", "os.getenv", "os.environb", "os.putenv"}
    found = [name for name, tree in SOURCES.items() if used_names(tree) & readers]
    assert not [name for name in found if not in_any(name, allowed)]


def test_no_file_names_a_place_of_one_machine() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    # Spelt in pieces so that this file does not name them itself.
    places = re.compile("|".join(("/" + "work/", "/" + "root/", "/" + "farm/", "/" + r"home/\w+/")))
    guilty = []
    for name in listed.stdout.splitlines():
        try:
            text = (ROOT / name).read_text(encoding="utf-8")
        except (UnicodeDecodeError, FileNotFoundError):
            continue
        guilty += [name] if places.search(text) else []
    assert not guilty


def modules_after(code: str) -> set[str]:
    """``sys.modules`` after running ``code`` in a fresh interpreter."""
    script = f"import json, sys\n{code}\nprint(json.dumps(list(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


def loaded_by(code: str) -> set[str]:
    """The top-level ones of them."""
    return {name.split(".")[0] for name in modules_after(code)}


def running(*arguments: str) -> str:
    """Code that runs one command of the command line, its output swallowed."""
    return (
        "import contextlib, io\n"
        f"sys.argv = ['algokit', *{list(arguments)!r}]\n"
        "from algokit.cli import main\n"
        "with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.suppress(SystemExit):\n"
        "    main()\n"
        "assert len(out.getvalue()) > 100, out.getvalue()"
    )


def test_light_packages_load_no_heavy_library() -> None:
    modules = [name for name in SOURCES if in_any(name, WITHOUT_TORCH) or name in FAMILIES]
    assert len(modules) > len(WITHOUT_TORCH)
    assert not loaded_by("\n".join(f"import algokit.{name}" for name in modules)) & set(HEAVY)


@pytest.mark.parametrize(
    "arguments",
    [("--help",), ("run", "--help"), ("plan", "recipes/eva_ensemble.yaml"), ("list", "backbones"), ("schema",)],
    ids=" ".join,
)
def test_laptop_commands_never_load_torch(arguments: tuple[str, ...]) -> None:
    assert not loaded_by(running(*arguments)) & set(HEAVY)


def test_help_loads_nothing_but_the_parser() -> None:
    """That is what makes it answer in under 0.4 s; benchmarks/startup.py has the seconds."""
    loaded = modules_after(running("--help")) - modules_after("import typer")
    assert {name.split(".")[0] for name in loaded} <= sys.stdlib_module_names | {"algokit", "typer"}
    assert {name.split(".")[1] for name in loaded if name.startswith("algokit.")} == {"cli"}
