"""What can happen to values between clients and a model; 'steps STEP…' for some of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from sigpb.cli.help import layout
from sigpb.errors import UsageError, did_you_mean
from sigpb.inspect.styled_text import Line, Span, line

if TYPE_CHECKING:
    from sigpb.steps.reference import Reference

_STEPS = (
    "Steps are what happens to a value between a client and the model's tensor, in the order in "
    "which values pass: 'step' in a patch, or --input_step='x=scale(127.5, 127.5)' "
    "--output_step='y=argmax()'. Beside the model, model('DIR') or model('DIR', 'SIGNATURE') is a "
    "SavedModel of one input and one output in the place of a step: see --before and --after."
)


def lines(arguments: Sequence[str], width: int) -> Iterator[Line]:
    """Yields the text.

    Args:
        arguments: The names of steps; all of them if there are none.
        width: The columns of a line.

    Raises:
        UsageError: If there is no such step.
    """
    from sigpb.steps.reference import references

    found = {each.usage.partition("(")[0]: each for each in references()}
    for name in arguments:
        if name not in found:
            raise UsageError(f"There is no step {name!r}; {did_you_mean(name, found)}.")
    if not arguments:
        yield from layout.paragraphs(_STEPS, width)
    for number, name in enumerate(arguments or found):
        if number or not arguments:
            yield line("")
        yield from _lines(found[name], width)


def _lines(step: Reference, width: int) -> Iterator[Line]:
    yield line(Span(step.usage, "cyan"))
    yield from layout.paragraphs(step.text.replace("``", ""), width, "  ")
    for each in step.arguments:
        text = f"{each.name}, {each.type}: {each.meaning}".replace("``", "")
        yield from map(line, layout.wrapped(text, width, "    ", "      "))
    yield line(f"    For example: {step.example}")
