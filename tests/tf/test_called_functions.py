from __future__ import annotations

from sigpb import protos
from sigpb.tf.called_functions import called_functions, functions_in_attributes


def test_called_functions() -> None:
    nodes = [protos.NodeDef(op="PartitionedCall"), protos.NodeDef(op="f_1")]
    nodes[0].attr["f"].func.name = "g_2"
    nodes[0].attr["branches"].list.func.add(name="h_3")
    nodes[0].attr["Tin"].list.type.append(1)
    assert called_functions(nodes) == {"f_1", "g_2", "h_3", "PartitionedCall"}
    assert functions_in_attributes(nodes[0]) == {"g_2", "h_3"}
    assert functions_in_attributes(nodes[1]) == set()
