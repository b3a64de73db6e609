"""What is open and what is closed, in graphs of any size."""

from __future__ import annotations

import itertools

import pytest

from tests.inspect.graph.pictures import (
    check,
    edges,
    inputs_reached,
    labels,
    node,
    picture_of,
)
from tests.inspect.graph.small_graphs import add, graph, placeholder, relu

pytestmark = pytest.mark.slow

SCOPES = graph(
    placeholder("x"),
    relu("a/b/one", "x"),
    relu("a/b/two", "a/b/one"),
    relu("a/two/inner", "a/b/two"),
    relu("a/two", "a/two/inner"),
    relu("alone/in/here", "a/two"),
)


def test_levels() -> None:
    outside = ["x", "alone/in/here", "alone/in/here"]
    assert labels(picture_of(SCOPES, depth=0)) == ["x", "a", *outside[1:]]
    assert labels(picture_of(SCOPES, depth=1)) == ["x", "a", "b", "two", *outside[1:]]
    whole = ["x", "a", "b", "one", "two", "two", "inner", "two", *outside[1:]]
    assert labels(picture_of(SCOPES, depth=2)) == whole
    assert labels(picture_of(SCOPES)) == whole
    assert picture_of(SCOPES).depth == 2


def test_a_closed_scope_counts_what_is_in_it() -> None:
    picture = picture_of(SCOPES, depth=0)
    assert (node(picture, "a").hidden, picture.hidden) == (4, 4)
    assert {(source, target) for source, target, _ in edges(picture)} == {
        ("x", "a"),
        ("a", "alone/in/here"),
        ("alone/in/here", "alone/in/here"),
    }


def test_several_tensors_between_closed_scopes_are_one_edge() -> None:
    model = graph(
        placeholder("x", (2,)), relu("a/1", "x"), relu("a/2", "x"),
        add("b/1", "a/1", "a/2"), relu("b/2", "b/1"),
    )  # fmt: skip
    assert ("a", "b", "2 of float32 <unknown>") in edges(picture_of(model, depth=0))
    assert ("x", "a", "float32 [2]") in edges(picture_of(model, depth=0))


def chain(count: int, name: str) -> list[str]:
    return [name.format(block=number // 50, number=number) for number in range(count)]


@pytest.mark.parametrize("name", ["n{number}", "block_{block}/layer_{number}", "{number}/x/y"])
def test_large_graphs_are_folded(name: str) -> None:
    names = chain(20_000, name)
    nodes = [relu(new, old) for old, new in itertools.pairwise(["x", *names])]
    model = graph(placeholder("x"), *nodes)

    for picture in (picture_of(model), picture_of(model, depth=0)):
        check(picture)
        assert len(picture.nodes) <= 202
        assert picture.hidden + sum(each.kind == "op" for each in picture.nodes) == 20_000
        assert inputs_reached(picture) == {picture.outputs[0].node: {0}}
    assert len(picture_of(model, depth=50).nodes) <= 10_000


def test_runs_are_called_after_the_first_and_the_last_in_them() -> None:
    model = graph(placeholder("x"), *(relu(f"n{number}", "x") for number in range(250)))
    runs = labels(picture_of(model, depth=0), "run")
    # The nodes, and then the outputs.
    assert runs == ["n0 … n99", "n100 … n199", "n200 … n249"] * 2


def test_many_inputs_and_outputs() -> None:
    names = [f"x{number}" for number in range(5_000)]
    model = graph(*map(placeholder, names), *(relu(f"y{name}", name) for name in names))
    picture = picture_of(model)
    check(picture)
    assert len(picture.nodes) <= 600
    assert all(len(output.inputs) == 1 for output in picture.outputs)
