from __future__ import annotations

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from algokit.readouts import FeatureSpace, FoldsSpec, LogSpace, PrunedSearch, ReadoutSpec, RidgeSpec, Rows
from algokit.readouts.ridge_readout import fit_ridge
from algokit.solvers.folds import contiguous_folds, shuffled_folds
from algokit.solvers.search import SearchSettings, search_ridge
from algokit.solvers.targets import Targets

ROWS = Rows(fit=np.arange(5, 45), val=np.arange(5))


def test_a_log_space_is_its_powers_of_ten() -> None:
    spec = RidgeSpec(kind="ridge", alphas=LogSpace(start=0, stop=15, num=4))
    np.testing.assert_allclose(spec.alpha_values(), [1, 1e5, 1e10, 1e15])


@pytest.mark.parametrize("alphas", [[0.0], [-1.0], [1.0, float("inf")], [], {"start": 0, "stop": 400, "num": 3}])
def test_alphas_that_no_ridge_can_take_are_refused(alphas: object) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(ReadoutSpec).validate_python({"kind": "ridge", "alphas": alphas})


@pytest.mark.parametrize("kind", ["contiguous", "shuffled"])
def test_the_folds_of_the_recipe_are_the_folds_used(kind: str) -> None:
    rng = np.random.default_rng(0)
    features = rng.standard_normal((50, 20)).astype(np.float32)
    responses = (features[:45, :3] @ rng.standard_normal((3, 6)) + rng.standard_normal((45, 6))).astype(np.float32)
    space = FeatureSpace("space", features[:45], features[45:])
    folds_spec = FoldsSpec.model_validate({"n": 4, "kind": kind, "seed": 7})
    folds = contiguous_folds(ROWS.fit, 4) if kind == "contiguous" else shuffled_folds(ROWS.fit, 4, 7)
    spec = RidgeSpec(kind="ridge", alphas=(1.0, 10.0), folds=folds_spec)
    found = fit_ridge([space], [responses], ROWS, spec, device="cpu", progress=lambda done, name: None)
    expected = search_ridge([space], Targets([responses], ROWS, "cpu"), SearchSettings((1.0, 10.0), folds))
    np.testing.assert_array_equal(found.cv_score, expected.cv_score)


def test_a_selection_by_folds_is_not_written_so_that_keys_stay_what_they_were() -> None:
    plain = RidgeSpec(kind="ridge")
    assert set(plain.model_dump(mode="json")) == {"kind", "alphas", "folds", "standardize"}
    assert RidgeSpec(kind="ridge", selection="kfold").model_dump() == plain.model_dump()
    loo = RidgeSpec(kind="ridge", selection="loo")
    assert RidgeSpec.model_validate(loo.model_dump(mode="json")) == loo
    assert loo.model_dump()["selection"] == "loo"


@pytest.mark.parametrize("selection", ["loo", "gcv"])
def test_folds_that_nobody_would_use_are_refused(selection: str) -> None:
    with pytest.raises(ValidationError, match="leave folds out"):
        TypeAdapter(ReadoutSpec).validate_python({"kind": "ridge", "selection": selection, "folds": {"n": 5}})


def test_the_default_search_is_written_nowhere_and_another_one_survives_the_round_trip() -> None:
    adapter: TypeAdapter[ReadoutSpec] = TypeAdapter(ReadoutSpec)
    plain = adapter.validate_python({"kind": "ridge"})
    named = adapter.validate_python({"kind": "ridge", "search": {"kind": "exhaustive"}})
    other = adapter.validate_python({"kind": "ridge", "search": {"kind": "pruned", "loss": 0.02}})
    for mode in ("json", "python"):
        assert set(plain.model_dump(mode=mode)) == {"kind", "alphas", "folds", "standardize"}
        assert named.model_dump(mode=mode) == plain.model_dump(mode=mode)
    assert other.model_dump(mode="json")["search"]["loss"] == 0.02
    assert adapter.validate_python(other.model_dump(mode="json")) == other
    assert adapter.validate_json(plain.model_dump_json()) == plain


def test_a_pruned_search_is_asked_for_in_the_spec() -> None:
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((3, 50, 8)).astype(np.float32)
    spaces = [FeatureSpace(str(number), one[:45], one[45:]) for number, one in enumerate(rows)]
    responses = (spaces[1].train @ rng.standard_normal((8, 60))).astype(np.float32)
    spec = RidgeSpec(kind="ridge", folds=FoldsSpec(n=4), search=PrunedSearch(kind="pruned", n_vertices=20))
    found = fit_ridge(spaces, [responses], ROWS, spec, device="cpu", progress=lambda done, name: None)
    assert set(found.space_index) == {1}
    assert found.notes[0].startswith("pruned search: 1 of 3 feature spaces were kept, chosen by 10 targets")
