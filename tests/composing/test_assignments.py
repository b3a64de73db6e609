"""What ops assign to variables: values of the checkpoint, or others."""

from __future__ import annotations

from google.protobuf import text_format

from sigpb import protos
from sigpb.composing.assignments import Assignments, StoredValue
from sigpb.tf.called_functions import nodes_by_name
from sigpb.tf.load_ops import Variable


def node(name: str, op: str, *inputs: str, more: str = "") -> str:
    taken = " ".join(f'input: "{each}"' for each in inputs)
    return f'node {{ name: "{name}" op: "{op}" {taken} {more} }}'


def texts(name: str, *values: str) -> str:
    stored = " ".join(f'string_val: "{each}"' for each in values)
    shape = f"tensor_shape {{ dim {{ size: {len(values)} }} }}"
    tensor = f"tensor {{ dtype: DT_STRING {shape} {stored} }}"
    return node(name, "Const", more=f'attr {{ key: "value" value {{ {tensor} }} }}')


def shared(name: str) -> str:
    return f'attr {{ key: "shared_name" value {{ s: "{name}" }} }}'


RESTORING = (
    texts("keys", "a", "b"),
    texts("parts", "", "4 0,2"),
    node("read", "RestoreV2", "file", "keys", "parts"),
)
CALL = 'attr { key: "f" value { func { name: "restore" } } }'


def found(*nodes: str, ops: tuple[str, ...] = ("go",)) -> Assignments:
    graph = text_format.Parse(" ".join(nodes), protos.GraphDef(), descriptor_pool=protos.POOL)
    functions = {each.signature.name: each for each in graph.library.function}
    return Assignments(nodes_by_name(graph.node), functions, ops)


def variable(name: str) -> Variable:
    return Variable(b"", name.encode())


def test_what_is_read_and_assigned() -> None:
    assignments = found(
        *RESTORING,
        node("v", "VariableV2"),
        node("w", "VarHandleOp"),
        node("one", "Assign", "v", "read"),
        node("handed", "Identity", "read:1"),
        node("two", "AssignVariableOp", "w", "handed"),
        node("go", "NoOp", "^one", "^two"),
    )
    assert assignments.restored == {
        variable("v"): StoredValue("a"),
        variable("w"): StoredValue("b", "4 0,2"),
    }
    assert not assignments.assigned


def test_handles_with_one_shared_name_are_one_variable() -> None:
    assignments = found(
        *RESTORING,
        node("v", "VarHandleOp", more=shared("same")),
        node("go", "AssignVariableOp", "v", "read"),
    )
    assert assignments.restored == {variable("same"): StoredValue("a")}


def test_functions_are_given_variables_and_keys() -> None:
    arguments = " ".join(f'input_arg {{ name: "{each}" }}' for each in ("h", "k", "p"))
    body = " ".join(
        each.replace("node {", "node_def {")
        for each in (
            node("r", "RestoreV2", "file", "k", "p"),
            node("set", "AssignVariableOp", "h", "r:tensors:1"),
        )
    )
    assignments = found(
        *RESTORING[:2],
        node("v", "VarHandleOp"),
        node("go", "StatefulPartitionedCall", "v", "keys", "parts", more=CALL),
        f'library {{ function {{ signature {{ name: "restore" {arguments} }} {body} }} }}',
    )
    assert assignments.restored == {variable("v"): StoredValue("b", "4 0,2")}


def test_what_else_may_change_a_variable() -> None:
    variables = [node(name, "VarHandleOp") for name in ("set", "added", "twice", "seen", "idle")]
    assignments = found(
        *RESTORING,
        *variables,
        texts("c", "x"),
        node("o1", "AssignVariableOp", "set", "c"),
        node("o2", "AssignAddVariableOp", "added", "c"),
        node("o3", "AssignVariableOp", "twice", "read:0"),
        node("o4", "AssignVariableOp", "twice", "read:1"),
        node("o5", "ReadVariableOp", "seen"),
        node("other", "AssignVariableOp", "idle", "c"),
        node("go", "NoOp", "^o1", "^o2", "^o3", "^o4", "^o5"),
    )

    assert assignments.assigned == {variable("set"), variable("added"), variable("twice")}
