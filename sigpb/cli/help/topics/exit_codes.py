"""What the exit codes mean."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sigpb.cli.help import layout
from sigpb.errors import EnvironmentFailure, ModelUnreadable, UsageError
from sigpb.inspect.styled_text import Line, line

CODES = (
    (0, "Done: patched or already as it should be, the same, clean, found."),
    (
        1,
        "The answer is no: models differ, lint found errors, a value is not the same, or nothing "
        "was found. Of a batch: some models were refused or failed.",
    ),
    (
        UsageError.exit_code,
        "Refused: the command line or the patch makes no sense, or the patch "
        "does not fit the model. Nothing was changed.",
    ),
    (ModelUnreadable.exit_code, "There is no model, or it cannot be read."),
    (
        EnvironmentFailure.exit_code,
        "A file cannot be read or written, something that is needed is "
        "not installed, or the run was interrupted.",
    ),
)
"""The exit codes, and what they mean."""


def lines(arguments: Sequence[str], width: int) -> Iterator[Line]:
    """Yields the text."""
    yield layout.heading("Exit codes of all commands:")
    yield from layout.terms(((str(code), meaning) for code, meaning in CODES), width)
    yield line("")
    yield from layout.paragraphs(_MORE, width)


_MORE = (
    "A run that ends with 2, 3 or 4 has left the model as it was, unless it says otherwise. Errors "
    "go to the standard error, a line each, and begin with 'sigpb:'."
)
