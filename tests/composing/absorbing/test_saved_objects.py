"""The objects that are written along with values, where two savers become one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sigpb import protos
from sigpb.checkpoint.checkpoint import OBJECTS_KEY, Checkpoint
from sigpb.composing.absorbing.saved_objects import leave_out_objects, stores_values
from sigpb.composing.saver_keys import SAVING, keyed_nodes
from sigpb.saved_model.model import open_model, parse
from tests.composing.absorbed_models import NAME, meta_graph, publish_absorbed


def _meta_graph(model: Path) -> protos.MetaGraphDef:
    with open_model(model) as opened:
        return parse(protos.MetaGraphDef, opened.meta_graphs[0].message)


@pytest.mark.parametrize(
    ("name", "expected"), [("tf2_linear", True), ("tokenize", False), ("tf1_shared", True)]
)
def test_a_saver_of_objects_only_stores_no_values(
    fixture_model: Callable[..., Path], name: str, expected: bool
) -> None:
    assert stores_values(keyed_nodes(_meta_graph(fixture_model(name)))) == expected


def test_values_are_written_without_objects(fixture_model: Callable[..., Path]) -> None:
    whole = _meta_graph(fixture_model("tf2_linear"))
    before = {each.node.op: each.keys for each in keyed_nodes(whole)}
    leave_out_objects(whole.graph_def, keyed_nodes(whole))
    after = {each.node.op: each for each in keyed_nodes(whole)}
    assert before["RestoreV2"] == after["RestoreV2"].keys
    saving = after["SaveV2"]
    assert [*saving.keys, OBJECTS_KEY] == before["SaveV2"]
    assert len(saving.node.attr["dtypes"].list.type) == len(saving.keys)
    assert len(saving.node.input) == 3 + len(saving.keys)
    slices = saving.body.nodes[saving.node.input[2].partition(":")[0]].attr["value"].tensor
    assert slices.tensor_shape.dim[0].size == len(saving.keys)


_SHARDS = """
  saver_def { save_tensor_name: "merge" }
  graph_def {
    node { name: "keys" op: "Const" attr { key: "value" value { tensor {
      dtype: DT_STRING tensor_shape { dim { size: 1 } } string_val: "_CHECKPOINTABLE_OBJECT_GRAPH"
    } } } }
    node {
      name: "save" op: "SaveV2" input: "first" input: "other" input: "other" input: "w"
      attr { key: "dtypes" value { list { type: DT_FLOAT } } }
    }
    node {
      name: "save_1" op: "SaveV2" input: "second" input: "keys" input: "keys" input: "graph"
      attr { key: "dtypes" value { list { type: DT_STRING } } }
    }
    node {
      name: "pack" op: "Pack" input: "first" input: "second" input: "^save" input: "^save_1"
      attr { key: "N" value { i: 2 } }
    }
    node { name: "merge" op: "MergeV2Checkpoints" input: "pack" }
    node { name: "other" op: "Const" attr { key: "value" value { tensor {
      dtype: DT_STRING tensor_shape { dim { size: 1 } } string_val: "w"
    } } } }
  }
"""


def test_a_file_of_nothing_else_is_not_written() -> None:
    parsed = meta_graph(_SHARDS)
    leave_out_objects(parsed.graph_def, keyed_nodes(parsed))
    nodes = {node.name: node for node in parsed.graph_def.node}
    assert [name for name, node in nodes.items() if node.op in SAVING] == ["save"]
    assert list(nodes["pack"].input) == ["first", "^save"]
    assert nodes["pack"].attr["N"].i == 1


def test_what_sessions_write_has_the_objects_of_both(
    fixture_model: Callable[..., Path], tmp_path: Path
) -> None:
    models = [fixture_model(name) for name in ("tf2_linear", "tf2_many")]
    merged = publish_absorbed(*models, output=tmp_path / "merged")
    checkpoint = Checkpoint.of_model(merged)
    assert checkpoint is not None
    tracked = checkpoint.objects()
    assert tracked is not None
    assert f"{NAME}1" in {child.local_name for child in tracked.nodes[0].children}
    constants = [
        node.attr["value"].tensor.string_val[0]
        for node in _meta_graph(merged).graph_def.node
        if node.name == "Const" and node.attr["value"].tensor.string_val
    ]
    assert constants == [tracked.SerializeToString()]
    keys = [each for each in keyed_nodes(_meta_graph(merged)) if OBJECTS_KEY in each.keys]
    assert [each.node.op for each in keys].count("SaveV2") == 1
