from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from google.protobuf import text_format

from sigpb import protos
from sigpb.saved_model.model import open_model
from sigpb.saved_model.object_graph import ObjectGraph

ModelFactory = Callable[..., Path]

TEXT = """
nodes { children { node_id: 2 local_name: "other" }
        children { node_id: 1 local_name: "signatures" } }
nodes { user_object { identifier: "signature_map" }
        children { node_id: 3 local_name: "serving_default" }
        children { node_id: 3 local_name: "alias" } }
nodes { user_object { identifier: "trackable" } }
nodes { bare_concrete_function { concrete_function_name: "f_1"
                                 argument_keywords: "x" argument_keywords: "b" } }
concrete_functions { key: "f_1" value {
  bound_inputs: 2
  output_signature { dict_value { fields { key: "s" value { } }
                                  fields { key: "p" value { } } } } } }
"""


def graph(text: str) -> ObjectGraph:
    return ObjectGraph(text_format.Parse(text, protos.SavedObjectGraph()))


def test_finds_the_signatures() -> None:
    found = graph(TEXT)
    assert found.signature_map == 1
    assert found.signature_nodes == {"serving_default": 3, "alias": 3}


def test_tells_how_a_signature_is_called() -> None:
    found = graph(TEXT)
    assert found.function_name(3) == "f_1"
    assert found.argument_keys(3) == ["x", "b"], "in the order of the function's arguments"
    assert found.output_keys(3) == ["p", "s"], "in the order of the function's results"
    assert list(found.concrete_function(3).bound_inputs) == [2]


def test_types_of_inputs_go_by_their_keys_or_argument_names() -> None:
    found = graph(
        """nodes { bare_concrete_function { concrete_function_name: "f"
             argument_keywords: "a-b" argument_keywords: "x" argument_keywords: "any" } }
           concrete_functions { key: "f" value {
             canonicalized_input_signature { tuple_value { values { } values { dict_value {
               fields { key: "a_b" value { tensor_spec_value {
                 dtype: 1 shape { dim { size: -1 } } } } }
               fields { key: "x" value { tensor_spec_value { dtype: 3 shape { } } } }
               fields { key: "any" value { type_spec_value { } } } } } } }
             output_signature { dict_value {
               fields { key: "x" value { tensor_spec_value {
                 dtype: 7 shape { unknown_rank: true } } } } } } } }"""
    )
    assert found.endpoint_types(0) == {
        ("input", "a-b"): (1, (None,)),
        ("input", "x"): (3, ()),
        ("output", "x"): (7, None),
    }


def test_missing_function_is_an_empty_one_and_is_not_added() -> None:
    found = graph(TEXT)
    del found.proto.concrete_functions["f_1"]
    assert found.concrete_function(3) == protos.SavedConcreteFunction()
    assert found.output_keys(3) == []
    assert not found.proto.concrete_functions


def test_graph_without_signatures() -> None:
    for text in (
        "",
        "nodes { }",
        'nodes { children { node_id: 0 local_name: "signatures" } }',
        'nodes { children { node_id: 7 local_name: "signatures" } }',
        'nodes { children { node_id: -1 local_name: "signatures" } }',
    ):
        found = graph(text)
        assert found.signature_map is None, text
        assert found.signature_nodes == {}, text


def test_agrees_with_signature_def_in_real_graphs(corpus: Path) -> None:
    checked = 0
    for directory in sorted(path for path in corpus.iterdir() if path.is_dir()):
        with open_model(directory) as model:
            for meta_graph in model.meta_graphs:
                found = meta_graph.object_graph
                if found is None or found.signature_map is None:
                    continue
                for key, node_id in found.signature_nodes.items():
                    signature = meta_graph.signatures[key]
                    assert sorted(found.argument_keys(node_id)) == sorted(signature.inputs)
                    assert found.output_keys(node_id) == sorted(signature.outputs)
                    checked += 1
    assert checked > 10
