"""What there is to say of each step: how it is written, what it does, and an example."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from textwrap import dedent
from typing import get_type_hints

from sigpb.steps import step_types
from sigpb.steps.step import Step
from sigpb.steps.syntax import parse_step, said, usage
from sigpb.tf.tensor_types import TensorType, dtype_of, parse_shape, type_text


@dataclass(frozen=True)
class Argument:
    """An argument of a step: its name, what it may be, and its meaning."""

    name: str
    type: str
    meaning: str


@dataclass(frozen=True)
class Reference:
    """What there is to say of a step.

    Attributes:
        usage: How it is written, with its defaults.
        text: What it does, in lines of up to 100 characters.
        arguments: Its arguments.
        example: A type, a step, and the type that it makes of it.
    """

    usage: str
    text: str
    arguments: tuple[Argument, ...]
    example: str

    def markdown(self) -> str:
        """Returns it as a section of a page."""
        arguments = ""
        for each in self.arguments:
            meaning = each.meaning.replace("\n", "\n  ")
            arguments += f"* `{each.name}`, {each.type}: {meaning}\n"
        page = f"{self.text}\n\n{arguments}* For example: `{self.example}`\n"
        return f"\n### `{self.usage}`\n\n" + page.replace("``", "`")

    def plain(self) -> str:
        """Returns it as text for a terminal."""
        lines = [self.usage, *(f"  {line}".rstrip() for line in self.text.splitlines())]
        for each in self.arguments:
            first, *others = each.meaning.splitlines()
            lines += [
                f"    {each.name}, {each.type}: {first}",
                *(f"      {line}" for line in others),
            ]
        return "\n".join([*lines, f"    For example: {self.example}"]).replace("``", "")


def references() -> Iterator[Reference]:
    """Yields what there is to say of each step, sorted by their names."""
    for kind in step_types().values():
        text, _, attributes = (inspect.getdoc(kind) or "").partition("\nAttributes:\n")
        arguments = tuple(_arguments(kind, dedent(attributes)))
        yield Reference(usage(kind), text.strip(), arguments, _example(kind))


def _arguments(kind: type[Step], attributes: str) -> Iterator[Argument]:
    """Yields the arguments that a docstring describes; lines that go on are indented there."""
    hints = get_type_hints(kind)
    items: list[list[str]] = []
    for line in attributes.splitlines():
        if line.startswith(" "):
            items[-1].append(line.strip())
        else:
            items.append([line])
    for first, *others in items:
        name, _, meaning = first.partition(": ")
        yield Argument(name, said(hints[name]), "\n".join((meaning, *others)))


def _example(kind: type[Step]) -> str:
    """Returns the example of a step, with the type that comes out."""
    before, _, text = kind.example.partition(" → ")
    dtype, shape = before.split(" ")
    after = parse_step(text).result(TensorType(dtype_of(dtype), parse_shape(shape)))
    return f"{before} → {text} → {type_text(after)}"
