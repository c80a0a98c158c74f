from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from algokit.errors import UsageError
from algokit.readouts import FoldsSpec, Rows
from algokit.solvers.folds import contiguous_folds, cut_folds, grouped_folds, shuffled_folds


@given(n_folds=st.integers(2, 9), extra=st.integers(0, 40), seed=st.integers(0, 5))
def test_folds_partition_the_rows_and_differ_by_at_most_one(n_folds: int, extra: int, seed: int) -> None:
    rows = 3 * np.arange(2 * n_folds + extra)
    for folds in (contiguous_folds(rows, n_folds), shuffled_folds(rows, n_folds, seed)):
        sizes = [len(fold) for fold in folds]
        assert len(folds) == n_folds
        assert max(sizes) - min(sizes) <= 1
        assert sorted(np.concatenate(folds)) == list(rows)


def test_contiguous_folds_keep_the_order() -> None:
    assert [list(fold) for fold in contiguous_folds(np.arange(10, 17), 3)] == [[10, 11, 12], [13, 14], [15, 16]]


def test_a_recipes_folds_are_cut_as_it_says() -> None:
    rows = np.arange(30)
    expected = {"contiguous": contiguous_folds(rows, 4), "shuffled": shuffled_folds(rows, 4, 7)}
    for kind, folds in expected.items():
        found = cut_folds(Rows(rows, rows[:0]), FoldsSpec.model_validate({"n": 4, "kind": kind, "seed": 7}))
        assert [list(fold) for fold in found] == [list(fold) for fold in folds]


def test_shuffled_folds_depend_on_the_seed_alone() -> None:
    rows = np.arange(40)
    first, again, other = (np.concatenate(shuffled_folds(rows, 4, seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    assert (first != rows).any()


@pytest.mark.parametrize(("n_rows", "n_folds"), [(3, 4), (7, 4), (10, 1)])
def test_too_few_rows_for_the_folds_is_a_finding(n_rows: int, n_folds: int) -> None:
    with pytest.raises(UsageError) as caught:
        contiguous_folds(np.arange(n_rows), n_folds)
    (finding,) = caught.value.findings
    assert finding.path == "folds.n"
    assert f"{n_rows} rows" in finding.found


@given(data=st.data(), n_folds=st.integers(2, 6), seed=st.integers(0, 5))
def test_grouped_folds_split_no_group_and_differ_by_the_largest_at_most(
    data: st.DataObject, n_folds: int, seed: int
) -> None:
    sizes = data.draw(st.lists(st.integers(1, 5), min_size=2 * n_folds + 1, max_size=60))
    groups = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(sizes)), sizes))
    rows = np.flatnonzero(groups != 0)  # those of group 0 are held out
    folds = grouped_folds(rows, groups, n_folds, seed)
    assert sorted(np.concatenate(folds)) == list(rows)
    assert all((np.diff(fold) > 0).all() for fold in folds)
    seen = [set(groups[fold]) for fold in folds]
    assert sum(map(len, seen)) == len(set(groups[rows]))
    lengths = [len(fold) for fold in folds]
    assert max(lengths) - min(lengths) <= np.bincount(groups[rows]).max()


def test_grouped_folds_depend_on_the_seed_and_not_on_the_names_of_groups() -> None:
    groups = np.repeat(np.arange(20), 2)
    first, again, other = (grouped_folds(np.arange(40), groups, 4, seed) for seed in (1, 1, 2))
    renamed = grouped_folds(np.arange(40), 7 * groups + 3, 4, 1)
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(first, renamed)
    assert any((a != b).any() for a, b in zip(first, other, strict=True))


def test_too_few_groups_says_how_many_there_are_and_how_many_folds_were_asked() -> None:
    with pytest.raises(UsageError) as caught:
        grouped_folds(np.arange(30), np.repeat(np.arange(3), 10), 4, 0)
    (finding,) = caught.value.findings
    assert finding.path == "folds.n"
    assert finding.found == "4 folds, 3 different images in 30 rows, up to 10 rows each"


def test_folds_by_image_need_to_know_the_images() -> None:
    rows = Rows(np.arange(8), np.arange(0))
    with pytest.raises(UsageError) as caught:
        cut_folds(rows, FoldsSpec(n=2, kind="grouped"))
    assert caught.value.findings[0].path == "folds.kind"
