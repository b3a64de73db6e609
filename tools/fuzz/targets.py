"""What is tried on damaged files as bytes, and what has to be true of it."""

from __future__ import annotations

import json
import random
import zlib
from collections.abc import Callable
from pathlib import Path

from sigpb import protos
from sigpb.errors import ModelUnreadable
from sigpb.inspect.salvage import salvage
from sigpb.inspect.schema import descriptor, recognise_damaged
from sigpb.inspect.wire_tree import Record, record_json, wire_records
from sigpb.wire import Message, WireError, assemble
from sigpb.wire.lenient import Damage, scan

from .command_line import Failure, refused_cleanly, run
from .command_targets import comparing, fixing, looking, patching, repository, undoing
from .file_targets import beside, recorded, stated
from .flag_target import asked
from .structure import is_text

Target = Callable[[bytes, Path], None]


def wire(data: bytes, scratch: Path) -> None:
    """Every byte is accounted for, at every level, with and without a schema."""
    for schema in (descriptor("SavedModel"), None):
        open_messages = [(0, len(data))]
        for record in wire_records(data, schema):
            json.dumps(record_json(record), allow_nan=False)
            while len(open_messages) > record.depth + 1:
                _close(open_messages)
            position, end = open_messages[-1]
            if not position == record.start < record.end <= end:
                raise Failure(f"bytes {position} to {end} are not covered: {record}")
            open_messages[-1] = (record.end, end)
            _open(open_messages, record)
        while open_messages:
            _close(open_messages)
    recognise_damaged(data)


def _open(open_messages: list[tuple[int, int]], record: Record) -> None:
    if record.kind == "message" and record.field is not None:
        open_messages.append((record.field.value_start, record.field.value_end))


def _close(open_messages: list[tuple[int, int]]) -> None:
    position, end = open_messages.pop()
    if position != end:
        raise Failure(f"bytes {position} to {end} are missing")


def readers_agree(data: bytes, scratch: Path) -> None:
    """The lenient reader finds what the strict one finds, up to the first fault."""
    strict = []
    fault = None
    try:
        for field in Message.root(data).fields():
            strict.append(field)
    except WireError as error:
        fault = error
    found = list(scan(data, 0, len(data)))
    if found[: len(strict)] != strict:
        raise Failure("the two readers find different fields")
    if fault is None and len(found) > len(strict):
        raise Failure("the lenient reader finds more than the strict one")
    if fault is not None and not isinstance(found[len(strict)], Damage):
        raise Failure(f"the lenient reader overlooks: {fault}")


def salvaging(data: bytes, scratch: Path) -> None:
    """What is salvaged parses, and can be shown; of a whole file it is the file."""
    for schema in ("SavedModel", "MetaGraphDef", "GraphDef"):
        try:
            found = salvage(data, schema)
        except ModelUnreadable:
            continue
        kept = assemble(found.pieces, data)
        getattr(protos, schema).FromString(kept)
        if not found.lost and kept != data:
            raise Failure(f"nothing of the {schema} was lost, but it is another")
        if schema == "SavedModel" and found.lost:
            (scratch / "saved_model.pb").write_bytes(kept)
            outcome = run("show", str(scratch))
            if outcome.code:
                raise Failure(f"what was salvaged cannot be shown: {outcome.err}")
    model = scratch / "broken"
    model.mkdir()
    (model / "saved_model.pb").write_bytes(data)
    refused_cleanly(scratch, "salvage", str(model), str(scratch / "saved"), "--format=json")


def dump(data: bytes, scratch: Path) -> None:
    """`sigpb dump` and `sigpb wire` do not fail."""
    chance = random.Random(zlib.crc32(data))
    file = scratch / ("saved_model.pbtxt" if is_text(data) else "saved_model.pb")
    file.write_bytes(data)
    for flags in chance.sample(_DUMPS, 2):
        run("dump", str(file), *flags)
    for flags in chance.sample(_WIRES, 2):
        run("wire", str(file), *flags, f"--offset={chance.randrange(len(data) + 1)}")


_DUMPS = (
    (),
    ("--full",),
    ("--format=json",),
    ("--format=json", "--full"),
    ("graph_def.library",),
    ("signature_def", "--full"),
    ("object_graph_def.nodes[3]", "--format=json"),
    ("meta_graphs[serve]",),
)
_WIRES = ((), ("--schema=none",), ("--format=json",), ("--schema=GraphDef", "--depth=3"))


BYTE_TARGETS: tuple[Target, ...] = (wire, readers_agree, salvaging, dump)
COMMAND_TARGETS: tuple[Target, ...] = (
    *(looking, comparing, patching, undoing, fixing, repository),
)
FILE_TARGETS: tuple[Target, ...] = (beside, stated, recorded, asked)
