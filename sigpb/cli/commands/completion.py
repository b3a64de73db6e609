"""Prints the script that completes the command lines of sigpb in a shell.

It completes commands, flags and their values, paths, and the signatures, inputs and outputs of the
model that is on the command line. For all shells to come, add the line to the file that the shell
reads when it starts: ~/.bashrc, ~/.zshrc, ~/.config/fish/config.fish.
"""

from __future__ import annotations

from collections.abc import Sequence

from absl import flags

from sigpb.cli import terminal
from sigpb.errors import UsageError, did_you_mean

USAGE = "sigpb completion bash|zsh|fish"

TASK = "More"

EXAMPLES: tuple[tuple[str, str], ...] = (
    ('eval "$(sigpb completion bash)"', "Complete in this bash."),
    ('eval "$(sigpb completion zsh)"', "Complete in this zsh."),
    ("sigpb completion fish | source", "Complete in this fish."),
)

SHELLS = ("bash", "zsh", "fish")


def define_flags(values: flags.FlagValues) -> None:
    """Defines the command's flags: none."""


def run(arguments: Sequence[str], values: flags.FlagValues) -> int:
    """Runs the command.

    Returns:
        The exit code.
    """
    if len(arguments) != 1:
        raise UsageError("The name of a shell is expected.", USAGE)
    from sigpb.cli.completion.scripts import SCRIPTS

    if arguments[0] not in SCRIPTS:
        known = did_you_mean(arguments[0], SCRIPTS)
        raise UsageError(f"There is no completion for the shell {arguments[0]!r}; {known}.")
    terminal.say_document(SCRIPTS[arguments[0]])
    return 0
