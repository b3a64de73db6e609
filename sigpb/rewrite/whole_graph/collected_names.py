"""The nodes that the collections of a MetaGraph name, whatever message they are collected in.

Anybody may register a collection of any message (``register_proto_function`` in
tensorflow/python/framework/ops.py). So every text in it, at any depth, that is the name of a node
or of a tensor counts as one. At worst a node is kept that nothing needs.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from sigpb.tf.tensor_names import producer
from sigpb.wire import Message, WireError, WireType

# How deep protobuf's own parsers allow messages to be nested.
_MAX_DEPTH = 100


def named_nodes(content: Message, nodes: Collection[str], depth: int = _MAX_DEPTH) -> Iterator[str]:
    """Yields the nodes that a message, or a text, names.

    Args:
        content: Where it lies.
        nodes: The names of all nodes that there are.
        depth: How deep to look.
    """
    try:
        name = producer(content.content().decode())
    except UnicodeDecodeError:
        pass
    else:
        if name in nodes:
            yield name
    try:
        fields = [field for field in content.fields() if field.wire_type == WireType.LEN]
    except WireError:
        return  # A text, and no message.
    for field in fields if depth else ():
        yield from named_nodes(content.message(field), nodes, depth - 1)
