"""A recursive message type with every wire type, random messages of it, and its field numbers."""

from __future__ import annotations

import string
from enum import IntEnum
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format
from hypothesis import strategies as st

_SCHEMA = """
name: "node.proto"
package: "test"
message_type {
  name: "Node"
  field { name: "name" number: 1 label: LABEL_OPTIONAL type: TYPE_STRING }
  field { name: "child" number: 2 label: LABEL_REPEATED type: TYPE_MESSAGE
          type_name: ".test.Node" }
  field { name: "by_name" number: 3 label: LABEL_REPEATED type: TYPE_MESSAGE
          type_name: ".test.Node.ByNameEntry" }
  field { name: "ids" number: 4 label: LABEL_REPEATED type: TYPE_UINT64 }
  field { name: "half" number: 5 label: LABEL_OPTIONAL type: TYPE_FIXED32 }
  field { name: "whole" number: 6 label: LABEL_OPTIONAL type: TYPE_DOUBLE }
  field { name: "legacy" number: 7 label: LABEL_OPTIONAL type: TYPE_GROUP
          type_name: ".test.Node.Legacy" }
  field { name: "only" number: 15 label: LABEL_OPTIONAL type: TYPE_MESSAGE
          type_name: ".test.Node" }
  field { name: "payload" number: 16 label: LABEL_OPTIONAL type: TYPE_BYTES }
  nested_type {
    name: "ByNameEntry"
    field { name: "key" number: 1 label: LABEL_OPTIONAL type: TYPE_STRING }
    field { name: "value" number: 2 label: LABEL_OPTIONAL type: TYPE_MESSAGE
            type_name: ".test.Node" }
    options { map_entry: true }
  }
  nested_type {
    name: "Legacy"
    field { name: "node" number: 1 label: LABEL_OPTIONAL type: TYPE_MESSAGE
            type_name: ".test.Node" }
    field { name: "legacy" number: 7 label: LABEL_OPTIONAL type: TYPE_GROUP
            type_name: ".test.Node.Legacy" }
  }
}
"""


class Number(IntEnum):
    """The field numbers of Node."""

    NAME = 1
    CHILD = 2
    BY_NAME = 3
    IDS = 4
    HALF = 5
    WHOLE = 6
    LEGACY = 7
    ONLY = 15
    PAYLOAD = 16


def _node_class() -> Any:
    pool = descriptor_pool.DescriptorPool()
    schema = text_format.Parse(_SCHEMA, descriptor_pb2.FileDescriptorProto())
    pool.AddSerializedFile(schema.SerializeToString())
    descriptor = pool.FindMessageTypeByName("test.Node")
    if hasattr(message_factory, "GetMessageClass"):
        return message_factory.GetMessageClass(descriptor)
    factory: Any = message_factory.MessageFactory(pool)
    return factory.GetPrototype(descriptor)  # protobuf < 4.22


Node = _node_class()


def make_node(**fields: Any) -> Any:
    """A Node from the values of its fields, with a dictionary for each message in it."""
    return _fill(Node(), fields)


def _fill(message: Any, fields: dict[str, Any]) -> Any:
    # By hand, because protobuf up to 5 takes no dictionaries for the messages of a map.
    for name, value in fields.items():
        if name == "child":
            for child in value:
                _fill(message.child.add(), child)
        elif name == "by_name":
            for key, inner in value.items():
                _fill(message.by_name[key], inner)
        elif name == "ids":
            message.ids.extend(value)
        elif isinstance(value, dict):
            inner = getattr(message, name)
            inner.SetInParent()
            _fill(inner, value)
        else:
            setattr(message, name, value)
    return message


def encoded(node: Any) -> bytes:
    data: bytes = node.SerializeToString(deterministic=True)
    return data


names = st.text(string.ascii_lowercase, max_size=3)
# Around the sizes at which a length takes one more byte.
payloads = st.sampled_from([0, 1, 60, 90, 120, 127, 128, 16_300, 16_383, 16_384]).map(bytes)
_scalars = {
    "name": names,
    "ids": st.lists(st.integers(0, 2**64 - 1), max_size=3),
    "half": st.integers(0, 2**32 - 1),
    "whole": st.floats(allow_nan=False),
    "payload": payloads,
}
_leaves = st.fixed_dictionaries({}, optional=_scalars)


def _inner(nodes: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    messages = {
        "child": st.lists(nodes, max_size=3),
        "by_name": st.dictionaries(names, nodes, max_size=3),
        "only": nodes,
        "legacy": st.fixed_dictionaries({}, optional={"node": nodes, "legacy": st.just({})}),
    }
    return st.fixed_dictionaries({}, optional=_scalars | messages)


nodes: st.SearchStrategy[Any] = st.recursive(_leaves, _inner, max_leaves=8).map(
    lambda fields: make_node(**fields)
)
