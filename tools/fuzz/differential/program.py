"""A model as the Python source that builds it, line by line, so that lines can be left out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

HEADER = '''\
import numpy as np
import tensorflow as tf

v1 = tf.compat.v1


def values(*shape):
    """Distinct numbers around 0."""
    numbers = np.arange(int(np.prod(shape)))
    return (2 * np.sin(1.7 * numbers + 1)).reshape(shape).astype(np.float32)
'''


@dataclass(frozen=True)
class Line:
    """A line of source, and how the program can do without it.

    Attributes:
        text: The line, indented.
        target: The variable that it assigns.
        instead: A variable of the same dtype and shape that can stand for `target`.
        optional: Whether the line can just be left out.
        block: What it belongs to; all lines of a block can be left out together.
    """

    text: str
    target: str = ""
    instead: str = ""
    optional: bool = False
    block: str = ""


@dataclass(frozen=True)
class Program:
    """The source of a function ``build(path)`` that saves a model.

    Attributes:
        family: What sort of model it is.
        lines: The source, without `HEADER`.
        named: The variables whose tensors have the same name as they.
    """

    family: str
    lines: tuple[Line, ...]
    named: tuple[str, ...] = ()

    @property
    def source(self) -> str:
        """The whole source."""
        return HEADER + "\n\n" + "\n".join(line.text for line in self.lines) + "\n"

    def build(self, path: Path) -> Path:
        """Saves the model, and returns the directory."""
        scope: dict[str, Any] = {}
        exec(compile(self.source, f"<{self.family} model>", "exec"), scope)
        scope["build"](str(path))
        return path

    def smaller(self) -> Iterator[Program]:
        """Yields programs with fewer lines; not all of them build a model."""
        for block in dict.fromkeys(line.block for line in reversed(self.lines) if line.block):
            yield self._with(line for line in self.lines if line.block != block)
        for index in reversed(range(len(self.lines))):
            line = self.lines[index]
            rest = self.lines[:index] + self.lines[index + 1 :]
            if line.optional or (line.target and not _is_used(line.target, rest)):
                yield self._with(rest)
            elif line.instead:
                yield self._with(_renamed(other, line.target, line.instead) for other in rest)

    def returning(self, variable: str) -> Program:
        """Returns the program whose functions return a variable too, as the output ``probe``."""
        block = next(line.block for line in self.lines if line.target == variable)
        lines: list[Line] = []
        for line in self.lines:
            lines.append(line)
            if line.block == block and line.text.strip() == "return {":
                lines.append(Line(f'            "probe": {variable},', block=block))
        return self._with(lines)

    def _with(self, lines: Any) -> Program:
        kept = tuple(lines)
        targets = {line.target for line in kept}
        return replace(
            self, lines=kept, named=tuple(name for name in self.named if name in targets)
        )


def _pattern(name: str) -> str:
    return rf'(?<!["\w]){re.escape(name)}(?!["\w])'


def _is_used(name: str, lines: Iterable[Line]) -> bool:
    return any(re.search(_pattern(name), line.text) for line in lines)


def _renamed(line: Line, name: str, new: str) -> Line:
    instead = new if line.instead == name else line.instead
    return replace(line, text=re.sub(_pattern(name), new, line.text), instead=instead)
