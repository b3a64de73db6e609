"""The flags by which saved_model_cli names a model and a signature, beside those of sigpb."""

from __future__ import annotations

from collections.abc import Sequence

from absl import flags

from sigpb.cli.arguments import define_path, group, parse_tags, tag_set
from sigpb.errors import UsageError

# The flags of saved_model_cli, the flags of sigpb that mean the same, and what their values are.
_TWINS = {"tag_set": ("tags", "TAG,…"), "signature_def": ("signature", "KEY")}


def define_twins(values: flags.FlagValues) -> None:
    """Defines ``--dir``, ``--tag_set`` and ``--signature_def``."""
    with group("As saved_model_cli has it", values):
        define_path("dir", "DIR: the model.", values)
        for name, (twin, value) in _TWINS.items():
            meaning = f"{value}: the same as --{twin}."
            flags.DEFINE_string(name, None, meaning, flag_values=values)


def models(arguments: Sequence[str], values: flags.FlagValues, usage: str) -> Sequence[str]:
    """Returns the positional arguments, of which ``--dir`` may take the place.

    Raises:
        UsageError: If there are both.
    """
    if values.dir is None:
        return arguments
    if arguments:
        raise UsageError(f"--dir names the model, and so does {arguments[0]!r}. Give one.", usage)
    return [values.dir]


def chosen(values: flags.FlagValues, usage: str) -> tuple[tuple[str, ...] | None, str | None]:
    """Returns the tag-set and the signature that flags choose; None for all.

    Raises:
        UsageError: If a flag of sigpb and its twin are given.
    """
    for name, (twin, _) in _TWINS.items():
        if values[name].value is not None and values[twin].value is not None:
            raise UsageError(f"--{name} is the same as --{twin}. Give one of them.", usage)
    tags = tag_set(values) if values.tag_set is None else parse_tags(values.tag_set)
    return tags, values.signature if values.signature_def is None else values.signature_def
