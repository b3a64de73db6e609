"""Many constants or variables of one node, as a page puts them together."""

from __future__ import annotations

import pytest

from sigpb import protos
from sigpb.inspect.graph.fans import with_fans
from sigpb.inspect.graph.picture import Picture
from tests.inspect.graph.pictures import check, edges, labels, node, picture_of
from tests.inspect.graph.small_graphs import FLOAT, add, graph, placeholder, relu
from tests.inspect.graph.small_graphs import node as proto


def constants(count: int, scope: str = "") -> list[protos.NodeDef]:
    return [proto(f"{scope}c{number}", "Const", dtype=FLOAT) for number in range(count)]


def sum_of(*parts: protos.NodeDef) -> protos.NodeDef:
    return add("sum", "x", *(part.name for part in parts))


def parent(picture: Picture, label: str) -> str | None:
    number = node(picture, label).parent
    return None if number is None else picture.nodes[number].label


def test_many_constants_are_put_together() -> None:
    parts = constants(9)
    before = picture_of(graph(placeholder("x"), *parts, sum_of(*parts)))
    after = with_fans(before)
    check(after)
    assert labels(after, "fan") == ["9 constants"]
    assert {parent(after, f"c{number}") for number in range(9)} == {"9 constants"}
    assert edges(after) == edges(before)
    assert [after.nodes[output.node].label for output in after.outputs] == ["sum"]
    assert [after.nodes[number].label for number in after.outputs[0].inputs] == ["x"]


def test_few_are_left_alone() -> None:
    parts = constants(8)
    before = picture_of(graph(placeholder("x"), *parts, sum_of(*parts)))
    assert with_fans(before) is before


def test_variables_are_put_together_with_what_reads_them() -> None:
    variables = [proto(f"v{number}", "VarHandleOp", dtype=FLOAT) for number in range(9)]
    reads = [proto(f"r{number}", "ReadVariableOp", f"v{number}") for number in range(9)]
    after = with_fans(
        picture_of(graph(placeholder("x"), *variables, *reads, *constants(9), sum_of(*reads)))
    )
    check(after)
    assert labels(after, "fan") == ["9 variables"]
    assert {parent(after, "v3"), parent(after, "r3")} == {"9 variables"}


def test_constants_of_several_nodes_are_left_alone() -> None:
    parts = constants(9)
    both = (sum_of(*parts), relu("other", "c0"))
    after = with_fans(picture_of(graph(placeholder("x"), *parts, *both)))
    assert labels(after, "fan") == []


def test_constants_stay_in_their_scope() -> None:
    parts = constants(9, "table/")
    after = with_fans(picture_of(graph(placeholder("x"), *parts, sum_of(*parts))))
    check(after)
    assert parent(after, "9 constants") == "table"


@pytest.mark.parametrize(
    ("variable", "op", "waits"),
    [("v", "Relu", ()), ("v", "ReadVariableOp", ("^x",)), ("scope/v", "ReadVariableOp", ())],
)
def test_what_does_more_than_read_a_variable_beside_it_is_left_alone(
    variable: str, op: str, waits: tuple[str, ...]
) -> None:
    variables = [proto(f"{variable}{number}", "VarHandleOp", dtype=FLOAT) for number in range(9)]
    takers = [
        proto(f"r{number}", op, each.name, *waits, T=FLOAT) for number, each in enumerate(variables)
    ]
    before = picture_of(graph(placeholder("x"), *variables, *takers, sum_of(*takers)))
    assert with_fans(before) is before
