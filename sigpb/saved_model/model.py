"""Reading a SavedModel: the file is mapped, and parts of it are parsed when asked for."""

from __future__ import annotations

import contextlib
import mmap
import re
from collections.abc import Iterable, Iterator, Mapping
from copy import copy
from functools import cached_property, lru_cache, partial
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TypeVar

from google.protobuf import message as protobuf_message

from sigpb import protos
from sigpb.errors import ModelUnreadable
from sigpb.parsers import parse_text_proto
from sigpb.phases import phase
from sigpb.regular_files import open_regular
from sigpb.saved_model.files import (
    TEXT_NAME,
    FileState,
    OpenedFile,
    if_damaged,
    locate,
    mapped,
)
from sigpb.saved_model.object_graph import ObjectGraph
from sigpb.visible_text import natural
from sigpb.wire import Buffer, Message, WireError

if TYPE_CHECKING:
    from sigpb.saved_model.concrete_functions import ConcreteFunction

AnyMessage = TypeVar("AnyMessage", bound=protobuf_message.Message)

# Keys with this prefix are TensorFlow's own (tensorflow/python/saved_model/constants.py).
INTERNAL_PREFIX = "__saved_model_"

# What every MetaGraph takes in memory is many times what an empty one takes in the file.
_MOST_META_GRAPHS = 10_000

# How many of those that were used last are kept.
_MOST_SIGNATURES = 128

_TEXT = re.compile(rb"\s*(#|saved_model_schema_version|meta_graphs)")

_OBJECT_GRAPH = protos.MetaGraphDef.OBJECT_GRAPH_DEF_FIELD_NUMBER


def parse(message_class: type[AnyMessage], source: Message) -> AnyMessage:
    """Parses a message of the file.

    Raises:
        ModelUnreadable: If the bytes are not such a message.
    """
    try:
        return message_class.FromString(source.content())
    except (protobuf_message.DecodeError, UnicodeDecodeError, RecursionError) as error:
        name = message_class.DESCRIPTOR.full_name
        raise ModelUnreadable(f"no valid {name} at byte {source.start}: {error}") from error


def tag_set(tags: Iterable[str]) -> tuple[str, ...]:
    """Returns tags as `MetaGraph.tags` has them: sorted, and each once."""
    return tuple(sorted(set(tags)))


def tag_set_text(tags: tuple[str, ...]) -> str:
    """Writes a tag-set as ``{gpu, serve}``."""
    return "{" + ", ".join(tags) + "}"


class SignatureDefs(Mapping[str, protos.SignatureDef]):
    """The SignatureDefs of a MetaGraph by key, each parsed when it is asked for.

    Parsed, a small one takes twenty times as much memory as in the file, so few are kept.
    """

    def __init__(self, meta_graph: Message) -> None:
        """Finds the SignatureDefs, and parses each of them once.

        Raises:
            ModelUnreadable: If one cannot be parsed.
        """
        parse_at = partial(_signature_def, meta_graph.buffer)
        self._made: Mapping[str, protos.SignatureDef] = {}
        self._spans: dict[str, tuple[int, int]] = {}
        for raw_key, field in meta_graph.entries(protos.MetaGraphDef.SIGNATURE_DEF_FIELD_NUMBER):
            value = meta_graph.entry_value(field)
            span = (value.start, value.end) if value else (field.end, field.end)
            parse_at(*span)
            self._spans[raw_key.decode(errors="replace")] = span
        self._parsed = lru_cache(_MOST_SIGNATURES)(parse_at)

    def only(
        self, keys: Iterable[str], made: Mapping[str, protos.SignatureDef] | None = None
    ) -> SignatureDefs:
        """Returns those of some keys, in that order, and then others that were made, by theirs."""
        chosen = copy(self)
        chosen._spans = {key: self._spans[key] for key in keys}
        chosen._made = made or {}
        return chosen

    def __getitem__(self, key: str) -> protos.SignatureDef:
        return self._parsed(*self._spans[key]) if key in self._spans else self._made[key]

    def __contains__(self, key: object) -> bool:
        return key in self._spans or key in self._made

    def __iter__(self) -> Iterator[str]:
        return chain(self._spans, self._made)

    def __len__(self) -> int:
        return len(self._spans) + len(self._made)


def _signature_def(buffer: Buffer, start: int, end: int) -> protos.SignatureDef:
    return parse(protos.SignatureDef, Message(buffer, start, end))


class MetaGraph:
    """One MetaGraphDef of a SavedModel, parsed piece by piece.

    Attributes:
        message: Where it lies in the file.
        made_of: The functions of the signatures that a patch made, by key; empty for a model as it
            is in a file.
        created: The keys of the signatures that are not in the file: see `with_created`.
        grafted: The keys of the signatures that a patch put adapters before or after.
    """

    def __init__(self, message: Message) -> None:
        self.message = message
        self.made_of: Mapping[str, ConcreteFunction] = {}
        self.created: frozenset[str] = frozenset()
        self.grafted: frozenset[str] = frozenset()

    def with_created(self, made: Mapping[str, protos.SignatureDef]) -> MetaGraph:
        """Returns it as if it had more signatures, which are to be written.

        Args:
            made: The signatures, by keys that it does not have.
        """
        other = MetaGraph(self.message)
        other.made_of, other.grafted = self.made_of, self.grafted
        other.created = frozenset(made)
        other.signatures = self.signatures.only(self.signatures, made)
        return other

    @cached_property
    def tags(self) -> tuple[str, ...]:
        """The tag-set, sorted."""
        number = protos.MetaGraphDef.MetaInfoDef.TAGS_FIELD_NUMBER
        return tuple(sorted(self._meta_info_texts(number)))

    @cached_property
    def tensorflow_version(self) -> str:
        """The version of TensorFlow that wrote the MetaGraph, or an empty string."""
        number = protos.MetaGraphDef.MetaInfoDef.TENSORFLOW_VERSION_FIELD_NUMBER
        return (self._meta_info_texts(number) or [""])[-1]

    @property
    def tensorflow_release(self) -> tuple[int, int] | None:
        """Major and minor number of that version; None if it is not stated."""
        release = re.match(r"(\d+)\.(\d+)", self.tensorflow_version)
        return (int(release[1]), int(release[2])) if release else None

    @cached_property
    def signatures(self) -> SignatureDefs:
        """The SignatureDefs by key, TensorFlow's internal ones among them. Not to be changed."""
        return SignatureDefs(self.message)

    @cached_property
    def user_signatures(self) -> list[str]:
        """The keys of the signatures without TensorFlow's internal ones, in natural order.

        Not to be changed.
        """
        keys = (key for key in self.signatures if not key.startswith(INTERNAL_PREFIX))
        return sorted(keys, key=natural)

    @cached_property
    def has_object_graph(self) -> bool:
        """Whether the MetaGraph has a SavedObjectGraph, which tells TF2 models from older ones."""
        return self.message.find(_OBJECT_GRAPH) is not None

    @cached_property
    def object_graph(self) -> ObjectGraph | None:
        """The SavedObjectGraph of a TF2 model; None if there is none. Not to be changed."""
        message = self.message.find(_OBJECT_GRAPH)
        return ObjectGraph(parse(protos.SavedObjectGraph, message)) if message else None

    def op_defs(self) -> Iterator[protos.OpDef]:
        """Yields the definitions of ops that the MetaGraph brings along."""
        info = protos.MetaGraphDef.META_INFO_DEF_FIELD_NUMBER
        stripped = protos.MetaGraphDef.MetaInfoDef.STRIPPED_OP_LIST_FIELD_NUMBER
        if ops := self.message.find(info, stripped):
            for field in ops.fields(protos.OpList.OP_FIELD_NUMBER):
                yield parse(protos.OpDef, ops.message(field))

    def _meta_info_texts(self, number: int) -> list[str]:
        info = self.message.find(protos.MetaGraphDef.META_INFO_DEF_FIELD_NUMBER)
        return [info.text(field) for field in info.fields(number)] if info else []


class SavedModel(OpenedFile):
    """A SavedModel that was opened for reading.

    Attributes:
        directory: The model's directory.
        state: What tells whether the file is still the one that was read.
        meta_graphs: Its MetaGraphs, in the order of the file.
    """

    def __init__(self, file: Path, state: FileState, buffer: Buffer) -> None:
        """Finds the MetaGraphs in `buffer`; use `open_model` to open a path."""
        super().__init__(file, buffer)
        self.directory = file.parent
        self.state = state
        self.root = Message.root(buffer)
        try:
            version = self.root.last(protos.SavedModel.SAVED_MODEL_SCHEMA_VERSION_FIELD_NUMBER)
            if version is not None:
                self.root.varint(version)
            found = self.root.fields(protos.SavedModel.META_GRAPHS_FIELD_NUMBER)
            graphs = list(islice(found, _MOST_META_GRAPHS + 1))
            if len(graphs) > _MOST_META_GRAPHS:
                raise ModelUnreadable(
                    f"{file}: more than {_MOST_META_GRAPHS:,} MetaGraphs, which is the limit. "
                    "Models have one for each set of tags, few of them."
                )
            self.meta_graphs = tuple(MetaGraph(self.root.message(field)) for field in graphs)
            for meta_graph in self.meta_graphs:
                # Walks each MetaGraph's own fields, so that a damaged file is found out here.
                meta_graph.message.last(0)
        except WireError as error:
            raise ModelUnreadable(
                _foreign(file, buffer)
                or f"{file}: not a SavedModel, or a damaged one: {error}. {if_damaged(file)}"
            ) from error
        if not self.meta_graphs:
            raise ModelUnreadable(
                _foreign(file, buffer) or f"{file}: not a SavedModel: it holds no MetaGraph."
            )

    def __repr__(self) -> str:
        count = len(self.meta_graphs)
        return f"<SavedModel {str(self.file)!r}: {count} MetaGraph{'s'[: count != 1]}>"

    @property
    def is_text(self) -> bool:
        """Whether the proto is stored as text."""
        return self.file.name == TEXT_NAME

    @property
    def named_by(self) -> Path:
        """See `OpenedFile`."""
        return self.directory


def open_model(path: str | Path) -> SavedModel:
    """Opens the SavedModel at a path.

    Args:
        path: The model's directory, or its ``saved_model.pb`` or ``saved_model.pbtxt``.

    Raises:
        ModelUnreadable: If there is no SavedModel, or not one that can be read.
    """
    try:
        return open_proto(locate(Path(path)))
    except ModelUnreadable as error:
        error.path = str(path)  # It may be raised while another model is open.
        raise


@contextlib.contextmanager
def open_models(first: str | Path, second: str | Path) -> Iterator[tuple[SavedModel, SavedModel]]:
    """Opens two models; what cannot be read while both are open is said of the one it is in.

    Raises:
        ModelUnreadable: As `open_model` does.
    """
    with open_model(first) as before, open_model(second) as after:
        try:
            yield before, after
        except ModelUnreadable as error:
            if error.path is None and _is_damaged(before) and not _is_damaged(after):
                located = ModelUnreadable(f"{before.file}: {error}")
                located.path = str(first)
                raise located from error
            raise


def _is_damaged(model: SavedModel) -> bool:
    try:
        parse(protos.SavedModel, Message.root(model.buffer))
    except ModelUnreadable:
        return True
    return False


@phase("read")
def open_proto(file: Path) -> SavedModel:
    """Opens the SavedModel in a ``saved_model.pb`` or ``saved_model.pbtxt``, whatever is beside it.

    Raises:
        ModelUnreadable: If it cannot be read.
    """
    try:
        with open_regular(file) as opened:
            read = _read_text if file.name == TEXT_NAME else _map
            return SavedModel(file, FileState.of(opened.fileno()), read(file, opened))
    except OSError as error:
        raise ModelUnreadable(f"{file}: {error.strerror or error}.") from error


def _foreign(file: Path, buffer: Buffer) -> str:
    """Says what a file is that is no SavedModel, and what to do; empty if that is not known."""
    from sigpb.saved_model.foreign_file import foreign_file

    found = foreign_file(buffer, file)
    return f"{file}: not a SavedModel, but {found.name}. {found.advice}".rstrip() if found else ""


def _map(file: Path, opened: BinaryIO) -> mmap.mmap:
    buffer = mapped(file, opened)
    if _TEXT.match(buffer):
        buffer.close()
        raise ModelUnreadable(
            f"{file}: this is a text proto. Rename it to {TEXT_NAME}, which loaders expect."
        )
    return buffer


def _read_text(file: Path, opened: BinaryIO) -> bytes:
    from google.protobuf import text_format

    model, content = protos.SavedModel(), opened.read()
    try:
        parse_text_proto(content.decode(), model, protos.POOL)
    except text_format.ParseError as error:
        raise ModelUnreadable(
            _foreign(file, content) or f"{file}: not the text of a SavedModel: {error}"
        ) from error
    except UnicodeDecodeError as error:
        raise ModelUnreadable(
            _foreign(file, content) or f"{file}: not UTF-8 text: {error}."
        ) from error
    return model.SerializeToString(deterministic=True)
