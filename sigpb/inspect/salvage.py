"""What can be saved of a damaged SavedModel, MetaGraphDef or GraphDef: a valid file of its kind.

Messages that list things, such as a graph its nodes, keep those that are whole. Any other message
is kept whole or not at all: a node without one of its attributes would be another node, and the
nodes of an object graph, which go by their positions, need each other.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from sigpb.errors import ModelUnreadable
from sigpb.inspect.schema import KnownField, MessageShape, descriptor, message_shape
from sigpb.inspect.styled_text import Line, Span, line
from sigpb.inspect.wire_tree import Record, wire_records
from sigpb.inspect.wire_values import MAX_LENGTH, Parser, known_value
from sigpb.json_values import json_value
from sigpb.wire import (
    Buffer,
    Field,
    Piece,
    SourceRange,
    WireType,
    encode_varint,
    size,
    tag,
)
from sigpb.wire.lenient import Damage, looks_like_text, read_field, scan

# The messages that keep their whole parts if they are damaged.
_LISTS = {
    "tensorflow.SavedModel",
    "tensorflow.MetaGraphDef",
    "tensorflow.MetaGraphDef.MetaInfoDef",
    "tensorflow.OpList",
    "tensorflow.GraphDef",
    "tensorflow.FunctionDefLibrary",
}

_MAIN_PARTS = ("graph_def", "saver_def", "signature_def", "object_graph_def")

# When so many parts in a row were kept, damage before them is of no concern any more.
_CONVINCING = 100

# So many losses are described; of any more it is only known that they are there.
_MAX_DESCRIBED = 1000


@dataclasses.dataclass(frozen=True, slots=True)
class Loss:
    """A part of the file that could not be kept, or a message of which only the beginning is there.

    Attributes:
        path: What it is or belongs to, such as ``meta_graphs[0].graph_def.node[17] 'dense'``.
        start: Offset of its first byte.
        end: One past its last byte.
        problem: What is wrong, at which byte.
        is_cut: Whether its whole parts were kept: it lists things, and is cut off, or its length
            is wrong.
    """

    path: str
    start: int
    end: int
    problem: str
    is_cut: bool = False


@dataclasses.dataclass(slots=True)
class KeptCount:
    """How much of a repeated field was kept.

    Attributes:
        kept: Number of elements.
        seen: Number of elements that were found, whole or not.
    """

    kept: int = 0
    seen: int = 0


@dataclasses.dataclass(frozen=True, slots=True)
class Salvage:
    """What a file without its damage is made of.

    Attributes:
        pieces: Its new content.
        lost: What is not in it, in the order of the file; empty if the file was whole.
        lost_besides: Number of further losses, which are not described.
        counts: How much was kept of repeated fields, by their paths.
        not_found: The main parts of MetaGraphs that the file does not hold, by their paths: they
            are behind a cut, or the model never had them.
    """

    pieces: tuple[Piece, ...]
    lost: tuple[Loss, ...]
    lost_besides: int
    counts: dict[str, KeptCount]
    not_found: tuple[str, ...]


def salvage(buffer: Buffer, schema: str) -> Salvage:
    """Finds out what can be kept of a file.

    Args:
        buffer: The file.
        schema: What it holds: ``SavedModel``, ``MetaGraphDef`` or ``GraphDef``.

    Raises:
        ModelUnreadable: If nothing of it can be kept.
    """
    place = _ListMessage(descriptor(schema), 0, len(buffer))
    salvager = _Salvager(buffer, schema, is_damaged=False)
    pieces = salvager.message(place)
    if salvager.losses:
        salvager = _Salvager(buffer, schema, is_damaged=True)
        pieces = salvager.message(place)
    graphs = salvager.counts.get("meta_graphs")
    if not pieces or (schema == "SavedModel" and not (graphs and graphs.kept)):
        what = "whole field of a MetaGraph" if schema == "SavedModel" else "whole field"
        problem = f": {salvager.lost[0].problem}" if salvager.lost else ""
        raise ModelUnreadable(f"nothing can be saved: there is no {what}{problem}.")
    if size(pieces) > MAX_LENGTH:
        raise ModelUnreadable("nothing can be saved: protobuf reads no file of more than 2 GiB.")
    described = tuple(salvager.lost)
    besides = salvager.losses - len(described)
    return Salvage(tuple(pieces), described, besides, salvager.counts, tuple(salvager.not_found))


@dataclasses.dataclass(frozen=True, slots=True)
class _ListMessage:
    """A message in the file.

    Attributes:
        descriptor: What it is.
        start: Offset of its first field.
        end: One past its last field.
        numbers: The numbers of the fields that lead to it.
        path: The names of these fields, for people.
    """

    descriptor: Descriptor
    start: int
    end: int
    numbers: tuple[int, ...] = ()
    path: str = ""

    def member(self, known: KnownField, index: int | None = None) -> str:
        path = f"{self.path}.{known.name}" if self.path else known.name
        return path if index is None else f"{path}[{index}]"


class _Salvager:
    """Collects what is lost on the way through a file.

    In a file that is known to be damaged, what protobuf reads but nobody writes is damage as well:
    fields of another wire type than their message has them, and fields that appear again.
    """

    def __init__(self, buffer: Buffer, schema: str, *, is_damaged: bool) -> None:
        self._buffer = buffer
        self._is_damaged = is_damaged
        self._parser = Parser(buffer, schema)
        self.lost: list[Loss] = []
        self.losses = 0
        self.counts: dict[str, KeptCount] = {}
        self.not_found: list[str] = []

    def message(self, place: _ListMessage, *, is_behind_damage: bool = False) -> list[Piece]:
        """Returns the pieces to keep of a message that keeps its whole parts.

        Behind damage, bytes that are in truth something else may be taken for fields. So what is
        unlike anything that is written there is not kept.
        """
        shape = message_shape(place.descriptor)
        pieces: list[Piece] = []
        seen: set[int] = set()
        good = 0 if is_behind_damage else _CONVINCING
        for part in scan(self._buffer, place.start, place.end, shape):
            losses_before = self.losses
            _append(pieces, self._part(part, place, shape, seen, good < _CONVINCING))
            good = good + 1 if self.losses == losses_before else 0
        if place.descriptor.name == "MetaGraphDef":
            for name in _MAIN_PARTS:
                path = f"{place.path}.{name}".lstrip(".")
                number = place.descriptor.fields_by_name[name].number
                if number not in seen and path not in self.counts:
                    self.not_found.append(path)
        return pieces

    def _part(
        self,
        part: Field | Damage,
        place: _ListMessage,
        shape: MessageShape,
        seen: set[int],
        is_behind_damage: bool,
    ) -> list[Piece]:
        """Returns what is to be kept of a part of a message."""
        field = part.field if isinstance(part, Damage) else part
        known = shape.known(field) if field is not None else None
        if field is None or known is None:
            return self._unknown(part, place, is_behind_damage)
        count = None
        if shape.is_single(field.number):
            path = place.member(known)
            if self._is_damaged and field.number in seen:
                self._lose(path, part, f"field {field.number} appears again at byte {part.start}")
                return []
            seen.add(field.number)
        else:
            count = self.counts.setdefault(place.member(known), KeptCount())
            path = place.member(known, count.seen)
            count.seen += 1
        if is_behind_damage and not self._is_usual(field, known, place):
            self._lose(
                path, part, f"behind damage, what is at byte {part.start} is no {known.name}"
            )
            return []
        kept = self._known(part, field, known, place, path, is_behind_damage)
        if count and kept:
            count.kept += 1
        return kept

    def _unknown(
        self, part: Field | Damage, place: _ListMessage, is_behind_damage: bool
    ) -> list[Piece]:
        where = place.path or place.descriptor.name
        if isinstance(part, Damage):
            self._lose(where, part, part.problem)
        elif is_behind_damage or (
            self._is_damaged and part.number in place.descriptor.fields_by_number
        ):
            self._lose(where, part, f"unknown field {part.number} at byte {part.start}")
        elif not self._parser.accepts(part, None, place.numbers):
            self._lose(where, part, f"protobuf does not read the field at byte {part.start}")
        else:
            return [SourceRange(part.start, part.end)]
        return []

    def _known(
        self,
        part: Field | Damage,
        field: Field,
        known: KnownField,
        place: _ListMessage,
        path: str,
        is_behind_damage: bool,
    ) -> list[Piece]:
        if known.message is not None and _is_list(known):
            return self._list(part, field, known.message, place, path, is_behind_damage)
        if isinstance(part, Field) and self._parser.accepts(field, known, place.numbers):
            return [SourceRange(part.start, part.end)]
        if self.losses < _MAX_DESCRIBED:
            path += self._name(field, known.message)
            cut = part.problem if isinstance(part, Damage) else ""
            self._lose(path, part, cut or self._problem(field, known, place))
        else:
            self.losses += 1
        return []

    def _list(
        self,
        part: Field | Damage,
        field: Field,
        schema: Descriptor,
        place: _ListMessage,
        path: str,
        is_behind_damage: bool,
    ) -> list[Piece]:
        losses_before = self.losses
        if isinstance(part, Damage):
            self._lose(path, part, part.problem, is_cut=True)
        elif not self._parser.accepts_header(field):
            problem = f"a tag or length at byte {field.start} of more bytes than protobuf reads"
            self._lose(path, field, problem, is_cut=True)
        numbers = (*place.numbers, field.number)
        listed = _ListMessage(schema, field.value_start, field.value_end, numbers, path)
        inner = self.message(listed, is_behind_damage=is_behind_damage)
        if self.losses == losses_before:
            return [SourceRange(field.start, field.end)]
        if not inner:
            return []
        header = tag(field.number, WireType.LEN) + encode_varint(size(inner))
        return [header, *inner]

    def _lose(self, path: str, part: Field | Damage, problem: str, *, is_cut: bool = False) -> None:
        self.losses += 1
        if self.losses <= _MAX_DESCRIBED:
            self.lost.append(Loss(path, part.start, part.end, problem, is_cut))

    def _is_usual(self, field: Field, known: KnownField, place: _ListMessage) -> bool:
        """Whether a field is as such fields are written.

        It holds nothing unknown, no control characters in its text, and, as all elements of lists
        do, a first field.
        """
        if known.message is not None and known.is_repeated:
            first = read_field(self._buffer, field.value_start, field.value_end)
            if first is None or first.number != 1:
                return False
        if _is_list(known):  # Its parts are looked at one by one.
            return True
        found = wire_records(self._buffer, place.descriptor, start=field.start, end=field.end)
        return not any(record.note or self._is_odd_text(record) for record in found)

    def _is_odd_text(self, record: Record) -> bool:
        field = record.field
        return (
            record.type == "string"
            and field is not None
            and not looks_like_text(self._buffer, field.value_start, field.value_end)
        )

    def _problem(self, field: Field, known: KnownField, place: _ListMessage) -> str:
        """Says what is wrong with a field that protobuf does not parse."""
        found: Iterator[str] = (
            record.problem
            for record in wire_records(
                self._buffer, place.descriptor, start=field.start, end=field.end
            )
            if record.problem
        )
        return next(found, f"protobuf does not read the {known.name} at byte {field.start}")

    def _name(self, field: Field, schema: Descriptor | None) -> str:
        """Returns the name or the key of what a damaged field holds, quoted, if there is one."""
        buffer, start, end = self._buffer, field.value_start, field.value_end
        while schema is not None:
            first = next(scan(buffer, start, end, message_shape(schema)), None)
            inner = first.field if isinstance(first, Damage) else first
            known = message_shape(schema).known(inner) if inner is not None else None
            if inner is None or known is None or inner.number != 1:
                break
            if known.type == FieldDescriptor.TYPE_STRING and not isinstance(first, Damage):
                return f" {known_value(buffer, inner, known).value!r}"
            start, end, schema = inner.value_start, inner.value_end, known.message
        return ""


def _is_list(known: KnownField) -> bool:
    return known.message is not None and known.message.full_name in _LISTS


def _append(pieces: list[Piece], more: list[Piece]) -> None:
    """Adds pieces to others, as one range where they lie side by side."""
    for piece in more:
        last = pieces[-1] if pieces else None
        if (
            isinstance(piece, SourceRange)
            and isinstance(last, SourceRange)
            and last.end == piece.start
        ):
            pieces[-1] = SourceRange(last.start, piece.end)
        else:
            pieces.append(piece)


_SHOWN = 20


def loss_lines(found: Salvage) -> Iterator[Line]:
    """Yields lines on what was lost, and on how much was kept of fields that lost something."""
    if not found.lost:
        yield line("nothing was lost")
        return
    for loss in found.lost[:_SHOWN]:
        what = "cut off" if loss.is_cut else "lost"
        where = f"bytes {loss.start} to {loss.end}"
        yield line(Span(f"{what}: ", "red"), f"{loss.path} ({where}): {loss.problem}")
    more = max(0, len(found.lost) - _SHOWN) + found.lost_besides
    if more:
        yield line(f"and {more:,} more")
    if found.not_found:
        parts = ", ".join(found.not_found)
        yield line(Span("not found: ", "red"), f"{parts}; what loads the model may need them")
    for path, count in found.counts.items():
        all_of_them = "all " if count.kept == count.seen else f"{count.kept:,} of "
        yield line(Span("kept: ", "green"), f"{path}: {all_of_them}{count.seen:,} that were found")


def salvage_json(found: Salvage) -> dict[str, Any]:
    """Returns the losses and counts as JSON; docs/json.md says what it holds."""
    return {
        "lost": [
            json_value(loss, path="what", start="offset", is_cut="cut_off") for loss in found.lost
        ],
        "lost_besides": found.lost_besides,
        "not_found": found.not_found,
        "kept": {path: json_value(count, seen="found") for path, count in found.counts.items()},
    }
