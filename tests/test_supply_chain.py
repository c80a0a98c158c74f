"""Nothing that comes from outside is run: no line of the package unpickles, evaluates or hands words to a shell."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "algokit"
RUNNING = {"joblib", "dill", "cloudpickle", "marshal", "shelve", "yaml", "jsonpickle", "runpy", "pty"}
UNPICKLERS = {"challenge/mapping.py", "backbones/plain_pickle.py"}  # both make inert or plain values alone
OF_PICKLE = {"pickle.Unpickler", "pickle.UnpicklingError", "pickletools.genops"}
NEVER = {
    *("eval", "exec", "compile", "__import__", "os.system", "os.popen", "subprocess.getoutput"),
    *("torch.hub.load", "torch.jit.load", "torch.package.PackageImporter", "torch.serialization.add_safe_globals"),
}


def dotted(node: ast.AST) -> str:
    """``a.b.c`` of names and attributes; "" of anything else."""
    if isinstance(node, ast.Name):
        return node.id
    start = dotted(node.value) if isinstance(node, ast.Attribute) else ""
    return f"{start}.{node.attr}" if start and isinstance(node, ast.Attribute) else ""


def says(call: ast.Call, option: str, value: object) -> bool:
    """Whether a keyword of a call is this very constant."""
    return any(one.arg == option and ast.unparse(one.value) == repr(value) for one in call.keywords)


def imported(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        yield from (f"{node.module}.{alias.name}" for alias in node.names)


def dangers(tree: ast.AST, file: str) -> Iterator[str]:
    """Every way of running what a file or a user says, with its line."""
    for node in ast.walk(tree):
        line = getattr(node, "lineno", 0)
        for name in imported(node):
            top = name.split(".")[0]
            if top in RUNNING or (
                top in ("pickle", "pickletools", "_pickle") and not (name == top and file in UNPICKLERS)
            ):
                yield f"{file}:{line} imports {name}"
        if isinstance(node, ast.Attribute) and dotted(node).startswith("pickle") and dotted(node) not in OF_PICKLE:
            yield f"{file}:{line} uses {dotted(node)}"
        if isinstance(node, ast.Call):
            yield from (f"{file}:{line} {problem}" for problem in _calls(node))
        if isinstance(node, ast.ClassDef) and _finds_everything(node):
            yield f"{file}:{line} unpickles whatever it finds"


def _finds_everything(made: ast.ClassDef) -> bool:
    """Whether an unpickler does not say what may be found."""
    unpickles = any(dotted(base) == "pickle.Unpickler" for base in made.bases)
    return unpickles and not any(isinstance(one, ast.FunctionDef) and one.name == "find_class" for one in made.body)


def _calls(call: ast.Call) -> Iterator[str]:
    name = dotted(call.func)
    last = name.rsplit(".", 1)[-1]
    if name in NEVER or name == "pickle.Unpickler":
        yield f"calls {name}"
    if name == "torch.load" and not says(call, "weights_only", True):
        yield "loads without weights_only=True"
    if last in ("load", "read_array") and name.startswith(("np.", "numpy.")) and not says(call, "allow_pickle", False):
        yield "reads an array without allow_pickle=False"
    if last == "YAML" and not says(call, "typ", "safe"):
        yield "reads YAML that is not safe"
    if last in ("load", "unsafe_load", "full_load") and name.startswith("yaml."):
        yield "reads YAML that is not safe"
    for option in ("shell", "trust_remote_code", "allow_pickle"):
        if says(call, option, True):
            yield f"has {option}=True"


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_no_line_of_the_package_runs_what_it_reads(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert list(dangers(tree, path.relative_to(PACKAGE).as_posix())) == []


@pytest.mark.parametrize(
    "line",
    [
        "import pickle",
        "from pickle import loads",
        "import joblib",
        "import yaml",
        "eval('1')",
        "exec(text)",
        "torch.load(path)",
        "torch.load(path, weights_only=False)",
        "torch.load(path, weights_only=flag)",
        "np.load(path)",
        "np.load(path, allow_pickle=True)",
        "numpy.lib.format.read_array(file)",
        "YAML()",
        "YAML(typ='unsafe')",
        "subprocess.run(text, shell=True)",
        "os.system(text)",
        "AutoModel.from_pretrained(name, trust_remote_code=True)",
        "torch.hub.load(repository, name)",
    ],
)
def test_the_ways_of_running_what_is_read_are_known(line: str) -> None:
    assert list(dangers(ast.parse(line), "somewhere.py"))


def test_pickle_is_known_only_to_readers_that_say_what_a_file_may_name() -> None:
    for line in (
        "pickle.load(file)",
        "pickle.loads(text)",
        "pickle.Unpickler(file)",
        "class A(pickle.Unpickler): pass",
    ):
        assert list(dangers(ast.parse(line), "challenge/mapping.py"))
    fine = (
        "import pickle\nclass A(pickle.Unpickler):\n def find_class(self, module, name): raise pickle.UnpicklingError"
    )
    assert list(dangers(ast.parse(fine), "challenge/mapping.py")) == []
    assert list(dangers(ast.parse(fine), "scoring/score.py"))
