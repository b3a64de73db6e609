"""Steps that give elements another shape, join, repeat or part them."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from tests.batch_size.batch_programs.program import (
    Program,
    Size,
    Step,
    Tensor,
    axis_of,
    sizes_of,
    step,
    tensor_of,
    tensorflow,
    values,
)


@step(4)
def _reshape(p: Program) -> Step | None:
    """Other sizes with the same product: the batch where it may be, and one to be inferred."""
    tf = tensorflow()
    t = tensor_of(p, known=True)
    shape = p.sizes(t)
    batches = sum(size.of_batch for size in shape)
    factors = [f for size in shape for f in _prime_factors(size.factor)]
    target: list[Size] = []
    if not p.choose([True, False, False, False]):
        while factors:
            count = p.choose(range(1, len(factors) + 1))
            target.append(Size(int(np.prod(factors[:count]))))
            factors = factors[count:]
    else:
        target = [Size(size.factor) for size in shape]
        target = p.choose(list(itertools.permutations(target))[:24])
        target = list(target)
    for _ in range(p.choose([0, 0, 1, 2])):
        target.insert(p.choose(range(len(target) + 1)), Size(1))
    for _ in range(batches):
        place = p.choose([*[0] * 3, *range(len(target) + 1)])
        if target and place < len(target) and p.choose([False, True]):
            if not target[place].of_batch:
                target[place] = Size(target[place].factor, True)
                continue
            return None
        target.insert(place, Size(1, True))
    inferred = p.choose([None, None, *range(len(target))])
    computed = p.choose([False, False, False, True])

    def build(n: int, ts: list[Tensor]) -> Tensor:
        sizes: list[Any] = [size.at(n) for size in target]
        if inferred is not None:
            sizes[inferred] = -1
        if computed:
            sizes = [
                sizes_of(ts[0])[0] * size.factor if size.of_batch and each != -1 else each
                for size, each in zip(target, sizes, strict=True)
            ]
        return tf.reshape(ts[t], sizes)

    text = [(-1 if place == inferred else size) for place, size in enumerate(target)]
    return f"reshape(t{t}, {text}{', computed' if computed else ''})", build


def _prime_factors(number: int) -> list[int]:
    found = []
    for prime in (2, 3, 5, 7):
        while number and number % prime == 0:
            found.append(prime)
            number //= prime
    return [*found, number] if number > 1 else found


@step(2)
def _transpose(p: Program) -> Step | None:
    tf = tensorflow()
    t = tensor_of(p, 2)
    if t < 0:
        return None
    order = p.choose(list(itertools.permutations(range(len(p.shapes[t]))))[:24])
    return f"transpose(t{t}, {order})", lambda n, ts: tf.transpose(ts[t], order)


@step(3)
def _join(p: Program) -> Step | None:
    tf = tensorflow()
    name, t = p.choose(["concat", "stack"]), tensor_of(p, 1, known=True)
    if t < 0:
        return None
    shape = p.sizes(t)
    axis = p.choose(range(len(shape) + (name == "stack")))
    equal = [number for number, other in enumerate(p.shapes) if len(other) == len(shape)]
    u = p.choose([None, t, *equal])
    text, make = f"t{u}", None
    if u is None:
        dims = [
            Size(1) if place == axis and name == "concat" and p.choose([True, False]) else size
            for place, size in enumerate(shape)
        ]
        same = p.choose([True, False])
        text = f"{'half' if same else 'values'}{dims}"

        def make(n: int) -> Any:
            sizes = [size.at(n) for size in dims]
            return np.full(sizes, 0.5, "float32") if same else values(sizes)

    first = p.choose([True, False])

    def build(n: int, ts: list[Tensor]) -> Tensor:
        pair = [ts[t], ts[u] if make is None else tf.constant(make(n))]
        return getattr(tf, name)(pair if first else pair[::-1], axis)

    return f"{name}({'' if first else 'reversed '}t{t}, {text}, axis={axis})", build


@step()
def _apart(p: Program) -> Step | None:
    tf = tensorflow()
    name, t = p.choose(["unstack", "split"]), tensor_of(p, 1)
    if t < 0:
        return None
    axis = axis_of(p, t)

    def build(n: int, ts: list[Tensor]) -> Tensor:
        return (tf.unstack(ts[t], axis=axis) if name == "unstack" else tf.split(ts[t], 2, axis))[-1]

    return f"{name}(t{t}, {axis})[-1]", build


@step(2)
def _repeat(p: Program) -> Step | None:
    tf = tensorflow()
    name, t = p.choose(["tile", "broadcast_to", "repeat"]), tensor_of(p, 1, known=True)
    if t < 0:
        return None
    if name == "repeat":
        axis = axis_of(p, t)
        return f"repeat(t{t}, 2, {axis})", lambda n, ts: tf.repeat(ts[t], 2, axis)
    options = [Size(1), Size(1), Size(2), Size(1, True)]
    times = [p.choose(options) for _ in p.shapes[t]]
    computed = p.choose([False, True])

    def build(n: int, ts: list[Tensor]) -> Tensor:
        batch = sizes_of(ts[0])[0] if computed else n
        if name == "tile":
            return tf.tile(ts[t], [s.factor * batch if s.of_batch else s.factor for s in times])
        sizes = [s.at(n) * int(d) for s, d in zip(times, ts[t].shape, strict=True)]
        return tf.broadcast_to(ts[t], sizes)

    return f"{name}(t{t}, times {times}{', computed' if computed else ''})", build


@step(2)
def _dimensions(p: Program) -> Step | None:
    tf = tensorflow()
    name, t = p.choose(["expand_dims", "squeeze", "squeeze all"]), tensor_of(p)
    axis = p.choose(range(len(p.shapes[t]) + (name == "expand_dims"))) if p.shapes[t] else 0

    def build(n: int, ts: list[Tensor]) -> Tensor:
        if name == "expand_dims":
            return tf.expand_dims(ts[t], axis)
        return tf.squeeze(ts[t], [axis] if name == "squeeze" else None)

    return f"{name}(t{t}, {axis})", build
