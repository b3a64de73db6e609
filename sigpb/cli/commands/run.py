"""Runs a signature on given values under TensorFlow, and prints or saves its outputs.

--inputs=FILE.npz holds an array for each input, --inputs=FILE.json (or - for standard input) a
request as TensorFlow Serving takes it: {"instances": …} or {"inputs": …}, bytes as {"b64": …}.
--inputs=KEY=FILE.npy, --input_exprs=KEY=LITERAL and --input_examples=KEY=[{…}] are those of
saved_model_cli; several are separated by ';'. Without inputs the command prints what it needs.
"""

from __future__ import annotations

import dataclasses
import json
import re
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from absl import flags

from sigpb.cli import terminal
from sigpb.cli.arguments import (
    STANDARD_INPUT,
    define_allow_ops,
    define_file,
    define_format,
    define_number,
    define_tags,
    one_directory,
    split_value,
)
from sigpb.cli.saved_model_cli_flags import chosen, define_twins, models
from sigpb.errors import UsageError
from sigpb.publishing.new_output import check_output_file, publish_file
from sigpb.saved_model.model import open_model
from sigpb.tf.tensor_types import type_text
from sigpb.verifying import given_inputs, single_run
from sigpb.verifying.given_inputs import GivenInputs
from sigpb.verifying.single_run import Callee
from sigpb.verifying.verify import LOADERS, TIMEOUT, refuse_unsafe
from sigpb.visible_text import json_text

USAGE = """\
sigpb run DIR [--inputs=FILE.npz|FILE.json|-|KEY=FILE.npy;…] [--input_exprs=KEY=LITERAL;…]
    [--input_examples=KEY=[{…}];…] [--signature=KEY] [--tags=TAG,…] [--loader=v1|v2]
    [--outputs=FILE.npz|FILE.json] [--allow_ops=OP,…] [--timeout=SECONDS] [--format=text|json]

Needs TensorFlow: pip install tensorflow. The model's ops are run with your rights, in a
sandbox where the machine has one."""

TASK = "Check models"

EXAMPLES: tuple[tuple[str, str], ...] = (
    ("sigpb run model", "Print what the model needs, with a command to paste."),
    ("sigpb run model --input_exprs='x=[[1.0, 2.0, 3.0]]'", "Run it on a Python literal."),
    (
        "sigpb run model --inputs=request.json --outputs=answer.npz",
        "Run it on a request to TensorFlow Serving, and save the outputs.",
    ),
)

_ENTRY = re.compile(r"""(?:[^;'"]|'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|['"])+""", re.DOTALL)
_SHOWN = 24  # elements in an example


READS = slice(1)
"""The argument that may be the URL of what is read."""

RUNS = True
"""What is in a store is fetched with its variables."""


def define_flags(values: flags.FlagValues) -> None:
    """Defines the command's flags."""
    for name, meaning in (
        ("inputs", "FILE: a .npz or .json file, - for JSON on standard input, or KEY=FILE.npy;…"),
        ("input_exprs", "KEY=LITERAL;…: Python literals, such as x=[[1.0, 2.0]]."),
        ("input_examples", "KEY=[{…}];…: features of tf.Examples by name, as [{'age': [22]}]."),
        ("signature", "KEY: the signature; by default serving_default, or the only one."),
    ):
        flags.DEFINE_string(name, None, meaning, flag_values=values)
    define_tags(values)
    flags.DEFINE_enum(
        "loader",
        "v1",
        list(LOADERS),
        "v1 is tf.compat.v1.saved_model.load, as servers load; v2 is tf.saved_model.load.",
        flag_values=values,
    )
    define_file("outputs", "Write the outputs to this file: .npz or .json.", values)
    define_number("timeout", TIMEOUT, "Give up after this many seconds.", values)
    define_allow_ops(values)
    define_format(values, "How to print the outputs.")
    define_twins(values)


def run(arguments: Sequence[str], values: flags.FlagValues) -> int:
    """Runs the command.

    Returns:
        The exit code.
    """
    usage = USAGE.partition(" [")[0] + " …"
    directory = one_directory(models(arguments, values, usage), usage)
    tags, signature = chosen(values, usage)
    output = None if values.outputs is None else Path(values.outputs)
    if output is not None:
        if output.suffix not in (".npz", ".json"):
            raise UsageError(f"--outputs={output}: name a .npz or a .json file.")
        check_output_file(output)
    is_given = any(
        each is not None for each in (values.inputs, values.input_exprs, values.input_examples)
    )
    if is_given:
        given_inputs.check_numpy()
    given = _given(values)
    with open_model(directory) as model:
        if None not in (signature, given.signature) and signature != given.signature:
            raise UsageError(
                f"The request is for signature {given.signature!r}, and --signature is "
                f"{signature!r}."
            )
        callee = Callee.of(model, tags, given.signature if signature is None else signature)
        if not is_given and callee.wanted.keys() - callee.defaults.keys():
            terminal.say(*_needed(callee, directory))
            return UsageError.exit_code
        refuse_unsafe((model,), values.allow_ops)
        arrays = given_inputs.as_arrays(
            given.by_name(callee.wanted), callee.wanted, callee.defaults
        )
        outputs, confinement = callee.run(arrays, values.loader, values.timeout)
    as_json = single_run.output_json(outputs)
    if output is not None and output.suffix == ".npz":
        publish_file(output, single_run.output_npz(outputs))
    elif output is not None:
        publish_file(output, f"{json_text({'outputs': as_json})}\n".encode())
    if values.format == "json":
        run_as = {"signature": callee.key, "loader": values.loader}
        confined = dataclasses.asdict(confinement)
        terminal.say_json({**run_as, "outputs": as_json, "confinement": confined})
    else:
        terminal.say(*single_run.output_lines(outputs))
    return 0


def _given(values: flags.FlagValues) -> GivenInputs:
    """Returns the values that the flags give."""
    given, text = GivenInputs(), values.inputs
    found: dict[str, Any] = {}
    if text == STANDARD_INPUT:
        if sys.stdin is None:  # The caller closed it.
            raise UsageError("Standard input is closed, and --inputs=- reads a request there.")
        given = given_inputs.inputs_of_json(sys.stdin.buffer.read(), "standard input")
    elif text is not None and ("=" not in text or Path(text).exists()):
        given = given_inputs.inputs_of_file(Path(text))
    elif text is not None:
        found |= _entries(text, "inputs", lambda file, _: given_inputs.array_of_file(file))
    for name, read in (
        ("input_exprs", given_inputs.literal),
        ("input_examples", given_inputs.examples),
    ):
        if (entries := getattr(values, name)) is not None:
            found |= _entries(entries, name, read)
    return replace(given, values={**given.values, **found})


def _entries(text: str, flag: str, read: Callable[[str, str], Any]) -> dict[str, Any]:
    pairs = (split_value(each.strip(), flag) for each in _ENTRY.findall(text) if each.strip())
    return {key: read(value, key) for key, value in pairs}


def _needed(callee: Callee, directory: Path) -> Iterator[str]:
    """Yields what a signature takes, and a command that gives it that."""
    yield f"signature {callee.key!r} needs inputs:"
    for name, type_ in sorted(callee.wanted.items()):
        optional = ", has a default" if name in callee.defaults else ""
        yield f"  {name}: {type_text(type_)}{optional}"
    yield "for example:"
    command = ["sigpb", "run", str(directory), f"--signature={callee.key}"]
    values = single_run.example_values(callee, _SHOWN)
    if values is not None:
        request = json.dumps({"inputs": values})
        yield f"  echo {shlex.quote(request)} | {shlex.join([*command, '--inputs=-'])}"
        return
    yield f"  python -c {shlex.quote(single_run.example_code(callee))}"
    yield f"  {shlex.join([*command, '--inputs=inputs.npz'])}"
