"""The file that a user wants to look into: a SavedModel, or a graph that is stored otherwise."""

from __future__ import annotations

import mmap
import re
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from sigpb import protos
from sigpb.errors import ModelUnreadable
from sigpb.inspect.schema import SCHEMAS, recognise
from sigpb.saved_model.locate import locate
from sigpb.saved_model.model import MetaGraph
from sigpb.saved_model.opened_file import OpenedFile, mapped
from sigpb.wire import Buffer, Message, WireError, WireType

_TEXT = re.compile(rb"\s*(#[^\n]*\n\s*)*[a-z_0-9]+\s*[:{]")

_TEXT_SUFFIXES = (".pbtxt", ".txt", ".prototxt", ".textproto")

# What files that are none of ours begin with, from which byte on.
_OTHER_FORMATS = (
    (4, b"TFL3", "a TFLite model"),
    (0, b"\x89HDF\r\n\x1a\n", "an HDF5 file, such as a Keras model (.h5)"),
    (0, b"PK\x03\x04", "a zip archive, such as a Keras model (.keras)"),
    (0, b"\x1f\x8b", "a file compressed with gzip; unpack it first"),
    (0, b"\x80\x02", "a pickle of Python"),
    (0, b"\x57\xfb\x80\x8b\x24\x75\x47\xdb", "an index or table of a checkpoint"),
)

_NEITHER = "neither a SavedModel nor a MetaGraphDef nor a GraphDef, or a badly damaged one"

IF_DAMAGED = "'sigpb wire' shows damaged bytes, and 'sigpb salvage' saves what can be read."
"""What to do about a damaged file, as a sentence."""

# onnx/onnx.proto, ModelProto: ir_version, graph.
_ONNX_VERSION = 1
_ONNX_GRAPH = 7


class GraphPart(NamedTuple):
    """A GraphDef in a file.

    Attributes:
        path: Where, as ``meta_graphs[serve].graph_def``; empty if it is the file itself.
        message: Its bytes.
        meta_graph: The MetaGraphDef that it belongs to, if any.
    """

    path: str
    message: Message
    meta_graph: MetaGraph | None


class ProtoSource(OpenedFile):
    """A file that was opened to look into it.

    Attributes:
        schema: What it holds: ``SavedModel``, ``MetaGraphDef`` or ``GraphDef``.
        is_text: Whether the file is a text proto.
    """

    def __init__(self, file: Path, schema: str, buffer: Buffer, *, is_text: bool = False) -> None:
        super().__init__(file, buffer)
        self.schema = schema
        self.is_text = is_text

    @property
    def root(self) -> Message:
        """The whole file."""
        return Message.root(self.buffer)

    @cached_property
    def meta_graphs(self) -> tuple[MetaGraph, ...]:
        """The MetaGraphDefs, in the order of the file; none in a GraphDef."""
        if self.schema == "SavedModel":
            fields = self.root.fields(protos.SavedModel.META_GRAPHS_FIELD_NUMBER)
            return tuple(MetaGraph(self.root.message(field)) for field in fields)
        return (MetaGraph(self.root),) if self.schema == "MetaGraphDef" else ()

    @cached_property
    def graphs(self) -> tuple[GraphPart, ...]:
        """The GraphDefs, in the order of the file."""
        if self.schema == "GraphDef":
            return (GraphPart("", self.root, None),)
        found = (
            (meta_graph, meta_graph.message.find(protos.MetaGraphDef.GRAPH_DEF_FIELD_NUMBER))
            for meta_graph in self.meta_graphs
        )
        return tuple(
            GraphPart(self._path(meta_graph), graph, meta_graph)
            for meta_graph, graph in found
            if graph is not None
        )

    def _path(self, meta_graph: MetaGraph) -> str:
        if self.schema == "MetaGraphDef":
            return "graph_def"
        return f"meta_graphs[{','.join(meta_graph.tags)}].graph_def"


def open_source(path: str | Path) -> ProtoSource:
    """Opens what a user wants to look into.

    Args:
        path: A model's directory, its ``saved_model.pb`` or ``.pbtxt``, or a file, of any name,
            that holds a GraphDef (``frozen_graph.pb``) or a MetaGraphDef (``model.ckpt.meta``).

    Raises:
        ModelUnreadable: If there is nothing of the kind; a file of another format is named as such.
    """
    file = locate_file(Path(path))
    if file.suffix in _TEXT_SUFFIXES:
        return _parsed(file)
    buffer = map_file(file)
    schema = recognise(Message.root(buffer))
    if schema is None:
        problem = f"{file}: {what_else(buffer)}.{_damage(buffer)}"
        if isinstance(buffer, mmap.mmap):
            buffer.close()
        raise ModelUnreadable(problem)
    return ProtoSource(file, schema, buffer)


def locate_file(path: Path) -> Path:
    """Returns the file that a user means: one of a model's directory, or the path itself.

    Raises:
        ModelUnreadable: If there is none.
    """
    return path if path.is_file() else locate(path)


def map_file(file: Path) -> Buffer:
    """Maps a file.

    Raises:
        ModelUnreadable: If it is empty, or cannot be read.
    """
    try:
        with file.open("rb") as opened:
            return mapped(file, opened)
    except OSError as error:
        raise ModelUnreadable(f"{file}: {error.strerror or error}.") from error


def what_else(buffer: Buffer) -> str:
    """Says what bytes are that hold none of the messages that are looked into, as a clause."""
    for start, magic, name in _OTHER_FORMATS:
        if bytes(buffer[start : start + len(magic)]) == magic:
            return f"this is {name}, not a SavedModel, a MetaGraphDef or a GraphDef"
    if _is_onnx(buffer):
        return "this is an ONNX model, not a SavedModel, a MetaGraphDef or a GraphDef"
    if _TEXT.match(bytes(buffer[:4096])):
        return "this looks like a text proto; give it the suffix .pbtxt"
    return _NEITHER


def _damage(buffer: Buffer) -> str:
    """Says where bytes that nothing else is known of are damaged, if they are."""
    if what_else(buffer) != _NEITHER:
        return ""
    try:
        Message.root(buffer).last(0)
    except WireError as error:
        return f" As protobuf, {error}. {IF_DAMAGED}"
    return ""


def _is_onnx(buffer: Buffer) -> bool:
    found = set()
    try:
        for field in Message.root(buffer).fields():
            found.add((field.number, field.wire_type))
    except WireError:
        pass  # What comes before may tell already.
    return {(_ONNX_VERSION, WireType.VARINT), (_ONNX_GRAPH, WireType.LEN)} <= found


def _parsed(file: Path) -> ProtoSource:
    from google.protobuf import text_format

    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise ModelUnreadable(f"{file}: {error.strerror or error}.") from error
    except UnicodeDecodeError as error:
        raise ModelUnreadable(f"{file}: not UTF-8 text: {error}.") from error
    problems = {}
    for schema in SCHEMAS:
        message = getattr(protos, schema)()
        try:
            text_format.Parse(text, message, descriptor_pool=protos.POOL)
        except text_format.ParseError as error:
            problems[schema] = error
            continue
        return ProtoSource(
            file, schema, message.SerializeToString(deterministic=True), is_text=True
        )
    # The one that got furthest is what was meant.
    meant = max(problems, key=lambda schema: problems[schema].GetLine() or 0)
    raise ModelUnreadable(f"{file}: not the text of a {meant}: {problems[meant]}.")
