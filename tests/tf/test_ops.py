from __future__ import annotations

from typing import get_args

import pytest

from sigpb import protos
from sigpb.tf import op_defs
from sigpb.tf.ops import Effect, op_effects, outside_ops


def test_every_op_that_is_known_is_sorted() -> None:
    known = {protos.OpDef.FromString(each).name for each in op_defs._tensorflow_op_defs()}
    assert known <= set(op_effects())


def test_every_effect_is_one() -> None:
    assert {each for effects in op_effects().values() for each in effects} == set(get_args(Effect))
    several = {effects for effects in op_effects().values() if len(effects) > 1}
    assert all(not {"pure", "state"} & set(effects) for effects in several)


@pytest.mark.parametrize(
    ("op", "effects"),
    [
        ("MatMul", ("pure",)),
        ("StringJoin", ("pure",)),
        ("AssignVariableOp", ("state",)),
        ("TensorArrayWrite", ("state",)),
        ("ReadFile", ("reads",)),
        ("SaveV2", ("writes",)),
        ("CacheDataset", ("reads", "writes")),
        ("DebugNanCount", ("writes", "network")),
        ("PyFuncStateless", ("code",)),
    ],
)
def test_effects(op: str, effects: tuple[Effect, ...]) -> None:
    assert op_effects()[op] == effects
    assert (op in outside_ops()) == (not {"pure", "state"} & set(effects))


def test_stateful_ops_are_not_pure() -> None:
    pure = {op for op, effects in op_effects().items() if effects == ("pure",)}
    known = map(protos.OpDef.FromString, op_defs._tensorflow_op_defs())
    assert [each.name for each in known if each.is_stateful and each.name in pure] == []


@pytest.mark.tensorflow
def test_every_op_of_tensorflow_is_sorted() -> None:
    from tensorflow.core.framework.op_def_pb2 import OpList
    from tensorflow.python.client import pywrap_tf_session

    registered = OpList.FromString(
        pywrap_tf_session.TF_GetBuffer(pywrap_tf_session.TF_GetAllOpList())
    )
    unsorted = {each.name for each in registered.op} - set(op_effects())
    assert unsorted == set(), "sort them in sigpb/tf/op_effects.tsv by what their kernels do"
