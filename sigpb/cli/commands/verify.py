"""Runs a model before and after a change, under TensorFlow, and compares the results."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from absl import flags

from sigpb.cli import terminal
from sigpb.cli.arguments import (
    define_allow_ops,
    define_file,
    define_format,
    define_number,
    define_patch,
    define_signature,
    two_models,
)
from sigpb.errors import UsageError
from sigpb.verifying.verify import BATCH_SIZES, LOADERS, TIMEOUT

USAGE = """\
sigpb verify OLD NEW [--patch=FILE] [--samples=FILE.npz] [--loaders=v1,v2] [--signature=KEY]
    [--batch_sizes=1,2,5] [--rtol=R] [--atol=A] [--timeout=SECONDS] [--allow_ops=OP,…]
    [--format=text|json]

Needs TensorFlow: pip install tensorflow. The models' ops are run with your rights: in a
sandbox where the machine has one (the report says what held), and models with ops that touch files,
other machines or code are refused, unless --allow_ops names these.
The last line is the verdict, with all that it does not cover. Exit codes: 0 equivalent: all that
the patch changes was compared, but for what OLD itself does not run; 1 different; 4 not verified:
something was not compared, such as a signature that takes no made-up values (see --samples)."""

TASK = "Check models"

EXAMPLES: tuple[tuple[str, str], ...] = (
    (
        "sigpb verify old new --patch=patch.txtpb",
        "Run both models, and convert values as the patch says.",
    ),
    (
        "sigpb verify old new --loaders=v2 --signature=serving_default --batch_sizes=1,8",
        "Compare one signature, with one loader.",
    ),
    (
        "sigpb verify old new --samples=samples.npz --rtol=1e-5",
        "Feed values of your own, and allow small differences.",
    ),
)


def define_flags(values: flags.FlagValues) -> None:
    """Defines the command's flags."""
    define_patch(values, "FILE: what was changed, by which values are converted; ")
    define_file(
        "samples",
        "FILE: of numpy.savez, with values for inputs of NEW, by KEY or SIGNATURE/KEY; sigpb "
        "makes up the values of the other inputs.",
        values,
    )
    flags.DEFINE_list(
        "loaders",
        list(LOADERS),
        "LOADER,…: v1 is tf.compat.v1.saved_model.load, v2 is tf.saved_model.load.",
        flag_values=values,
    )
    define_signature(values, "Only the signature of this key in NEW.")
    flags.DEFINE_list(
        "batch_sizes",
        list(map(str, BATCH_SIZES)),
        "N,…: the numbers of rows to feed where the batch size is open.",
        flag_values=values,
    )
    for name, meaning in (
        ("rtol", "How much floating-point numbers may differ, as a fraction of their value."),
        ("atol", "How much floating-point numbers may differ in addition to that."),
    ):
        define_number(name, 0.0, meaning, values)
    define_number("timeout", TIMEOUT, "SECONDS: when to give up.", values)
    define_allow_ops(values)
    define_format(values, "How to print the report: text, or JSON (see docs/json.md).")


def run(arguments: Sequence[str], values: flags.FlagValues) -> int:
    """Runs the command.

    Returns:
        The exit code.
    """
    before, after = two_models(arguments, f"{USAGE.partition(' [')[0]} …")
    patch = None
    if values.patch is not None:
        from sigpb.cli.patch_input import read_patch

        patch = read_patch(values.patch)
    from sigpb import reading

    report = reading.verify(
        before,
        after,
        patch,
        loaders=values.loaders,
        samples=None if values.samples is None else Path(values.samples),
        signature=values.signature,
        batch_sizes=_numbers(values.batch_sizes),
        rtol=values.rtol,
        atol=values.atol,
        timeout=values.timeout,
        allow_ops=values.allow_ops,
    )
    if values.format == "json":
        terminal.say_json(report.to_json())
    else:
        terminal.say(*report.lines())
    return report.exit_code


def _numbers(texts: Sequence[str]) -> tuple[int, ...]:
    try:
        return tuple(map(int, texts))
    except ValueError:
        raise UsageError(
            f"--batch_sizes={','.join(texts)}: numbers are expected, separated by commas."
        ) from None
