"""Command lines at random, on models that are whole."""

from __future__ import annotations

import functools
import importlib
import random
from pathlib import Path
from unittest import mock

from absl import flags

from .command_line import Failure, contents, inside, run
from .command_targets import chance_of, in_process, not_asked
from .file_targets import PATCHES, write
from .models import fixture

_COMMANDS = (
    *("apply", "batch", "diff", "dump", "graph", "grep", "infer", "invert", "lint", "patch"),
    *("plan", "rollback", "salvage", "show", "size", "trace", "undo", "verify", "wire"),
)
# How many command lines are tried on a model.
_RUNS = 12

# Flags that start processes, or ask a person.
_LEFT_OUT = ("runner", "canary", "jobs")

_NAMES = ("default", "serving_default", "a", "b", "x", "y", "z", "a:0", "y:0", "serve", "Cast")
_TEXTS = (
    *("", "?", "*", "-1", "0", "1", "3", "64", "1e3", "nan", "9e999", "9" * 30, "9" * 5000),
    *("=", "x=", "=x", '"x=', '"x"="y"', ",", "a,b", "(", "\\", "[[a", "(a*)*b", "{}", "NaN"),
    *("[", "[?]", "[?,3]", "[3,?]", "[?,?]", "[9999999999999999999]", "[-1]", "[?,3,0]", "[1,[2]]"),
    *("<unknown>", "[[1,2,3]]", "[" * 500, "{" * 200, "x" + "/" * 300, "a" * 5000),
    *("int64", "string", "float16", "qint8", "resource", "half", "float32_ref", "bool", "99"),
    *("json", "text", "drop", "keep", "all", "latest:2", "1.15..", ">=2", "true", "v1", "PyFunc"),
    *("nodes[99999999999999999999]", "signature_def['default']", "graph_def.node[-1]"),
    *("é\x1b[2J", "a\nb", "\u202e", "\udcff"),
)
_FILES = (
    *("model", "other", "patch.txtpb", "patch.json", "new", "new/new", "no.jsonl", "r.csv"),
    *("", "é\udcff"),
)


def asked(data: bytes, scratch: Path) -> None:
    """Command lines that make no sense are refused, and then nothing is written."""
    chance = chance_of(data)
    write(scratch / "model", fixture("tf1_no_variables"))
    write(scratch / "other", fixture(chance.choice(("tf2_linear", "tf1_no_variables"))))
    (scratch / "patch.txtpb").write_text(PATCHES["tf1_no_variables"])
    (scratch / "patch.json").write_text('{"id": "x", "signature": [{"key": "default"}]}')
    before = contents(scratch)
    for _ in range(_RUNS):
        command = chance.choice(_COMMANDS)
        names = chance.choices(_flags(command), k=chance.choice((0, 1, 1, 2, 3)))
        arguments = [
            _positional(chance, command) for _ in range(chance.choice((1, 1, 1, 2, 2, 0, 3)))
        ]
        arguments += [_flag(chance, name) for name in names]
        if command in ("patch", "apply"):
            arguments.append(chance.choice(("--in_place", "--output_dir=new", "--dry_run")))
        with (
            inside(scratch),
            mock.patch("sigpb.batch.run.Pool", in_process),
            mock.patch("sigpb.verifying.verify.ask", not_asked),
        ):
            outcome = run(command, *arguments)
        after = contents(scratch)
        is_of_one = command not in ("batch", "lint")  # Others may have done what they could.
        if (outcome.code == 2 or (outcome.code > 2 and is_of_one)) and after != before:
            raise Failure(f"{command} {arguments}: {outcome}, but files have changed")
        before = after


@functools.cache
def _flags(command: str) -> list[str]:
    values = flags.FlagValues()  # type: ignore[no-untyped-call]
    importlib.import_module(f"sigpb.cli.commands.{command}").define_flags(values)
    return sorted(set(values) - set(_LEFT_OUT))


def _positional(chance: random.Random, command: str) -> str:
    if command in ("trace", "grep", "dump") and chance.random() < 0.4:
        return chance.choice((*_NAMES, *_TEXTS))
    return chance.choice(("model", "model", "model", "other", "./model/", *_FILES))


def _flag(chance: random.Random, name: str) -> str:
    how = chance.random()
    if how < 0.15:
        return f"--{name}"
    if how < 0.35:
        return f"--{name}={chance.choice(_FILES)}"
    if how < 0.6:
        return f"--{name}={chance.choice(_NAMES)}={chance.choice((*_TEXTS, *_NAMES))}"
    return f"--{name}={chance.choice((*_TEXTS, *_NAMES))}"
