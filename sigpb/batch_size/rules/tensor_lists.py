"""Lists and arrays of tensors, which loops keep their results in."""

from __future__ import annotations

from collections.abc import Sequence

from sigpb.batch_size.rules.operation import Demand, Operation, Refusal, Wanted, rule
from sigpb.batch_size.rules.sizes import Batch, Dim, Dims, has_batch, known, text
from sigpb.batch_size.rules.values import UNKNOWN, Tensor, scalar
from sigpb.tf.stated_shapes import merged


@rule("TensorListReserve", "EmptyTensorList")
def reserve(op: Operation) -> Tensor:
    """A list of tensors of a shape that an operand states."""
    count = op.operands[1].value if op.node.op == "TensorListReserve" else (0,)
    element = Tensor(_stated_element(op, 0))
    return Tensor((), None, element, count=count[0] if count else None)


@rule("TensorListFromTensor")
def from_tensor(op: Operation) -> Tensor:
    """A list of the rows of a tensor."""
    count, *element = op.dims(0)
    if not isinstance(count, Batch):
        _relax(op, 1, tuple(element))
    elif has_batch(element):
        raise Refusal("its rows have the batch in them once more")
    return Tensor((), None, Tensor(tuple(element)), count=count)


def _rows(op: Operation, dims: Dims) -> Dims:
    op.refuse_to_open(has_batch(dims[:1]), "it takes the batch apart into its examples")
    return dims[1:]


@rule("TensorListGetItem")
def get_item(op: Operation) -> Tensor:
    """One tensor of the list."""
    _refuse_examples(op)
    return Tensor(_element(op, 2))


@rule("TensorListSetItem", "TensorListPushBack")
def set_item(op: Operation) -> Tensor:
    """The list with another tensor in it."""
    _refuse_examples(op)
    is_set = op.node.op == "TensorListSetItem"
    held = _held(op, op.operands[0], op.operands[2 if is_set else 1])
    keeps_count = is_set and not op.flag("resize_if_index_out_of_bounds")
    return Tensor((), None, Tensor(held), count=op.operands[0].count if keeps_count else None)


def _refuse_examples(op: Operation) -> None:
    """Refuses what treats a single tensor of a list that has one for each example."""
    op.refuse_to_open(has_batch([op.operands[0].count]), "it takes one example out of the batch")


def _held(op: Operation, holder: Tensor, item: Tensor) -> Dims | None:
    before = None if holder.element is None else holder.element.shape
    after = item.shape
    if before is None or after is None:
        return after if before is None else before
    if len(before) != len(after):
        raise Refusal(f"it puts shape {text(after)} among tensors of shape {text(before)}")
    wanted = [
        Wanted(0, axis, b)
        for axis, (a, b) in enumerate(zip(before, after, strict=True))
        if isinstance(b, Batch) and a != b and op.is_size(a, b)
    ]
    if wanted:
        raise Demand(*wanted)
    return merged(before, after)


@rule("TensorListStack", "TensorListConcatV2")
def stack(op: Operation) -> Tensor | Sequence[Tensor]:
    """All tensors of the list, joined."""
    if op.node.op != "TensorListStack":
        raise Refusal("sigpb does not follow the batch through tensors joined to one")
    element = _element(op, 1)
    stated, count = op.integer("num_elements", -1), op.operands[0].count
    if element is None:
        return UNKNOWN
    if isinstance(count, Batch):
        if stated != -1 and not op.is_size(stated, count):
            raise Refusal(f"it states {stated} tensors in a list of one for each example")
        op.attributes["num_elements"] = -1
        return Tensor((count, *element))
    return Tensor((stated if stated >= 0 else None, *element))


@rule("TensorListLength", "TensorListElementShape")
def length(op: Operation) -> Tensor:
    """How many tensors there are."""
    if op.node.op == "TensorListElementShape":
        raise Refusal("sigpb does not follow the batch through the shape of a list's elements")
    return scalar(op.operands[0].count)


def _stated_element(op: Operation, number: int) -> Dims | None:
    value, shape = op.operands[number].value, op.operands[number].shape
    if value is None or shape != (len(value),):
        return None
    return tuple(None if size == -1 else size for size in value)


def _element(op: Operation, number: int) -> Dims | None:
    """Returns the shape of a tensor of the list, and relaxes the shape that an operand states."""
    element = op.operands[0].element
    shape = None if element is None else element.shape
    stated = _stated_element(op, number)
    if shape is None:
        shape = stated
        if shape is None:
            raise Refusal("it is not known of what shape the tensors in its list are")
    _relax(op, number, shape)
    return merged(shape, stated)


def _relax(op: Operation, number: int, element: Dims) -> None:
    """Puts -1 in a shape where it states the old batch size."""
    value = op.operands[number].value
    if value is None or len(value) != len(element):
        return
    relaxed: list[Dim] = []
    for stated, dim in zip(value, element, strict=True):
        if isinstance(dim, Batch) and stated not in (-1, dim):
            if not op.is_size(stated, dim):
                raise Refusal(f"it states shape {text(value)} for tensors of {text(element)}")
            stated = -1
        relaxed.append(stated)
    if tuple(relaxed) != value:
        if known(relaxed) is None:
            raise Refusal(f"it states shape {text(value)} for tensors of {text(element)}")
        op.replaced[number] = tuple(relaxed)


# Arrays of TensorFlow 1: what they hold is known of the flow that writes hand on.


@rule("TensorArrayV3")
def array(op: Operation) -> Sequence[Tensor]:
    """An array and its flow."""
    element = Tensor(op.stated_shape("element_shape"))
    return [Tensor((2,), None, element), Tensor((), None, element)]


@rule("TensorArrayWriteV3")
def array_write(op: Operation) -> Tensor:
    """The flow after a tensor was put in."""
    return Tensor((), None, Tensor(_held(op, op.operands[0], op.operands[2])))


@rule("TensorArrayScatterV3")
def array_scatter(op: Operation) -> Tensor:
    """The flow after the rows of a tensor were put in."""
    rows = Tensor(_rows(op, op.dims(2)))
    return Tensor((), None, Tensor(_held(op, op.operands[0], rows)))


@rule("TensorArrayReadV3")
def array_read(op: Operation) -> Tensor:
    """One tensor of the array."""
    return Tensor(_array_element(op))


@rule("TensorArrayGatherV3")
def array_gather(op: Operation) -> Tensor:
    """Some tensors of the array, joined."""
    element = _array_element(op)
    if op.stated_shape("element_shape") is not None:
        op.shapes["element_shape"] = [element]
    return Tensor((*op.dims(1), *element))


@rule("TensorArraySizeV3")
def array_size(op: Operation) -> Tensor:
    """How many tensors there are."""
    return scalar(None)


def _array_element(op: Operation) -> Dims:
    flow = op.operands[2].element or op.operands[0].element
    if flow is None or flow.shape is None:
        raise Refusal("it is not known of what shape the tensors in its array are")
    return flow.shape
