"""YAML text -> data with places; pydantic's complaints -> findings with places."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, model_validator

from algokit.documents import parse_value, path_text, read_document, validated
from algokit.errors import DataError, RecipeError
from algokit.types import Finding

FEW = settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])


def written(folder: Path, text: str) -> Path:
    path = folder / "it.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def findings_of(folder: Path, text: str, model: type[BaseModel] | None = None) -> tuple[Finding, ...]:
    path = written(folder, text)
    with pytest.raises(RecipeError) as caught:
        document = read_document(path, RecipeError)
        assert model is not None, "reading alone should have failed"
        validated(document, model, RecipeError)
    return caught.value.findings


def place(path: Path, text: str, fragment: str, nth: int = 1) -> str:
    """``file:line:col`` of the nth occurrence of a fragment."""
    index = -1
    for _ in range(nth):
        index = text.index(fragment, index + 1)
    before = text[:index]
    return f"{path}:{before.count(chr(10)) + 1}:{len(before) - before.rfind(chr(10))}"


# The core schema of YAML 1.2.2, section 10.3.2, by its own examples and by what YAML 1.1 read differently.
SCALARS = {
    "1e15": 1e15,
    "12e03": 12000.0,
    "-2E+05": -200000.0,
    "1.": 1.0,
    ".5": 0.5,
    "0o14": 12,
    "017": 17,
    "0x3A": 58,
    "-19": -19,
    ".inf": math.inf,
    "-.Inf": -math.inf,
    "~": None,
    "null": None,
    "True": True,
    "false": False,
    "no": "no",
    "on": "on",
    "y": "y",
    "1_000": "1_000",
    "2023-07-01": "2023-07-01",
    "12:30:45": "12:30:45",
    "'1'": "1",
    '"true"': "true",
    "0b1": "0b1",
}


@pytest.mark.parametrize("text", SCALARS)
def test_scalars_follow_yaml_1_2(text: str) -> None:
    value = parse_value("here", text, RecipeError)
    assert value == SCALARS[text]
    assert type(value) is type(SCALARS[text])


LETTERS = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=8)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | LETTERS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(LETTERS, inner, max_size=4),
    max_leaves=20,
)


@FEW
@given(value=st.dictionaries(LETTERS, JSON, max_size=4), indent=st.sampled_from([None, 2]))
def test_json_reads_as_json_and_every_key_is_where_it_is_said_to_be(
    tmp_path: Path, value: dict[str, Any], indent: int | None
) -> None:
    text = json.dumps(value, indent=indent)
    document = read_document(written(tmp_path, text), RecipeError)
    assert document.data == value
    lines = text.split("\n")
    for path, (line, column) in document.positions.items():
        if path and isinstance(path[-1], str):
            assert lines[line - 1][column - 1 :].startswith(json.dumps(path[-1]))


def test_items_of_a_list_are_placed_at_themselves(tmp_path: Path) -> None:
    text = "a:\n  - one\n  - {b: [two,  three]}\n"
    path = written(tmp_path, text)
    document = read_document(path, RecipeError)
    assert document.place(("a", 0))[1] == place(path, text, "one")
    assert document.place(("a", 1, "b", 1))[1] == place(path, text, "three")
    assert document.place(("a", 1, "b", 1, "absent"))[1] == place(path, text, "three")
    assert document.place(("absent",))[1] == f"{path}:1:1"


def test_an_alias_is_a_copy_of_its_own(tmp_path: Path) -> None:
    data = read_document(written(tmp_path, "a: &x {k: [1]}\nb: *x\n"), RecipeError).data
    data["a"]["k"].append(2)
    assert data["b"] == {"k": [1]}


UNREADABLE = {
    "": "the document is empty",
    "# only a comment\n": "the document is empty",
    "- 1\n- 2\n": "the document is not a mapping",
    "text": "the document is not a mapping",
    "a: 1\nb: [1, 2\n": "expected",
    "a: b: c": "mapping values are not allowed here",
    "a: *nowhere": "no finished value above is named &nowhere",
    "a: &a [*a]": "no finished value above is named &a",
    "a: \x07": "character #x0007 is not allowed",
    'a: "\\ud800"': "half of a surrogate pair",
    'a: "\\U99999999"': "stands for no character",
    "a: " + "[" * 2000: "nested more than",
}


@pytest.mark.parametrize("text", UNREADABLE)
def test_what_cannot_be_read_is_one_finding_with_a_place(tmp_path: Path, text: str) -> None:
    (finding,) = findings_of(tmp_path, text)
    assert UNREADABLE[text] in finding.what
    assert finding.where.startswith(str(tmp_path / "it.yaml") + ":")


def test_a_tab_is_found_and_explained(tmp_path: Path) -> None:
    text = "a:\n  b: 1\n\tc: 2\n"
    (finding,) = findings_of(tmp_path, text)
    assert finding.where == place(tmp_path / "it.yaml", text, "\t")
    assert finding.advice == "indent with spaces, not tabs"


def test_a_few_lines_of_aliases_cannot_stand_for_billions_of_values(tmp_path: Path) -> None:
    levels = [f"l{i}: &l{i} [{', '.join([f'*l{i - 1}'] * 10)}]" for i in range(1, 12)]
    (finding,) = findings_of(tmp_path, "\n".join(["l0: &l0 x", *levels]))
    assert "more than 100000 values" in finding.what


@pytest.mark.parametrize(("raw", "what"), [(b"a: \xff", "not UTF-8"), (b"#" * 1_000_001, "larger than")])
def test_files_that_hold_no_document_are_refused(tmp_path: Path, raw: bytes, what: str) -> None:
    (tmp_path / "it.yaml").write_bytes(raw)
    with pytest.raises(DataError, match=what):
        read_document(tmp_path / "it.yaml", DataError)


def test_a_missing_file_and_a_folder_are_findings(tmp_path: Path) -> None:
    for path, what in ((tmp_path / "absent.yaml", "no such file"), (tmp_path, "is a directory")):
        with pytest.raises(RecipeError, match=what):
            read_document(path, RecipeError)


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")
    n: int = Field(ge=1)
    mode: Literal["slow", "fast"] = "slow"


class Circle(BaseModel):
    model_config = ConfigDict(extra="forbid")
    kind: Literal["circle"]
    radius: float


class Square(BaseModel):
    model_config = ConfigDict(extra="forbid")
    kind: Literal["square"]
    side: float | tuple[float, ...] | Inner = 1


class Named(BaseModel):
    model_config = ConfigDict(extra="forbid")
    title: str

    @model_validator(mode="after")
    def _short(self) -> Named:
        if len(self.title) > 3:
            raise ValueError("titles are short")
        return self


class Outer(BaseModel):
    model_config = ConfigDict(extra="forbid")
    inner: Inner = Inner(n=1)
    shapes: Annotated[tuple[Annotated[Circle | Square, Field(discriminator="kind")], ...], Field(min_length=1)] = ()
    table: dict[int, Inner] = {}
    union: Named | Annotated[Circle | Square, Field(discriminator="kind")] = Named(title="x")
    which: Literal["all"] | tuple[str, ...] = "all"


# text, the fragment that is to blame, and the finding without its place
MISTAKES = [
    ("inner: {n: 0}", "n: 0", "inner.n: should be greater than or equal to 1 (found 0)"),
    ("inner: {n: '1'}", "n:", 'inner.n: should be a valid integer (found "1")'),
    ("inner: {n: true}", "n:", "inner.n: should be a valid integer (found true)"),
    ("inner: {mode: fast}", "inner", "inner.n: missing key"),
    ("inner: {n: 1, moed: fast}", "moed", "inner.moed: unknown key (did you mean mode?)"),
    ("inner: {n: 1, mode: fats}", "mode", 'inner.mode: unknown value (found "fats"; did you mean fast?)'),
    ("inner: 3", "inner", "inner: should be a mapping (found 3)"),
    ("iner: {n: 1}", "iner", "iner: unknown key (did you mean inner?)"),
    ("shapes: []", "shapes", "shapes: should have at least 1 item (found [])"),
    ("shapes: [{kind: circel}]", "kind", 'shapes[0].kind: unknown kind (found "circel"; did you mean circle?)'),
    ("shapes: [{kind: 3}]", "kind", "shapes[0].kind: unknown kind (found 3; known: circle, square)"),
    ("shapes: [{radius: 3}]", "{", "shapes[0].kind: missing key"),
    ("shapes: [{kind: circle}]", "{", "shapes[0].radius: missing key"),
    ("shapes: [{kind: square, sid: 1}]", "sid", "shapes[0].sid: unknown key (did you mean side?)"),
    ("shapes: [{kind: square, side: [1, x]}]", "x]", 'shapes[0].side[1]: should be a valid number (found "x")'),
    (
        "shapes: [{kind: square, side: {n: 0}}]",
        "n:",
        "shapes[0].side.n: should be greater than or equal to 1 (found 0)",
    ),
    ("table: {1: {n: 0}}", "n:", "table.1.n: should be greater than or equal to 1 (found 0)"),
    ("table: {1: {n: 1, mod: slow}}", "mod", "table.1.mod: unknown key (did you mean mode?)"),
    ("table: {one: {n: 1}}", "one", 'table.one: should be a valid integer (found "one")'),
    ("which: everything", "which", "which: should be 'all' or a list (found \"everything\")"),
    ("union: {title: long}", "union", "union: titles are short"),
    ("union: {title: x, titel: y}", "titel", "union.titel: unknown key (did you mean title?)"),
    ("inner: !x {n: 1}", "!x", "inner: tags are not used here (remove !x)"),
    ("inner: {n: 1}\n<<: {}", "<<", "merge keys are not supported"),
    ("inner: {n: 1}\n[a]: b", "[a]", "a key must be plain text"),
    ("inner: {n: 1}\n---\ninner: {n: 1}", "---", "a second document starts here (keep one document per file)"),
]


@pytest.mark.parametrize(("text", "blamed", "message"), MISTAKES, ids=[text for text, _, _ in MISTAKES])
def test_one_mistake_is_told_at_its_place(tmp_path: Path, text: str, blamed: str, message: str) -> None:
    first = findings_of(tmp_path, text, Outer)[0]
    assert str(first).startswith(f"{place(tmp_path / 'it.yaml', text, blamed)}: {message}")


def test_one_mistake_in_a_union_is_one_finding(tmp_path: Path) -> None:
    for text, _, _ in MISTAKES:
        if "side:" in text or "which" in text:
            assert len(findings_of(tmp_path, text, Outer)) == 1
    (finding,) = findings_of(tmp_path, "shapes: [{kind: square, side: x}]", Outer)
    assert finding.what == "should be a valid number or a list or a mapping"


def test_every_duplicate_is_told_together_with_everything_else(tmp_path: Path) -> None:
    text = "inner: {n: 1, n: 2, n: 3}\nwhich: 5\ninner: {n: 4}\n"
    path = tmp_path / "it.yaml"
    assert [(finding.where, finding.code) for finding in findings_of(tmp_path, text, Outer)] == [
        (place(path, text, "n: 2"), "duplicate-key"),
        (place(path, text, "n: 3"), "duplicate-key"),
        (place(path, text, "which"), "bad-value"),
        (place(path, text, "inner", 2), "duplicate-key"),
    ]


def test_long_values_are_shortened(tmp_path: Path) -> None:
    (finding,) = findings_of(tmp_path, f"which: {'x' * 5000}", Outer)
    assert len(finding.found) == 60


def test_a_good_document_becomes_the_model(tmp_path: Path) -> None:
    text = (
        "\ufeffinner: {n: 2, mode: fast}\nshapes: [{kind: square, side: [1, 2.5]}]\ntable: {7: {n: 1}}\nwhich: [no]\n"
    )
    result = validated(read_document(written(tmp_path, text), DataError), Outer, DataError)
    assert result == Outer(
        inner=Inner(n=2, mode="fast"),
        shapes=(Square(kind="square", side=(1.0, 2.5)),),
        table={7: Inner(n=1)},
        which=("no",),
    )


def test_paths_are_written_as_in_the_findings() -> None:
    assert path_text(("members", 0, "readout", "alphas", 2)) == "members[0].readout.alphas[2]"


WORDS = [*"ab12.:-?,[]{}#&*!|>'\"%@` \n\t\\~=<_\u2028", "\n  ", ": ", "- ", "kind", "inner", "shapes"]
YAMLISH = st.lists(st.sampled_from(WORDS), max_size=30).map("".join)


@FEW
@given(text=st.text() | YAMLISH)
def test_no_text_raises_anything_but_the_error_asked_for(tmp_path: Path, text: str) -> None:
    path = tmp_path / "it.yaml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        validated(read_document(path, RecipeError), Outer, RecipeError)
    except RecipeError as error:
        assert error.findings
