from __future__ import annotations

import pytest

from sigpb import protos
from sigpb.tf.called_functions import (
    DROPPED,
    KEPT,
    called_functions,
    drop_what_no_longer_holds,
    functions_in_attributes,
)


def test_called_functions() -> None:
    nodes = [protos.NodeDef(op="PartitionedCall"), protos.NodeDef(op="f_1")]
    nodes[0].attr["f"].func.name = "g_2"
    nodes[0].attr["branches"].list.func.add(name="h_3")
    nodes[0].attr["Tin"].list.type.append(1)
    assert called_functions(nodes) == {"f_1", "g_2", "h_3", "PartitionedCall"}
    assert functions_in_attributes(nodes[0]) == {"g_2", "h_3"}
    assert functions_in_attributes(nodes[1]) == set()


@pytest.mark.parametrize("kept", ["_noinline", "_XlaMustCompile", "_input_shapes"])
@pytest.mark.parametrize(
    "dropped", ["api_implements", "forward_function_name", "_implements", "from_another_tool"]
)
def test_a_variant_keeps_how_it_runs_and_not_what_it_stands_for(kept: str, dropped: str) -> None:
    variant = protos.FunctionDef()
    variant.attr[kept].b = True
    variant.attr[dropped].s = b"text"
    drop_what_no_longer_holds(variant)
    assert list(variant.attr) == [kept]
    assert variant.attr[kept].b


def test_nothing_is_both() -> None:
    assert not {*KEPT} & {*DROPPED}


@pytest.mark.tensorflow
def test_all_attributes_that_tensorflow_knows_are_decided() -> None:
    from tensorflow.python.eager.polymorphic_function import attributes

    known = {value for name, value in vars(attributes).items() if name.isupper() and value}
    known = {value for value in known if isinstance(value, str)}
    assert len(known) > 30
    assert known <= {*KEPT, *DROPPED}
