"""Random programs of TensorFlow's ops, which can be built for any batch size.

A program is a list of steps. Each takes tensors that were computed before, and was drawn with sizes
that are numbers or multiples of the batch size, so that it is a program for other sizes too.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np

Tensor = Any
Choose = Callable[[Sequence[Any]], Any]
"""Chooses one of some values."""

# A program is built for all of these, which tells which sizes are multiples of the batch size.
SIZES = (1, 2, 3, 5)
_MOST_ELEMENTS = 3000


@dataclass(frozen=True)
class Size:
    """A size: a number, or a multiple of the batch size."""

    factor: int
    of_batch: bool = False

    def at(self, batch: int) -> int:
        return self.factor * batch if self.of_batch else self.factor

    def __repr__(self) -> str:
        return f"{self.factor}*n" if self.of_batch else str(self.factor)


Shape = tuple[Size | None, ...]
Build = Callable[[int, list[Tensor]], Tensor]
"""Builds one tensor for a batch size, from those before it."""

Step = tuple[str, Build]
"""What a step is called, and how its tensor is built."""


@dataclass
class Program:
    """A program, built for several batch sizes at once while it is drawn.

    Attributes:
        choose: Chooses what it consists of.
        shapes: The shapes of its tensors, the input first.
        steps: How to build each of its tensors but the input, and what to call it.
        uses: Which tensors each step takes.
        in_function: Whether its nodes are those of a function that is called.
    """

    choose: Choose
    shapes: list[Shape]
    steps: list[Step] = field(default_factory=list)
    uses: list[set[int]] = field(default_factory=list)
    in_function: bool = False

    def __repr__(self) -> str:
        lines = [f"t0 = x{list(self.shapes[0])}"]
        lines += [
            f"t{number} = {text}  # {list(shape)}"
            for number, ((text, _), shape) in enumerate(
                zip(self.steps, self.shapes[1:], strict=True), 1
            )
        ]
        return "\n".join([*lines, "in a function" if self.in_function else ""])

    def sizes(self, number: int) -> list[Size]:
        """Returns the shape of a tensor in which all sizes are known."""
        return [size for size in self.shapes[number] if size is not None]

    def result(self, number: int, batch: int, x: Tensor) -> Tensor:
        """Returns one tensor of the program for one batch size, and makes only what it needs."""
        needed = {number}
        for place in range(number, 0, -1):
            if place in needed:
                needed |= self.uses[place - 1]
        tensors = _Tensors([x, *[None] * number])
        for place in sorted(needed - {0}):
            tensors[place] = _built(self.steps[place - 1], batch, tensors)
        return tensors[number]


class _Tensors(list[Tensor]):
    """Tensors, and which of them were taken."""

    def __init__(self, tensors: Sequence[Tensor]) -> None:
        super().__init__(tensors)
        self.taken: set[int] = set()

    def __getitem__(self, number: Any) -> Tensor:
        self.taken.add(number)
        return super().__getitem__(number)


def tensorflow() -> Any:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow as tf

    return tf


def draw_program(choose: Choose, steps: int) -> Program:
    """Draws a program of at most so many steps."""
    tf = tensorflow()
    inner = choose([(6,), (4,), (2, 3), (3, 2), (1, 4), (4, 4, 1), (2, 2, 2), (1, 3, 2), ()])
    program = Program(choose, [(Size(1, True), *map(Size, inner))])
    program.in_function = choose([False, True])
    graphs = {batch: tf.Graph() for batch in SIZES}
    worlds: dict[int, _Tensors] = {}
    for batch, graph in graphs.items():
        with graph.as_default():
            worlds[batch] = _Tensors([tf.compat.v1.placeholder(tf.float32, [batch, *inner])])
    for _ in range(steps):
        drawn = choose(_steps())(program)
        if drawn is None:
            continue
        built = {}
        worlds[1].taken.clear()
        try:
            for batch, graph in graphs.items():
                with graph.as_default():
                    built[batch] = _built(drawn, batch, worlds[batch])
        except (ValueError, TypeError, IndexError, tf.errors.InvalidArgumentError):
            continue
        if any(tensor.shape.rank is None for tensor in built.values()):
            continue
        shape = _shape({batch: tensor.shape.as_list() for batch, tensor in built.items()})
        if shape is None:
            continue
        for batch, tensor in built.items():
            worlds[batch].append(tensor)
        program.steps.append(drawn)
        program.uses.append(set(worlds[1].taken))
        program.shapes.append(shape)
    return program


def _built(step: Step, batch: int, tensors: list[Tensor]) -> Tensor:
    tf = tensorflow()
    return tf.cast(step[1](batch, tensors), tf.float32)


def _shape(shapes: dict[int, list[int | None]]) -> Shape | None:
    """Returns the shape for any batch size, if its sizes are numbers or multiples of that."""
    if len({len(shape) for shape in shapes.values()}) != 1 or len(shapes[1]) > 5:
        return None
    result: list[Size | None] = []
    for axis in range(len(shapes[1])):
        sizes = {batch: shape[axis] for batch, shape in shapes.items()}
        if None in sizes.values():
            result.append(None)
            continue
        first = sizes[1] or 0
        for size in (Size(first), Size(first, True)):
            if all(size.at(batch) == found for batch, found in sizes.items()):
                result.append(size)
                break
        else:
            return None
    if np.prod([1 if size is None else size.at(5) for size in result]) > _MOST_ELEMENTS:
        return None
    return tuple(result)


Draw = Callable[[Program], "Step | None"]
_STEPS: list[Draw] = []


def step(times: int = 1) -> Callable[[Draw], Draw]:
    """Makes a function one that draws a step; more `times`, more often."""

    def register(draw: Draw) -> Draw:
        _STEPS.extend([draw] * times)
        return draw

    return register


def tensor_of(p: Program, rank: int | None = None, known: bool = False) -> int:
    """Chooses a tensor, the later ones more often."""
    fits = [
        number
        for number, shape in enumerate(p.shapes)
        if (rank is None or len(shape) >= rank) and not (known and None in shape)
    ]
    return int(p.choose([*fits, *fits[-2:], *fits[-1:]])) if fits else -1


def axis_of(p: Program, number: int) -> int:
    return int(p.choose(range(len(p.shapes[number]))))


def sizes_of(tensor: Tensor) -> Tensor:
    """The shape, found out when the graph runs; tf.shape makes a constant where it is known."""
    return tensorflow().raw_ops.Shape(input=tensor)


def values(sizes: Sequence[int], seed: int = 0) -> Any:
    """An array in which elements differ."""
    count = int(np.prod(sizes))
    return np.cos(np.arange(count) * 1.7 + seed + 0.3).reshape(sizes).astype("float32")


@cache
def _steps() -> list[Draw]:
    package = importlib.import_module(__package__ or "")
    for module in sorted(each.name for each in pkgutil.iter_modules(package.__path__)):
        importlib.import_module(f"{__package__}.{module}")
    return _STEPS


def constant_like(p: Program, shape: Sequence[Size]) -> tuple[str, Callable[[int], Any]]:
    """Chooses a constant that fits a shape; it may be made for the batch size."""
    dims = list(shape[p.choose(range(len(shape) + 1)) :])
    for axis, size in enumerate(dims):
        keep = p.choose([True, False])
        dims[axis] = size if keep else Size(1)
    same = p.choose([True, False])

    def make(n: int) -> Any:
        sizes = [size.at(n) for size in dims]
        return np.full(sizes, 0.5, "float32") if same else values(sizes)

    return f"{'half' if same else 'values'}{dims}", make
