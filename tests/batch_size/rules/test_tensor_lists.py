"""Lists of tensors, one for each example."""

from __future__ import annotations

import pytest

from sigpb import protos
from sigpb.batch_size.dimension import BatchError, Relaxed
from sigpb.tf.tensor_types import shape_of
from tests.batch_size.batch_graphs import (
    const_values,
    graph,
    integers,
    node,
    placeholder,
    relax,
    shape_proto,
)


def of_list(*nodes: protos.NodeDef) -> Relaxed:
    """Relaxes what is done with the list of the rows of `x`."""
    rows = node("list", "TensorListFromTensor", "x", "shape")
    return relax(graph(placeholder("x", 4, 7), integers("shape", [7]), rows, *nodes), 4)


def test_stacked_again() -> None:
    stack = node("result", "TensorListStack", "list", "shape", num_elements=4)
    relaxed = of_list(stack)
    assert relaxed.shapes["result", 0] == (None, 7)
    (changed,) = relaxed.nodes["result"]
    assert changed.attr["num_elements"].i == -1


def test_stacked_whatever_there_is() -> None:
    relaxed = of_list(node("result", "TensorListStack", "list", "shape", num_elements=-1))
    assert relaxed.shapes["result", 0] == (None, 7)
    assert "result" not in relaxed.nodes


def test_its_length_is_the_batch_size() -> None:
    one = integers("one", 1)
    made = (node("length", "TensorListLength", "list"), one, integers("zero", 0))
    numbered = node("result", "Range", "zero", "length", "one")
    assert of_list(*made, numbered).axes["result", 0] == 0


@pytest.mark.parametrize(
    ("op", "inputs", "reason"),
    [
        ("TensorListGetItem", ["list", "zero", "shape"], "it takes one example out of the batch"),
        ("TensorListSetItem", ["list", "zero", "other"], "it takes one example out of the batch"),
        ("TensorListPushBack", ["list", "other"], "it takes one example out of the batch"),
        ("TensorListConcatV2", ["list", "shape", "zero"], "tensors joined to one"),
    ],
)
def test_refused(op: str, inputs: list[str], reason: str) -> None:
    others = (integers("zero", 0), placeholder("other", 7))
    with pytest.raises(BatchError, match=reason):
        of_list(*others, node("result", op, *inputs))


def test_stacked_to_another_number() -> None:
    with pytest.raises(BatchError, match="it states 5 tensors in a list of one for each example"):
        of_list(node("result", "TensorListStack", "list", "shape", num_elements=5))


def test_list_of_something_else() -> None:
    nodes = graph(
        placeholder("x", 4, 4),
        node("turned", "Transpose", "x", "order"),
        integers("order", [1, 0]),
        integers("shape", [4]),
        node("list", "TensorListFromTensor", "turned", "shape"),
        node("result", "TensorListStack", "list", "shape", num_elements=4),
    )
    relaxed = relax(nodes, 4)  # A list of four columns, each with a number for each example.
    assert relaxed.shapes["result", 0] == (4, None)


def test_a_shape_of_rows_that_is_known_in_part() -> None:
    """What is -1 for the batch would be unknown for the rest."""
    nodes = graph(
        placeholder("x", 7, 4, 3),
        integers("size", 4),
        placeholder("unknown"),
        node("shape", "Pack", "size", "unknown"),
        node("list", "TensorListFromTensor", "x", "shape"),
    )
    with pytest.raises(BatchError, match=r"it states shape \[4,\?\] for tensors of \[N,3\]"):
        relax(nodes, 4, x=1)


@pytest.mark.parametrize("states", [True, False])
def test_what_an_array_states_of_its_tensors(states: bool) -> None:
    stated = {"element_shape": shape_proto([4, 7])} if states else {}
    nodes = graph(
        placeholder("x", 4, 7),
        node("array", "TensorArrayV3", "size", element_shape=shape_proto([None, 7])),
        integers("size", 2),
        integers("zero", 0),
        integers("numbers", [0, 1]),
        node("written", "TensorArrayWriteV3", "array", "zero", "x", "array:1"),
        node("result", "TensorArrayGatherV3", "array", "numbers", "written", **stated),
    )
    relaxed = relax(nodes, 4)
    assert relaxed.shapes["result", 0] == (2, None, 7)
    assert ("result" in relaxed.nodes) == states
    for changed in relaxed.nodes.get("result", ()):
        assert shape_of(changed.attr["element_shape"].shape) == (None, 7)


def test_a_list_that_is_made_for_tensors_of_the_batch() -> None:
    nodes = graph(
        placeholder("x", 4, 7),
        integers("shape", [4, 7]),
        integers("count", 2),
        integers("zero", 0),
        node("reserved", "TensorListReserve", "shape", "count"),
        node("list", "TensorListSetItem", "reserved", "zero", "x"),
        node("result", "TensorListStack", "list", "shape", num_elements=2),
    )
    relaxed = relax(nodes, 4)
    assert relaxed.shapes["result", 0] == (2, None, 7)
    constant, _ = relaxed.nodes["reserved"]
    assert const_values(constant) == [-1, 7]
