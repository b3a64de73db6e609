"""Lists of tensors, one for each example."""

from __future__ import annotations

import pytest

from sigpb import protos
from sigpb.batch_size.dimension import BatchError, Relaxed
from tests.batch_size.batch_graphs import graph, integers, node, placeholder, relax


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
