"""How the values of an endpoint become those of its tensor, or the other way round."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import prod

from sigpb import protos
from sigpb.errors import PatchError
from sigpb.rewrite.interface import BatchSize, Side, with_batch
from sigpb.steps.conversion import convert, losses
from sigpb.steps.shape_matching import check_promise, shape_change
from sigpb.steps.step import ConversionError, Step
from sigpb.tf.called_functions import Functions
from sigpb.tf.tensor_names import output_number, producer
from sigpb.tf.tensor_types import Shape, TensorType, shape_of, shape_text

Nodes = Mapping[str, protos.NodeDef]


@dataclass(frozen=True)
class Conversion:
    """What is done between an endpoint and its tensor.

    Attributes:
        outside: The type of the endpoint.
        inside: The type that its tensor has to have.
        steps: What leads from the endpoint to the tensor for an input, back for an output.
        kinds: What is changed, in words: ``cast``, ``refine``, ``relax``, ``reshape``.
        losses: What of the values can get lost.
    """

    outside: TensorType
    inside: TensorType
    steps: tuple[Step, ...]
    kinds: tuple[str, ...]
    losses: tuple[str, ...]

    @property
    def arriving(self) -> Shape:
        """What is known of the shape, of an input, that the tensor has then."""
        outside, inside = self.outside.shape, self.inside.shape
        if outside is None or None in outside or inside is None or inside.count(None) != 1:
            return inside
        size = prod(size for size in outside if size) // prod(size for size in inside if size)
        return tuple(size if each is None else each for each in inside)


@lru_cache(maxsize=256)
def conversion(
    side: Side, tensor: TensorType, wanted: TensorType, *, insist: bool = False
) -> Conversion:
    """Returns how an endpoint gets another type; once for all who ask.

    Args:
        side: Whether it is an input or an output.
        tensor: The type that it has.
        wanted: The type that it is to have.
        insist: Whether a reshape is meant even if it looks like a transpose.

    Raises:
        ConversionError: There is no way.
    """
    if (wanted.shape or ()).count(0) > (tensor.shape or ()).count(0):
        raise ConversionError(
            f"{shape_text(wanted.shape)} has a size of 0, so that there would be no values; state "
            "another size, or ? for any"
        )
    inside, kinds = tensor, []
    if is_batch_relaxed(tensor.shape, wanted.shape):
        inside = TensorType(tensor.dtype, with_batch(tensor.shape, None))
        kinds.append("relax")
    change = shape_change(inside.shape, wanted.shape)
    if change == "relax" and side == "input":
        raise ConversionError(
            f"only the first dimension, the batch, can be relaxed, and {shape_text(wanted.shape)} "
            f"leaves open what {shape_text(tensor.shape)} fixes"
        )
    if change != "same" and change not in kinds:
        kinds.append(change)
    if change == "refine" and side == "input":
        # Of an output it is a promise; nodes state what is known.
        inside = TensorType(tensor.dtype, wanted.shape)
    first, last = (wanted, inside) if side == "input" else (inside, wanted)
    steps = convert(first, last, insist=insist)
    if change == "reshape" and side == "output":
        check_promise(inside.shape, wanted.shape)
    kinds += [step.describe() for step in steps]
    once = tuple(dict.fromkeys(kinds))
    return Conversion(wanted, inside, steps, once, losses(steps, first))


def is_batch_relaxed(before: Shape, after: Shape) -> bool:
    """Whether a shape leaves its first dimension open where it was fixed, and nothing else."""
    if not before or not after or before[0] is None or after[0] is not None:
        return False
    rest, new_rest = before[1:], after[1:]
    return rest == new_rest or _size(rest) == _size(new_rest) is not None


def _size(shape: Sequence[int | None]) -> int | None:
    """Returns the number of elements, or None if it is not known."""
    return None if None in shape else prod(size for size in shape if size is not None)


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


def _port(tensor: str) -> tuple[str, int]:
    return producer(tensor), output_number(tensor)


def _is_open(type_: TensorType | None) -> bool:
    """Whether the graph leaves the first dimension of a tensor open."""
    return bool(type_ and type_.shape and type_.shape[0] is None)


def _first(shape: Shape) -> int | None:
    return shape[0] if shape else None
