"""Steps that take some elements, or put some in."""

from __future__ import annotations

from typing import Any

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
)


@step(3)
def _slices(p: Program) -> Step | None:
    """A Python slice with an entry for each of the first dimensions."""
    t = tensor_of(p, 1, known=True)
    if t < 0:
        return None
    sizes = p.sizes(t)
    entries = [
        p.choose([":", ":", ":", "new", "...", "::-1", "::2", "all", "0", "1", ":1", ":2", "1:"])
        for _ in sizes[: p.choose(range(1, len(sizes) + 1))]
    ]

    def entry(text: str, whole: int) -> Any:
        if text in ("new", "..."):
            return None if text == "new" else ...
        if text == "all":
            return slice(0, whole)
        bounds = [int(bound) if bound else None for bound in text.split(":")]
        return bounds[0] if len(bounds) == 1 else slice(*bounds)

    def build(n: int, ts: list[Tensor]) -> Tensor:
        return ts[t][tuple(entry(text, sizes[place].at(n)) for place, text in enumerate(entries))]

    return f"t{t}[{', '.join(entries)}]", build


@step()
def _block(p: Program) -> Step | None:
    """A Slice."""
    tf = tensorflow()
    t = tensor_of(p, 1, known=True)
    if t < 0:
        return None
    begin = [p.choose([0, 0, 0, 1]) for _ in p.shapes[t]]
    sizes: list[Size] = []
    for start, size in zip(begin, p.sizes(t), strict=True):
        whole = [Size(-1), Size(-1)] if start else [Size(-1), size]
        sizes.append(p.choose([*whole, Size(1)]))

    def build(n: int, ts: list[Tensor]) -> Tensor:
        return tf.slice(ts[t], begin, [size.at(n) for size in sizes])

    return f"slice(t{t}, {begin}, {sizes})", build


@step()
def _pad(p: Program) -> Step | None:
    tf = tensorflow()
    t = tensor_of(p, 1)
    if t < 0:
        return None
    amounts = [p.choose([[0, 0], [0, 0], [1, 0], [0, 2]]) for _ in p.shapes[t]]
    return f"pad(t{t}, {amounts})", lambda n, ts: tf.pad(ts[t], amounts)


@step(2)
def _gather(p: Program) -> Step | None:
    """Entries of a tensor by numbers that are constant, computed from another, or of the batch."""
    tf = tensorflow()
    t, u, c = (
        tensor_of(p, 1, known=True),
        tensor_of(p, 1),
        p.choose(["[0]", "[0, 0]", "t", "range", "+"]),
    )
    if t < 0 or u < 0:
        return None
    axis = axis_of(p, t)
    dims = p.choose([0, 0, 0, 1])

    def build(n: int, ts: list[Tensor]) -> Tensor:
        size = ts[t].shape[axis]
        chosen = tf.cast(tf.abs(ts[u]) * 7, tf.int32) % (int(size) or 1)
        numbers = {
            "[0]": lambda: tf.constant([0]),
            "[0, 0]": lambda: tf.constant([0, 0]),
            "t": lambda: chosen,
            "range": lambda: tf.range(n),
            "+": lambda: tf.range(sizes_of(ts[0])[0]),
        }[c]()
        return tf.gather(ts[t], numbers, axis=max(axis, dims), batch_dims=dims)

    return f"gather(t{t}, {c} (t{u}), axis={axis}, batch_dims={dims})", build


@step()
def _gather_nd(p: Program) -> Step | None:
    tf = tensorflow()
    t, u, dims = tensor_of(p, 1, known=True), tensor_of(p, 2, known=True), p.choose([0, 0, 1])
    if t < 0 or u < 0:
        return None

    def build(n: int, ts: list[Tensor]) -> Tensor:
        places = tf.cast(tf.abs(ts[u][..., :1]) * 7, tf.int32) % int(ts[t].shape[dims])
        return tf.gather_nd(ts[t], places, batch_dims=dims)

    return f"gather_nd(t{t}, t{u}, batch_dims={dims})", build


@step()
def _one_hot(p: Program) -> Step | None:
    tf = tensorflow()
    t = tensor_of(p)
    axis = p.choose([-1, 0])
    return f"one_hot(t{t}, {axis})", lambda n, ts: tf.one_hot(
        tf.cast(ts[t] * 3, tf.int32), 3, axis=axis
    )


@step(2)
def _choice(p: Program) -> Step | None:
    tf = tensorflow()
    name = p.choose(["where", "where", "mask", "places", "select", "unique"])
    t, u, v = tensor_of(p, 1), tensor_of(p), tensor_of(p)
    if t < 0:
        return None
    rank = p.choose(range(1, len(p.shapes[t]) + 1))

    def build(n: int, ts: list[Tensor]) -> Tensor:
        if name == "where":
            return tf.where(ts[t] > 0.1, ts[u], ts[v])
        if name == "select":
            return tf.compat.v1.where(ts[t] > 0.1, ts[u], ts[v])
        if name == "places":
            return tf.where(ts[t] > 0.1)
        if name == "unique":
            return tf.unique(tf.reshape(tf.cast(ts[t] * 3, tf.int32), [-1]))[0]
        flags = tf.reduce_max(ts[t], list(range(rank, ts[t].shape.rank))) > 0.1
        return tf.boolean_mask(ts[u], flags)

    return f"{name}(t{t}, t{u}, t{v}; {rank})", build
