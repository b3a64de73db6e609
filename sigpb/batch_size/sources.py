"""Nodes that have the old batch size built in, although it is not their place to know it.

A state of zeros, say, is made for a batch of four: as a constant of four equal rows, or by a Fill.
Where it meets what follows the batch, it has to follow too, which is possible because its rows are
all the same.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from sigpb import protos
from sigpb.batch_size.order import data_inputs
from sigpb.batch_size.rules.operation import COUNT, Demand, Refusal
from sigpb.batch_size.rules.sizes import Batch, Dim, Dims, at, multiply
from sigpb.batch_size.rules.values import INT32, INT64, UNKNOWN, Tensor, uniform_element
from sigpb.batch_size.tensors import BodyTensors, Port
from sigpb.tf.control_flow import is_back_edge
from sigpb.tf.tensor_types import shape_of

# Which operand says how large the result is, or what it holds.
SIZES = {
    "BroadcastTo": 1,
    "Fill": 0,
    "RandomStandardNormal": 0,
    "RandomUniform": 0,
    "TensorListReserve": 0,
    "Tile": 1,
    "TruncatedNormal": 0,
}

_MOST_CANDIDATES = 50


@dataclass(frozen=True)
class Source:
    """What becomes of a node that has to follow the batch.

    Attributes:
        name: Its name.
        outputs: Its outputs.
        dims: The sizes that it states, with the batch among them; of a list, the number of its
            tensors.
        counts: Whether they are that number.
    """

    name: str
    outputs: tuple[Tensor, ...]
    dims: Dims
    counts: bool = False


@dataclass(frozen=True)
class Argument:
    """An argument of a function that has to follow the batch.

    Attributes:
        name: Its name.
        axis: Which of its dimensions has to, or COUNT.
        size: What size that has to be.
    """

    name: str
    axis: int
    size: Batch


def find_source(body: BodyTensors, port: Port, axis: int, size: Batch) -> Source | Argument | None:
    """Finds what gives a dimension of a tensor the old batch size.

    Every node and argument behind the tensor that could follow the batch is tried, the nearest
    first: whether the tensor would then follow it in that dimension.

    Args:
        body: The body that the tensor is in.
        port: The tensor.
        axis: The dimension, or COUNT.
        size: The size it has to be.
    """
    for candidate, outputs in _candidates(body, port[0], size):
        tensor = _tensor_if(body, {candidate.name: outputs}, port)
        if tensor is not None and _size_at(tensor, axis) == size:
            return candidate
    return None


def _candidates(
    body: BodyTensors, name: str, size: Batch
) -> Iterator[tuple[Source | Argument, tuple[Tensor, ...]]]:
    """Yields what could follow the batch behind a node, and what its outputs would be."""
    old = at(size, body.size)
    seen = {name}
    waiting = deque(seen)
    while waiting and len(seen) < _MOST_CANDIDATES:
        name = waiting.popleft()
        if name in body.arguments:
            tensor = body.arguments[name][0]
            if tensor.count is not None and tensor.count == old:
                yield Argument(name, COUNT, size), (replace(tensor, count=size),)
            for axis in _axes(tensor.inner, old):
                yield Argument(name, axis, size), (_follow(tensor, axis, size),)
        elif name in body.nodes:
            node = body.nodes[name]
            if node.op == "TensorListReserve" and body.tensor(node.input[1]).value == (old,):
                (held,) = body.evaluate(node, [body.tensor(each) for each in node.input[:2]], None)
                outputs = (replace(held, count=size),)
                yield Source(name, outputs, (size,), counts=True), outputs
            in_frame = body.has_frames and _is_in_frame(body, node)
            stated = None if in_frame else _sizes(body, node)
            for axis in _axes(stated, old):
                dims = _with(stated or (), axis, size)
                followed = _outputs(body, node, dims, axis)
                if followed is not None:
                    yield Source(name, followed, dims), followed
            spelled = [s for s in data_inputs(node) if not body.tensor(s).follows_batch]
            more = {body.port(each)[0]: None for each in spelled}
            waiting += [each for each in more if each not in seen]
            seen.update(more)


def _is_in_frame(body: BodyTensors, node: protos.NodeDef) -> bool:
    """Whether a node may be part of a loop of TensorFlow 1, where the batch size is not at hand."""
    producers = (body.nodes.get(body.port(each)[0]) for each in data_inputs(node))
    return any(
        each is not None and any(spelled.startswith("^") for spelled in each.input)
        for each in (node, *producers)
    )


def _axes(dims: Dims | None, size: int | None) -> list[int]:
    return [axis for axis, dim in enumerate(dims or ()) if dim == size and size is not None]


def _with(dims: Dims, axis: int, size: Dim) -> Dims:
    return (*dims[:axis], size, *dims[axis + 1 :])


def _follow(tensor: Tensor, axis: int, size: Batch) -> Tensor:
    if tensor.element is not None:
        return replace(tensor, element=_follow(tensor.element, axis, size))
    return Tensor(_with(tensor.shape or (), axis, size))


def _sizes(body: BodyTensors, node: protos.NodeDef) -> Dims | None:
    """Returns the sizes that a node states, if it makes a tensor whose elements are the same."""
    if body.size == 1 and node.op in ("Const", "Tile", "BroadcastTo"):
        # An integer for a batch of one may be the number of the example.
        attribute = "dtype" if node.op == "Const" else "T"
        if attribute in node.attr and node.attr[attribute].type in (INT32, INT64):
            return None
    if node.op == "Const":
        value = node.attr["value"].tensor
        uniform = uniform_element(value) is not None
        return tuple(dim.size for dim in value.tensor_shape.dim) if uniform else None
    if node.op == "TensorArrayV3" and "element_shape" in node.attr:
        return shape_of(node.attr["element_shape"].shape)
    return body.tensor(node.input[SIZES[node.op]]).value if node.op in SIZES else None


def _outputs(
    body: BodyTensors, node: protos.NodeDef, dims: Dims, axis: int
) -> tuple[Tensor, ...] | None:
    """Returns the outputs that a node would have if it stated other sizes; None if it cannot."""
    if node.op == "TensorListReserve":
        element = tuple(None if dim == -1 else dim for dim in dims)
        return (Tensor((), None, Tensor(element)),)  # How many tensors there are stays unknown.
    if node.op == "TensorArrayV3":
        return Tensor((2,), None, Tensor(dims)), Tensor((), None, Tensor(dims))
    if node.op not in ("BroadcastTo", "Tile"):
        return (Tensor(dims),)
    before = body.tensor(node.input[0]).shape
    offset = len(dims) - len(before or ())
    if before is None or offset < 0 or (axis >= offset and before[axis - offset] != 1):
        return None
    if node.op == "Tile":
        return (Tensor(tuple(multiply(pair) for pair in zip(before, dims, strict=True))),)
    return (Tensor(dims),)


def _size_at(tensor: Tensor, axis: int) -> Dim:
    if axis == COUNT:
        return tensor.count
    inner = tensor.inner or ()
    return inner[axis] if axis < len(inner) else None


def _tensor_if(
    body: BodyTensors, assumed: Mapping[str, tuple[Tensor, ...]], port: Port
) -> Tensor | None:
    """Returns what a tensor would be if other nodes had certain outputs."""
    found = dict(assumed)

    def outputs(name: str, depth: int) -> tuple[Tensor, ...]:
        """Returns the outputs of a node; none if they stay as they are."""
        if name in found or name not in body.nodes or depth > _MOST_CANDIDATES:
            return found.get(name, ())
        found[name] = ()
        node = body.nodes[name]
        operands = [operand(spelled, depth) for spelled in data_inputs(node)]
        if any(each.follows_batch for each in operands):
            found[name] = body.evaluate(node, operands, body.size)
        return found[name]

    def operand(spelled: str, depth: int) -> Tensor:
        if is_back_edge(body.nodes, spelled):
            return UNKNOWN
        known = body.tensor(spelled)
        name, number = body.port(spelled)
        behind = () if known.follows_batch else outputs(name, depth + 1)
        return behind[number] if number < len(behind) else known

    try:
        result = outputs(port[0], 0)
    except (Refusal, Demand):
        return None
    return result[port[1]] if port[1] < len(result) else None
