"""JSON with the place of every value, read as the standard library reads it; differences of two trees."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from algokit.documents import ABSENT, changes, read_json_document
from algokit.errors import UsageError

printable = st.text(st.characters(categories=("L", "N", "P")), max_size=6)
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | printable
trees = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(printable, inner), max_leaves=12)
mappings = st.dictionaries(printable, trees, max_size=5)


def read(folder: Path, text: str) -> Any:
    (folder / "a.json").write_text(text, encoding="utf-8")
    return read_json_document(folder / "a.json", UsageError)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(document=mappings, indent=st.none() | st.integers(0, 3), ascii_only=st.booleans())
def test_what_is_read_is_what_the_standard_library_reads(
    tmp_path: Path, document: dict[str, Any], indent: int | None, ascii_only: bool
) -> None:
    text = json.dumps(document, indent=indent, ensure_ascii=ascii_only)
    assert json.dumps(read(tmp_path, text).data) == json.dumps(json.loads(text))


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(st.sampled_from('{}[]:,"\\ \n10.e-tfnu'), max_size=20))
def test_what_the_standard_library_refuses_is_refused(tmp_path: Path, text: str) -> None:
    try:
        expected = json.loads(text)
    except ValueError:
        expected = None
    try:
        found = read(tmp_path, text).data
    except UsageError:
        return
    assert found == expected


def test_every_key_and_item_has_its_line_and_column(tmp_path: Path) -> None:
    text = '{\n "a": 1,\n "b": {"c": [true,\n   "x"]}\n}'
    document = read(tmp_path, text)
    lines = text.split("\n")
    for path, start in ((("a",), '"a"'), (("b",), '"b"'), (("b", "c"), '"c"'), (("b", "c", 1), '"x"')):
        line, column = document.place(path)[0]
        assert lines[line - 1][column - 1 :].startswith(start)
    part = document.part(("b", "c"))
    assert part.data == [True, "x"]
    assert part.place((1,)) == document.place(("b", "c", 1))


@pytest.mark.parametrize(
    ("text", "place"),
    [('{"a": 1,\n "a": 2}', "2:2"), ('{"a":\n tru}', "2:2"), ('{"a": 1}\n]', "2:1"), ('{"a" 1}', "1:6")],
)
def test_what_cannot_be_read_is_told_with_its_place(text: str, place: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        read(tmp_path, text)
    assert caught.value.findings[0].where.endswith(f"a.json:{place}")


@settings(deadline=None)
@given(old=trees, new=trees)
def test_two_trees_differ_exactly_where_their_texts_do(old: Any, new: Any) -> None:
    written = [json.dumps(tree, sort_keys=True) for tree in (old, new)]
    assert bool(changes(old, new)) == (written[0] != written[1])
    assert changes(old, old) == []


@settings(deadline=None)
@given(old=mappings, new=mappings)
def test_putting_every_change_into_the_old_tree_gives_the_new_one(old: dict[str, Any], new: dict[str, Any]) -> None:
    patched = json.loads(json.dumps(old))
    for change in changes(old, new):
        place, last = patched, change.path[-1]
        for step in change.path[:-1]:
            place = place[step]
        if change.new is ABSENT:
            del place[last]
        else:
            place[last] = change.new
    assert json.dumps(patched, sort_keys=True) == json.dumps(new, sort_keys=True)


def test_a_change_reads_as_a_sentence_and_a_digest_only_as_changed() -> None:
    (change,) = changes({"a": [{"b": 1}, {"b": [1, 2]}]}, {"a": [{"b": 1}, {"b": [1]}]})
    assert str(change) == "a[1].b [1, 2] -> [1]"
    assert str(changes({"x": None}, {})[0]) == "x null -> absent"
    assert str(changes({"x": "0" * 64}, {"x": "1" * 64})[0]) == "x changed"


def test_items_of_lists_of_other_lengths_are_matched_by_name() -> None:
    one, two, three = ({"name": name, "size": 1} for name in ("one", "two", "three"))
    added = changes([one, two], [three, one, {**two, "size": 2}])
    assert [(change.path, change.old) for change in added] == [((0,), ABSENT), ((2, "size"), 1)]
    assert [change.path for change in changes([{"a": 1}], [{"a": 1}, {"a": 2}])] == [()]
