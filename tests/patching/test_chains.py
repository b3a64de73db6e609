"""Random chains of patches: what `invert` and `infer` return is right, or they refuse."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import sigpb
from sigpb import protos
from tests.comparing.patched import outlines
from tests.patches import MAIN, read
from tests.patching.chains import FIXTURES, chain, folder, model_named, patched, patches

pytestmark = pytest.mark.slow

each_model = pytest.mark.parametrize("name", [*FIXTURES, "one_tensor"])
few = settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])


def undone(model: Path, patch: protos.SavedModelPatch) -> tuple[Path, Path] | None:
    """Returns a patched model, and what its inverse makes of it; None if there is no inverse."""
    try:
        undo = sigpb.invert(model, patch)
        after = patched(model, patch)
    except sigpb.PatchError:
        return None
    return after, patched(after, undo)


@each_model
@few
@given(data=st.data())
def test_an_inverse_is_accepted_and_gives_the_signatures_back(
    name: str, data: st.DataObject
) -> None:
    with folder() as directory:
        model = chain(data, model_named(name, Path(directory)), 2)
        found = undone(model, data.draw(patches(model)))
        assert found is None or outlines(found[1]) == outlines(model)


def without_collections(model: Path) -> protos.SavedModel:
    saved_model = read(model)
    for meta_graph in saved_model.meta_graphs:
        meta_graph.ClearField("collection_def")
    return saved_model


@each_model
@few
@given(data=st.data())
def test_what_is_undone_at_once_leaves_no_byte(name: str, data: st.DataObject) -> None:
    """But for what a copied signature had spliced for it, which is left in the graph.

    A collection may hold an endpoint under another name than its key. If a patch gives it that
    name, the way back takes this for its doing.
    """
    with folder() as directory:
        model = model_named(name, Path(directory))
        patch = data.draw(patches(model))
        found = None if any(each.copy_of for each in patch.signature) else undone(model, patch)
        if found is not None and (found[1] / MAIN).read_bytes() != (model / MAIN).read_bytes():
            assert without_collections(found[1]) == without_collections(model)


@each_model
@few
@given(data=st.data())
def test_what_is_inferred_gives_the_signatures(name: str, data: st.DataObject) -> None:
    with folder() as directory:
        first = chain(data, model_named(name, Path(directory)), 2)
        second = chain(data, first, 2)
        try:
            patch = sigpb.infer(first, second)
        except sigpb.PatchError:
            return
        assert outlines(patched(first, patch)) == outlines(second)


@pytest.mark.tensorflow
@pytest.mark.parametrize("name", ["one_tensor", "tf1_no_variables", "tf2_linear"])
@settings(few, max_examples=6)
@given(data=st.data())
def test_what_is_undone_and_inferred_computes_the_same(name: str, data: st.DataObject) -> None:
    from tests.model_runner import assert_equal, make_inputs, run_v1, run_v2

    def assert_same(expected: Path, model: Path) -> None:
        with sigpb.open(expected) as opened:
            tags = opened.meta_graphs[0].tags
        inputs = make_inputs(expected, tags)
        with np.errstate(all="ignore"):
            for run in (run_v1, run_v2):
                want, got = (run(each, tags, inputs) for each in (expected, model))
                ran = {key for key in want if not isinstance(want[key], str)}
                assert_equal({key: want[key] for key in ran}, {key: got[key] for key in ran})

    with folder() as directory:
        first = chain(data, model_named(name, Path(directory)), 1)
        patch = data.draw(patches(first))
        if found := undone(first, patch):
            assert_same(first, found[1])
        second = chain(data, first, 2)
        try:
            third = patched(first, sigpb.infer(first, second))
        except sigpb.PatchError:
            return
        assert_same(second, third)
