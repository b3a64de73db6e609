"""Recognising files that are no protos: other formats of models, and what downloads leave."""

from __future__ import annotations

import re
from typing import NamedTuple

from sigpb.wire import Buffer, Message, WireError, WireType


class ForeignFile(NamedTuple):
    """A format that is none of TensorFlow's protos.

    Attributes:
        name: What such a file is, with its article.
        advice: What to do about it, as a sentence; empty if nothing is known.
    """

    name: str
    advice: str = ""


_EXPORT = "Export the model as a SavedModel."

# What files begin with, from which byte on.
_BEGINNINGS = (
    (4, b"TFL3", ForeignFile("a TFLite model", _EXPORT)),
    (0, b"\x89HDF\r\n\x1a\n", ForeignFile("an HDF5 file, such as a Keras model (.h5)", _EXPORT)),
    (
        0,
        b"PK\x03\x04",
        ForeignFile(
            "a zip archive, such as a Keras model (.keras)",
            "Unpack it, or export the Keras model as a SavedModel.",
        ),
    ),
    (0, b"\x1f\x8b", ForeignFile("a file compressed with gzip", "Unpack it first.")),
    (0, b"\x80\x02", ForeignFile("a pickle of Python")),
    (
        0,
        b"version https://git-lfs.github.com/spec/",
        ForeignFile(
            "a pointer of Git LFS to a file that was not downloaded",
            "Fetch it with 'git lfs pull'.",
        ),
    ),
)

# What the tables of a checkpoint end with (tensorflow/core/lib/io/format.h).
_TABLE_END = b"\x57\xfb\x80\x8b\x24\x75\x47\xdb"
CHECKPOINT_TABLE = ForeignFile(
    "an index or table of a checkpoint",
    "Name the directory of the model, or the .meta file of the checkpoint.",
)

_HTML = re.compile(rb"(\xef\xbb\xbf)?\s*(<!--.*?-->\s*)*<(!doctype\s+html|html)\b", re.I | re.S)
_PAGE = ForeignFile(
    "an HTML page, such as a server sends in place of a file",
    "Download the model again, from the address of the file itself.",
)

_BEGINNING = 4096

# onnx/onnx.proto, ModelProto: the first and the last of these are always there.
_ONNX_FIELDS = {
    1: WireType.VARINT,  # ir_version
    2: WireType.LEN,  # producer_name, as text
    3: WireType.LEN,
    4: WireType.LEN,
    5: WireType.VARINT,
    6: WireType.LEN,
    7: WireType.LEN,  # graph
}
_ONNX = ForeignFile("an ONNX model", _EXPORT)

_GRAPH = ForeignFile(
    "a graph without a SavedModel around it: a GraphDef or a MetaGraphDef",
    "Give it another name, such as graph.pb; 'sigpb patch' makes a SavedModel of that.",
)
_GRAPH_DEF, _NODE, _OP = 2, 1, 2  # of a MetaGraphDef, of a GraphDef, of a NodeDef
_OP_NAME = re.compile(rb"[A-Z_][A-Za-z0-9_>]*")


def foreign_file(buffer: Buffer) -> ForeignFile | None:
    """Returns the format of the bytes of a file; None if it is not known."""
    for start, magic, found in _BEGINNINGS:
        if bytes(buffer[start : start + len(magic)]) == magic:
            return found
    if bytes(buffer[-len(_TABLE_END) :]) == _TABLE_END:
        return CHECKPOINT_TABLE
    if _HTML.match(bytes(buffer[:_BEGINNING])):
        return _PAGE
    if _is_onnx(buffer):
        return _ONNX
    return _GRAPH if _is_graph(buffer) else None


def _is_graph(buffer: Buffer) -> bool:
    """Whether the bytes are a GraphDef, or messages of which the second is one."""
    root = Message.root(buffer)
    try:
        inner = [root.message(field) for field in root.fields(_GRAPH_DEF)]
        return any(map(_begins_with_node, (root, *inner)))
    except WireError:
        return False


def _begins_with_node(message: Message) -> bool:
    node = next(message.fields(), None)
    if node is None or (node.number, node.wire_type) != (_NODE, WireType.LEN):
        return False
    op = message.message(node).last(_OP)
    return op is not None and bool(_OP_NAME.fullmatch(message.message(node).value(op)))


def _is_onnx(buffer: Buffer) -> bool:
    found: dict[int, int] = {}
    try:
        for field in Message.root(buffer).fields():
            found[field.number] = field.wire_type
    except WireError:
        pass  # What comes before may tell already.
    known = {number: kind for number, kind in found.items() if number in _ONNX_FIELDS}
    return {1, 7} <= set(known) and known.items() <= _ONNX_FIELDS.items()
