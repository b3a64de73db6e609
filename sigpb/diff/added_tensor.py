"""What a result of a call is called inside of the function that computes it."""

from __future__ import annotations

from sigpb.diff.graph_view import GraphView
from sigpb.graph.called_functions import CALL_OPS
from sigpb.graph.function_outputs import ADDED_RESULT
from sigpb.graph.tensor_names import output_number, producer


def name_in_function(tensor: str, view: GraphView) -> str | None:
    """Returns the name of a tensor inside a function, as a patch spells it: ``pool/Mean:0``.

    It is looked for in the functions that the function calls, as deep as the tensor comes from
    variants of functions that sigpb made to return it.

    Args:
        tensor: An output of a call at the top level.
        view: The graph.
    """
    node = view.node(producer(tensor))
    number = output_number(tensor)
    name = None
    while node is not None and node.op in CALL_OPS:
        function = view.library.get(node.attr["f"].func.name)
        if function is None or number >= len(function.signature.output_arg):
            break
        result = function.signature.output_arg[number].name
        spelled = function.ret[result]
        nodes = {each.name: each for each in function.node_def}
        node = nodes.get(producer(spelled))
        if node is not None and node.op == "Identity" and node.name.startswith(ADDED_RESULT):
            spelled = node.input[0]
            node = nodes.get(producer(spelled))
        if node is None:
            break  # An argument.
        index = view.op_defs.output_index(node, spelled)
        if index is None:
            break
        name, number = f"{node.name}:{index}", index
        if not result.startswith(ADDED_RESULT):
            break
    return name
