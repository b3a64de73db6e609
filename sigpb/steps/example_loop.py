"""A loop over the examples of a batch, one in each round, as ``tf.map_fn`` makes it.

See tensorflow/python/ops/map_fn.py, while_v2.py and list_ops.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from sigpb import protos
from sigpb.steps.function_graph import FunctionGraph
from sigpb.steps.graph_body import GraphBody, dtype_attr, int_attr, integers
from sigpb.tf.tensor_types import TensorType, dtype_of, shape_proto

_BOOL, _INT32, _VARIANT = map(dtype_of, ("bool", "int32", "variant"))
_INTEGERS = {"T": dtype_attr(_INT32)}

# What rounds hand on to each other.
_VARIABLES = ("round", "count", "examples", "results")

OfOne = Callable[[GraphBody, str], str]
"""Adds nodes that compute a tensor of a scalar, and returns what comes out."""


def for_each_example(
    body: GraphBody,
    name: str,
    examples: str,
    operand: TensorType,
    result: TensorType,
    of_one: OfOne,
) -> str:
    """Adds a loop that computes a tensor of each element of a vector.

    Args:
        body: Where to add it.
        name: What the names of its nodes and functions begin with.
        examples: The vector, as the body spells it.
        operand: Its type.
        result: The type of all the tensors in one, whose first dimension is their number. Of no
            tensors, the sizes that it leaves open are 0.
        of_one: Computes a tensor, in the body of a round.

    Returns:
        The tensors in one, as the body spells it.
    """
    sizes = (result.shape or ())[1:]
    counted = {"T": dtype_attr(operand.dtype), "out_type": dtype_attr(_INT32)}
    [count] = body.add("Size", f"{name}/count", [examples], counted, shape_proto(()))
    shape = integers(
        body, f"{name}/shape", [-1 if each is None else each for each in sizes], _INT32
    )
    kept = {"element_dtype": dtype_attr(result.dtype), "shape_type": dtype_attr(_INT32)}
    [empty] = body.add("TensorListReserve", f"{name}/list", [shape, count], kept, shape_proto(()))
    first = integers(body, f"{name}/round", 0, _INT32)
    *_, filled = _loop(body, name, [first, count, examples, empty], operand, result, of_one)
    if None in sizes:
        shape = _sizes_of_none(body, f"{name}/shape", sizes, count)
    stacked = {"element_dtype": dtype_attr(result.dtype)}
    rows = (operand.shape or (None,))[0]
    if rows is not None:
        stacked["num_elements"] = int_attr(rows)
    known = shape_proto(result.shape)
    [output] = body.add("TensorListStack", name, [filled, shape], stacked, known)
    return output


def _loop(
    body: GraphBody,
    name: str,
    variables: Sequence[str],
    operand: TensorType,
    result: TensorType,
    of_one: OfOne,
) -> tuple[str, ...]:
    """Adds the loop itself, and returns what the last round hands on."""
    dtypes, shapes = (_INT32, _INT32, operand.dtype, _VARIANT), ((), (), operand.shape, ())
    attributes = {
        # Without it, rounds would not be computed beside each other.
        "_lower_using_switch_merge": protos.AttrValue(b=True),
        "T": protos.AttrValue(),
        "output_shapes": protos.AttrValue(),
        "cond": protos.AttrValue(),
        "body": protos.AttrValue(),
    }
    attributes["T"].list.type.extend(dtypes)
    attributes["output_shapes"].list.shape.extend(map(shape_proto, shapes))
    condition = _function(body, f"{name}_cond", dtypes)
    [goes_on] = condition.add("Less", "Less", ["round", "count"], _INTEGERS, shape_proto(()))
    attributes["cond"].func.name = _added(body, condition, {"goes_on": (goes_on, _BOOL)})
    one_round = _function(body, f"{name}_body", dtypes)
    handed_on = _round(one_round, operand, result, of_one)
    attributes["body"].func.name = _added(body, one_round, handed_on)
    return body.add(
        "StatelessWhile", f"{name}/while", variables, attributes, *map(shape_proto, shapes)
    )


def _round(
    body: GraphBody, operand: TensorType, result: TensorType, of_one: OfOne
) -> dict[str, tuple[str, int]]:
    """Adds what a round does, and returns what it hands on."""
    picking = {
        "Tparams": dtype_attr(operand.dtype),
        **{name: dtype_attr(_INT32) for name in ("Tindices", "Taxis")},
    }
    axis = integers(body, "axis", 0, _INT32)
    [example] = body.add(
        "GatherV2", "example", ["examples", "round", axis], picking, shape_proto(())
    )
    computed = of_one(body, example)
    element = {"element_dtype": dtype_attr(result.dtype)}
    [results] = body.add(
        "TensorListSetItem", "list", ["results", "round", computed], element, shape_proto(())
    )
    one = integers(body, "one", 1, _INT32)
    [following] = body.add("AddV2", "next", ["round", one], _INTEGERS, shape_proto(()))
    return {
        "next_round": (following, _INT32),
        "same_count": ("count", _INT32),
        "same_examples": ("examples", operand.dtype),
        "more_results": (results, _VARIANT),
    }


def _sizes_of_none(body: GraphBody, name: str, sizes: Sequence[int | None], count: str) -> str:
    """Adds sizes of which those that are not known are 0 if a count is, else left open."""
    one = integers(body, f"{name}/one", 1, _INT32)
    [some] = body.add("Minimum", f"{name}/Minimum", [count, one], _INTEGERS, shape_proto(()))
    [size] = body.add("Neg", f"{name}/Neg", [some], _INTEGERS, shape_proto(()))
    packed = [
        size if each is None else integers(body, f"{name}/size", each, _INT32) for each in sizes
    ]
    attributes = {"N": int_attr(len(sizes)), **_INTEGERS}
    [output] = body.add("Pack", name, packed, attributes, shape_proto((len(sizes),)))
    return output


def _function(body: GraphBody, name: str, dtypes: Iterable[int]) -> FunctionGraph:
    """Returns a function whose arguments are the variables of the loop."""
    function = protos.FunctionDef()
    function.signature.name = name
    for argument, dtype in zip(_VARIABLES, dtypes, strict=True):
        function.signature.input_arg.add(name=argument, type=dtype)
    return FunctionGraph(function, body.op_defs, body.add_function)


def _added(body: GraphBody, graph: FunctionGraph, results: Mapping[str, tuple[str, int]]) -> str:
    """Adds a function that returns some tensors, each with its dtype, and returns its name."""
    for name, (tensor, dtype) in results.items():
        # OpenVINO never ends reading nested functions in which a node has its result's name.
        [spelled] = graph.add("Identity", f"{name}/Identity", [tensor], {"T": dtype_attr(dtype)})
        graph.function.signature.output_arg.add(name=name, type=dtype)
        graph.function.ret[name] = spelled
    return body.add_function(graph.function)
