from __future__ import annotations

from sigpb import protos
from sigpb.inspect.graph.bodies import FlowLibrary
from sigpb.tf.op_defs import OpDefs
from sigpb.wire import Message


def test_what_runs_in_any_case_is_in_one_order() -> None:
    model = protos.GraphDef()
    function = model.library.function.add()
    function.signature.name = "f"
    names = [f"node{number:02}" for number in range(20)]
    for number, name in enumerate(reversed(names)):
        function.control_ret[f"result{number}"] = name
    body = FlowLibrary(Message.root(model.SerializeToString()), OpDefs()).get("f")
    assert body is not None
    assert body.controls == tuple(f"^{name}" for name in names)
