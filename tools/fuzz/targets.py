"""What is tried on damaged files, and what has to be true of it."""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from sigpb import protos
from sigpb.cli.main import main, run_command
from sigpb.errors import ModelUnreadable
from sigpb.inspect.salvage.salvage import salvage
from sigpb.inspect.schema import descriptor
from sigpb.inspect.wire.message_shape import recognise_damaged
from sigpb.inspect.wire.wire_tree import Record, records, to_json
from sigpb.saved_model.model import open_model
from sigpb.wire import Message, WireError, assemble
from sigpb.wire.lenient import Damage, scan

from .mutations import mutate

Target = Callable[[bytes, Path], None]


class Failure(Exception):
    """Something that has to be true is not."""


def wire(data: bytes, scratch: Path) -> None:
    """Every byte is accounted for, at every level, with and without a schema."""
    for schema in (descriptor("SavedModel"), None):
        open_messages = [(0, len(data))]
        for record in records(data, schema):
            json.dumps(to_json(record), allow_nan=False)
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
            file = scratch / "saved_model.pb"
            file.write_bytes(kept)
            code, said = _run("show", str(scratch))
            if code:
                raise Failure(f"what was salvaged cannot be shown: {said}")


def dump(data: bytes, scratch: Path) -> None:
    """`sigpb dump` does not fail."""
    file = scratch / "saved_model.pb"
    file.write_bytes(data)
    _run("dump", str(file))


def looking(data: bytes, scratch: Path) -> None:
    """`sigpb show`, `lint`, `size`, `grep`, `trace` and `graph` do not fail."""
    model = _model(data, scratch / "model")
    _run("lint", model)
    _run("grep", "e", model)
    for by in ("section", "op", "function", "scope", "node"):
        _run("size", model, f"--by={by}")
    for key, inputs, outputs in _signatures(model):
        for name in [*inputs, *outputs]:
            _run("trace", model, name, f"--signature={key}")
        for form in ("tree", "json"):
            _run("graph", model, f"--signature={key}", f"--format={form}", "--depth=9")
    _run("graph", model)


def comparing(data: bytes, scratch: Path) -> None:
    """`sigpb diff` and `sigpb infer` do not fail, on a model and one that differs a little."""
    twin, _ = mutate(random.Random(len(data)), data, data)
    models = _model(data, scratch / "model"), _model(twin, scratch / "twin")
    for first, second in (models, models[::-1], (models[0], models[0])):
        _run("diff", first, second)
        _run("diff", first, second, "--compat", "--format=json")
        _run("infer", first, second)


# Of those that there are, for each signature: another file gets others.
_EDITS = 4


def patching(data: bytes, scratch: Path) -> None:
    """Patches and their inverses are planned, or refused."""
    model = _model(data, scratch / "model")
    chance = random.Random(len(data))
    _run("patch", model, "--dry_run", "--batch_size=?")
    for key, inputs, outputs in _signatures(model):
        only = f"--signature={key}"
        edits = [f"--delete_signature={_quoted(key)}"]
        for name in inputs:
            end = _quoted(name)
            edits += [f"--rename_input={end}=renamed", f"--input_dtype={end}=int64"]
            edits += [f"--input_shape={end}=[?,2]", f"--bind_input={end}=1"]
        for name, tensor in outputs.items():
            end = _quoted(name)
            edits += [f"--rename_output={end}=renamed", f"--output_dtype={end}=float16"]
            edits += [f"--add_output=added={tensor}", f"--add_output=added={tensor}:0"]
            edits += [f"--drop_output={end}"] if len(outputs) > 1 else []
        for edit in chance.sample(edits, min(len(edits), _EDITS)):
            _run("patch", model, "--dry_run", only, edit)
        _run("invert", model, only, *edits[1:2])


def targets() -> list[Target]:
    """Returns what there is to try."""
    found: list[Target] = [wire, readers_agree, salvaging, looking, comparing, patching]
    with contextlib.suppress(ImportError):
        importlib.import_module("sigpb.cli.commands.dump")
        found.append(dump)
    return found


def _model(data: bytes, directory: Path) -> str:
    directory.mkdir()
    (directory / "saved_model.pb").write_bytes(data)
    return str(directory)


def _signatures(model: str) -> Iterator[tuple[str, list[str], dict[str, str]]]:
    """Yields keys, input keys, and output keys with tensors, of signatures if a model has any."""
    try:
        with open_model(model) as opened:
            for graph in opened.meta_graphs:
                for key in graph.user_signatures:
                    signature = graph.signatures[key]
                    outputs = {name: info.name for name, info in signature.outputs.items()}
                    yield key, sorted(signature.inputs), outputs
    except ModelUnreadable:
        return


def _quoted(key: str) -> str:
    escaped = key.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _run(*arguments: str) -> tuple[int, str]:
    """Runs sigpb; what it says is to be its own, and can be seen."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(arguments)
    if "fault in sigpb" in err.getvalue():
        raise Failure(err.getvalue()) from _cause(arguments)
    for line in f"{out.getvalue()}\n{err.getvalue()}".split("\n"):
        if not line.isprintable():
            raise Failure(f"{arguments}: {line!r}")
    return code, err.getvalue()


def _cause(arguments: Sequence[str]) -> Exception | None:
    """Runs sigpb again, and returns what it ends with before that is put into words."""
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            run_command(list(arguments))
    except Exception as error:
        return error
    return None
