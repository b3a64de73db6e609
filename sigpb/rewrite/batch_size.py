"""What becomes of tensors when the batch size of a signature's inputs is relaxed or fixed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sigpb import protos
from sigpb.errors import PatchError
from sigpb.rewrite.conversion import Conversion, is_batch_relaxed
from sigpb.tf.called_functions import Functions
from sigpb.tf.tensor_names import output_number, producer
from sigpb.tf.tensor_types import Shape, TensorType, shape_of

if TYPE_CHECKING:
    from sigpb.batch_size.dimension import Port

Nodes = Mapping[str, protos.NodeDef]


@dataclass(frozen=True)
class BatchSize:
    """A batch size that changes.

    Attributes:
        relaxed: The inputs for which the graph fixed it, and is not to any longer, by their keys
            in the model.
        before: What it was for these.
        after: What it is to be.
        axes: The tensors that have it, and which of their dimensions it is.
        nodes: The nodes that differ for the new batch size, by name; new ones too.
        beside: Inputs of which the graph left it open, if those that it fixed are to have the same.
    """

    relaxed: tuple[str, ...] = ()
    before: int | None = None
    after: int | None = None
    axes: Mapping[Port, int] = field(default_factory=dict)
    nodes: Nodes = field(default_factory=dict)
    beside: tuple[str, ...] = ()

    def axis_of(self, tensor: str) -> int | None:
        """Returns which dimension of a tensor the batch is, or None."""
        return self.axes.get(_port(tensor))

    def follow(self, tensor: str, now: TensorType) -> TensorType:
        """Returns the type that a tensor has after the change."""
        axis = self.axis_of(tensor)
        if axis is None or not now.shape:
            return now
        return TensorType(now.dtype, (*now.shape[:axis], self.after, *now.shape[axis + 1 :]))


def batch_size_of(
    infos: Mapping[str, protos.TensorInfo],
    conversions: Mapping[str, Conversion],
    type_of: Callable[[str], TensorType | None],
    nodes: Callable[[], Nodes],
    functions: Functions,
    results: Iterable[str],
) -> BatchSize:
    """Returns the batch size that changes when inputs are converted.

    Args:
        infos: The inputs of the signature as they are.
        conversions: Those that are converted.
        type_of: What the graph says of the type of a tensor.
        nodes: Returns the nodes that compute the outputs.
        functions: The functions that they call; receives variants of them.
        results: The tensors that the signature returns.

    Raises:
        PatchError: With all nodes that rely on the old batch size.
    """
    shapes = {key: shape_of(infos[key].tensor_shape) for key in conversions}
    new_shapes = {key: change.outside.shape for key, change in conversions.items()}
    opened = [key for key in conversions if is_batch_relaxed(shapes[key], new_shapes[key])]
    relaxed = [key for key in opened if not _is_open(type_of(infos[key].name))]
    fixed = [key for key in conversions if is_batch_relaxed(new_shapes[key], shapes[key])]
    before = {_first(shapes[key]) for key in relaxed}
    after = {_first(new_shapes[key]) for key in opened or fixed}
    if len(before) > 1:
        raise PatchError(
            f"the inputs {', '.join(map(repr, relaxed))} have the batch sizes "
            f"{', '.join(sorted(map(str, before)))}; only one can be relaxed at a time."
        )
    if len(after) != 1:
        return BatchSize()
    from sigpb.batch_size.dimension import BatchError, relax_nodes

    size = before.pop() if before else None
    computing = nodes()
    ports = (_port(infos[key].name) for key in opened or fixed)
    axes = {port: 0 for port in ports if port[0] in computing}
    beside: tuple[str, ...] = ()
    try:
        result = relax_nodes(computing, axes, size, functions, [*map(_port, results)])
    except BatchError as error:
        beside = tuple(_open_beside(infos, set(conversions), type_of)) if relaxed else ()
        if not beside:
            raise PatchError(error.problems) from error
        axes |= {port: 0 for key in beside if (port := _port(infos[key].name))[0] in computing}
        try:
            result = relax_nodes(computing, axes, size, functions, [*map(_port, results)])
        except BatchError as other:
            raise PatchError(other.problems) from other
    fed = {name for name, _ in axes}
    changed = (each for name, group in result.nodes.items() if name not in fed for each in group)
    return BatchSize(
        tuple(relaxed),
        size,
        after.pop(),
        result.axes,
        {node.name: node for node in changed},
        beside,
    )


def _open_beside(
    infos: Mapping[str, protos.TensorInfo],
    converted: Collection[str],
    type_of: Callable[[str], TensorType | None],
) -> Iterator[str]:
    """Yields inputs that are not converted and whose first dimension is open."""
    for key, info in infos.items():
        is_stated = info.name and _is_open(TensorType(info.dtype, shape_of(info.tensor_shape)))
        if key not in converted and is_stated and _is_open(type_of(info.name)):
            yield key


def _port(tensor: str) -> Port:
    return producer(tensor), output_number(tensor)


def _is_open(type_: TensorType | None) -> bool:
    """Whether the graph leaves the first dimension of a tensor open."""
    return bool(type_ and type_.shape and type_.shape[0] is None)


def _first(shape: Shape) -> int | None:
    return shape[0] if shape else None
