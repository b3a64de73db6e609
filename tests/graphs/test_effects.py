from __future__ import annotations

from collections.abc import Callable

import pytest

from sigpb import protos
from sigpb.graphs.effects import has_no_effect, is_pure
from sigpb.tf.called_functions import Functions
from sigpb.tf.op_defs import OpDefs

from .small_graphs import Known, call, nodes


def known(name: str, node: str) -> protos.FunctionDef:
    function = protos.FunctionDef(node_def=nodes(node))
    function.signature.name = name
    return function


FUNCTIONS = Known(
    known("adds", "b = AddV2(x, x)"),
    known("reads", "b = ReadVariableOp(x)"),
    known("writes", "b = AssignVariableOp(x, x)"),
    known("calls", f"b = PartitionedCall(x) {call('writes')}"),
)


@pytest.mark.parametrize(
    ("node", "is_without_effect", "depends_on_inputs_alone"),
    [
        ("a = Abs(x)", True, True),
        ("a = ReadVariableOp(x)", True, False),
        ("a = LookupTableFindV2(x)", True, False),
        ("a = RandomUniform(x)", True, False),
        ("a = Assert(x)", True, False),
        ("a = ReadFile(x)", True, False),
        ("a = AssignAddVariableOp(x, y)", False, False),
        ("a = WriteFile(x, y)", False, False),
        ("a = Unknown(x)", False, False),
        (f"a = StatefulPartitionedCall(x) {call('adds')}", True, True),
        (f"a = StatefulPartitionedCall(x) {call('reads')}", True, False),
        (f"a = StatefulPartitionedCall(x) {call('writes')}", False, False),
        (f"a = StatefulPartitionedCall(x) {call('calls')}", False, False),
        (f"a = StatefulPartitionedCall(x) {call('missing')}", False, False),
    ],
)
def test_of_nodes_and_of_what_they_call(
    node: str, is_without_effect: bool, depends_on_inputs_alone: bool
) -> None:
    [parsed] = nodes(node)
    assert has_no_effect(parsed, FUNCTIONS, OpDefs()) == is_without_effect
    assert is_pure(parsed, FUNCTIONS, OpDefs()) == depends_on_inputs_alone


@pytest.mark.parametrize("question", [has_no_effect, is_pure])
def test_of_ops_that_only_the_model_knows(
    question: Callable[[protos.NodeDef, Functions, OpDefs], bool],
) -> None:
    ops = OpDefs([protos.OpDef(name="Mine"), protos.OpDef(name="Hers", is_stateful=True)])
    found = [question(nodes(f"a = {op}(x)")[0], Known(), ops) for op in ("Mine", "Hers")]
    assert found == [True, False]
