"""Where the two views of a model's signatures contradict each other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from sigpb import protos
from sigpb.diff.function_ports import Ports, ports_of_object_graph, ports_of_session
from sigpb.diff.lineage import GraphView
from sigpb.graph.origins import Origins
from sigpb.rewrite.draft import MetaGraphDraft
from sigpb.rewrite.interface import Side
from sigpb.rewrite.object_graph import contradictions
from sigpb.saved_model.object_graph import ObjectGraph
from sigpb.tf.tensor_types import TensorType, encoding_of, shape_of, type_text


class BothTypes(NamedTuple):
    """What is said of the type of an endpoint.

    Attributes:
        side: Whether it is an input or an output.
        key: Its key.
        spec: Its type in the object graph.
        declared: Its type in `signature_def`.
    """

    side: Side
    key: str
    spec: TensorType
    declared: TensorType


def both_types(
    graph: ObjectGraph, node_id: int, signature_def: protos.SignatureDef
) -> Iterator[BothTypes]:
    """Yields the types of those dense inputs and outputs of a signature that both views have."""
    for (side, key), spec in graph.endpoint_types(node_id).items():
        infos = signature_def.inputs if side == "input" else signature_def.outputs
        if key in infos:
            info = infos[key]
            yield BothTypes(side, key, spec, TensorType(info.dtype, shape_of(info.tensor_shape)))


def disagreements(view: GraphView, origins: Origins) -> tuple[str, ...]:
    """Returns what `signature_def` and the object graph say differently, in whole sentences."""
    graph = view.meta_graph.object_graph
    if graph is None or graph.signature_map is None:
        return ()
    found: list[str] = []
    draft = MetaGraphDraft.of(view.meta_graph)
    for signature in draft.signatures.values():
        problems = list(contradictions(draft, signature))
        found += problems
        if not problems:
            key = signature.ref.key
            found += _types(view, key)
            ports = ports_of_session(view, origins, key), ports_of_object_graph(view, key)
            if ports[0] and ports[1] and _comparable(ports[0], ports[1], view):
                found += _wiring(key, ports[0], ports[1])
    for key in sorted(set(graph.signature_nodes) - set(view.meta_graph.signatures)):
        found.append(f"the object graph has signature {key!r}, but signature_def does not.")
    return tuple(found)


def _types(view: GraphView, key: str) -> Iterator[str]:
    signature, graph = view.meta_graph.signatures[key], view.meta_graph.object_graph
    assert graph is not None
    for each in sorted(both_types(graph, graph.signature_nodes[key], signature)):
        infos = signature.inputs if each.side == "input" else signature.outputs
        if encoding_of(infos[each.key]) == "dense" and each.declared != each.spec:
            yield (
                f"signature {key!r}: {each.side} {each.key!r} is {type_text(each.declared)} in "
                f"signature_def, but {type_text(each.spec)} in the object graph."
            )


def _comparable(first: Ports, second: Ports, view: GraphView) -> bool:
    """Whether two functions are one, or variants of one."""
    if first.function == second.function:
        return True
    functions = [view.library.get(ports.function) for ports in (first, second)]
    counts = {len(each.signature.input_arg) if each else -1 for each in functions}
    stems = {re.sub(r"(_\d+)+$", "", ports.function) for ports in (first, second)}
    return len(counts) == 1 and len(stems) == 1


def _wiring(key: str, session: Ports, object_graph: Ports) -> Iterator[str]:
    for side, first, second in (
        ("input", session.inputs, object_graph.inputs),
        ("output", session.outputs, object_graph.outputs),
    ):
        crossed = sorted(name for name in first if second.get(name, first[name]) != first[name])
        if crossed:
            what = "argument" if side == "input" else "result"
            yield (
                f"signature {key!r}: signature_def and the object graph take different {what}s of "
                f"the function {session.function!r} for the {side}s "
                f"{', '.join(map(repr, crossed))}."
            )
