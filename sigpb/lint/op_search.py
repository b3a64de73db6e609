"""Finding the nodes that have certain ops, in a graph or a function of any size."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from itertools import chain, pairwise

from sigpb import protos
from sigpb.graph.node_index import LARGE_NODE
from sigpb.lint.linted_model import LintedGraph
from sigpb.saved_model.model import parse
from sigpb.wire import Field, Message

_GRAPH_NODE = protos.GraphDef.NODE_FIELD_NUMBER
_FUNCTION_NODE = protos.FunctionDef.NODE_DEF_FIELD_NUMBER


def nodes_with_ops(
    graph: LintedGraph, ops: Collection[str]
) -> Iterator[tuple[str | None, protos.NodeDef]]:
    """Finds the nodes of a MetaGraph that have one of some ops.

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
    """Yields the large nodes, and small ones near a mention, each with a message it is in."""
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
