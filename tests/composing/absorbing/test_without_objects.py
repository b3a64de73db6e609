"""Parts of models of TensorFlow 2 as parts of models of TensorFlow 1."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sigpb import protos
from sigpb.composing.absorbing.without_objects import problems, without_objects
from sigpb.composing.part import Part
from sigpb.composing.scoped import scoped
from sigpb.saved_model.model import open_model


def _part(model: Path) -> protos.MetaGraphDef:
    with open_model(model) as opened:
        return scoped(Part.of(opened, 0), "s", 1000).meta_graph


def _variables(meta_graph: protos.MetaGraphDef, name: str = "variables") -> dict[str, list[str]]:
    listed = meta_graph.collection_def[name].bytes_list.value
    nodes = {node.name: list(node.input) for node in meta_graph.graph_def.node}
    return {
        each.variable_name: nodes[each.snapshot_name.removesuffix(":0")]
        for each in map(protos.VariableDef.FromString, listed)
    }


def test_variables_are_in_collections(fixture_model: Callable[..., Path]) -> None:
    part = _part(fixture_model("tf2_linear"))
    for node in part.object_graph_def.nodes:
        if node.variable.name == "s/c":
            node.variable.trainable = False
    after = without_objects(part)
    assert not after.HasField("object_graph_def")
    assert _variables(after) == {"s/w:0": ["s/w"], "s/c:0": ["s/c"]}
    assert _variables(after, "trainable_variables") == {"s/w:0": ["s/w"]}
    assert part.HasField("object_graph_def"), "the part given was changed"


def test_nodes_of_one_variable_are_one(fixture_model: Callable[..., Path]) -> None:
    part = _part(fixture_model("tf2_linear"))
    second = part.graph_def.node.add()
    second.CopyFrom(next(node for node in part.graph_def.node if node.name == "s/w"))
    second.name = "s/w_2"
    reading = part.graph_def.node.add(name="s/read", op="ReadVariableOp", input=["s/w_2:0"])
    after = without_objects(part)
    assert set(_variables(after)) == {"s/w:0", "s/c:0"}
    assert list(after.graph_def.node[-2].input) == ["s/w"]
    assert after.graph_def.node[-2].name == reading.name


def test_variables_without_a_value_are_left_out(fixture_model: Callable[..., Path]) -> None:
    part = _part(fixture_model("tf2_linear"))
    handle = part.graph_def.node.add(name="s/new", op="VarHandleOp")
    handle.attr["shared_name"].s = b"s/new"
    assert set(_variables(without_objects(part))) == {"s/w:0", "s/c:0"}


def test_signatures_that_read_what_sessions_do_not_restore_are_refused(
    fixture_model: Callable[..., Path],
) -> None:
    part = _part(fixture_model("tf2_linear"))
    handle = part.graph_def.node.add(name="s/lost", op="VarHandleOp")
    handle.attr["shared_name"].s = b"s/lost"
    after = without_objects(part)
    assert not list(problems(after, after.signature_def))
    call = next(node for node in after.graph_def.node if node.name == "s/StatefulPartitionedCall_2")
    call.input[:] = ["s/lost" if each == "s/c" else each for each in call.input]
    (problem,) = problems(after, sorted(after.signature_def))
    assert "no value of 's/lost', which the signature 'single'" in problem


def test_reads_are_added_where_there_are_none(fixture_model: Callable[..., Path]) -> None:
    part = _part(fixture_model("tf2_linear"))
    reads = [node for node in part.graph_def.node if node.op == "ReadVariableOp"]
    for node in reads:
        part.graph_def.node.remove(node)
    assert reads
    assert _variables(without_objects(part)) == {"s/w:0": ["s/w"], "s/c:0": ["s/c"]}


def test_attributes_without_a_value_are_dropped(fixture_model: Callable[..., Path]) -> None:
    part = _part(fixture_model("tf2_shared"))
    assert all("f" in node.attr for node in part.graph_def.node)
    after = without_objects(part)
    assert {node.op for node in after.graph_def.node if "f" in node.attr} == {
        "StatefulPartitionedCall"
    }


def test_gradients_that_nothing_has_are_forgotten(fixture_model: Callable[..., Path]) -> None:
    part = _part(fixture_model("tf2_linear"))
    kept = {b"CustomGradient-7": False, b"MyGradient": True, b"PartitionedCall-9": False}
    part.graph_def.library.registered_gradients.add(registered_op_type="CustomGradient-8")
    nodes = {}
    for name in (*kept, b"CustomGradient-8"):
        node = part.graph_def.library.function[0].node_def.add(op="Identity")
        node.attr["_gradient_op_type"].s = name
        node.name = name.decode()
    for node in without_objects(part).graph_def.library.function[0].node_def:
        nodes[node.name.encode()] = "_gradient_op_type" in node.attr
    assert {name: nodes[name] for name in kept} == kept
    assert nodes[b"CustomGradient-8"]
