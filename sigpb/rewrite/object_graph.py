"""Writes the signatures of a SavedObjectGraph: what `tf.saved_model.load` reads.

A new key has to be put in five places of it, and half of them make a model that fails to load or,
worse, one that loads and mixes up its values: see docs/architecture.md, "Sorted keys".
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

from sigpb import protos
from sigpb.rewrite import structured_value
from sigpb.rewrite.draft import Interfaces, MetaGraphDraft
from sigpb.rewrite.graph_parts import GraphParts
from sigpb.rewrite.interface import Interface
from sigpb.rewrite.port import SIDES
from sigpb.rewrite.signature_function import (
    STEM,
    FunctionPorts,
    Wrapper,
    function_of,
    is_wrapper,
    ports_behind,
    ports_of,
    wrapped_in,
)
from sigpb.saved_model.deterministic_bytes import rewrite_list, rewrite_map
from sigpb.saved_model.model import MetaGraph
from sigpb.saved_model.object_graph import ObjectGraph, takes_positions
from sigpb.tf.called_functions import called_functions
from sigpb.tf.endpoint_keys import are_adapted, argument_name
from sigpb.wire import Edits

_OBJECT_GRAPH = protos.MetaGraphDef.OBJECT_GRAPH_DEF_FIELD_NUMBER
_NODES = protos.SavedObjectGraph.NODES_FIELD_NUMBER
_CONCRETE_FUNCTIONS = protos.SavedObjectGraph.CONCRETE_FUNCTIONS_FIELD_NUMBER


def contradictions(draft: MetaGraphDraft, signature: Interface) -> Iterator[str]:
    """Yields where the object graph says something else of a signature than `signature_def`.

    A signature of which two loaders already disagree cannot be edited in step.
    """
    graph, key = draft.meta_graph.object_graph, signature.ref.source
    if graph is None:
        return
    nodes = graph.signature_nodes
    if key not in nodes:
        yield f"signature_def has signature {key!r}, but the object graph does not."
        return
    node_id = nodes[key]
    if not graph.has_node(node_id):
        yield (
            f"signature_def has signature {key!r}, but the object graph does not have the node "
            f"{node_id} that it names for it."
        )
        return
    where = f"object_graph_def.nodes[{node_id}].bare_concrete_function"
    arguments = graph.argument_keys(node_id)
    inputs = sorted(draft.meta_graph.signatures[key].inputs)
    if sorted(arguments) != inputs:
        yield (
            f"signature {key!r} has the inputs {inputs} in signature_def, "
            f"but {sorted(arguments)} in {where}.argument_keywords."
        )
    elif arguments != sorted(arguments, key=argument_name):
        yield (
            f"signature {key!r}: {where}.argument_keywords lists {arguments}, which is not the "
            "sorted order in which tf.saved_model.load passes them."
        )
    elif graph.parameter_names(node_id) not in (
        sorted(arguments),
        sorted(argument_name(argument) for argument in arguments),
    ):
        yield (
            f"signature {key!r} has the inputs {sorted(arguments)}, but "
            f"{graph.parameter_names(node_id)} in the canonicalized_input_signature of "
            f"object_graph_def.concrete_functions[{graph.function_name(node_id)!r}]."
        )
    if graph.output_keys(node_id) != sorted(signature.outputs):
        yield (
            f"signature {key!r} has the outputs {sorted(signature.outputs)} in signature_def, "
            f"but {graph.output_keys(node_id)} in the output_signature of "
            f"object_graph_def.concrete_functions[{graph.function_name(node_id)!r}]."
        )


def rewrite(
    edits: Edits, interfaces: Interfaces, parts: GraphParts
) -> protos.SavedObjectGraph | None:
    """Brings the object graph in line with the interfaces of a MetaGraph's signatures.

    Args:
        edits: Receives what changes.
        interfaces: The signatures as they are to be; they contradict nothing.
        parts: The graph; its library receives the functions that signatures need.

    Returns:
        The object graph as it is to be; None if there is none with signatures.
    """
    graph = interfaces.meta_graph.object_graph
    if graph is None or graph.signature_map is None:
        return None
    after = _Rewriting(graph, interfaces, parts).run()
    write(edits, interfaces.meta_graph, graph.proto, after)
    return after


def write(
    edits: Edits,
    meta_graph: MetaGraph,
    before: protos.SavedObjectGraph,
    after: protos.SavedObjectGraph,
) -> None:
    """Writes what of an object graph changed: nodes and concrete functions.

    Args:
        edits: Receives what changes.
        meta_graph: The MetaGraph that has it.
        before: The object graph as it is.
        after: What it is to be.
    """
    parent = meta_graph.message.find(_OBJECT_GRAPH)
    assert parent is not None, "there is an object graph"
    rewrite_list(edits, parent, _NODES, before.nodes, after.nodes)
    functions = before.concrete_functions, after.concrete_functions
    rewrite_map(edits, parent, _CONCRETE_FUNCTIONS, *functions)


class _Rewriting:
    """The work of one call of `rewrite`."""

    def __init__(self, graph: ObjectGraph, interfaces: Interfaces, parts: GraphParts) -> None:
        self.interfaces = interfaces
        self.parts, self.library = parts, parts.library
        self.graph = protos.SavedObjectGraph()
        self.graph.CopyFrom(graph.proto)
        self.signature_map = self.graph.nodes[graph.signature_map or 0]
        # How often each node is a child of another, and each concrete function named by nodes.
        self.references = Counter[int]()
        self.users = Counter[str]()

    def run(self) -> protos.SavedObjectGraph:
        children = self._name_children()
        for node in self.graph.nodes:
            self.references.update(child.node_id for child in node.children)
            self.users.update(node.function.concrete_functions)
            self.users[node.bare_concrete_function.concrete_function_name] += 1
        self._remove_copies()
        changed = {signature.ref.source for _, signature in children if signature.endpoints_changed}
        # Copies first: so the node that a signature has stays its own.
        for child, signature in sorted(children, key=lambda each: each[1].ref.copy_of is None):
            own = signature.endpoints_changed or signature.ref.copy_of is not None
            shared = self.references[child.node_id] > 1
            if signature.ref.source in changed and own and shared:
                node = self.graph.nodes.add()
                node.CopyFrom(self.graph.nodes[child.node_id])
                self.users[node.bare_concrete_function.concrete_function_name] += 1
                self.references[child.node_id] -= 1
                child.node_id = len(self.graph.nodes) - 1
                self.references[child.node_id] += 1
        for child, signature in children:
            if signature.endpoints_changed:
                self._change_endpoints(self.graph.nodes[child.node_id], signature)
        return self.graph

    def _remove_copies(self) -> None:
        """Removes nodes at the end that were added for copies of signatures that are dropped.

        Of such a node another one has the function, or the two have wrappers of one function.
        """
        nodes, functions = self.graph.nodes, self.graph.concrete_functions
        while nodes and not self.references[len(nodes) - 1]:
            name = nodes[-1].bare_concrete_function.concrete_function_name
            if not name or (not is_wrapper(name) and not self._is_shared(name)):
                return
            self.references.subtract(child.node_id for child in nodes[-1].children)
            self._name_function(nodes[-1].bare_concrete_function, "")
            del nodes[-1]
            unused = is_wrapper(name) and not self.users[name]
            if unused and self.library.remove(name):
                del functions[name]

    def _is_shared(self, function: str) -> bool:
        """Whether several nodes have a function, or one has it and another a wrapper of it."""
        named = (name for name, count in self.users.items() if count)
        wrappers = (self.library.get(n) for n in named if is_wrapper(n))
        found = (wrapped_in(w, self.library) for w in wrappers if w)
        return self.users[function] + sum(each.function == function for each in found if each) > 1

    def _name_children(
        self,
    ) -> list[tuple[protos.TrackableObjectGraph.TrackableObject.ObjectReference, Interface]]:
        """Names the children of the signature map after the signatures that are to be."""
        before = protos.SavedObject()
        before.CopyFrom(self.signature_map)
        children = self.signature_map.children
        del children[:]
        by_source: dict[str, list[Interface]] = defaultdict(list)
        for signature in self.interfaces.signatures.values():
            by_source[signature.ref.source].append(signature)
        named = []
        for old in before.children:
            if old.local_name not in by_source:
                children.add().CopyFrom(old)
            for signature in by_source.get(old.local_name, ()):
                if not signature.dropped:
                    child = children.add()
                    child.CopyFrom(old)
                    child.local_name = signature.key
                    named.append((child, signature))
        return named

    def _name_function(self, bare: protos.SavedBareConcreteFunction, name: str) -> None:
        """Has a node name another concrete function; an empty name stands for none."""
        self.users[bare.concrete_function_name] -= 1
        bare.concrete_function_name = name
        self.users[name] += 1

    def _change_endpoints(self, node: protos.SavedObject, signature: Interface) -> None:
        inputs, outputs = (
            {port.source: None if port.dropped else port.key for port in ports.values()}
            for ports in (signature.inputs, signature.outputs)
        )
        if signature.examples is not None:
            inputs = dict.fromkeys(inputs)
        added = {port.key: port.outside for port in (*signature.new_inputs, *signature.interior)}
        before, after = (
            {key: change.outside for key, change in signature.conversions(side).items()}
            for side in SIDES
        )
        bare = node.bare_concrete_function
        concrete = protos.SavedConcreteFunction()
        concrete.CopyFrom(self.graph.concrete_functions[bare.concrete_function_name])
        adapted = are_adapted(self.interfaces.meta_graph.tensorflow_release)
        structured_value.change_arguments(
            concrete.canonicalized_input_signature,
            inputs,
            before,
            added,
            adapted=adapted,
        )
        structured_value.change_results(
            concrete.output_signature,
            outputs,
            after,
            {port.key: port.outside for port in signature.added},
        )
        self._name_function(bare, self._function_for(bare, concrete, signature))
        parameters = bare.function_spec.fullargspec
        structured_value.change_parameters(parameters, inputs, added, adapted=adapted)
        keys = sorted(signature.keys("input"), key=argument_name)
        positional = takes_positions(bare) if signature.positional is None else signature.positional
        if signature.positional is not None or len(keys) != len(bare.argument_keywords):
            bare.allowed_positional_arguments = len(keys) if positional or len(keys) == 1 else 0
        bare.argument_keywords[:] = keys

    def _function_for(
        self,
        bare: protos.SavedBareConcreteFunction,
        concrete: protos.SavedConcreteFunction,
        signature: Interface,
    ) -> str:
        """Returns the name of the function for a signature, which `concrete` describes.

        It is one for this signature alone, unless others describe theirs in the same way. A
        wrapper that an earlier patch made is not wrapped again but replaced, or given up when the
        order is that of the original function once more.
        """
        current, functions = bare.concrete_function_name, self.graph.concrete_functions
        if signature.restored is not None and signature.restored.ports is not None:
            return self._restored(bare, concrete, signature.unconverted(), signature.restored.ports)
        function = function_of(current, self.library)
        captured = len(functions[current].bound_inputs)
        ports = ports_of(function, bare.argument_keywords, captured, signature)
        earlier = wrapped_in(function, self.library)
        is_back = (
            earlier is not None
            and earlier.function in functions
            and _is_same(functions[earlier.function], concrete)
        )
        is_varied = signature.computed or signature.relaxed or signature.is_refed
        is_own = self.users[current] == 1 and not is_varied and not is_back
        if is_own and Wrapper(signature, ports, function).is_identity:
            functions[current].CopyFrom(concrete)
            return current
        self._name_function(bare, "")
        if earlier is not None:
            inner = function_of(earlier.function, self.library)
            ports = ports_behind(ports, earlier, inner, signature)
        if is_varied:
            from sigpb.rewrite.added_outputs import with_variant

            ports = with_variant(ports, signature, self.library, self.parts.op_defs)
        name = self._function_with(ports, signature, concrete)
        if earlier is not None and not self.users[current] and self.library.remove(current):
            del functions[current]
        return name

    def _function_with(
        self,
        ports: FunctionPorts,
        signature: Interface,
        concrete: protos.SavedConcreteFunction,
    ) -> str:
        """Returns a function of some ports, or a wrapper of it, which `concrete` describes."""
        functions = self.graph.concrete_functions
        function, name = function_of(ports.function, self.library), ports.function
        is_free = not self.users[name] or _is_same(functions[name], concrete)
        wrapper = Wrapper(signature, ports, function)
        if not is_free or not wrapper.is_identity:
            name = self.library.fresh_name(STEM)
            self.library.add(wrapper.build(name, self.library, self.parts.op_defs))
        functions[name].CopyFrom(concrete)
        return name

    def _restored(
        self,
        bare: protos.SavedBareConcreteFunction,
        concrete: protos.SavedConcreteFunction,
        signature: Interface,
        ports: FunctionPorts,
    ) -> str:
        """Returns the function that computed a signature before earlier patches."""
        current = bare.concrete_function_name
        self._name_function(bare, "")
        name = self._function_with(ports, signature, concrete)
        # An earlier patch may have wrapped what a still earlier one had made.
        layers, functions = [current], self.graph.concrete_functions
        for layer in layers:
            function = self.library.get(layer)
            called = called_functions(function.node_def) if function else set()
            layers += [each for each in sorted(called) if is_wrapper(each)]
        for layer in layers:
            if layer != name and layer in functions and not self.users[layer]:
                del functions[layer]
        return name


def _is_same(first: protos.SavedConcreteFunction, second: protos.SavedConcreteFunction) -> bool:
    encoded = first.SerializeToString(deterministic=True)
    return encoded == second.SerializeToString(deterministic=True)
