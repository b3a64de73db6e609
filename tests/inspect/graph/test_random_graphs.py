"""Pictures of random graphs, whose functions call each other in every way there is."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sigpb import protos
from tests.inspect.graph.naive_walk import NaiveWalk
from tests.inspect.graph.pictures import check, inputs_reached, picture_of
from tests.inspect.graph.small_graphs import (
    FLOAT,
    add,
    call,
    function,
    graph,
    node,
    placeholder,
)

_WIDTH = 3  # of arguments and results, of every function
_NODES = 4

_KINDS = ("add", "PartitionedCall", "If", "Case", "While", "op")


@st.composite
def models(draw: st.DrawFn) -> protos.GraphDef:
    """A graph whose functions call those after them; each takes and returns three tensors."""
    count = draw(st.integers(0, 3))
    functions = [_function(draw, number, count) for number in range(count)]
    names = [f"x{number}" for number in range(_WIDTH)]
    nodes = _nodes(draw, 0, count, [*names], "top", in_function=False)
    return graph(*(placeholder(name) for name in names), *nodes, functions=functions)


def _function(draw: st.DrawFn, number: int, count: int) -> protos.FunctionDef:
    arguments = [f"a{each}" for each in range(_WIDTH)]
    tensors = list(arguments)
    nodes = _nodes(draw, number + 1, count, tensors, "n", in_function=True)
    results = {f"r{each}": draw(st.sampled_from(tensors)) for each in range(_WIDTH)}
    always = draw(st.lists(st.sampled_from([each.name for each in nodes]), max_size=1))
    return function(f"f{number}", arguments, results, *nodes, always=tuple(always))


def _nodes(
    draw: st.DrawFn, first: int, count: int, tensors: list[str], prefix: str, *, in_function: bool
) -> list[protos.NodeDef]:
    """Nodes that take what there is so far; adds to `tensors` what they return."""
    nodes: list[protos.NodeDef] = []
    for number in range(_NODES):
        kinds = _KINDS if first < count else _KINDS[:1]
        kind = draw(st.sampled_from(kinds))
        scope = draw(st.sampled_from(["", "s/", "s/t/"]))
        name = f"{scope}{prefix}{number}"
        taken = [draw(st.sampled_from(tensors)) for _ in range(_WIDTH + 1)]
        waits = [f"^{nodes[-1].name}"] if draw(st.booleans()) and nodes else []
        choice = st.sampled_from([f"f{each}" for each in range(first, count)] or ["none"])
        called = [draw(choice), draw(choice)]
        nodes.append(_node(kind, name, taken, waits, called))
        outputs = 1 if kind == "add" else _WIDTH
        output = {"add": "z", "op": ""}.get(kind, "output")
        for each in range(outputs):
            spelled = f"{name}:{each}" if not in_function else f"{name}:{output}:{each}"
            if in_function and kind == "op":
                spelled = f"{name}:r{each}:0"
            tensors.append(spelled)
    return nodes


def _node(
    kind: str, name: str, taken: list[str], waits: list[str], called: list[str]
) -> protos.NodeDef:
    three, types = taken[1:], [FLOAT] * _WIDTH
    if kind == "PartitionedCall":
        return call(name, called[0], *three, *waits, outputs=_WIDTH)
    if kind == "op":
        return node(name, called[0], *three, *waits)
    if kind == "If":
        branches = dict(zip(("then_branch", "else_branch"), called, strict=True))
        return node(name, "If", *taken, *waits, Tout=types, **branches)
    if kind == "Case":
        return node(name, "Case", *taken, *waits, Tout=types, branches=called)
    if kind == "While":
        return node(name, "While", *three, *waits, T=types, cond=called[0], body=called[1])
    return add(name, *taken[:2], *waits)


@given(models())
def test_outputs_are_connected_with_what_they_depend_on(model: protos.GraphDef) -> None:
    walk = NaiveWalk(model)
    inputs = [f"x{number}" for number in range(_WIDTH)]
    whole, folded = picture_of(model, depth=100), picture_of(model, depth=1)

    for picture in (whole, folded):
        check(picture)
        reached = inputs_reached(picture)
        for output in picture.outputs:
            expected = walk.inputs_of(picture.nodes[output.node].name, inputs)
            assert {picture.nodes[n].label for n in output.inputs} == expected
            drawn = {picture.nodes[n].label for n in reached[output.node]}
            assert drawn == expected if picture is whole else drawn >= expected


@given(models(), st.sampled_from(["x0", "x1", "x2"]))
def test_only_what_depends_on_an_input_is_left(model: protos.GraphDef, begin: str) -> None:
    walk = NaiveWalk(model)
    whole, part = picture_of(model, depth=100), picture_of(model, begin=begin, depth=100)

    check(part)
    assert {node.name for node in part.nodes} <= {node.name for node in whole.nodes}
    reached = inputs_reached(part)
    for output in part.outputs:
        depends = begin in walk.inputs_of(part.nodes[output.node].name, [begin])
        assert {part.nodes[n].label for n in output.inputs} == ({begin} if depends else set())
        assert {part.nodes[n].label for n in reached[output.node]} == (
            {begin} if depends else set()
        )
    # What is drawn lies on a way from there to an output.
    sources = {edge.source for edge in part.edges}
    targets = {edge.target for edge in part.edges}
    for each in part.nodes:
        if each.kind == "op":
            assert each.id in sources
            assert each.id in targets
