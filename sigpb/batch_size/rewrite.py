"""Writing the nodes of a body as they have to be for any batch size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from sigpb import protos
from sigpb.batch_size.body import Body
from sigpb.batch_size.rules.operation import Operation
from sigpb.batch_size.rules.sizes import Batch, Dim, Dims, known, write_shape
from sigpb.batch_size.rules.values import INT32, Tensor, integer_tensor, uniform_element
from sigpb.batch_size.sources import SIZES, Source
from sigpb.graphs.cone import needed
from sigpb.tf.fresh_names import TakenNames
from sigpb.tf.stated_shapes import INPUT_SHAPES, OUTPUT_SHAPES
from sigpb.tf.tensor_names import producer

Nodes = tuple[protos.NodeDef, ...]


class Variants(Protocol):
    """The functions to call in place of others."""

    def variant(self, name: str, arguments: Sequence[Tensor]) -> str:
        """Returns the name of the function to call in place of one that was followed."""
        ...

    def exchanged(self, name: str, after: protos.FunctionDef, arguments: Sequence[Tensor]) -> str:
        """Returns the name of a function that is called in place of another."""
        ...


def rewrite(body: Body, variants: Variants) -> dict[str, Nodes]:
    """Returns the nodes that change, each with the new nodes that it takes tensors from.

    A node that depends on the batch in a way that is not known, and that nothing needs, becomes
    none: an output that is added later would return what was not followed.

    Args:
        body: The body, in which there are no problems.
        variants: The functions to call in place of others.
    """
    names = TakenNames((*body.nodes, *body.arguments))
    changed = {name: _Writer(body, variants, names, name).rewritten() for name in body.visited}
    # What nodes that are not stale take tensors from, though unused.
    taken = needed(body.nodes, [name for name in body.nodes if name not in body.stale])
    changed |= {
        name: (_without_shapes(body.nodes[name]),) if name in taken else () for name in body.stale
    }
    return {name: nodes for name, nodes in changed.items() if nodes != (body.nodes[name],)}


def _without_shapes(node: protos.NodeDef) -> protos.NodeDef:
    """Returns a node that states nothing of the shapes of its outputs."""
    after = protos.NodeDef()
    after.CopyFrom(node)
    if OUTPUT_SHAPES in after.attr:
        for proto in after.attr[OUTPUT_SHAPES].list.shape:
            write_shape(None, proto)
    return after


class _Writer:
    """Writes one node, and the new nodes that it takes tensors from.

    Each of those is named after the node, and on the same device.
    """

    def __init__(self, body: Body, variants: Variants, names: TakenNames, name: str) -> None:
        self._body, self._variants, self._names = body, variants, names
        self._node = protos.NodeDef()
        self._node.CopyFrom(body.nodes[name])
        self._new: list[protos.NodeDef] = []
        self._op = body.visited[name].operation

    def rewritten(self) -> Nodes:
        node, outputs = self._node, self._body.visited[self._node.name].outputs
        if OUTPUT_SHAPES in node.attr:
            shapes = node.attr[OUTPUT_SHAPES].list.shape
            for proto, output in zip(shapes, outputs, strict=False):
                if output.shape is not None:
                    write_shape(output.shape, proto)
        source = self._body.sources.get(node.name)
        if self._op is not None:
            self._apply(self._op)
        elif source is not None:
            self._apply_source(source)
        elif node.op.startswith("Placeholder") and "shape" in node.attr:
            write_shape(outputs[0].shape, node.attr["shape"].shape)
        for added in self._new:
            self._body.callees.op_defs.strip_defaults(added)
        return (*self._new, node)

    def _apply(self, op: Operation) -> None:
        node = self._node
        for number, dims in op.replaced.items():
            dtype = op.dtype(number) or INT32
            if (values := known(dims)) is not None:
                node.input[number] = self._constant(integer_tensor(values, dtype))
            elif op.operands[number].shape == ():
                node.input[number] = self._batch_size(dtype)
            else:
                node.input[number] = self._computed(dims, dtype, node.input[number])
        for attribute, place, arguments in op.calls:
            if not attribute:
                node.op = self._variants.variant(node.op, arguments)
                continue
            called = node.attr[attribute]
            function = called.func if called.HasField("func") else called.list.func[place]
            function.name = self._variants.variant(function.name, arguments)
        for attribute, (after, arguments) in op.exchanged.items():
            named = node.attr[attribute].func
            named.name = self._variants.exchanged(named.name, after, arguments)
        for attribute, setting in op.attributes.items():
            if isinstance(setting, int):
                node.attr[attribute].i = setting
            else:
                node.attr[attribute].list.i[:] = setting
        for attribute, shapes in op.shapes.items():
            stated = node.attr[attribute]
            if stated.HasField("shape"):
                write_shape(shapes[0], stated.shape)
            else:
                for proto, shape in zip(stated.list.shape, shapes, strict=True):
                    write_shape(shape, proto)
        if op.computed_by is not None:
            self._compute_by(op.computed_by, op)

    def _compute_by(self, name: str, op: Operation) -> None:
        """Lets a new node compute the result, and the node pass it on under its own name."""
        node = self._node
        operands = [op.spelling(number) for number in range(len(op.operands))]
        controls = node.input[len(operands) :]
        computed = self._add(name, operands, (), T=node.attr["T"].type)
        if OUTPUT_SHAPES in node.attr:
            computed.attr[OUTPUT_SHAPES].CopyFrom(node.attr[OUTPUT_SHAPES])
        node.op = "Identity"
        node.input[:] = [self._body.spell(computed), *controls]
        for attribute in set(node.attr) - {"T", OUTPUT_SHAPES}:
            del node.attr[attribute]

    def _apply_source(self, source: Source) -> None:
        node = self._node
        if node.op == "TensorArrayV3":
            write_shape(source.dims, node.attr["element_shape"].shape)
        elif node.op in SIZES:
            operand = 1 if source.counts else SIZES[node.op]
            dtype = self._body.dtype_of(node.input[operand]) or INT32
            if source.counts:
                node.input[operand] = self._batch_size(dtype)
            elif node.op == "TensorListReserve":
                values = [dim if isinstance(dim, int) else -1 for dim in source.dims]
                node.input[operand] = self._constant(integer_tensor(values, dtype))
            else:
                node.input[operand] = self._computed(source.dims, dtype, node.input[operand])
        else:
            self._fill(source.dims)

    def _fill(self, dims: Dims) -> None:
        """Makes a Fill of a Const."""
        node = self._node
        element = uniform_element(node.attr["value"].tensor)
        assert element is not None, "only a uniform constant is a source"
        controls, dtype = list(node.input), node.attr["dtype"].type
        inputs = [self._computed(dims, INT32), self._constant(element)]
        del node.attr["value"], node.attr["dtype"], node.input[:]
        node.op = "Fill"
        node.input.extend([*inputs, *controls])
        node.attr["T"].type = dtype
        node.attr["index_type"].type = INT32

    def _add(self, op: str, inputs: Sequence[str], shape: Dims, **types: int) -> protos.NodeDef:
        added = protos.NodeDef(op=op, device=self._node.device, input=inputs)
        added.name = self._names.take(f"{self._node.name}/sigpb_{op.lower()}")
        for attribute, dtype in types.items():
            added.attr[attribute].type = dtype
        if OUTPUT_SHAPES in self._node.attr:
            write_shape(shape, added.attr[OUTPUT_SHAPES].list.shape.add())
        self._new.append(added)
        return added

    def _constant(self, value: protos.TensorProto) -> str:
        shape = tuple(dim.size for dim in value.tensor_shape.dim)
        # A constant without inputs would be outside of the loop that the node is in.
        in_frame = self._body.has_frames and len(self._node.input) > 0
        controls = [f"^{producer(self._node.input[0])}"] if in_frame else []
        added = self._add("Const", controls, shape, dtype=value.dtype)
        added.attr["value"].tensor.CopyFrom(value)
        return self._body.spell(added)

    def _computed(self, dims: Dims, dtype: int, old: str = "") -> str:
        """Adds nodes for a vector of sizes, some of which depend on the batch.

        Args:
            dims: The sizes.
            dtype: The dtype that they are to have.
            old: The vector whose place it takes, from which unknown sizes are taken.
        """
        batch = self._batch_size(dtype)
        parts = [
            self._picked(old, place, dtype)
            if dim is None and old
            else self._size(dim, batch, dtype)
            for place, dim in enumerate(dims)
        ]
        packed = self._add("Pack", parts, (len(dims),), T=dtype)
        packed.attr["N"].i = len(dims)
        packed.attr["axis"].i = 0
        return self._body.spell(packed)

    def _size(self, dim: Dim, batch: str, dtype: int) -> str:
        if dim == Batch():
            return batch
        factor = dim.factor if isinstance(dim, Batch) else -1 if dim is None else dim
        number = self._constant(integer_tensor([factor], dtype, scalar=True))
        if not isinstance(dim, Batch):
            return number
        return self._body.spell(self._add("Mul", [batch, number], (), T=dtype))

    def _batch_size(self, dtype: int) -> str:
        """Adds nodes for the batch size, a scalar."""
        tensor, known = self._tensor_with_batch()
        if known.count == Batch() and dtype == INT32:
            return self._body.spell(self._add("TensorListLength", [tensor], ()))
        shape = known.shape or ()
        axis = shape.index(Batch())
        types = {"T": self._body.dtype_of(tensor), "out_type": dtype}
        sizes = self._body.spell(self._add("Shape", [tensor], (len(shape),), **types))
        return self._picked(sizes, axis, dtype)

    def _picked(self, sizes: str, place: int, dtype: int) -> str:
        """Adds a node that takes one size, a scalar, out of a vector."""
        ends = (place, place + 1, 1)
        bounds = [self._constant(integer_tensor([number], dtype)) for number in ends]
        picked = self._add("StridedSlice", [sizes, *bounds], (), T=dtype, Index=dtype)
        for mask in ("begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask"):
            picked.attr[mask].i = 0
        picked.attr["shrink_axis_mask"].i = 1
        return self._body.spell(picked)

    def _tensor_with_batch(self) -> tuple[str, Tensor]:
        op = self._op
        tensors = [(op.spelling(n), tensor) for n, tensor in enumerate(op.operands)] if op else []
        tensors += self._body.begin()
        for spelled, tensor in tensors:
            if Batch() in (*(tensor.shape or ()), tensor.count):
                return spelled, tensor
        raise AssertionError("a source is found only where a tensor has the batch dimension")


def write_argument_shapes(function: protos.FunctionDef, arguments: Sequence[Tensor]) -> None:
    """Writes the shapes of a function's arguments where it states them."""
    for position, tensor in enumerate(arguments):
        if not tensor.follows_batch or tensor.shape is None:
            continue
        if position in function.arg_attr and OUTPUT_SHAPES in function.arg_attr[position].attr:
            for proto in function.arg_attr[position].attr[OUTPUT_SHAPES].list.shape:
                write_shape(tensor.shape, proto)
        if INPUT_SHAPES in function.attr:
            stated = function.attr[INPUT_SHAPES].list.shape
            if position < len(stated):
                write_shape(tensor.shape, stated[position])
