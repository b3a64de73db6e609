"""Prints the script that completes the command lines of sigpb in a shell.

It completes commands, flags and their values, paths, and the signatures, inputs and outputs of the
model that is on the command line. To try it in this bash or zsh: eval "$(sigpb completion bash)".
"""

from __future__ import annotations

from collections.abc import Sequence

from absl import flags

from sigpb.cli import terminal
from sigpb.errors import UsageError, did_you_mean

USAGE = "sigpb completion bash|zsh|fish"

TASK = "Set up the shell"

EXAMPLES: tuple[tuple[str, str], ...] = (
    ("sigpb completion bash > ~/.sigpb.bash", "Write the script for bash; source it in ~/.bashrc."),
    ("sigpb completion zsh > ~/.sigpb.zsh", "Write the script for zsh; source it in ~/.zshrc."),
    (
        "sigpb completion fish > ~/.config/fish/completions/sigpb.fish",
        "Complete in every new fish shell.",
    ),
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
