from __future__ import annotations

import pytest

from sigpb import protos
from sigpb.tf.called_functions import (
    DROPPED,
    FUNCTION_OPS,
    KEPT,
    called_by,
    called_functions,
    drop_what_no_longer_holds,
    functions_in_attributes,
    nodes_by_name,
)
from sigpb.tf.op_defs import tensorflow_op_def


def test_called_functions() -> None:
    nodes = [protos.NodeDef(op="PartitionedCall"), protos.NodeDef(op="f_1")]
    nodes[0].attr["f"].func.name = "g_2"
    nodes[0].attr["branches"].list.func.add(name="h_3")
    nodes[0].attr["Tin"].list.type.append(1)
    assert called_functions(nodes) == {"f_1", "g_2", "h_3", "PartitionedCall"}
    assert functions_in_attributes(nodes[0]) == {"g_2", "h_3"}
    assert functions_in_attributes(nodes[1]) == set()


def test_what_a_node_calls_and_does_nothing_else() -> None:
    nodes = [protos.NodeDef(op=op) for op in ("StatefulPartitionedCall", "BatchFunction")]
    for node in nodes:
        node.attr["f"].func.name = "g"
    assert list(map(called_by, nodes)) == ["g", None]


def test_nodes_by_name() -> None:
    nodes = [protos.NodeDef(name="a"), protos.NodeDef(name="b")]
    assert nodes_by_name(nodes) == {"a": nodes[0], "b": nodes[1]}


@pytest.mark.parametrize("op", FUNCTION_OPS)
def test_ops_that_call_functions(op: str) -> None:
    """TensorFlow's definitions name the attributes, and the inputs before the arguments."""
    definition = tensorflow_op_def(op)
    assert definition is not None
    functions = {each.name for each in definition.attr if each.type in ("func", "list(func)")}
    assert functions == set(FUNCTION_OPS[op].roles)
    lists = [bool(each.type_list_attr) for each in definition.input_arg]
    assert lists.index(True) == FUNCTION_OPS[op].first


@pytest.mark.parametrize("kept", ["_noinline", "_XlaMustCompile", "_input_shapes"])
@pytest.mark.parametrize(
    "dropped", ["api_implements", "forward_function_name", "_implements", "from_another_tool"]
)
def test_a_variant_keeps_how_it_runs_and_not_what_it_stands_for(kept: str, dropped: str) -> None:
    variant = protos.FunctionDef()
    variant.attr[kept].b = True
    variant.attr[dropped].s = b"text"
    drop_what_no_longer_holds(variant)
    assert list(variant.attr) == [kept]
    assert variant.attr[kept].b


def test_nothing_is_both() -> None:
    assert not {*KEPT} & {*DROPPED}


@pytest.mark.tensorflow
def test_all_attributes_that_tensorflow_knows_are_decided() -> None:
    from tensorflow.python.eager.polymorphic_function import attributes

    known = {value for name, value in vars(attributes).items() if name.isupper() and value}
    known = {value for value in known if isinstance(value, str)}
    assert len(known) > 30
    assert known <= {*KEPT, *DROPPED}
