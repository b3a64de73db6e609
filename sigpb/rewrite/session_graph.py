"""Writes what a signature feeds and fetches in the top-level graph: what session clients use.

An input whose values are converted gets a placeholder of its own, and the steps behind it take the
place of the tensor that was fed so far. That tensor can still be fed by others:

* The nodes between the tensor and the signature's outputs are copied for this signature.
* In a graph of many nodes, where that would be much, the old placeholder becomes, under its name, a
  PlaceholderWithDefault whose default is what the steps compute, and nothing else changes. That
  cannot be where another signature goes on feeding it, since OpenVINO takes the default for what is
  fed; nor where the graph calls functions, since the session inlines these
  (tensorflow/core/grappler/optimizers/function_optimizer.cc) and from then on wants the new
  placeholder to be fed even by those who feed the old one. tf2onnx wants a flag for it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sigpb import protos
from sigpb.errors import PatchError
from sigpb.graph.called_functions import CALL_OPS
from sigpb.graph.clone import clone
from sigpb.graph.cone import Cone
from sigpb.graph.tensor_names import SPLICED, canonical, copy_scope, full, node_name, producer
from sigpb.graph.top_level import Scope, TopLevelGraph
from sigpb.rewrite.boundary import Boundary, converted_tensor, fed_tensors, tensor_type
from sigpb.rewrite.conversion import Conversion
from sigpb.rewrite.draft import MetaGraphDraft, SignatureDraft
from sigpb.rewrite.placeholder_default import converted_default
from sigpb.rewrite.restoration import Restoration
from sigpb.steps.attributes import constant, dtype_attr, shape_attr
from sigpb.steps.repeated_row import repeated_row
from sigpb.steps.step import build_steps
from sigpb.tensor_types import shape_proto, tensor_names

_MANY_NODES = 10_000

# What holds state that copies of other nodes have to share.
_STATE_OPS = {
    "HashTableV2",
    "MutableHashTableV2",
    "VarHandleOp",
    "Variable",
    "VariableV2",
}


@dataclass(frozen=True)
class Endpoints:
    """The TensorInfos of a signature, by the keys that its endpoints have in the model.

    Attributes:
        inputs: Those of the inputs that change.
        outputs: Those of the outputs that change.
        added: Those of the outputs that are added, by their keys.
    """

    inputs: Mapping[str, protos.TensorInfo] = field(default_factory=dict)
    outputs: Mapping[str, protos.TensorInfo] = field(default_factory=dict)
    added: Mapping[str, protos.TensorInfo] = field(default_factory=dict)


def splice(
    draft: MetaGraphDraft,
    signature: SignatureDraft,
    boundary: Boundary,
    as_before: Mapping[str, int],
    graph: TopLevelGraph,
) -> Endpoints:
    """Adds to a graph what converts the values of a signature.

    Args:
        draft: The signatures that are to be.
        signature: The one whose values are converted.
        boundary: How its values are converted.
        as_before: How many endpoints go on feeding each tensor: see `fed_as_before`.
        graph: Receives the nodes.

    Returns:
        The endpoints that session clients are to use.

    Raises:
        PatchError: If nodes would have to be copied that hold state.
    """
    signature_def = draft.meta_graph.signatures[signature.ref.source]
    if boundary.restored is not None:
        return _restored(signature_def, boundary, boundary.restored)
    scope = graph.fresh_scope(f"{SPLICED}/{node_name(signature.key)}")
    inputs, fed = _converted_inputs(scope, signature, signature_def, boundary)
    fed |= _repeated_values(scope, signature, signature_def, boundary, fed)
    still_fed = set(fed_tensors(signature_def)).difference(fed)
    fetched = [
        tensor
        for end in signature.kept("output")
        for tensor in tensor_names(signature_def.outputs[end.source])
    ]
    fetched += [each.tensor for each in boundary.added]
    # A value that is repeated for the rows of a computed tensor may not take part in computing it.
    own = Counter(_fed_as_before(signature, signature_def))
    in_place = all(as_before.get(tensor, 0) == own[tensor] for tensor in fed) and all(
        _is_placeholder(graph.node(producer(signature_def.inputs[end.rows_of].name)))
        for end in signature.inputs.values()
        if end.rows_of is not None
    )
    follow = _redirect(
        graph, scope, fed, still_fed, fetched, boundary.changed_nodes, in_place=in_place
    )
    outputs = {}
    for end in signature.kept("output"):
        info = _redirected(signature_def.outputs[end.source], follow)
        if change := boundary.outputs.get(end.source):
            info = _info(info, _converted(scope, end.key, converted_tensor(info), change), change)
        outputs[end.source] = info
    added = {}
    for each in boundary.added:
        tensor = _converted(scope, each.key, follow(each.tensor), each.conversion)
        added[each.key] = _info(protos.TensorInfo(), tensor, each.conversion)
    return Endpoints(inputs, outputs, added)


def _converted_inputs(
    scope: Scope,
    signature: SignatureDraft,
    signature_def: protos.SignatureDef,
    boundary: Boundary,
) -> tuple[dict[str, protos.TensorInfo], dict[str, str]]:
    """Adds placeholders and constants, and the steps behind them.

    Returns:
        The inputs that are converted, and for each tensor that was fed what takes its place.
    """
    inputs, fed = {}, {}
    for end in signature.inputs.values():
        info, change = signature_def.inputs[end.source], boundary.inputs.get(end.source)
        if end.bound is not None:
            if end.rows_of is None:
                fed[canonical(info.name)] = constant(scope, node_name(end.source), end.bound)
        elif change is not None:
            default = converted_default(converted_tensor(info), change, scope.graph)
            placeholder = _placeholder(scope, end.key, change, default)
            inputs[end.source] = _info(info, placeholder, change)
            fed[canonical(converted_tensor(info))] = build_steps(
                scope.inner(end.key), change.steps, placeholder, change.outside
            )
    return inputs, fed


def _repeated_values(
    scope: Scope,
    signature: SignatureDraft,
    signature_def: protos.SignatureDef,
    boundary: Boundary,
    fed: Mapping[str, str],
) -> dict[str, str]:
    """Adds bound values of one row, repeated for the rows of other inputs."""
    repeated = {}
    for end in signature.inputs.values():
        if end.bound is not None and end.rows_of is not None:
            info, change = signature_def.inputs[end.rows_of], boundary.inputs.get(end.rows_of)
            batch, type_ = canonical(info.name), change.inside if change else tensor_type(info)
            repeated[canonical(signature_def.inputs[end.source].name)] = repeated_row(
                scope, node_name(end.source), end.bound, fed.get(batch, batch), type_
            )
    return repeated


def _is_placeholder(node: protos.NodeDef | None) -> bool:
    return node is not None and node.op == "Placeholder"


def fed_as_before(draft: MetaGraphDraft) -> Counter[str]:
    """Counts the endpoints that go on feeding each tensor, as `canonical` spells it."""
    signatures = draft.meta_graph.signatures
    return Counter(
        tensor
        for signature in draft.kept()
        for tensor in _fed_as_before(signature, signatures[signature.ref.source])
    )


def _fed_as_before(signature: SignatureDraft, signature_def: protos.SignatureDef) -> Iterator[str]:
    for end in signature.inputs.values():
        if not end.converted:
            yield from map(canonical, tensor_names(signature_def.inputs[end.source]))


def _placeholder(
    scope: Scope, key: str, change: Conversion, default: protos.TensorProto | None
) -> str:
    shape = shape_proto(change.outside.shape)
    attributes = {"dtype": dtype_attr(change.outside.dtype), "shape": shape_attr(shape)}
    if default is None:
        [output] = scope.add("Placeholder", node_name(key), [], attributes, shape)
        return output
    inputs = [constant(scope.inner(key), "default", default)]
    [output] = scope.add("PlaceholderWithDefault", node_name(key), inputs, attributes, shape)
    return output


def _converted(scope: Scope, key: str, tensor: str, change: Conversion) -> str:
    return build_steps(scope.inner(key), change.steps, canonical(tensor), change.inside)


def _info(info: protos.TensorInfo, tensor: str, change: Conversion) -> protos.TensorInfo:
    """Returns a TensorInfo with another tensor and type."""
    after = protos.TensorInfo()
    after.CopyFrom(info)
    after.dtype = change.outside.dtype
    if info.HasField("coo_sparse"):
        after.coo_sparse.values_tensor_name = full(tensor)
    else:
        after.name = full(tensor)
        after.tensor_shape.CopyFrom(shape_proto(change.outside.shape))
    return after


def _redirected(info: protos.TensorInfo, follow: Callable[[str], str]) -> protos.TensorInfo:
    """Returns a TensorInfo of other tensors."""
    after = protos.TensorInfo()
    after.CopyFrom(info)
    if info.HasField("coo_sparse"):
        sparse = after.coo_sparse
        for part in ("values", "indices", "dense_shape"):
            name = f"{part}_tensor_name"
            setattr(sparse, name, follow(getattr(sparse, name)))
    elif info.HasField("composite_tensor"):
        components = [_redirected(part, follow) for part in info.composite_tensor.components]
        del after.composite_tensor.components[:]
        after.composite_tensor.components.extend(components)
    else:
        after.name = follow(info.name)
    return after


def _restored(
    signature_def: protos.SignatureDef, boundary: Boundary, restored: Restoration
) -> Endpoints:
    """Returns the endpoints of a signature that is to be what it was."""

    def follow(tensor: str) -> str:
        return full(restored.origins.get(canonical(tensor), canonical(tensor)))

    def info(before: protos.TensorInfo, change: Conversion) -> protos.TensorInfo:
        after = _redirected(before, follow)
        after.dtype = change.outside.dtype
        if after.name:
            after.tensor_shape.CopyFrom(shape_proto(change.outside.shape))
        return after

    inputs, outputs = signature_def.inputs, signature_def.outputs
    return Endpoints(
        {key: info(inputs[key], change) for key, change in boundary.inputs.items()},
        {key: info(outputs[key], change) for key, change in boundary.outputs.items()},
    )


def _redirect(
    graph: TopLevelGraph,
    scope: Scope,
    fed: Mapping[str, str],
    still_fed: Collection[str],
    fetched: Sequence[str],
    changed_nodes: Mapping[str, protos.NodeDef],
    *,
    in_place: bool,
) -> Callable[[str], str]:
    """Has tensors computed from what is fed now.

    Args:
        graph: The graph.
        scope: Receives nodes.
        fed: For each tensor that was fed so far what takes its place.
        still_fed: The tensors that the signature goes on feeding, perhaps between the others and
            what is fetched.
        fetched: The tensors to compute.
        changed_nodes: The nodes that differ for the signature, by name; new ones too.
        in_place: Whether placeholders may take, under their names, what takes their place.

    Returns:
        What is computed in place of a tensor.
    """
    if not fed and not changed_nodes:
        return lambda tensor: tensor
    producers = [graph.node(producer(tensor)) for tensor in fed]
    placeholders = [node for node in producers if node and _is_placeholder(node)]
    in_place &= len(placeholders) == len(fed) and not changed_nodes
    if in_place and len(graph) > _MANY_NODES and not graph.has_op(*CALL_OPS):
        for node, tensor in zip(placeholders, fed.values(), strict=True):
            graph.replace(_with_default(node, tensor, graph))
        return lambda tensor: tensor
    # What waits for a placeholder that was fed waits for what is fed now.
    fed = {**fed, **{f"^{node.name}": f"^{producer(fed[node.name])}" for node in placeholders}}
    nodes = {**graph.nodes, **changed_nodes} if changed_nodes else graph.nodes
    names = Cone(nodes, fed.keys(), fetched, changed_nodes, still_fed).names
    if stateful := sorted(name for name in names if nodes[name].op in _STATE_OPS):
        raise PatchError(
            f"the nodes {', '.join(map(repr, stateful))} depend on an input that is to change, and "
            "hold state; they cannot be copied for one signature alone."
        )
    taken = {**{tensor: tensor for tensor in still_fed}, **fed}
    copies = graph.fresh_scope(copy_scope(scope.name))
    follow = clone(graph.whole(nodes, names), names, taken, copies)
    return lambda tensor: tensor if (now := follow(tensor)) == tensor else full(now)


def _with_default(node: protos.NodeDef, tensor: str, graph: TopLevelGraph) -> protos.NodeDef:
    """Returns a placeholder that takes a tensor when nothing is fed."""
    after = protos.NodeDef()
    after.CopyFrom(node)
    after.op = "PlaceholderWithDefault"
    after.input.insert(0, tensor)
    type_ = graph.type_of(node.name)
    after.attr["shape"].CopyFrom(shape_attr(shape_proto(type_.shape if type_ else None)))
    return after
