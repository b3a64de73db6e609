"""Where handles of variables go, and where they cannot become values."""

from __future__ import annotations

from google.protobuf import text_format

from sigpb import protos
from sigpb.composing.value_flow import TOP, ValueFlow
from sigpb.tf.called_functions import nodes_by_name
from sigpb.tf.op_defs import OpDefs
from sigpb.tf.tensor_types import TensorType, dtype_of

RESOURCE = "type: DT_RESOURCE"


def function(name: str, arguments: str, body: str, **results: str) -> str:
    """A function whose arguments and results are all handles."""
    declared = " ".join(f'input_arg {{ name: "{each}" {RESOURCE} }}' for each in arguments)
    returned = " ".join(f'output_arg {{ name: "{each}" {RESOURCE} }}' for each in results)
    ret = " ".join(f'ret {{ key: "{key}" value: "{each}" }}' for key, each in results.items())
    return (
        f'function {{ signature {{ name: "{name}" {declared} {returned} }} '
        f"{body.replace('node {', 'node_def {')} {ret} }}"
    )


def node(name: str, op: str, *inputs: str, **attributes: str) -> str:
    taken = " ".join(f'input: "{each}"' for each in inputs)
    stated = " ".join(
        f'attr {{ key: "{key}" value {{ {value} }} }}' for key, value in attributes.items()
    )
    return f'node {{ name: "{name}" op: "{op}" {taken} {stated} }}'


def handles(count: int) -> str:
    return f"list {{ {' '.join([RESOURCE] * count)} }}"


def named(name: str) -> str:
    return f'func {{ name: "{name}" }}'


def flow(graph: str, **variables: str) -> ValueFlow:
    """Follows variables, given by their nodes and dtypes, through a graph."""
    parsed = text_format.Parse(graph, protos.GraphDef(), descriptor_pool=protos.POOL)
    nodes = nodes_by_name(parsed.node)
    functions = {each.signature.name: each for each in parsed.library.function}
    found = ValueFlow(nodes, functions, OpDefs(each.signature for each in functions.values()))
    for name, dtype in variables.items():
        nodes.setdefault(name, protos.NodeDef(name=name, op="VarHandleOp"))
        found.add_variable(nodes[name], TensorType(dtype_of(dtype), (2,)))
    return found


def problems(graph: str, **variables: str) -> list[str]:
    return flow(graph, **variables).follow()


READ = node("r", "ReadVariableOp", "x", dtype="type: DT_FLOAT")


def choice(then: str, other: str) -> str:
    """Two branches, each given by what it returns of its arguments."""
    library = function("then", "xy", "", out=then) + function("else", "xy", "", out=other)
    called = node(
        *("if", "If", "p", "v", "w"),
        then_branch=named("then"),
        else_branch=named("else"),
        Tin=handles(2),
        Tout=handles(1),
    )
    return f"{called} library {{ {library} }}"


def test_a_handle_is_followed_through_functions_and_back() -> None:
    call = node("c", "PartitionedCall", "v", f=named("f"), Tin=handles(1), Tout=handles(1))
    graph = f"{call} {node('i', 'Identity', 'c:0', T=RESOURCE)}"
    found = flow(f"{graph} library {{ {function('f', 'x', READ, out='x')} }}", v="float32")
    assert found.follow() == []
    body = found.bodies["f"]
    assert [*found.arguments(body)] == [*found.results(body)] == [0]
    top = found.bodies[TOP]
    assert str(found.handle(top, "i")) == "the variable 'v'"
    assert found.handle(top, "^i") is None


def test_branches_that_return_different_variables() -> None:
    found = flow(choice("x", "y"), v="float32", w="float32")
    assert found.follow() == []
    assert str(found.handle(found.bodies[TOP], "if")) == "the variable 'v' or the variable 'w'"


def test_a_branch_that_returns_something_else() -> None:
    assert problems(choice("x", "y"), v="float32") == [
        "The If 'if' returns a variable in one case, and something else in another."
    ]


def test_variables_of_two_dtypes() -> None:
    (problem,) = problems(choice("x", "y"), v="float32", w="int32")[:1]
    assert "is the variable 'v' at one time, of float32" in problem
    assert "the variable 'w' at another, of int32" in problem


def test_a_loop_that_changes_places() -> None:
    library = function("body", "xy", "", a="y", b="x") + function("cond", "xy", "")
    loop = node(*("loop", "While", "v", "w"), body=named("body"), cond=named("cond"), T=handles(2))
    graph = f"{loop} library {{ {library} }}"
    assert problems(graph, v="float32", w="float32") == []
    (problem, *_) = problems(graph, v="float32")
    assert "returns a variable in one case, and something else in another" in problem


def test_what_is_merged_with_something_else() -> None:
    merged = node("m", "Merge", "v", "other", T=RESOURCE, N="i: 2")
    assert problems(merged, v="float32") == [
        "The Merge 'm' takes the variable 'v' in one case, and something else in another."
    ]
    assert problems(merged, v="float32", other="float32") == []


def test_a_function_that_others_pass_something_else() -> None:
    calls = [
        node(name, "PartitionedCall", passed, f=named("f"), Tin=handles(1), Tout="list { }")
        for name, passed in (("one", "v"), ("two", "table"))
    ]
    graph = f"{' '.join(calls)} library {{ {function('f', 'x', READ)} }}"
    (problem,) = problems(graph, v="float32")
    assert problem == (
        "The PartitionedCall 'two' passes no variable to the function 'f', which others pass "
        "something else."
    )


def test_references_count_only_where_an_op_wants_one() -> None:
    graph = " ".join(
        (
            node("v", "VariableV2", dtype="type: DT_FLOAT"),
            node("read", "Identity", "v", T="type: DT_FLOAT"),
            node("ref", "RefIdentity", "v", T="type: DT_FLOAT"),
        )
    )
    found = flow(graph, v="float32")
    assert found.follow() == []
    top = found.bodies[TOP]
    assert found.handle(top, "read") is None
    assert found.handle(top, "ref") is not None
    assign = node("set", "Assign", "ref", "read", T="type: DT_FLOAT")
    (problem,) = problems(graph + assign, v="float32")
    assert problem == "The Assign 'set' takes the variable 'v', and does more than read it."
