"""Random patches of small models: what is accepted is what every loader then sees."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sigpb
from sigpb import protos
from sigpb.patching.apply import changes_of
from sigpb.patching.compile import compile_patch
from sigpb.publishing.changes import pieces_of
from sigpb.saved_model.model import SavedModel, open_model
from sigpb.tf.endpoint_keys import argument_name
from sigpb.wire import assemble
from tests.conftest import REPOSITORY
from tests.parts import changed_parts, parts
from tests.patches import MAIN, read
from tests.views import View, object_graph_view, relabelled, session_view

T = TypeVar("T")

# In no order that matters: what sorts first as a key need not do so as an argument's name.
KEYS = ["a", "B", "zz", "0", "in:0", "in:1", "a b", "x/y", "é", "_", "a-", "serving", "predict"]
MAY_CHANGE = (
    "signature_def[",
    "graph_def.library.function[",
    "object_graph_def.nodes[",
    "object_graph_def.concrete_functions[",
)


@pytest.fixture(scope="module", params=["tf1_no_variables", "tf2_linear", "tf2_many", "tf2_shared"])
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp(request.param)
    with open_model(REPOSITORY / "proto_fixtures" / request.param) as opened:
        (directory / MAIN).write_bytes(opened.buffer)
    return directory


@st.composite
def new_keys(draw: st.DrawFn, old: Sequence[str]) -> dict[str, str]:
    """Gives every key another one or itself, so that none is there twice."""
    pool = st.sampled_from([*old, *KEYS])
    size = len(old)
    new = draw(st.lists(pool, min_size=size, max_size=size, unique_by=argument_name))
    return dict(zip(old, new, strict=True))


@st.composite
def endpoint_patches(
    draw: st.DrawFn, view: View[T], key: str, patch: protos.SignaturePatch
) -> None:
    inputs, outputs = (sorted(endpoints) for endpoints in view[key])
    for old, new in draw(new_keys(inputs)).items():
        patch.input.add(key=old, rename_to=new)
    kept = draw(st.sets(st.sampled_from(outputs), min_size=1))
    for old, new in draw(new_keys(outputs)).items():
        if old in kept:
            patch.output.add(key=old, rename_to=new)
        else:
            patch.output.add(key=old, drop=True)


@st.composite
def sound_patches(draw: st.DrawFn, view: View[T]) -> protos.SavedModelPatch:
    """Patches that name every signature, and in which nothing collides."""
    patch = protos.SavedModelPatch()
    originals = sorted(view)
    copies = draw(st.lists(st.sampled_from(originals), max_size=2))
    names = draw(
        st.lists(
            st.sampled_from([*originals, *KEYS]),
            min_size=len(originals) + len(copies),
            max_size=len(originals) + len(copies),
            unique=True,
        )
    )
    for key, name in zip(originals, names, strict=False):
        if draw(st.integers(0, 9)) == 0:
            patch.signature.add(key=key, drop=True)
        else:
            draw(endpoint_patches(view, key, patch.signature.add(key=key, rename_to=name)))
    for key, name in zip(copies, names[len(originals) :], strict=True):
        if key != name:
            draw(endpoint_patches(view, key, patch.signature.add(key=name, copy_of=key)))
    return patch


@st.composite
def any_patches(draw: st.DrawFn, view: View[T]) -> protos.SavedModelPatch:
    """Patches that name what is there, and put it under whatever key."""
    patch = protos.SavedModelPatch()
    to = st.none() | st.sampled_from([*sorted(view), "a", "z", ""])
    for key in draw(st.lists(st.sampled_from(sorted(view)), unique=True)):
        item = patch.signature.add(key=key, rename_to=draw(to), drop=draw(st.integers(0, 9)) == 0)
        _any_endpoints(draw, view, key, item)
    for key in draw(st.lists(st.sampled_from([*sorted(view), "a"]), unique=True, max_size=2)):
        original = draw(st.sampled_from(sorted(view)))
        item = patch.signature.add(key=key, copy_of=original)
        _any_endpoints(draw, view, original, item)
    return patch


def _any_endpoints(draw: st.DrawFn, view: View[T], key: str, patch: protos.SignaturePatch) -> None:
    inputs, outputs = (sorted(endpoints) for endpoints in view[key])
    for old in draw(st.sets(st.sampled_from(inputs))):
        patch.input.add(key=old, rename_to=draw(st.sampled_from([*inputs, "a", "self"])))
    for old in draw(st.sets(st.sampled_from(outputs))):
        new = draw(st.none() | st.sampled_from([*outputs, "a"]))
        patch.output.add(key=old, rename_to=new, drop=new is None)


def after(model: SavedModel, patch: protos.SavedModelPatch, directory: Path) -> Path:
    """Writes what a patch makes of a model into a directory."""
    for name, content in changes_of(compile_patch(model, patch), model)[0].items():
        assert content is not None
        (directory / name).write_bytes(assemble(pieces_of(content), model.buffer))
    return directory


def assert_follows(
    before: protos.MetaGraphDef, after: protos.MetaGraphDef, patch: protos.SavedModelPatch
) -> None:
    assert session_view(after) == relabelled(session_view(before), patch)
    if before.HasField("object_graph_def"):
        assert object_graph_view(after) == relabelled(object_graph_view(before), patch)


@settings(max_examples=50)
@given(data=st.data())
def test_a_sound_patch_is_accepted_and_every_view_follows(model: Path, data: st.DataObject) -> None:
    (before,) = read(model).meta_graphs
    patch = data.draw(sound_patches(session_view(before)))
    with open_model(model) as opened, tempfile.TemporaryDirectory() as folder:
        directory = after(opened, patch, Path(folder))
        if not (directory / MAIN).exists():
            assert relabelled(session_view(before), patch) == session_view(before)
            return
        assert_follows(before, read(directory).meta_graphs[0], patch)
        assert_nothing_else_changed((model / MAIN).read_bytes(), (directory / MAIN).read_bytes())
        assert sigpb.plan(directory, patch).is_empty, "twice is not once"


@settings(max_examples=50)
@given(data=st.data())
def test_any_patch_is_refused_or_every_view_follows(model: Path, data: st.DataObject) -> None:
    (before,) = read(model).meta_graphs
    patch = data.draw(any_patches(session_view(before)))
    with open_model(model) as opened, tempfile.TemporaryDirectory() as folder:
        try:
            directory = after(opened, patch, Path(folder))
        except sigpb.PatchError:
            return
        result = read(directory) if (directory / MAIN).exists() else read(model)
        assert_follows(before, result.meta_graphs[0], patch)


def assert_nothing_else_changed(before: bytes, after: bytes) -> None:
    """Functions and nodes of the object graph are added, but for nodes of signatures."""
    names = parts(before)
    for name in changed_parts(before, after):
        assert name.startswith(MAY_CHANGE)
        assert not name.startswith("graph_def.") or name not in names
