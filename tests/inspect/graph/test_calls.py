"""Functions that are called: what of them is drawn, and what their results are connected with."""

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
from tests.inspect.graph.small_graphs import (
    FLOAT,
    add,
    call,
    function,
    graph,
    placeholder,
    relu,
)
from tests.inspect.graph.small_graphs import node as node_def

# Returns its first argument made positive, and the sum of the other two.
SPLIT = function(
    "split",
    ["a", "b", "c"],
    {"first": "r:activations:0", "second": "s:z:0"},
    relu("r", "a"),
    add("s", "b", "c"),
)
X, Y, Z = placeholder("x"), placeholder("y"), placeholder("z")


def test_only_what_a_result_takes_is_followed() -> None:
    model = graph(X, Y, Z, call("call", "split", "x", "y", "z", outputs=2), relu("out", "call:1"),
                  functions=[SPLIT])  # fmt: skip

    picture = picture_of(model)

    check(picture)
    assert edges(picture) == {
        ("y", "s", "float32 <unknown>"),
        ("z", "s", "float32 <unknown>"),
        ("s", "out", "float32 <unknown>"),
        ("out", "out", "float32 <unknown>"),
    }
    assert labels(picture, "call", "op") == ["call", "s", "out"]
    assert [picture.nodes[n].label for n in picture.outputs[0].inputs] == ["y", "z"]


def test_a_closed_call_takes_what_its_results_take() -> None:
    model = graph(X, Y, Z, call("call", "split", "x", "y", "z", outputs=2), relu("out", "call:1"),
                  functions=[SPLIT])  # fmt: skip

    picture = picture_of(model, depth=0)

    assert {(source, target) for source, target, _ in edges(picture)} == {
        ("y", "call"),
        ("z", "call"),
        ("call", "out"),
        ("out", "out"),
    }
    assert node(picture, "call").hidden == 2
    assert node(picture, "call").detail == "split"


def test_two_calls_of_a_function_are_two_parts_of_the_picture() -> None:
    one = call("one", "split", "x", "y", "y", outputs=2)
    two = call("two", "split", "one", "one:1", "y", outputs=2)
    picture = picture_of(graph(X, Y, one, two, relu("out", "two:1"), functions=[SPLIT]))

    assert [each for each in labels(picture) if each in ("r", "s")] == ["s", "s"]
    first, second = (each for each in picture.nodes if each.label == "s")
    assert {(edge.source, edge.target) for edge in picture.edges} >= {(first.id, second.id)}


def test_functions_in_functions() -> None:
    inner = function("inner", ["i"], {"o": "deep:activations:0"}, relu("deep", "i"))
    outer = function("outer", ["i"], {"o": "again:output:0"}, call("again", "inner", "i"))
    picture = picture_of(graph(X, call("call", "outer", "x"), functions=[inner, outer]))

    deep = node(picture, "deep")
    assert deep.parent is not None
    again = picture.nodes[deep.parent]
    assert (again.label, again.is_open) == ("again", True)
    assert again.parent == node(picture, "call", "call").id
    assert edges(picture) == {
        ("x", "deep", "float32 <unknown>"),
        ("deep", "call", "float32 <unknown>"),
    }


def test_a_function_as_an_op() -> None:
    model = graph(X, Y, Z, node_def("legacy", "split", "x", "y", "z"), relu("out", "legacy:1"),
                  functions=[SPLIT])  # fmt: skip
    picture = picture_of(model)
    assert {source for source, _, _ in edges(picture)} == {"y", "z", "s", "out"}
    assert node(picture, "legacy").kind == "call"


def test_an_argument_that_is_returned_as_it_is() -> None:
    both = function("both", ["i"], {"o": "i", "p": "r:activations:0"}, relu("r", "i"))
    model = graph(X, call("call", "both", "x", outputs=2), add("out", "call", "call:1"),
                  functions=[both])  # fmt: skip
    unknown = "float32 <unknown>"
    assert edges(picture_of(model)) == {
        ("x", "r", unknown),
        ("x", "out", unknown),
        ("r", "out", unknown),
        ("out", "out", unknown),
    }


def test_a_function_that_only_returns_what_it_gets_is_not_drawn_when_it_is_open() -> None:
    same = function("same", ["i"], {"o": "i"})
    model = graph(X, call("call", "same", "x"), relu("out", "call"), functions=[same])
    assert labels(picture_of(model)) == ["x", "out", "out"]
    assert labels(picture_of(model, depth=0)) == ["x", "call", "out", "out"]


@pytest.mark.parametrize("op", ["If", "StatelessIf"])
def test_a_choice(op: str) -> None:
    then = function("then", ["a", "b"], {"o": "t:activations:0"}, relu("t", "a"))
    otherwise = function("otherwise", ["a", "b"], {"o": "e:activations:0"}, relu("e", "b"))
    branches = {"then_branch": "then", "else_branch": "otherwise"}
    choice = node_def("if", op, "x", "y", "z", Tout=[FLOAT], **branches)

    picture = picture_of(graph(X, Y, Z, choice, relu("out", "if"), functions=[then, otherwise]))

    check(picture)
    assert edges(picture) == {
        ("y", "t", "float32 <unknown>"),
        ("z", "e", "float32 <unknown>"),
        ("t", "result 0", "float32 <unknown>"),
        ("e", "result 0", "float32 <unknown>"),
        ("x", "result 0", "float32 <unknown>"),
        ("result 0", "out", "float32 <unknown>"),
        ("out", "out", "float32 <unknown>"),
    }
    assert labels(picture, "function") == ["then_branch", "else_branch"]


@pytest.mark.parametrize("op", ["Case", "StatelessCase"])
def test_a_choice_of_many(op: str) -> None:
    functions = [
        function(f"f{number}", ["a"], {"o": f"r{number}:activations:0"}, relu(f"r{number}", "a"))
        for number in range(3)
    ]
    case = node_def("case", op, "x", "y", Tout=[FLOAT], branches=["f0", "f1", "f2"])

    picture = picture_of(graph(X, Y, case, relu("out", "case"), functions=functions))

    assert labels(picture, "function") == ["branches[0]", "branches[1]", "branches[2]"]
    assert {source for source, target, _ in edges(picture) if target == "result 0"} == {
        "x", "r0", "r1", "r2"
    }  # fmt: skip


@pytest.mark.parametrize("op", ["While", "StatelessWhile"])
def test_a_loop(op: str) -> None:
    # a, b and c go round: the condition looks at a, b becomes b + c, c stays, d only goes along.
    cond = function("cond", ["a", "b", "c", "d"], {"o": "test:activations:0"}, relu("test", "a"))
    body = function(
        "body",
        ["a", "b", "c", "d"],
        {"oa": "next:activations:0", "ob": "sum:z:0", "oc": "c", "od": "d"},
        relu("next", "a"),
        add("sum", "b", "c"),
    )
    loop = node_def("while", op, "x", "y", "z", "w", T=[FLOAT] * 4, cond="cond", body="body")
    model = graph(X, Y, Z, placeholder("w"), loop, relu("out", "while:1"), functions=[cond, body])

    picture = picture_of(model)

    check(picture)
    unknown = "float32 <unknown>"
    assert edges(picture) == {
        ("x", "variable 0", unknown),
        ("y", "variable 1", unknown),
        ("z", "variable 2", unknown),
        ("variable 0", "test", unknown),
        ("variable 0", "next", unknown),
        ("next", "variable 0", unknown),
        ("variable 1", "sum", unknown),
        ("variable 2", "sum", unknown),
        ("sum", "variable 1", unknown),
        ("variable 2", "variable 2", unknown),
        ("test", "variable 0", "^"),
        ("test", "variable 1", "^"),
        ("test", "variable 2", "^"),
        ("variable 1", "out", unknown),
        ("out", "out", unknown),
    }
    reached = inputs_reached(picture)
    assert [picture.nodes[n].label for n in picture.outputs[0].inputs] == ["x", "y", "z"]
    assert reached == {picture.outputs[0].node: set(picture.outputs[0].inputs)}


class TestWaiting:
    ACTS = function(
        "acts",
        ["a", "b"],
        {"o": "r:activations:0"},
        relu("r", "a"),
        relu("always", "b"),
        relu("never", "b"),
        always=("always",),
    )

    def test_for_a_node(self) -> None:
        picture = picture_of(graph(X, Y, relu("before", "y"), relu("out", "x", "^before")))
        assert ("before", "out", "^") in edges(picture)

    def test_for_a_call_is_waiting_for_what_runs_in_it_in_any_case(self) -> None:
        model = graph(X, Y, Z, call("call", "acts", "x", "y"), relu("out", "z", "^call"),
                      functions=[self.ACTS])  # fmt: skip

        picture = picture_of(model)

        check(picture)
        assert edges(picture) == {
            ("y", "always", "float32 <unknown>"),
            ("always", "end", "^"),
            ("end", "out", "^"),
            ("z", "out", "float32 <unknown>"),
            ("out", "out", "float32 <unknown>"),
        }

    def test_of_a_call(self) -> None:
        model = graph(X, Y, Z, relu("before", "z"), call("call", "acts", "x", "y", "^before"),
                      relu("out", "call"), functions=[self.ACTS])  # fmt: skip

        picture = picture_of(model)

        assert edges(picture) >= {
            ("before", "result 0", "^"),
            ("result 0", "out", "float32 <unknown>"),
        }
        assert {picture.nodes[n].label for n in picture.outputs[0].inputs} == {"x", "z"}


class TestDamaged:
    """Whatever a file says, there is an end to it."""

    def test_a_function_that_calls_itself(self) -> None:
        again = function("again", ["i"], {"o": "c:output:0"}, call("c", "again", "i"))
        picture = picture_of(graph(X, Y, call("call", "again", "x"), functions=[again]))
        check(picture)
        assert ("x", "call", "float32 <unknown>") in edges(picture_of(
            graph(X, call("call", "again", "x"), functions=[again]), depth=0
        ))  # fmt: skip

    def test_calls_in_a_circle(self) -> None:
        same = function("same", ["i"], {"o": "i"})
        model = graph(X, call("one", "same", "two"), call("two", "same", "one"),
                      relu("out", "one"), functions=[same])  # fmt: skip
        check(picture_of(model))

    def test_functions_in_functions_a_thousand_deep(self) -> None:
        functions = [
            function(f"f{n}", ["i"], {"o": "c:output:0"}, call("c", f"f{n + 1}", "i"))
            for n in range(1000)
        ]
        functions.append(function("f1000", ["i"], {"o": "r:activations:0"}, relu("r", "i")))
        model = graph(X, call("call", "f0", "x"), functions=functions)
        for depth in (None, 5, 2000):
            picture = picture_of(model, depth=depth)
            check(picture)
            assert inputs_reached(picture) == {picture.outputs[0].node: {0}}

    def test_functions_that_each_call_the_next_one_twice(self) -> None:
        functions = [
            function(f"f{n}", ["i"], {"o": "b:output:0"}, call("a", f"f{n + 1}", "i"),
                     call("b", f"f{n + 1}", "a:output:0"))
            for n in range(30)
        ]  # fmt: skip
        functions.append(function("f30", ["i"], {"o": "r:activations:0"}, relu("r", "i")))
        model = graph(X, call("call", "f0", "x"), functions=functions)
        picture = picture_of(model, everything=True)  # There are 2 ** 30 nodes.
        assert 100 < len(picture.nodes) <= 10_100
        assert inputs_reached(picture) == {picture.outputs[0].node: {0}}

    def test_a_long_chain_of_calls_that_return_what_they_get(self) -> None:
        both = function("both", ["i"], {"o": "i", "p": "r:activations:0"}, relu("r", "i"))
        names = ["x", *(f"c{n}" for n in range(3000))]
        calls = [
            call(name, "both", before, outputs=2) for before, name in itertools.pairwise(names)
        ]
        out = node_def("out", "AddN", *(f"{name}:1" for name in names[1:]), T=FLOAT)

        picture = picture_of(graph(X, *calls, out, functions=[both]), depth=100)

        assert {source for source, target, _ in edges(picture) if target == "r"} == {"x"}

    def test_what_is_named_but_missing(self) -> None:
        wrong = function(
            "wrong", ["i"], {"o": "nothing:0", "p": "r:activations:7"}, relu("r", "gone")
        )
        model = graph(X, call("call", "wrong", "x", "gone", outputs=2), call("lost", "no", "x"),
                      add("out", "call:1", "call:9"), relu("end", "lost"),
                      functions=[wrong])  # fmt: skip
        for depth in (0, None):
            check(picture_of(model, depth=depth))

    def test_scopes_in_scopes(self) -> None:
        nodes = [relu("s/" * n + "r", "x") for n in range(1, 500)]
        model = graph(X, *nodes)
        check(picture_of(model, depth=1000))


def test_types_come_from_wherever_they_are_stated() -> None:
    same = function("same", ["i"], {"o": "r:activations:0"}, relu("r", "i"))
    caller = call("call", "same", "x")
    caller.attr["_output_shapes"].list.shape.add().dim.add(size=7)
    picture = picture_of(graph(placeholder("x", (-1, 3)), caller, functions=[same]))
    assert edges(picture) == {("x", "r", "float32 [?,3]"), ("r", "call", "float32 [7]")}
    assert node(picture, "x").detail == "float32 [?,3]"


def test_what_nodes_are() -> None:
    variable = node_def("handle", "VarHandleOp", dtype=FLOAT)
    variable.attr["shared_name"].s = b"dense/kernel"
    variable.attr["shape"].shape.dim.add(size=4)
    constant = node_def("const", "Const", dtype=FLOAT)
    constant.attr["value"].tensor.dtype = FLOAT
    constant.attr["value"].tensor.tensor_shape.dim.add(size=2)
    reads = node_def("read", "ReadVariableOp", "handle", dtype=FLOAT)

    picture = picture_of(graph(variable, constant, reads, add("out", "read", "const")))

    handle = node(picture, "dense/kernel")
    assert (handle.kind, handle.name, handle.detail) == ("variable", "handle", "float32 [4]")
    assert (node(picture, "const").kind, node(picture, "const").detail) == (
        "constant",
        "float32 [2]",
    )
    assert edges(picture) >= {
        ("handle", "read", "resource <unknown>"),
        ("const", "out", "float32 [2]"),
    }


def test_variables_are_drawn_where_they_are_taken() -> None:
    variable = node_def("handle", "VarHandleOp", dtype=FLOAT)
    used = function(
        "used",
        ["i", "v"],
        {"o": "a/r:z:0"},
        node_def("a/read", "ReadVariableOp", "v", dtype=FLOAT),
        add("a/r", "i", "a/read:value:0"),
    )
    model = graph(X, variable, call("call", "used", "x", "handle"), functions=[used])

    inside = picture_of(model)
    outside = picture_of(model, depth=0)

    scope = inside.nodes[node(inside, "handle").parent or 0]
    assert (scope.kind, scope.label) == ("scope", "a")
    assert node(outside, "handle").parent is None


def test_large_constants_are_not_copied() -> None:
    constant = node_def("const", "Const", dtype=FLOAT)
    constant.attr["value"].tensor.dtype = FLOAT
    constant.attr["value"].tensor.tensor_content = bytes(1 << 20)
    same = function("f", [], {"o": "const:output:0"}, constant)
    model = graph(call("call", "f"), functions=[same])
    assert node(picture_of(model), "const").detail == "float32 []"
