"""The files that a user wants to look into: SavedModels, and graphs that are stored otherwise."""

from __future__ import annotations

import mmap
import re
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from sigpb import protos
from sigpb.errors import ModelUnreadable
from sigpb.inspect.schema import SCHEMAS, recognise
from sigpb.parsers import parse_text_proto
from sigpb.phases import phase
from sigpb.publishing.changes import is_sigpbs_name
from sigpb.regular_files import open_regular, read_regular
from sigpb.remote import at_hand
from sigpb.remote.urls import located
from sigpb.saved_model.files import BINARY_NAME, PROTO_NAMES, OpenedFile, if_damaged, locate, mapped
from sigpb.saved_model.foreign_file import foreign_file
from sigpb.saved_model.missing_model import about_directory, part_of_model, walk_models
from sigpb.saved_model.model import MetaGraph
from sigpb.wire import Buffer, Message, WireError

_TEXT = re.compile(rb"\s*(#[^\n]*\n\s*)*[a-z_0-9]+\s*[:{]")

_TEXT_SUFFIXES = (".pbtxt", ".txt", ".prototxt", ".textproto")

_NEITHER = "neither a SavedModel nor a MetaGraphDef nor a GraphDef, or a badly damaged one"


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


@phase("read")
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
        problem = _problem(file, buffer)
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
        with open_regular(file) as opened:
            return mapped(file, opened)
    except OSError as error:
        raise ModelUnreadable(f"{file}: {error.strerror or error}.") from error


def what_else(buffer: Buffer, file: Path) -> str:
    """Says, as a clause, what a file holds that is no SavedModel, MetaGraphDef or GraphDef."""
    if found := foreign_file(buffer, file):
        return f"not a SavedModel, a MetaGraphDef or a GraphDef, but {found.name}"
    if _TEXT.match(bytes(buffer[:4096])):
        return "this looks like a text proto; give it the suffix .pbtxt"
    return _NEITHER


def _problem(file: Path, buffer: Buffer) -> str:
    """Says what a file is that holds none of these messages, and what to do about it."""
    what = what_else(buffer, file)
    problem = f"{file}: {what}."
    if found := foreign_file(buffer, file):
        return f"{problem} {found.advice}".rstrip()
    if what != _NEITHER:
        return problem
    if file.name not in PROTO_NAMES and (part := part_of_model(file)):
        return f"{problem} {part}"
    try:
        Message.root(buffer).last(0)
    except WireError as error:
        return f"{problem} As protobuf, {error}. {if_damaged(file)}"
    return problem


def _parsed(file: Path) -> ProtoSource:
    from google.protobuf import text_format

    try:
        content = read_regular(file)
    except OSError as error:
        raise ModelUnreadable(f"{file}: {error.strerror or error}.") from error
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        if foreign_file(content, file):
            raise ModelUnreadable(_problem(file, content)) from error
        raise ModelUnreadable(f"{file}: not UTF-8 text: {error}.") from error
    problems = {}
    for schema in SCHEMAS:
        message = getattr(protos, schema)()
        try:
            parse_text_proto(text, message, protos.POOL)
        except text_format.ParseError as error:
            problems[schema] = error
            continue
        if not message.ListFields():
            raise ModelUnreadable(f"{file}: the file is empty.")
        return ProtoSource(
            file, schema, message.SerializeToString(deterministic=True), is_text=True
        )

    if foreign_file(content, file):
        raise ModelUnreadable(_problem(file, content))

    def place(schema: str) -> tuple[int, int]:
        return problems[schema].GetLine() or 0, problems[schema].GetColumn() or 0

    # The one that got furthest is what was meant.
    meant = max(problems, key=place)
    if len({*map(place, problems)}) == 1:
        raise ModelUnreadable(f"{file}: {_NEITHER}.")
    raise ModelUnreadable(f"{file}: not the text of a {meant}: {str(problems[meant]).rstrip('.')}.")


def models_at(path: str | Path) -> Sequence[Path | str]:
    """Returns what `find_models` does, also of a URL.

    Raises:
        UsageError: If it is no URL that can be used.
        ModelUnreadable: If there is none.
        EnvironmentFailure: If a store fails.
        OSError: If a directory cannot be read.
    """
    found = located(path)
    return find_models(found) if isinstance(found, Path) else at_hand.models_below(found)


def find_models(path: Path) -> list[Path]:
    """Returns a path if it is that of a model, and otherwise every model below it, sorted.

    What sigpb keeps or left there is passed over, and so is what is in a model.

    Raises:
        ModelUnreadable: If there is none.
        OSError: If a directory cannot be read.
    """
    if path.name in PROTO_NAMES or not path.is_dir():
        return [path]

    def give_up(error: OSError) -> None:
        raise error

    models = [model for model in walk_models(path, is_sigpbs_name, give_up) if model is not None]
    if not models:
        problem = f"{path}: neither this directory nor any below it holds a {BINARY_NAME}."
        raise ModelUnreadable(f"{problem} {about_directory(path)}".rstrip())
    return models
