"""What session clients feed and fetch of a signature that is made of two."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from sigpb import protos
from sigpb.composing.chain_shapes import arriving_shapes
from sigpb.errors import PatchError, listed
from sigpb.graphs.added_nodes import CHAINED
from sigpb.graphs.cone import needed
from sigpb.graphs.effects import has_no_effect, is_pure
from sigpb.graphs.placeholders import default_placeholder
from sigpb.graphs.redirection import redirected
from sigpb.rewrite.graph_parts import GraphParts
from sigpb.rewrite.interface import fed_tensors
from sigpb.steps.graph_body import dtype_attr, identity, shape_attr
from sigpb.tf.control_flow import ENTER_OPS, loops_around
from sigpb.tf.tensor_names import canonical, full, node_name, producer
from sigpb.tf.tensor_types import (
    TensorType,
    dtype_name,
    is_handle,
    shape_proto,
    tensor_names,
    value_dtype,
    with_tensors,
)

if TYPE_CHECKING:
    from sigpb.composing.chain import Chain

_REFERENCES = 100  # tensorflow/core/framework/types.h: what the dtype of a reference is above.


def whole_signature(parts: GraphParts, chain: Chain) -> protos.SignatureDef:
    """Adds to the top level of a graph what computes the second signature after the first.

    Args:
        parts: The graph; its top level receives nodes.
        chain: The two signatures.

    Returns:
        The SignatureDef of the whole.

    Raises:
        PatchError: With what the graph is in the way of.
    """
    return _Session(parts, chain).run()


class _Session:
    """The work of one call of `whole_signature`."""

    def __init__(self, parts: GraphParts, chain: Chain) -> None:
        self.parts, self.chain, self.graph = parts, chain, parts.top
        signatures = parts.meta_graph.signatures
        self.first, self.second = signatures[chain.first], signatures[chain.second]
        self.scope = self.graph.fresh_scope(f"{CHAINED}/{node_name(chain.key)}")
        self.open = {
            key: [canonical(tensor) for tensor in tensor_names(self.second.inputs[key])]
            for key in chain.open_inputs(self.second)
        }
        self.pairs = self._paired_tensors()
        self.made = _tensors(self.first.outputs)
        self.wanted = _tensors(self.second.outputs)
        self.nodes = self.graph.nodes
        self.fed_first, self.fed_second = (
            set(fed_tensors(self.first)),
            set(fed_tensors(self.second)),
        )
        self.of_first = needed(self.nodes, self.made, self.fed_first)
        self.of_second = needed(self.nodes, self.wanted, self.fed_second)

    def run(self) -> protos.SignatureDef:
        """Adds the nodes, and returns the signature."""
        placeholders = self._own_placeholders()
        forced = {name: self.nodes[name] for name in (*self._overridden(), *self._shared_state())}
        barrier = self._barrier(forced)
        fed = {**self._passed(barrier), **placeholders}
        follow = redirected(
            self.graph,
            self.scope,
            fed,
            [tensor for tensors in self.open.values() for tensor in tensors],
            self.wanted,
            forced,
            in_place=self._is_free(),
        )
        whole = protos.SignatureDef()
        whole.CopyFrom(self.parts.meta_graph.signatures[self.chain.key])
        for side in (whole.inputs, whole.outputs, whole.defaults):
            side.clear()
        for key, info in self.first.inputs.items():
            whole.inputs[key].CopyFrom(info)
        for key in self.open:
            info = with_tensors(
                self.second.inputs[key],
                lambda tensor: full(placeholders.get(canonical(tensor), tensor)),
            )
            whole.inputs[key].CopyFrom(info)
        for signature in (self.first, self.second):
            for key in signature.defaults:
                if key in whole.inputs and (signature is self.first or key in self.open):
                    whole.defaults[key].CopyFrom(signature.defaults[key])
        sent = set(fed_tensors(whole))
        for key in self.chain.kept_outputs(self.first):
            info = with_tensors(self.first.outputs[key], lambda each: self._fetched(each, sent))
            whole.outputs[key].CopyFrom(info)
        for key in sorted(self.second.outputs):
            info = self.second.outputs[key]
            after = with_tensors(info, lambda each: self._fetched(follow(each), sent))
            whole.outputs[key].CopyFrom(after)
        return whole

    def _paired_tensors(self) -> dict[str, str]:
        """Returns, for each tensor of the second that is fed, that of the first which feeds it."""
        pairs: dict[str, str] = {}
        problems: list[str] = []
        for output, input_ in self.chain.pairs:
            made, taken = self.first.outputs[output], self.second.inputs[input_]
            for source, target in zip(tensor_names(made), tensor_names(taken), strict=True):
                problems += self._wrong_dtypes(source, target)
                pairs[canonical(target)] = canonical(source)
        counts = Counter(_tensors(self.second.inputs))
        for tensor in sorted(tensor for tensor in pairs if counts[tensor] > 1):
            keys = [
                key
                for key, info in sorted(self.second.inputs.items())
                if tensor in map(canonical, tensor_names(info))
            ]
            problems.append(
                f"the inputs {listed(keys)} of the signature {self.chain.second!r} are one tensor, "
                f"{full(tensor)!r}, which cannot be fed twice; drop all but one of them first."
            )
        arriving = self.chain.arriving
        if arriving is None:
            arriving = arriving_shapes(self.parts, self.first, self.second, self.chain.pairs)
        problems += arriving.problems
        if problems:
            raise PatchError(problems)
        return pairs

    def _wrong_dtypes(self, source: str, target: str) -> Iterator[str]:
        """Yields that the graph says something else of two tensors than their signatures do."""
        types = self.graph.type_of(source), self.graph.type_of(target)
        dtypes = [value_dtype(type_.dtype) if type_ else 0 for type_ in types]
        if 0 not in dtypes and dtypes[0] != dtypes[1]:
            yield (
                f"{source!r} cannot feed {target!r}: the graph has it as {dtype_name(dtypes[0])}, "
                f"and the other as {dtype_name(dtypes[1])}, whatever the signatures say."
            )

    def _taken(self, names: set[str]) -> set[str]:
        """Returns the tensors that some nodes take."""
        return {canonical(tensor) for name in names for tensor in self.nodes[name].input}

    def _own_placeholders(self) -> dict[str, str]:
        """Adds placeholders for what clients feed the second, where the first needs the tensor.

        The first may feed the tensor itself, as another input, or compute it.
        """
        of_first = {*self.fed_first, *self.made, *self._taken(self.of_first)}
        added = {}
        for key, tensors in self.open.items():
            for tensor in tensors:
                if tensor in of_first:
                    added[tensor] = self._placeholder(key, tensor)
        return added

    def _placeholder(self, key: str, tensor: str) -> str:
        type_ = self._type(tensor)
        node, shape = default_placeholder(tensor, self.graph), shape_proto(type_.shape)
        [added] = self.scope.add(
            "PlaceholderWithDefault" if node else "Placeholder",
            node_name(key),
            [node.input[0]] if node else [],
            {"dtype": dtype_attr(type_.dtype), "shape": shape_attr(shape)},
            shape,
        )
        return added

    def _type(self, tensor: str) -> TensorType:
        type_ = self.graph.type_of(tensor)
        if type_ is None or not type_.dtype:
            raise PatchError(
                f"the graph does not say of what type the tensor {full(tensor)!r} is, as its op is "
                "unknown."
            )
        return type_._replace(dtype=value_dtype(type_.dtype))

    def _overridden(self) -> Iterator[str]:
        """Yields nodes that the second runs, and whose outputs clients of the first feed."""
        taken = {*self._taken(self.of_second), *self.wanted}
        for tensor in sorted(taken & (self.fed_first - self.fed_second)):
            if producer(tensor) in self.of_second:
                yield producer(tensor)

    def _shared_state(self) -> Iterator[str]:
        """Yields nodes that both run, and that give something else each time they run."""
        for name in sorted(self.of_first & self.of_second):
            if self._uses_state(name) and not self._takes_handle(name):
                yield name

    def _uses_state(self, name: str) -> bool:
        """Whether a node reads or changes what outlives it, and is no variable or table itself."""
        node = self.nodes[name]
        if self._is_handle(node):
            return False
        pure = is_pure(node, self.parts.library, self.parts.op_defs)
        return not pure or self._takes_reference(name)

    def _is_handle(self, node: protos.NodeDef) -> bool:
        """Whether a node is what others read and change."""
        if any(not tensor.startswith("^") for tensor in node.input):
            return False
        dtypes = self.parts.op_defs.output_dtypes(node) or ()
        return bool(dtypes) and all(is_handle(each) or each > _REFERENCES for each in dtypes)

    def _takes_handle(self, name: str) -> bool:
        return any(is_handle(dtype) or dtype > _REFERENCES for dtype in self._taken_dtypes(name))

    def _takes_reference(self, name: str) -> bool:
        return any(dtype > _REFERENCES for dtype in self._taken_dtypes(name))

    def _taken_dtypes(self, name: str) -> Iterator[int]:
        for tensor in self.nodes[name].input:
            type_ = None if tensor.startswith("^") else self.graph.type_of(tensor)
            if type_ is not None:
                yield type_.dtype

    def _barrier(self, forced: dict[str, protos.NodeDef]) -> str | None:
        """Has the second wait for the first where one of them changes what the other may read.

        Args:
            forced: The nodes that are copied in any case; receives those of the second that wait.

        Returns:
            What waits for all that the first does; None if nobody has to wait.
        """
        library, op_defs = self.parts.library, self.parts.op_defs
        if all(
            has_no_effect(self.nodes[name], library, op_defs)
            for name in self.of_first | self.of_second
        ):
            return None
        waited = dict.fromkeys(producer(tensor) for tensor in self.made)
        waiting = [f"^{name}" for name in waited if name in self.of_first]
        [barrier] = self.scope.add("NoOp", "first", waiting, {})
        for name in sorted(self.of_second):
            is_entered = self.nodes[name].op in ENTER_OPS
            # Nodes in a loop wait for what enters it: no edge may lead past that.
            if (is_entered or self._uses_state(name)) and (
                loops_around(name, self.nodes) == is_entered
            ):
                node = protos.NodeDef()
                node.CopyFrom(forced.get(name, self.nodes[name]))
                node.input.append(f"^{barrier}")
                forced[name] = node
        return barrier

    def _passed(self, barrier: str | None) -> dict[str, str]:
        """Returns what is fed to each tensor of the second, which waits for all of the first."""
        if barrier is None:
            return self.pairs
        passed = {}
        for tensor, source in self.pairs.items():
            type_, shape = self._type(source), shape_proto(self._type(source).shape)
            [passed[tensor]] = self.scope.add(
                "Identity",
                f"{node_name(producer(tensor))}/Identity",
                [source, f"^{barrier}"],
                {"T": dtype_attr(type_.dtype)},
                shape,
            )
        return passed

    def _is_free(self) -> bool:
        """Whether nobody but the second feeds, or needs, the tensors that are fed now."""
        if self.pairs.keys() & {*self.fed_first, *self.made}:
            return False
        gone = {self.chain.first, self.chain.second}
        signatures = self.parts.meta_graph.signatures
        others = (signatures[key] for key in signatures if key not in gone)
        return not any(tensor in self.pairs for each in others for tensor in fed_tensors(each))

    def _fetched(self, tensor: str, sent: set[str]) -> str:
        """Returns a tensor, or an Identity of one that clients feed: sessions do not fetch that."""
        if canonical(tensor) not in sent:
            return tensor
        return full(identity(self.scope, "Identity", canonical(tensor), self._type(tensor)))


def _tensors(infos: Mapping[str, protos.TensorInfo]) -> list[str]:
    """Returns the tensors of endpoints, in the order of their keys: maps have no order."""
    return [canonical(tensor) for key in sorted(infos) for tensor in tensor_names(infos[key])]
