"""Where a graph without signatures begins and ends: what a signature of it could be made of."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from sigpb import protos
from sigpb.errors import ModelUnreadable
from sigpb.graphs.cone import needed, reached
from sigpb.graphs.top_level import TopLevelGraph
from sigpb.inspect.proto_source import ProtoSource
from sigpb.rewrite.graph_parts import FunctionLibrary
from sigpb.rewrite.port import Side
from sigpb.saved_model.missing_model import misnamed, part_of_model
from sigpb.saved_model.model import MetaGraph
from sigpb.tf.op_defs import OpDefs
from sigpb.tf.ops import PLACEHOLDERS, UNFED_PLACEHOLDERS
from sigpb.tf.tensor_names import full, producer
from sigpb.tf.tensor_types import TensorType, dtype_name, is_handle, shape_text, value_dtype
from sigpb.wire import Message

Json = dict[str, Any]

_LISTED = 10

# They tell of variables, which exporters add for themselves.
_OF_VARIABLES = {"IsVariableInitialized", "ReadVariableOp", "VarIsInitializedOp"}


class GraphTensor(NamedTuple):
    """A tensor of a graph: its name as signatures spell it, and its type."""

    name: str
    type: TensorType


class GraphEnds(NamedTuple):
    """Where a graph begins and ends.

    Attributes:
        results: The tensors that no node takes, in the order of the graph. Where any of them are
            computed from placeholders, only these.
        placeholders: What they are computed from and can be fed, in the order of the graph.
        inputs: Those of the placeholders that have to be fed for the first result.
    """

    results: tuple[GraphTensor, ...]
    placeholders: tuple[GraphTensor, ...]
    inputs: tuple[GraphTensor, ...]


def graph_in(message: Message) -> TopLevelGraph:
    """Returns the top level of a GraphDef by itself, to look at."""
    library = FunctionLibrary.of_graph(message)
    return TopLevelGraph(message, library, OpDefs(library.signatures))


def ends_of(graph: TopLevelGraph, meta_graph: MetaGraph | None) -> GraphEnds:
    """Returns where a graph begins and ends.

    Args:
        graph: The graph.
        meta_graph: The MetaGraph that it belongs to, if any, which says by which node it is saved.
    """
    nodes, hidden = graph.nodes, _saving(meta_graph)
    taken = {producer(tensor) for node in nodes.values() for tensor in node.input}
    behind = _behind([name for name, node in nodes.items() if node.op in PLACEHOLDERS], graph)
    last = [
        name
        for name, node in nodes.items()
        if name not in taken and name not in hidden and node.op not in PLACEHOLDERS | _OF_VARIABLES
    ]
    last = [name for name in last if name in behind] or last
    results = [each for name in last for each in _outputs(graph, nodes[name])]

    def placeholders_of(tensors: Iterable[GraphTensor]) -> Iterator[GraphTensor]:
        names = needed(nodes, [each.name for each in tensors])
        for name, node in nodes.items():
            if name in names and node.op in PLACEHOLDERS:
                yield from _outputs(graph, node)

    inputs = (
        each
        for each in placeholders_of(results[:1])
        if nodes[producer(each.name)].op in UNFED_PLACEHOLDERS
    )
    return GraphEnds(tuple(results), tuple(placeholders_of(results)), tuple(inputs))


def _saving(meta_graph: MetaGraph | None) -> set[str]:
    """Returns the names of the nodes by which variables are saved."""
    saver = meta_graph and meta_graph.message.find(protos.MetaGraphDef.SAVER_DEF_FIELD_NUMBER)
    saved = saver.last(protos.SaverDef.SAVE_TENSOR_NAME_FIELD_NUMBER) if saver else None
    return {producer(saver.text(saved))} if saver and saved else set()


def _behind(begin: Iterable[str], graph: TopLevelGraph) -> set[str]:
    """Returns nodes, and those that take anything from them, directly or not."""
    users: dict[str, list[str]] = {}
    for node in graph.nodes.values():
        for tensor in node.input:
            users.setdefault(producer(tensor), []).append(node.name)
    return reached(begin, lambda name: users.get(name, ()))


def _outputs(graph: TopLevelGraph, node: protos.NodeDef) -> Iterable[GraphTensor]:
    """Yields the outputs of a node that hold values."""
    for number in range(len(graph.op_defs.output_dtypes(node) or ())):
        name = full(node.name) if number == 0 else f"{node.name}:{number}"
        type_ = graph.type_of(name)
        if type_ is None or value_dtype(type_.dtype) != type_.dtype:
            continue
        if not is_handle(type_.dtype):
            yield GraphTensor(name, type_)


def how_to_go_on(ends: GraphEnds) -> tuple[str, ...]:
    """Returns what can be fed and fetched, and the patch that creates a signature of it."""
    patch = suggested_patch(ends)
    return (
        *end_lines(ends_json(ends)),
        *([f"a patch that creates a signature: {patch}"] if patch else []),
    )


def end_lines(ends: Json) -> tuple[str, str]:
    """Returns what `ends_json` does as text."""
    return (
        f"placeholders: {_listed(ends['placeholders'])}",
        f"tensors that no node takes: {_listed(ends['results'])}",
    )


def suggested_patch(ends: GraphEnds) -> str | None:
    """Returns the patch that creates a signature of the first result; None if there is none."""
    if not ends.results:
        return None
    inputs = [_endpoint("input", each) for each in ends.inputs]
    outputs = [_endpoint("output", each) for each in ends.results[:1]]
    content = " ".join(['key: "serving_default" create: true', *inputs, *outputs])
    return f"signature {{ {content} }}"


def _endpoint(side: Side, tensor: GraphTensor) -> str:
    return f'{side} {{ key: "{_key(tensor)}" from_tensor: "{tensor.name}" }}'


def _key(tensor: GraphTensor) -> str:
    return producer(tensor.name).replace("/", "_")


def creating_flags(ends: GraphEnds) -> tuple[str, ...]:
    """Returns the flags of 'sigpb patch' that say the same as `suggested_patch`; none if None."""
    if not ends.results:
        return ()
    return (
        "--create_signature=serving_default",
        *(f"--input_from={_key(each)}={each.name}" for each in ends.inputs),
        *(f"--add_output={_key(each)}={each.name}" for each in ends.results[:1]),
    )


def patch_command(path: Path, *flags: str) -> str:
    """Returns the command that makes a model with a signature of one that has none."""
    return shlex.join(("sigpb", "patch", str(path), "--output_dir=with_signature", *flags))


def ends_json(ends: GraphEnds) -> Json:
    """Returns what a graph takes and computes as JSON values."""
    return {
        "placeholders": [*map(_json, ends.placeholders)],
        "results": [*map(_json, ends.results)],
    }


def summarize(source: ProtoSource) -> Json:
    """Returns what a signature of a graph in a file of its own could be made of, as JSON values.

    The format is described in docs/json.md.
    """
    ends = _ends_in(source)
    flags = creating_flags(ends)
    return {
        "file": str(source.file),
        "message": source.schema,
        "bytes": source.file.stat().st_size,
        **ends_json(ends),
        "patch": suggested_patch(ends),
        "command": patch_command(source.file, *flags) if flags else None,
    }


def summary_lines(source: ProtoSource) -> tuple[str, ...]:
    """Returns the same as text."""
    ends = _ends_in(source)
    flags = creating_flags(ends)
    return (
        f"{source.file}: a {source.schema}, and no SavedModel; 'sigpb patch' makes one of it",
        *end_lines(ends_json(ends)),
        *([f"to make one: {patch_command(source.file, *flags)}"] if flags else []),
    )


def _ends_in(source: ProtoSource) -> GraphEnds:
    if source.schema == "SavedModel" and source.graphs:
        raise ModelUnreadable(misnamed(source.file))
    if not source.graphs:
        where = part_of_model(source.file)
        raise ModelUnreadable(f"{source.file}: it holds no graph. {where}".rstrip())
    part = source.graphs[0]
    return ends_of(graph_in(part.message), part.meta_graph)


def _json(tensor: GraphTensor) -> Json:
    shape = tensor.type.shape
    return {
        "tensor": tensor.name,
        "dtype": dtype_name(tensor.type.dtype),
        "shape": None if shape is None else [*shape],
    }


def _listed(tensors: Sequence[Json]) -> str:
    said = [f"{each['tensor']!r} {_type_text(each)}" for each in tensors[:_LISTED]]
    more = f" and {len(tensors) - _LISTED} more" if len(tensors) > _LISTED else ""
    return (", ".join(said) or "none") + more


def _type_text(tensor: Json) -> str:
    shape = tensor["shape"]
    return f"{tensor['dtype']} {shape_text(None if shape is None else tuple(shape))}"
