from __future__ import annotations

import pytest

from sigpb import protos
from sigpb.rewrite.commit import commit, unchanged
from sigpb.rewrite.draft import MetaGraphDraft, interfaces_of
from sigpb.saved_model.model import MetaGraph
from sigpb.wire import Edits, Message, assemble
from tests.parts import changed_parts
from tests.patches import ModelFactory, only_graph

from .drafts import Change, all_of, drop, rename


def retag(draft: MetaGraphDraft) -> None:
    draft.tags = ("gpu", "serve")


CHANGES: dict[str, Change] = {
    "tf2_linear": all_of(
        retag,
        rename("serving_default", "predict", inputs={"x": "a"}, outputs={"p": "z"}),
        rename("legacy", copy_of="serving_default"),
        rename("other", inputs={"x": "y", "y": "x"}),
        drop("single"),
    ),
    "tf2_shared": all_of(
        rename("alias", inputs={"b": "y"}),
        rename("twin", "serving_default"),
        drop("serving_default"),
    ),
    "tf1_shared": all_of(
        rename("serving_default", inputs={"x": "y", "y": "x"}, outputs={"sum": "a"}),
        rename("classify", "regress"),
        rename("regress", "classify"),
        drop("classify", output="scores"),
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_returns_what_it_writes(fixture_model: ModelFactory, name: str) -> None:
    before = only_graph(fixture_model(name)).SerializeToString(deterministic=True)
    draft = MetaGraphDraft.of(MetaGraph(Message.root(before)))
    CHANGES[name](draft)
    edits = Edits(before)
    committed = commit(interfaces_of(draft), edits)

    after = protos.MetaGraphDef.FromString(assemble(edits.pieces(), before))
    assert committed.tags == tuple(after.meta_info_def.tags)
    assert committed.signature_defs == dict(after.signature_def)
    if after.HasField("object_graph_def"):
        assert committed.object_graph == after.object_graph_def
    else:
        assert committed.object_graph is None


@pytest.mark.parametrize("name", CHANGES)
def test_without_changes_nothing_is_edited(fixture_model: ModelFactory, name: str) -> None:
    before = only_graph(fixture_model(name)).SerializeToString(deterministic=True)
    meta_graph = MetaGraph(Message.root(before))
    edits = Edits(before)
    assert commit(interfaces_of(MetaGraphDraft.of(meta_graph)), edits) == unchanged(meta_graph)
    assert not edits


def test_every_view_is_in_one_commit(fixture_model: ModelFactory) -> None:
    saved_model = protos.SavedModel(meta_graphs=[only_graph(fixture_model("tf2_linear"))])
    before = saved_model.SerializeToString(deterministic=True)
    root = Message.root(before)
    draft = MetaGraphDraft.of(MetaGraph(root.message(next(root.fields(2)))))
    CHANGES["tf2_linear"](draft)
    edits = Edits(before)
    commit(interfaces_of(draft), edits)
    changed = changed_parts(before, assemble(edits.pieces(), before))
    assert {name.partition("[")[0] for name in changed} == {
        "meta_info_def.tags",
        "graph_def.library.function",
        "signature_def",
        "object_graph_def.nodes",
        "object_graph_def.concrete_functions",
    }
