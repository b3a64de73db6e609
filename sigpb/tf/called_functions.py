"""The functions of a model: which of them nodes call, and what a variant of one may still say.

A variant of a function does something else than the function, so nothing may exchange the one for
the other, nor for what is said to do the same. What TensorFlow knows of attributes is listed in
tensorflow/python/eager/polymorphic_function/attributes.py; of other ones, which other tools may
have written, this module knows nothing, and a variant goes without: at worst a hint is lost, while
an attribute that is kept may bring the original back.

Attributes of nodes are all kept. Those that name other nodes (``_class``) name them in the same
function, where nodes keep their names, and clones at the top level follow their own copies
(`sigpb.graphs.cone`). ``_gradient_op_type`` of a call is overridden by the gradient of the function
that is called (``_restore_gradient_functions`` in
tensorflow/python/saved_model/function_deserialization.py); that of another node names a gradient
that takes what the node takes, which is unchanged.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple, Protocol, TypeAlias

from sigpb import protos

CALL_OPS = ("PartitionedCall", "StatefulPartitionedCall")
"""The ops that call the function in their attribute `f`, and do nothing else."""

COND, BODY = "cond", "body"
"""The attributes with the functions of a loop."""


FunctionOpKind: TypeAlias = Literal["call", "choice", "loop"]


class FunctionOp(NamedTuple):
    """How an op calls the functions in its attributes.

    Attributes:
        kind: ``call`` for one function, ``choice`` for one of several, ``loop`` for a condition and
            a body that are called again and again.
        roles: The attributes; of a loop first that of the condition.
        first: The number of the input that is the first argument of the functions.
    """

    kind: FunctionOpKind
    roles: tuple[str, ...]
    first: int = 0


# tensorflow/core/ops/functional_ops.cc, batch_ops.cc
FUNCTION_OPS: Mapping[str, FunctionOp] = MappingProxyType(
    {
        "BatchFunction": FunctionOp("call", ("f",)),
        "PartitionedCall": FunctionOp("call", ("f",)),
        "RemoteCall": FunctionOp("call", ("f",), 1),
        "StatefulPartitionedCall": FunctionOp("call", ("f",)),
        "TPUPartitionedCall": FunctionOp("call", ("f",)),
        "Case": FunctionOp("choice", ("branches",), 1),
        "If": FunctionOp("choice", ("then_branch", "else_branch"), 1),
        "StatelessCase": FunctionOp("choice", ("branches",), 1),
        "StatelessIf": FunctionOp("choice", ("then_branch", "else_branch"), 1),
        "StatelessWhile": FunctionOp("loop", (COND, BODY)),
        "While": FunctionOp("loop", (COND, BODY)),
    }
)
"""The ops that call functions in attributes, as part of what a graph computes."""


class Functions(Protocol):
    """The functions of a model."""

    def get(self, name: str) -> protos.FunctionDef | None:
        """Returns the function of a name, or None."""
        ...

    def add_variant(self, function: protos.FunctionDef) -> str:
        """Adds a function under a name that is fresh, and returns the name."""
        ...


def nodes_by_name(nodes: Iterable[protos.NodeDef]) -> dict[str, protos.NodeDef]:
    """Returns nodes of a graph or a function by their names."""
    return {node.name: node for node in nodes}


def called_by(node: protos.NodeDef) -> str | None:
    """Returns the function that a node calls and does nothing else; None for other nodes."""
    return node.attr["f"].func.name if node.op in CALL_OPS else None


def takes(function: protos.FunctionDef, count: int) -> bool:
    """Whether a function takes so many arguments; damaged ones may have two of one name."""
    return len({argument.name for argument in function.signature.input_arg}) == count and (
        len(function.signature.input_arg) == count
    )


def functions_in_attributes(node: protos.NodeDef) -> set[str]:
    """Returns the names of the functions that a node names in its attributes."""
    names = set()
    for value in node.attr.values():
        if value.HasField("func"):
            names.add(value.func.name)
        elif value.HasField("list"):
            names.update(function.name for function in value.list.func)
    return names


def called_functions(nodes: Iterable[protos.NodeDef]) -> set[str]:
    """Returns the names of the functions that nodes name in their attributes or as their op."""
    return {name for node in nodes for name in (node.op, *functions_in_attributes(node))}


_KEPT_IN_GROUPS = {
    "how the function is run, which does not depend on what it computes": (
        "_construction_context _noinline _nospecialize _OutputsOnOpDevice "
        "_tf_data_function experimental_ints_on_device shared_rendezvous"
    ),
    "how XLA compiles it, which it does for each shape anew": (
        "_XlaCompile _XlaMustCompile _XlaScope _XlaSeparateCompiledGradients"
    ),
    "how TensorRT builds engines for it, and that it falls back where they do not fit": (
        "_tftrt_allow_build_at_runtime _tftrt_convert_function _tftrt_is_dyn_op "
        "_tftrt_max_batch_size _tftrt_max_cached_engines _tftrt_max_workspace_size_bytes "
        "_tftrt_minimum_segment_size _tftrt_precision_mode _tftrt_profile_strategy "
        "_tftrt_trt_logger_name _tftrt_use_calibration _tftrt_use_implicit_batch"
    ),
}

KEPT = {
    "_input_shapes": "the shapes of the arguments; who changes these writes it",
    "_disable_acd": "that control dependencies were not added when it was traced",
    "_disable_call_shape_inference": "that the shapes of a call are not inferred from it",
    "disable_summaries_at_runtime": "names arguments, which stay",
    "function_runs_at_most_once": "the variant is called where the function was",
    "go_backwards": "a property of the computation of a recurrent layer, which stays",
    "runtime_constant_optimization": "names arguments, which stay",
    "time_major": "the order of dimensions of a recurrent layer, which stays",
    **{name: why for why, names in _KEPT_IN_GROUPS.items() for name in names.split()},
}
"""What each attribute that a variant keeps says, or why it is still true."""

_EXCHANGED = (
    "Grappler exchanges functions of one interface for the one that suits the device "
    "(tensorflow/core/grappler/optimizers/implementation_selector.cc), and so the original comes "
    "back: every LSTM and GRU of Keras 2 has an interface"
)
_PAIR = (
    "names the other half of a function and its gradient, made for what the function computed; "
    "Grappler takes a function that has it for half of a pair"
)
_FUSED = (
    "converters replace the function by an op or a function of their own, without looking at what "
    "it computes and returns"
)

DROPPED = {
    "api_implements": _EXCHANGED,
    "api_preferred_device": _EXCHANGED,
    "experimental_api_implements": _EXCHANGED,
    "experimental_api_preferred_device": _EXCHANGED,
    "forward_function_name": _PAIR,
    "backward_function_name": _PAIR,
    "_original_func_name": "the function by whose name others look this one up",
    "_implements": _FUSED,
    "tf_quant.composite_function": _FUSED,
    "tf_quant.quantized_ops": _FUSED,
}
"""Why a variant does without each of these attributes; it does without unknown ones too."""


def drop_what_no_longer_holds(variant: protos.FunctionDef) -> None:
    """Removes the attributes that hold only for the function that a variant is made of."""
    for name in set(variant.attr) - set(KEPT):
        del variant.attr[name]
