"""Finding the nodes that have certain ops, such as those that reach outside of the model.

A graph, or a function, may be of any size: nodes are searched for in its bytes.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from itertools import chain, pairwise
from typing import NamedTuple

from sigpb import protos
from sigpb.graphs.node_index import LARGE_NODE
from sigpb.linting.file_names import WRITTEN_BY_TENSORFLOW, FileNames
from sigpb.linting.linted_model import LintedGraph
from sigpb.saved_model.model import parse
from sigpb.tf.ops import Effect, outside_ops
from sigpb.wire import Field, Message

_GRAPH_NODE = protos.GraphDef.NODE_FIELD_NUMBER
_FUNCTION_NODE = protos.FunctionDef.NODE_DEF_FIELD_NUMBER


_SENTENCES: dict[Effect, str] = {
    "reads": "reads any file that the process can read",
    "writes": "writes to any file that the process can write to",
    "network": "talks to other machines",
    "code": "runs code that the graph does not show",
}
_CALLS_PYTHON = "calls a Python function of the process that made it, and fails in any other"
_LISTS = "lists the files of any directory"
_OPENS_DATABASE = "opens any database"
_IN_OTHER_WORDS = {
    **dict.fromkeys(("PyFunc", "PyFuncStateless", "EagerPyFunc"), _CALLS_PYTHON),
    **dict.fromkeys(
        ("MatchingFiles", "MatchingFilesDataset", "ExperimentalMatchingFilesDataset"), _LISTS
    ),
    **dict.fromkeys(
        ("CreateSummaryDbWriter", "SqlDataset", "ExperimentalSqlDataset"), _OPENS_DATABASE
    ),
    **dict.fromkeys(("Abort", "WorkerHeartbeat"), "ends the process"),
    "DatasetFromGraph": "runs a graph that a string holds, with any ops",
    "FileSystemSetConfiguration": "changes where the process looks for remote files",
    "RemoteCall": "runs a function on another device or machine",
}

# Ops that do so only with some values of an attribute, and the beginnings of harmless ones.
_LOCAL_DESCRIPTORS = ("local://", "bytes://")
_HARMLESS: dict[str, tuple[str, tuple[str, ...]]] = {
    "PrintV2": ("output_stream", ("stderr", "stdout", "log(")),
    "EncodeProto": ("descriptor_source", _LOCAL_DESCRIPTORS),
    "DecodeProtoV2": ("descriptor_source", _LOCAL_DESCRIPTORS),
    "DebugIdentity": ("debug_urls", ()),
    "DebugIdentityV2": ("debug_urls", ()),
    "DebugIdentityV3": ("debug_urls", ()),
    "DebugNanCount": ("debug_urls", ()),
    "DebugNumericSummary": ("debug_urls", ()),
    "FixedUnigramCandidateSampler": ("vocab_file", ()),
}

# What libraries that came apart from TensorFlow called their ops.
_ELSEWHERE: dict[str, tuple[Effect, ...]] = dict.fromkeys(
    ("BigQueryReader", "GenerateBigQueryReaderPartitions"), ("network",)
)


def nodes_with_ops(
    graph: LintedGraph, ops: Collection[str]
) -> Iterator[tuple[str | None, protos.NodeDef]]:
    """Finds the nodes of a MetaGraph whose op is one of those given.

    Attributes that take much space are left out.

    Yields:
        For each node the name of its function, None at the top level, and the node.
    """
    # Not with its tag and length, which could be spelled in a longer way to hide it.
    mention = re.compile(b"|".join(re.escape(op.encode()) for op in sorted(ops)))
    return (found for found in nodes_with(graph, mention) if found[1].op in ops)


def nodes_with(
    graph: LintedGraph, mention: re.Pattern[bytes]
) -> Iterator[tuple[str | None, protos.NodeDef]]:
    """Finds the nodes of a MetaGraph whose bytes hold what a pattern describes, and large ones.

    Attributes that take much space are left out.

    Yields:
        For each node the name of its function, None at the top level, and the node.
    """
    bodies: list[tuple[str | None, Message, int]] = [(None, graph.message, _GRAPH_NODE)]
    for name, function in graph.functions.messages:
        bodies.append((name, function, _FUNCTION_NODE))
    for function_name, body, number in bodies:
        for field, nodes in _candidates(body, number, mention):
            yield function_name, _outline(nodes.message(field))


def _candidates(
    body: Message, number: int, mention: re.Pattern[bytes]
) -> Iterator[tuple[Field, Message]]:
    """Yields the large nodes and the small nodes that match, each with the message it is in."""
    first = next(body.fields(number), None)
    if first is None:
        return
    nodes = Message(body.buffer, first.start, body.end, body.enclosing)
    starts, rest = nodes.leading(number)
    run = first.start
    for start, end in pairwise(chain(starts, [rest.start])):
        if end - start > LARGE_NODE:
            yield from _mentioning(nodes, number, mention, run, start)
            yield next(Message(body.buffer, start, end, body.enclosing).fields()), nodes
            run = end
    yield from _mentioning(nodes, number, mention, run, rest.start)
    # Some writers put nodes behind other fields.
    yield from ((field, rest) for field in rest.fields(number))


def _mentioning(
    nodes: Message, number: int, mention: re.Pattern[bytes], start: int, end: int
) -> Iterator[tuple[Field, Message]]:
    if mention.search(nodes.buffer, start, end):
        for field in Message(nodes.buffer, start, end, nodes.enclosing).fields(number):
            if mention.search(nodes.buffer, field.start, field.end):
                yield field, nodes


def _outline(node: Message) -> protos.NodeDef:
    small = (field for field in node.fields() if field.end - field.start <= LARGE_NODE)
    encoded = b"".join(bytes(node.buffer[field.start : field.end]) for field in small)
    return parse(protos.NodeDef, Message.root(encoded))


class OutsideNode(NamedTuple):
    """A node that reaches outside of the model.

    Attributes:
        function: The function it is in; empty at the top level.
        name: Its name.
        op: Its op.
        does: What it does, as the rest of a sentence.
    """

    function: str
    name: str
    op: str
    does: str


def findable_ops() -> dict[str, tuple[Effect, ...]]:
    """Returns the ops that `outside_nodes` looks for, and what they do."""
    return {**outside_ops(), **_ELSEWHERE}


def outside_nodes(graph: LintedGraph) -> Iterator[OutsideNode]:
    """Finds the nodes that reach outside of the model, in the graph and in all functions.

    Nodes that save and restore the checkpoint, or read assets, do not count: loaders name their
    files.
    """
    ops = findable_ops()
    found = [(function or "", node) for function, node in nodes_with_ops(graph, ops)]
    by_loaders = FileNames(graph).by_loaders if found else {}
    for function, node in found:
        is_loaders = by_loaders.get((function, node.name), node.op in WRITTEN_BY_TENSORFLOW)
        if not is_loaders and not _is_harmless(node):
            does = _IN_OTHER_WORDS.get(node.op) or " and ".join(
                _SENTENCES[effect] for effect in ops[node.op]
            )
            yield OutsideNode(function, node.name, node.op, does)


def _is_harmless(node: protos.NodeDef) -> bool:
    """Whether a node does not do what its op may do."""
    if node.op not in _HARMLESS:
        return False
    name, harmless = _HARMLESS[node.op]
    attribute = node.attr[name] if name in node.attr else protos.AttrValue()
    values = [value.decode(errors="replace") for value in (attribute.s, *attribute.list.s)]
    return all(not value or (harmless and value.startswith(harmless)) for value in values)
