"""Recognising files that are no protos: other formats of models, and what downloads leave."""

from __future__ import annotations

import json
import mmap
import re
import shlex
from pathlib import Path
from typing import NamedTuple

from sigpb.saved_model.files import BINARY_NAME
from sigpb.wire import Buffer, Message, WireError, WireType


class ForeignFile(NamedTuple):
    """A format that is none of TensorFlow's protos.

    Attributes:
        name: What such a file is, with its article.
        advice: What to do about it, as a sentence; empty if nothing is known.
    """

    name: str
    advice: str = ""


_OF_TENSORFLOW_ONLY = "sigpb reads SavedModels of TensorFlow only."
_FROM_THE_ORIGINAL = "It cannot be turned back: use the SavedModel that it was converted from."
_AGAIN = "Download it again, from the address of the file itself."

# What files begin with.
_BEGINNINGS = {
    rb".{4}TFL3": ForeignFile("a TFLite model", _FROM_THE_ORIGINAL),
    rb"\x80[\x02-\x05]": ForeignFile("a pickle of Python", _OF_TENSORFLOW_ONLY),
    rb'.{6}\0\0\{"': ForeignFile("a file of safetensors", "It holds weights, and no graph."),
    rb"version https://git-lfs.github.com/spec/": ForeignFile(
        "a pointer of Git LFS to a file that was not downloaded", "Fetch it with 'git lfs pull'."
    ),
    rb"\s*<\?xml\b": ForeignFile(
        "an XML document, such as a store sends in place of a file", _AGAIN
    ),
    rb"(\xef\xbb\xbf)?\s*(<!--.*?-->\s*)*<(!doctype\s+html|html)\b": ForeignFile(
        "an HTML page, such as a server sends in place of a file", _AGAIN
    ),
    rb'\s*\{\s*".*"(modelTopology|weightsManifest)"': ForeignFile(
        "a TensorFlow.js model", _FROM_THE_ORIGINAL
    ),
    rb'\s*\{\s*["}]': ForeignFile("a JSON document"),
}
_PATTERNS = [(re.compile(each, re.I | re.S), found) for each, found in _BEGINNINGS.items()]
_BEGINNING = 4096

_HDF5 = b"\x89HDF\r\n\x1a\n"
_HDF5_CONFIGURATION = b"model_config"  # the attribute in which Keras keeps what layers there are

# What the tables of a checkpoint end with (tensorflow/core/lib/io/format.h).
_TABLE_END = b"\x57\xfb\x80\x8b\x24\x75\x47\xdb"
CHECKPOINT_TABLE = ForeignFile(
    "an index or table of a checkpoint",
    "Name the directory of the model, or the .meta file of the checkpoint.",
)

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
_ONNX = ForeignFile("an ONNX model", _FROM_THE_ORIGINAL)

# None of them is a text proto, which goes on with a colon or a brace behind the first word.
_WORDS = re.compile(rb"\s*(\d{3}\b|[A-Za-z]+ [A-Za-z])[ -~\s]*")
_MOST_WORDS = 200

_GRAPH_DEF, _NODE, _OP = 2, 1, 2  # of a MetaGraphDef, of a GraphDef, of a NodeDef
_OP_NAME = re.compile(rb"[A-Z_][A-Za-z0-9_>]*")


def foreign_file(buffer: Buffer, file: Path) -> ForeignFile | None:
    """Returns what a file is that is none of TensorFlow's protos; None if that is not known.

    Args:
        buffer: Its content, or the beginning of it.
        file: The file, which the advice names.
    """
    from sigpb.saved_model.archive import archive_in  # here, for it imports all that unpacks

    beginning = bytes(buffer[:_BEGINNING])
    for pattern, found in _PATTERNS:
        if pattern.match(beginning):
            return found
    if beginning.startswith(_HDF5):
        return _hdf5(buffer, file)
    if archive := archive_in(buffer, file):
        return archive
    if bytes(buffer[-len(_TABLE_END) :]) == _TABLE_END:
        return CHECKPOINT_TABLE
    if _is_onnx(buffer):
        return _ONNX
    return _graph(buffer, file) or _words(buffer)


def keras_export(model: Path) -> str:
    """Returns how to make a SavedModel of a model of Keras, as a sentence."""
    load = f"keras.models.load_model({json.dumps(str(model))}, compile=False)"
    code = shlex.quote(f'import keras; {load}.export("exported")')
    return f"Export it as a SavedModel: python -c {code}"


def _hdf5(buffer: Buffer, file: Path) -> ForeignFile:
    whole = buffer if isinstance(buffer, (bytes, mmap.mmap)) else bytes(buffer)
    if whole.find(_HDF5_CONFIGURATION) >= 0:
        return ForeignFile("a Keras model in an HDF5 file (.h5)", keras_export(file))
    return ForeignFile(
        "an HDF5 file, such as weights of Keras",
        "Build the model in Python, load the weights, and call model.export('exported').",
    )


def _words(buffer: Buffer) -> ForeignFile | None:
    """Returns what a short text is, such as a server sends in place of a file."""
    text = bytes(buffer[: _MOST_WORDS + 1])
    if len(text) > _MOST_WORDS or not _WORDS.fullmatch(text):
        return None
    return ForeignFile(f"a text that says {text.decode().strip()!r}", _AGAIN)


def _graph(buffer: Buffer, file: Path) -> ForeignFile | None:
    """Returns which message of a graph a file is, if it is called as a SavedModel."""
    root = Message.root(buffer)
    try:
        inner = [root.message(field) for field in root.fields(_GRAPH_DEF)]
        if _begins_with_node(root):
            message = "GraphDef"
        elif any(map(_begins_with_node, inner)):
            message = "MetaGraphDef"
        else:
            return None
    except WireError:
        return None
    old, new = (shlex.quote(str(each)) for each in (file, file.with_name("graph.pb")))
    how = f"'sigpb show {old}' shows it"
    if file.name == BINARY_NAME:
        how = f"Rename it: mv {old} {new} && sigpb show {new}"
    how += "; 'sigpb patch' makes a SavedModel of it."
    return ForeignFile(f"a graph without a SavedModel around it: a {message}", how)


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
