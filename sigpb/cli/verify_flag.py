"""The flags ``--verify``, which may have a value and need not, and ``--allow_ops``."""

from __future__ import annotations

from absl import flags

from sigpb.cli.arguments import SAFETY, group

_ALL = ("v1", "v2")


class _Loaders(flags.ArgumentParser[tuple[str, ...]]):
    """Reads the loaders in a list with commas; a flag without a value comes as ``true``."""

    syntactic_help = "v1, v2 or both, separated by commas"

    def parse(self, argument: str | tuple[str, ...]) -> tuple[str, ...]:
        if not isinstance(argument, str):
            return argument
        if argument in ("true", "false"):
            return _ALL if argument == "true" else ()
        names = tuple(dict.fromkeys(name.strip() for name in argument.split(",")))
        if not set(names) <= set(_ALL):
            raise ValueError("the loaders are v1 and v2")
        return names


class _LoadersFlag(flags.Flag[tuple[str, ...]]):
    """A flag that absl takes for a bool: ``--verify`` alone does not take the next argument."""

    boolean = True


def define_allow_ops(values: flags.FlagValues) -> None:
    """Defines the flag ``--allow_ops``."""
    with group(SAFETY, values):
        flags.DEFINE_list(
            "allow_ops",
            [],
            "OP,…: run models with these ops, though they touch files, other machines or code.",
            flag_values=values,
        )


def define_verify(values: flags.FlagValues) -> None:
    """Defines the flag, and the one for the ops that it may run."""
    flag = _LoadersFlag(
        _Loaders(),
        None,
        "verify",
        (),
        "LOADER,…: run the model under TensorFlow before and after, with these loaders (both if "
        "none is named), and write nothing unless the results are the same. The model's ops are "
        "run with your rights, in a sandbox where the machine has one.",
        boolean=True,
    )
    with group(SAFETY, values):
        flags.DEFINE_flag(flag, values)
    define_allow_ops(values)
