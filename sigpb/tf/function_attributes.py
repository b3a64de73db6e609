"""Which attributes of a function still hold for another one that is made of it.

A variant of a function does something else than the function, so nothing may exchange the one for
the other, nor for what is said to do the same. What TensorFlow knows of attributes is listed in
tensorflow/python/eager/polymorphic_function/attributes.py; of other ones, which other tools may
have written, this module knows nothing, and a variant goes without: at worst a hint is lost, while
an attribute that is kept may bring the original back.

Attributes of nodes are all kept. Those that name other nodes (``_class``) name them in the same
function, where nodes keep their names, and clones at the top level follow their own copies
(`sigpb.graph.cone`). ``_gradient_op_type`` of a call is overridden by the gradient of the function
that is called (``_restore_gradient_functions`` in
tensorflow/python/saved_model/function_deserialization.py); that of another node names a gradient
that takes what the node takes, which is unchanged.
"""

from __future__ import annotations

from sigpb import protos

_HOW_IT_RUNS = "how the function is run, which does not depend on what it computes"
_XLA = "how XLA compiles it, which it does for each shape anew"
_TENSORRT = "how TensorRT builds engines for it, and that it falls back where they do not fit"

KEPT = {
    "_input_shapes": "the shapes of the arguments; who changes these writes it",
    "_construction_context": _HOW_IT_RUNS,
    "_disable_acd": "that control dependencies were not added when it was traced",
    "_disable_call_shape_inference": "that the shapes of a call are not inferred from it",
    "_noinline": _HOW_IT_RUNS,
    "_nospecialize": _HOW_IT_RUNS,
    "_OutputsOnOpDevice": _HOW_IT_RUNS,
    "_tf_data_function": _HOW_IT_RUNS,
    "disable_summaries_at_runtime": "names arguments, which stay",
    "experimental_ints_on_device": _HOW_IT_RUNS,
    "function_runs_at_most_once": "the variant is called where the function was",
    "go_backwards": "a property of the computation of a recurrent layer, which stays",
    "runtime_constant_optimization": "names arguments, which stay",
    "shared_rendezvous": _HOW_IT_RUNS,
    "time_major": "the order of dimensions of a recurrent layer, which stays",
    "_XlaCompile": _XLA,
    "_XlaMustCompile": _XLA,
    "_XlaScope": _XLA,
    "_XlaSeparateCompiledGradients": _XLA,
    "_tftrt_allow_build_at_runtime": _TENSORRT,
    "_tftrt_convert_function": _TENSORRT,
    "_tftrt_is_dyn_op": _TENSORRT,
    "_tftrt_max_batch_size": _TENSORRT,
    "_tftrt_max_cached_engines": _TENSORRT,
    "_tftrt_max_workspace_size_bytes": _TENSORRT,
    "_tftrt_minimum_segment_size": _TENSORRT,
    "_tftrt_precision_mode": _TENSORRT,
    "_tftrt_profile_strategy": _TENSORRT,
    "_tftrt_trt_logger_name": _TENSORRT,
    "_tftrt_use_calibration": _TENSORRT,
    "_tftrt_use_implicit_batch": _TENSORRT,
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
