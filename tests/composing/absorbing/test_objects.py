"""The objects of a part among those of a MetaGraph."""

from __future__ import annotations

from pathlib import Path

import pytest

from sigpb.errors import PatchError
from tests.composing.absorbed_models import NAME, Model, meta_graph

_GRAPH = "graph_def { versions { producer: 100 } }"
_MAP = 'user_object { identifier: "signature_map" }'

_MODEL = f"""
  {_GRAPH}
  signature_def {{ key: "own" value {{ }} }}
  asset_file_def {{ filename: "a" }}
  object_graph_def {{
    nodes {{
      children {{ node_id: 1 local_name: "signatures" }}
      user_object {{ identifier: "_tf_keras_model" }}
    }}
    nodes {{ children {{ node_id: 2 local_name: "own" }} {_MAP} }}
    nodes {{ bare_concrete_function {{ concrete_function_name: "f_1" }} }}
    concrete_functions {{ key: "f_1" value {{ }} }}
  }}
"""

# 0 root, 1 signatures, 2 and 4 signatures' functions, 3 variable, 5 asset, 6 slot, 7 resource,
# 8 function of a saveable object and child of the root.
_PART = f"""
  {_GRAPH}
  signature_def {{ key: "z" value {{ }} }}
  signature_def {{ key: "a" value {{ }} }}
  signature_def {{ key: "gone" value {{ }} }}
  object_graph_def {{
    nodes {{
      children {{ node_id: 1 local_name: "signatures" }}
      children {{ node_id: 3 local_name: "w" }}
      children {{ node_id: 5 local_name: "asset" }}
      children {{ node_id: 8 local_name: "shared" }}
      dependencies {{ node_id: 7 local_name: "table" }}
      slot_variables {{
        original_variable_node_id: 3 slot_name: "m" slot_variable_node_id: 6
      }}
      user_object {{ identifier: "_tf_keras_model" metadata: "{{}}" }}
    }}
    nodes {{
      children {{ node_id: 2 local_name: "z" }}
      children {{ node_id: 4 local_name: "a" }}
      children {{ node_id: 9 local_name: "gone" }}
      {_MAP}
    }}
    nodes {{ bare_concrete_function {{ concrete_function_name: "f_7" }} }}
    nodes {{
      saveable_objects {{ key: "s" value {{ save_function: 8 restore_function: 8 }} }}
      variable {{ name: "w" }}
    }}
    nodes {{ bare_concrete_function {{ concrete_function_name: "f_8" }} }}
    nodes {{ asset {{ asset_file_def_index: 0 }} }}
    nodes {{ variable {{ name: "m" }} }}
    nodes {{ resource {{ }} }}
    nodes {{ function {{ concrete_functions: "f_8" }} }}
    nodes {{ bare_concrete_function {{ concrete_function_name: "f_9" }} }}
    concrete_functions {{ key: "f_7" value {{ bound_inputs: 3 bound_inputs: 7 }} }}
    concrete_functions {{ key: "f_8" value {{ bound_inputs: 5 }} }}
  }}
"""


def test_they_come_behind_and_functions_of_signatures_last(tmp_path: Path) -> None:
    merged, _ = Model(tmp_path / "model", _MODEL).absorb(_PART, {"z": "one", "a": "two"})
    graph = merged.object_graph_def
    kinds = [node.WhichOneof("kind") for node in graph.nodes]
    assert kinds[3:] == [
        "user_object",  # 3, the root of the part
        "variable",  # 4
        "asset",  # 5
        "variable",  # 6
        "resource",  # 7
        "function",  # 8
        "bare_concrete_function",  # 9, z
        "bare_concrete_function",  # 10, a
    ]
    root, signatures, other = graph.nodes[0], graph.nodes[1], graph.nodes[3]
    assert {each.local_name: each.node_id for each in root.children} == {"signatures": 1, NAME: 3}
    children = {each.local_name: each.node_id for each in signatures.children}
    assert children == {"own": 2, "one": 9, "two": 10}
    children = {each.local_name: each.node_id for each in other.children}
    assert children == {"w": 4, "asset": 5, "shared": 8}
    assert [each.node_id for each in other.dependencies] == [7]
    (slot,) = other.slot_variables
    assert (slot.original_variable_node_id, slot.slot_variable_node_id) == (4, 6)
    saveable = graph.nodes[4].saveable_objects["s"]
    assert (saveable.save_function, saveable.restore_function) == (8, 8)
    assert graph.nodes[5].asset.asset_file_def_index == 1
    bound = {name: list(each.bound_inputs) for name, each in graph.concrete_functions.items()}
    assert bound == {"f_1": [], "f_7": [4, 7], "f_8": [5]}


def test_keras_finds_its_objects_by_their_numbers_only_in_the_model(tmp_path: Path) -> None:
    merged, _ = Model(tmp_path / "model", _MODEL).absorb(_PART)
    first, second = (merged.object_graph_def.nodes[number].user_object for number in (0, 3))
    assert first.identifier == "_tf_keras_model"
    assert (second.identifier, second.metadata) == ("_generic_user_object", "")


def test_a_map_of_signatures_that_something_else_has_stays(tmp_path: Path) -> None:
    kept = 'children { node_id: 1 local_name: "functions" }'
    part = _PART.replace('children { node_id: 3 local_name: "w" }', kept)
    assert part != _PART
    merged, _ = Model(tmp_path / "model", _MODEL).absorb(part, {"z": "one"})
    graph = merged.object_graph_def
    assert len(graph.nodes) == 3 + 10
    (functions,) = (
        each.node_id for each in graph.nodes[3].children if each.local_name == "functions"
    )
    z, *_ = graph.nodes[functions].children
    assert graph.nodes[1].children[-1].node_id == z.node_id


def test_a_model_without_signatures_gets_a_place_for_them(tmp_path: Path) -> None:
    model = f"{_GRAPH} object_graph_def {{ nodes {{ user_object {{ }} }} }}"
    merged, _ = Model(tmp_path / "model", model).absorb(_PART, {"z": "one"})
    graph = merged.object_graph_def
    places = {each.local_name: each.node_id for each in graph.nodes[0].children}
    assert places == {"signatures": 1, NAME: 2}
    assert graph.nodes[1].user_object.identifier == "signature_map"
    (child,) = graph.nodes[1].children
    assert graph.nodes[child.node_id].bare_concrete_function.concrete_function_name == "f_7"


def test_a_model_of_tensorflow_1_gets_none(tmp_path: Path) -> None:
    merged, _ = Model(tmp_path / "model", _GRAPH).absorb(_PART, {"z": "one"})
    assert not merged.HasField("object_graph_def")
    assert list(merged.signature_def) == ["one"]


@pytest.mark.parametrize(
    ("model", "part", "problem"),
    [
        (_MODEL.replace('"signatures"', f'"{NAME}"'), _PART, f"has a child '{NAME}'"),
        (_MODEL.replace("_tf_keras_model", "trackable_list_wrapper"), _PART, "is a list"),
        (f"{_GRAPH} object_graph_def {{ }}", _PART, "its object graph has no root"),
        (
            _MODEL,
            _GRAPH,
            "TensorFlow 1, has none. Write it with tf.function, and save it with tf.saved_model",
        ),
        (_MODEL, _PART.replace('local_name: "z"', 'local_name: "y"'), "one has no signature 'z'"),
        (_MODEL, _PART.replace('key: "z"', 'key: "y"'), "the other one has no signature 'z'"),
        (_MODEL.replace('"own"', '"one"'), _PART, "it already has a signature 'one'"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path: Path, model: str, part: str, problem: str) -> None:
    before = meta_graph(model)
    with pytest.raises(PatchError, match=problem):
        Model(tmp_path / "model", before).absorb(part, {"z": "one"})
