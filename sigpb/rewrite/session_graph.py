"""Writes what a signature feeds and fetches in the top-level graph: what session clients use.

An input whose values are converted gets a placeholder of its own, and the steps behind it take the
place of the tensor that was fed so far (`sigpb.graphs.redirection`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from sigpb import protos
from sigpb.graphs.added_nodes import FED, SPLICED, is_added
from sigpb.graphs.origins import Origins
from sigpb.graphs.placeholders import constant_default, default_placeholder, is_unfed_placeholder
from sigpb.graphs.redirection import redirected
from sigpb.graphs.top_level import Scope, TopLevelGraph
from sigpb.rewrite.conversion import Conversion, conversion
from sigpb.rewrite.draft import Interfaces
from sigpb.rewrite.graph_parts import GraphParts
from sigpb.rewrite.interface import Interface, fed_tensors
from sigpb.rewrite.metadata import Endpoints
from sigpb.rewrite.passing import Surface, passed_in, passed_out
from sigpb.rewrite.port import Port
from sigpb.rewrite.restoration import Restoration
from sigpb.steps.graph_body import GraphBody, constant, dtype_attr, identity, shape_attr
from sigpb.steps.step import ConversionError, Stored, undone
from sigpb.tf.tensor_elements import elements, set_elements, sizes
from sigpb.tf.tensor_names import canonical, full, node_name, producer
from sigpb.tf.tensor_types import (
    TensorType,
    converted_tensor,
    is_compatible,
    shape_proto,
    tensor_type,
    with_tensor,
    with_tensors,
)


class _TopLevel(Surface):
    """A scope at the top level of a graph.

    Attributes:
        inputs: The TensorInfos of the inputs that are fed anew, by their keys in the model.
    """

    def __init__(self, scope: Scope) -> None:
        super().__init__(scope)
        self._scope = scope
        self.inputs: dict[str, protos.TensorInfo] = {}

    def feeds_anew(self, port: Port) -> bool:
        """Also where only the name of the node is another."""
        return port.conversion is not None or port.node_name is not None

    def fed(self, port: Port) -> str:
        """Adds a placeholder, which may have the default of the old one.

        Where only its name is taken back, it is the tensor that it stood for before, unless the
        earlier patch gave it another type too.
        """
        graph = self._scope.graph
        before = Origins(graph).named(port.info.name) if port.node_name == "" else None
        if before and port.conversion is None and graph.type_of(before) == port.outside:
            self.inputs[port.source] = with_tensor(port.info, full(before), port.outside)
            return before
        tensor = self._placeholder(port)
        self.inputs[port.source] = with_tensor(port.info, full(tensor), port.outside)
        if not port.node_name:
            return tensor
        # In the scope of all that is added, so that what the placeholder is for can be recognised.
        return identity(self._scope.inner(port.key), FED, tensor, port.outside)

    def _placeholder(self, port: Port) -> str:
        shape = shape_proto(port.outside.shape)
        attributes = {"dtype": dtype_attr(port.outside.dtype), "shape": shape_attr(shape)}
        op, inputs = "Placeholder", self._default(port)
        if inputs:
            op = "PlaceholderWithDefault"
        body: GraphBody = self._scope.graph if port.node_name else self._scope
        [output] = body.add(op, port.node_name or node_name(port.key), inputs, attributes, shape)
        return output

    def passed_on(self, port: Port, sent: Port) -> str:
        """Adds an Identity of what clients send as an input, which can be fetched; returns it."""
        info = self.inputs.get(sent.source, sent.info)
        attributes, shape = {"T": dtype_attr(info.dtype)}, shape_proto(sent.outside.shape)
        passed = [canonical(info.name)]
        [output] = self.steps_of(port).add("Identity", "Identity", passed, attributes, shape)
        return output

    def _default(self, port: Port) -> list[str]:
        """Returns what a placeholder is to take where nothing is fed: a tensor, or nothing."""
        graph, tensor = self._scope.graph, converted_tensor(port.info)
        if port.conversion is None:
            node = default_placeholder(tensor, graph)
            return [node.input[0]] if node else []
        value = converted_default(tensor, port.conversion, graph)
        return [] if value is None else [constant(self._scope.inner(port.key), "default", value)]

    def named(self, port: Port, tensor: str) -> str:
        """Returns an output's tensor under the name that its node is to have."""
        if not port.node_name:
            return tensor
        if not is_added(tensor):  # So that the name can be recognised as one that was added.
            tensor = identity(self._scope.inner(port.key), "Identity", tensor, port.outside)
        return identity(self._scope.graph, port.node_name, tensor, port.outside)

    def taken(self, port: Port) -> str:
        """Returns the tensor that is fed."""
        return canonical(port.info.name)

    def type_inside(self, port: Port) -> TensorType:
        """Returns the type behind the conversion."""
        return port.inside

    def steps_of(self, port: Port) -> GraphBody:
        """Returns a scope of the port's key."""
        return self._scope.inner(port.key)

    def constant_name(self, port: Port) -> str:
        """Returns a name made of the port's key in the model."""
        return node_name(port.source)


def splice(interfaces: Interfaces, interface: Interface, graph: TopLevelGraph) -> Endpoints:
    """Adds to a graph what converts the values of a signature.

    Args:
        interfaces: The signatures that are to be.
        interface: The one whose values are converted.
        graph: Receives the nodes.

    Returns:
        The endpoints that session clients are to use.

    Raises:
        PatchError: If nodes would have to be copied that hold state.
    """
    if interface.restored is not None:
        return _restored(interface, interface.restored)
    scope = graph.fresh_scope(f"{SPLICED}/{node_name(interface.key)}")
    surface = _TopLevel(scope)
    made = passed_in([*interface.inputs.values()], surface, interface)
    infos = {key: port.info for key, port in interface.inputs.items()}
    fed = {canonical(converted_tensor(infos[key])): tensor for key, tensor in made.items()}
    signature_def = interfaces.meta_graph.signatures[interface.ref.source]
    still_fed = set(fed_tensors(signature_def)).difference(fed)
    fetched = [tensor for port in interface.kept("output") for tensor in port.tensors]
    fetched += [port.found for port in interface.added if port.found]
    # A value that is repeated for the rows of a computed tensor may not take part in computing it.
    own, fed_as_before = Counter(interface.fed_as_before()), interfaces.fed_as_before
    # What is fed again may take what takes its place.
    is_back = any(port.node_name == "" for port in interface.inputs.values())
    in_place = (
        not is_back
        and all(fed_as_before[tensor] == own[tensor] for tensor in fed)
        and all(
            is_unfed_placeholder(graph.node(producer(interface.inputs[port.rows_of].info.name)))
            for port in interface.inputs.values()
            if port.rows_of is not None
        )
    )
    follow = redirected(
        graph, scope, fed, still_fed, fetched, interface.changed_nodes, in_place=in_place
    )
    outputs = {}
    for port in interface.kept("output"):
        info = with_tensors(port.info, follow)
        if port.conversion or port.node_name is not None:
            tensor = canonical(converted_tensor(info))
            if port.node_name == "":
                before = Origins(graph).named(port.info.name)
                assert before is not None, "the name was given by a patch"
                tensor = canonical(follow(before))
            tensor = surface.named(port, passed_out(port, tensor, surface))
            info = with_tensor(info, full(tensor), port.outside)
        outputs[port.source] = info
    for port in interface.added_inputs:
        surface.fed(port)
    sent = {port.source: port for port in interface.ports("input")}
    added = {}
    for port in interface.added:
        if (key := port.made_of("input")) is not None:
            tensor = surface.passed_on(port, sent[key])
        else:
            tensor = canonical(follow(port.found))
        if port.conversion:
            tensor = surface.named(port, passed_out(port, tensor, surface))
            added[port.key] = with_tensor(port.info, full(tensor), port.outside)
    new = {port.key: surface.inputs.pop(port.source) for port in interface.added_inputs}
    return Endpoints(surface.inputs, outputs, added, new)


def _restored(interface: Interface, restored: Restoration) -> Endpoints:
    """Returns the endpoints of a signature that is to be what it was."""

    def follow(tensor: str) -> str:
        return full(restored.origins.get(canonical(tensor), canonical(tensor)))

    def infos(ports: Mapping[str, Port]) -> Iterator[tuple[str, protos.TensorInfo]]:
        for key, port in ports.items():
            if port.conversion:
                after = with_tensors(port.info, follow)
                after.dtype = port.outside.dtype
                if after.name:
                    after.tensor_shape.CopyFrom(shape_proto(port.outside.shape))
                yield key, after

    return Endpoints(dict(infos(interface.inputs)), dict(infos(interface.outputs)))


def converted_default(
    tensor: str, change: Conversion, graph: TopLevelGraph
) -> protos.TensorProto | None:
    """Returns the value whose conversion is the default that a placeholder has.

    Args:
        tensor: The placeholder's output.
        change: How what is fed is converted.
        graph: The graph.

    Returns:
        The value, of the type that is fed; None if there is no default, or no such value, or if the
        default is computed.
    """
    constant = constant_default(tensor, graph)
    if constant is None:
        return None
    value = protos.TensorProto()
    value.CopyFrom(constant)
    try:
        # Of a dtype that stays, the elements need not be known here.
        is_read = value.dtype != change.outside.dtype
        before = Stored(elements(value) if is_read else [], sizes(value))
        after, is_exact = undone(change.steps, change.outside, before)
        if not is_exact or not is_compatible(after.sizes, change.outside.shape):
            return None
        value.tensor_shape.CopyFrom(shape_proto(after.sizes))
        if is_read:
            value.dtype = change.outside.dtype
            set_elements(value, after.elements)
    except ValueError:  # Elements that cannot be read or written.
        return None
    return value


def lost_defaults(signature: Interface, parts: GraphParts) -> Iterator[str]:
    """Yields the keys of inputs that session clients need not feed, and have to once converted."""
    graph = parts.top
    for end in signature.kept("input"):
        tensor, now = converted_tensor(end.info), tensor_type(end.info)
        if end.type is None or end.tensor or default_placeholder(tensor, graph) is None:
            continue
        try:
            change = conversion("input", now, end.type)
        except ConversionError:
            continue  # The patch is refused.
        if converted_default(tensor, change, graph) is None:
            yield end.key
