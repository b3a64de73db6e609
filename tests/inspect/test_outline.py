from __future__ import annotations

import pytest

from sigpb import protos
from sigpb.errors import ModelUnreadable
from sigpb.inspect.outline import LARGE, without_elements
from sigpb.wire import Message, length_delimited

ELEMENTS = bytes(2 * LARGE)


def outlined(node: protos.NodeDef) -> protos.NodeDef:
    return without_elements(protos.NodeDef, Message.root(node.SerializeToString()))


def test_small_messages_are_whole() -> None:
    node = protos.NodeDef(name="c", op="Const")
    node.attr["value"].tensor.int_val.extend(range(9))
    assert outlined(node) == node


def test_large_tensors_keep_their_types() -> None:
    node = protos.NodeDef(name="c", op="Const", input=["^x"])
    tensor = node.attr["value"].tensor
    tensor.dtype = 1
    tensor.tensor_shape.dim.add(size=7)
    expected = protos.NodeDef.FromString(node.SerializeToString())
    tensor.tensor_content = ELEMENTS

    assert outlined(node) == expected


def test_large_tensors_in_lists_and_calls() -> None:
    node = protos.NodeDef(name="c", op="Call")
    node.attr["list"].list.tensor.add(dtype=1)
    node.attr["f"].func.attr["value"].tensor.dtype = 3
    expected = protos.NodeDef.FromString(node.SerializeToString())
    node.attr["list"].list.tensor[0].tensor_content = ELEMENTS
    node.attr["f"].func.attr["value"].tensor.string_val.append(ELEMENTS)

    assert outlined(node) == expected


def test_large_texts_are_kept() -> None:
    node = protos.NodeDef(name="x" * 2 * LARGE, op="Const")
    node.attr["s"].s = ELEMENTS
    assert outlined(node) == node


def test_fields_left_out() -> None:
    function = protos.FunctionDef(node_def=[protos.NodeDef(name="x")])
    function.signature.name = "f"
    number = protos.FunctionDef.NODE_DEF_FIELD_NUMBER

    found = without_elements(
        protos.FunctionDef, Message.root(function.SerializeToString()), without={number}
    )

    assert found == protos.FunctionDef(signature=function.signature)


def test_nesting_without_end() -> None:
    # NodeDef.attr["f"].func.attr["f"].func…
    content = ELEMENTS
    for _ in range(500):
        content = length_delimited(1, b"f") + length_delimited(2, length_delimited(10, content))
        content = length_delimited(2, content)
    node = length_delimited(5, length_delimited(2, length_delimited(10, content)))
    with pytest.raises(ModelUnreadable, match="nested too deep"):
        without_elements(protos.NodeDef, Message.root(node))
