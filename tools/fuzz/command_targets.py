"""The commands that are tried on damaged models, and what has to be true of them.

Each target runs some of its commands only, so that there is time for more models. Which ones
follows from the model, so that one that failed fails again.
"""

from __future__ import annotations

import json
import pickle
import random
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

from google.protobuf.message import DecodeError

from sigpb import protos
from sigpb.batch.pool import Threads
from sigpb.errors import ModelUnreadable
from sigpb.linting.rules import all_rules
from sigpb.saved_model.model import open_model
from sigpb.verifying.child import Request
from sigpb.verifying.report import Confinement

from .command_line import Failure, contents, refused_cleanly, run
from .models import fixture
from .mutations import mutate
from .structure import is_text

# How many of its commands a target runs on one model.
_RUNS = 6

_OTHERS = ("tf1_no_variables", "tf1_two_graphs", "tf2_linear")

_GRAPH_FORMATS = ("tree", "json", "dot", "mermaid", "svg", "html")


def looking(data: bytes, scratch: Path) -> None:
    """`sigpb show`, `lint`, `size`, `grep`, `trace` and `graph` do not fail."""
    chance = chance_of(data)
    model = model_of(data, scratch / "model")
    commands = [
        ["show", model],
        ["show", model, "--format=json"],
        ["show", model, "--format=textproto"],
        ["lint", model],
        ["lint", model, "--format=json", "--strict"],
        ["grep", "e", model],
        ["grep", "", model, "--format=json"],
        ["graph", model],
    ]
    for by in ("section", "op", "function", "scope", "node"):
        commands.append(["size", model, f"--by={by}"])
        commands.append(["size", model, f"--by={by}", "--format=json"])
    for key, inputs, outputs in _signatures(model):
        only = f"--signature={key}"
        commands += [["trace", model, name, only] for name in (*inputs, *outputs)]
        commands += [["trace", model, name, "--format=json"] for name in outputs.values()]
        for form in _GRAPH_FORMATS:
            commands.append(["graph", model, only, f"--format={form}", "--depth=9"])
        for end in (*inputs[:1], *outputs.values()):
            commands.append(["graph", model, only, f"--from={end}", "--format=json"])
    for command in _some(chance, commands):
        run(*command)


def comparing(data: bytes, scratch: Path) -> None:
    """`sigpb diff`, `infer` and `verify` do not fail, on two models, mostly similar ones."""
    chance = chance_of(data)
    twin, _ = mutate(chance, data, data)
    if chance.random() < 0.3:
        twin = fixture(chance.choice(_OTHERS))["saved_model.pb"]
    models = model_of(data, scratch / "model"), model_of(twin, scratch / "twin")
    commands = []
    for first, second in (models, models[::-1], (models[0], models[0])):
        for flags in ([], ["--compat"], ["--format=json"], ["--compat", "--format=json"]):
            commands.append(["diff", first, second, *flags])
        commands += [["infer", first, second], ["verify", first, second]]
    for command in _some(chance, commands):
        with mock.patch("sigpb.verifying.verify.ask", not_asked):
            outcome = run(*command)
        if outcome.code == 1 and command[:3] == ["diff", models[0], models[0]]:
            raise Failure(f"{command}: a model differs from itself: {outcome.out}")


def patching(data: bytes, scratch: Path) -> None:
    """Patches are refused and change nothing, or what they write can be read."""
    chance = chance_of(data)
    model = model_of(data, scratch / "model")
    signatures = list(_signatures(model))
    readable = _is_readable(data, model)
    for number in range(_RUNS):
        edits = _edits(chance, signatures)
        new = scratch / f"new{number}"
        command = chance.choice(("patch", "patch", "in_place", "dry_run", "plan", "invert"))
        if command == "patch":
            written = refused_cleanly(scratch, "patch", model, f"--output_dir={new}", *edits)
        elif command == "in_place":
            new = Path(model)
            written = refused_cleanly(scratch, "patch", model, "--in_place", *edits)
        elif command == "plan":
            plan = str(scratch / f"plan{number}.json")
            written = refused_cleanly(scratch, "plan", model, *edits, f"--out={plan}")
            written = written and refused_cleanly(scratch, "apply", plan, f"--output_dir={new}")
        else:
            flags = ["--dry_run", "--format=json"] if command == "dry_run" else []
            run("patch" if flags else "invert", model, *edits, *flags)
            continue
        if written and readable:
            for reader in (["show"], ["lint"], ["diff", model], ["infer", model]):
                outcome = run(*reader, str(new))
                if outcome.code > 1 and reader[0] != "infer":
                    raise Failure(f"{command} {edits}: {reader}: {outcome.err}")


def undoing(data: bytes, scratch: Path) -> None:
    """A patch that is there already does nothing; what `invert` and `infer` say is so."""
    chance = chance_of(data)
    model, new, same = model_of(data, scratch / "model"), scratch / "new", scratch / "same"
    if not _is_readable(data, model):
        return
    for edits in [_edits(chance, list(_signatures(model))) for _ in range(_RUNS)]:
        if run("patch", model, f"--output_dir={new}", *edits).code:
            continue
        made = contents(new)
        if run("patch", str(new), "--in_place", *edits).code or contents(new) != made:
            raise Failure(f"{edits} is done, and is done again")
        inferred = run("infer", model, str(new))
        if not inferred.code:
            _apply(inferred.out, model, f"--output_dir={same}")
            if _stated(str(same)) != _stated(str(new)):
                raise Failure(f"infer finds another patch than {edits}: {inferred.out}")
        inverse = run("invert", model, *edits)
        if not inverse.code:
            _apply(inverse.out, str(new), "--in_place")
            if _stated(str(new)) != _stated(model):
                raise Failure(f"{edits} is not undone by {inverse.out}")
        return


def _apply(patch: str, model: str, where: str) -> None:
    file = Path(model).with_suffix(".txtpb")
    file.write_text(patch)
    outcome = run("patch", model, where, f"--patch={file}")
    if outcome.code:
        raise Failure(f"this patch of a model's own is refused: {patch}{outcome.err}")


def _stated(model: str) -> list[Any]:
    """Returns the keys of signatures and endpoints, with what is stated of these."""
    shown = json.loads(run("show", model, "--format=json").out)
    return [
        {
            key: [
                {end: (info["dtype"], info["shape"]) for end, info in signature[side].items()}
                for side in ("inputs", "outputs")
            ]
            for key, signature in graph["signatures"].items()
        }
        for graph in shown["meta_graphs"]
    ]


def fixing(data: bytes, scratch: Path) -> None:
    """`sigpb lint --fix` leaves a model that it can read, and nothing to fix."""
    chance = chance_of(data)
    model = model_of(data, scratch / "model")
    ways = [
        f"--choose={rule.id}={chance.choice(sorted(rule.fixes))}"
        for rule in all_rules()
        if rule.fixes
    ]
    before = contents(scratch)
    outcome = run("lint", model, "--fix", *ways)
    after = contents(scratch)
    if outcome.code > 1:
        if after != before:
            raise Failure(f"lint --fix {ways}: {outcome}, but files have changed")
        return
    outcome = run("lint", model, "--fix", *ways)
    if outcome.code > 1:
        raise Failure(f"lint --fix {ways}: what it wrote cannot be read: {outcome.err}")
    if contents(scratch) != after:
        raise Failure(f"lint --fix {ways}: something was left to fix")


def repository(data: bytes, scratch: Path) -> None:
    """`sigpb batch --dry_run` writes nothing, and what `batch` does `rollback` undoes."""
    chance = chance_of(data)
    root = scratch / "models"
    for version in ("1", "2"):
        model = model_of(data, root / "name" / version)
    edits = _edits(chance, list(_signatures(model)))
    emitted = run("patch", model, "--emit_patch", *edits)
    if emitted.code:
        return
    patch = scratch / "patch.txtpb"
    patch.write_text(emitted.out)
    command = ["batch", str(root), f"--patch={patch}", "--versions=all"]
    before = contents(root)
    with mock.patch("sigpb.batch.run.Pool", in_process):
        run(*command, "--new_version", "--dry_run", "--format=json")
        run(*command, "--in_place", "--dry_run")
        if contents(root) != before:
            raise Failure(f"batch --dry_run {edits} has changed files")
        mode = chance.choice(("--in_place", "--new_version"))
        run(*command, mode, f"--journal={scratch / 'journal.jsonl'}")
    if (scratch / "journal.jsonl").exists():
        undone = run("rollback", str(scratch / "journal.jsonl"))
        if undone.code or contents(root) != before:
            raise Failure(f"rollback of batch {mode} {edits} leaves others: {undone}")


def in_process(work: Any, **options: Any) -> Threads:
    """Takes the place of processes, which take long to start."""
    return Threads(work, 1)


def not_asked(request: Request) -> Any:
    """Takes the place of the process with TensorFlow, which gets its request as bytes."""
    pickle.dumps(request)
    return (), Confinement(False, False, None, None, request.timeout)


def _edits(
    chance: random.Random, signatures: Sequence[tuple[str, list[str], dict[str, str]]]
) -> list[str]:
    """Returns flags that change one to three things of one signature."""
    key, inputs, outputs = chance.choice(signatures or [("serving_default", ["x"], {"y": "x:0"})])
    only, quoted = f"--signature={key}", _quoted(key)
    edits = [
        f"--delete_signature={quoted}",
        f"--rename_signature={quoted}=renamed",
        f"--copy_signature={quoted}=copied",
        "--method_name=tensorflow/serving/classify",
        "--set_tags=serve,gpu",
        *("--batch_size=?", "--batch_size=3"),
    ]
    for name in inputs:
        end = _quoted(name)
        edits += [f"--rename_input={end}=renamed", f"--input_shape={end}=[?,2]"]
        edits += [f"--input_dtype={end}={each}" for each in ("int64", "string", "float16")]
        edits += [f"--bind_input={end}=1", f"--default_input={end}=1"]
    for name, tensor in outputs.items():
        end = _quoted(name)
        edits += [f"--rename_output={end}=renamed", f"--drop_output={end}"]
        edits += [f"--output_dtype={end}={each}" for each in ("float16", "string")]
        edits += [f"--output_shape={end}=[?]", f"--output_shape={end}=[?,1]"]
        edits += [f"--add_output=added={tensor}", f"--add_output=added={tensor}:0"]
    return [only, *_some(chance, edits, chance.choice((1, 1, 2, 3)))]


def chance_of(data: bytes) -> random.Random:
    """Returns what decides by chance, and in the same way for the same file."""
    return random.Random(zlib.crc32(data))


def _some(chance: random.Random, among: Sequence[Any], count: int | None = None) -> list[Any]:
    return chance.sample(among, min(len(among), _RUNS if count is None else count))


def model_of(data: bytes, directory: Path) -> str:
    """Writes a model to a new directory, and returns its path."""
    directory.mkdir(parents=True)
    (directory / ("saved_model.pbtxt" if is_text(data) else "saved_model.pb")).write_bytes(data)
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


def _is_readable(data: bytes, model: str) -> bool:
    """Whether all of a model can be read: patches copy what they need not read."""
    if not is_text(data):
        try:
            protos.SavedModel.FromString(data)
        except DecodeError:
            return False
    return all(run(command, model).code < 2 for command in ("show", "lint"))


def _quoted(key: str) -> str:
    escaped = key.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
