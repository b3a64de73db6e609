"""Recognises a signature that a patch can create, from the tensors that it stands for."""

from __future__ import annotations

from sigpb import protos
from sigpb.comparing.lineage import GraphView, Lineage
from sigpb.comparing.signature_difference import SignatureDifference, value_text
from sigpb.graphs.origins import Chain
from sigpb.saved_model.model import MetaGraph
from sigpb.tf.tensor_names import full, producer
from sigpb.tf.tensor_types import declared_type, dtype_name, shape_text
from sigpb.visible_text import natural


def created_as(
    change: SignatureDifference, first: MetaGraph, second: MetaGraph
) -> protos.SignaturePatch | None:
    """Returns what creates a signature in a MetaGraph that another one has.

    Args:
        change: A signature that only the second has.
        first: The MetaGraph that is to have it.
        second: The one that has it.

    Returns:
        The patch; None if one of its endpoints is no tensor of the first, or is behind steps.
    """
    key = change.after
    if key is None or key in first.signatures or first.has_object_graph:
        return None
    lineage = Lineage(GraphView(first), GraphView(second))
    wanted = second.signatures[key]
    patch = protos.SignaturePatch(key=key, create=True, method_name=wanted.method_name)
    sides = zip((wanted.inputs, wanted.outputs), (patch.input, patch.output), strict=True)
    for infos, endpoints in sides:
        for name in sorted(infos, key=natural):
            info = infos[name]
            chain = lineage.origins_after.of(info.name)
            if not _is_known(chain, lineage):
                return None
            endpoint = endpoints.add(key=name, from_tensor=full(chain[-1]))
            if lineage.origins_after.is_named(info.name):
                endpoint.node_name = producer(info.name)
            before, after = lineage.before.top.type_of(chain[-1]), declared_type(info)
            if before is None or before.dtype != after.dtype:
                endpoint.dtype = dtype_name(after.dtype)
            if before is None or before.shape != after.shape:
                endpoint.shape = shape_text(after.shape)
    for endpoint in patch.input:
        if endpoint.key in wanted.defaults:
            default = value_text(wanted.defaults[endpoint.key])
            if default is None:
                return None
            endpoint.default = default
    return patch


def _is_known(chain: Chain, lineage: Lineage) -> bool:
    """Whether an endpoint is a tensor of the first graph, but for casts and reshapes."""
    return lineage.same_tensor(chain[-1]) and not lineage.origins_after.computed_by(chain)
