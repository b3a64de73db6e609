"""Steps that compute with shapes, and control flow."""

from __future__ import annotations

from tests.batch_size.batch_programs.program import (
    Program,
    Step,
    Tensor,
    axis_of,
    constant_like,
    sizes_of,
    step,
    tensor_of,
    tensorflow,
)


@step(3)
def _computed(p: Program) -> Step | None:
    """What is made of the shape of a tensor."""
    tf = tensorflow()
    t = tensor_of(p, 1)
    if t < 0:
        return None
    axis = axis_of(p, t)
    name = p.choose(
        ["size", "sizes", "elements", "range", "literal range", "zeros", "fill", "one more",
         "divided", "reshaped", "mean", "rank", "broadcast", "numbers", "eye"]
    )  # fmt: skip
    size, static = p.shapes[t][axis], p.choose([True, False, False])
    if name in ("literal range", "eye") and size is None:
        return None

    def build(n: int, ts: list[Tensor]) -> Tensor:
        sizes = tf.shape(ts[t]) if static else sizes_of(ts[t])
        return {
            "size": lambda: sizes[axis],
            "sizes": lambda: sizes,
            "elements": lambda: tf.reduce_prod(sizes),
            "range": lambda: tf.range(sizes[axis]),
            "literal range": lambda: tf.range(size.at(n) if size else 0),
            "zeros": lambda: tf.zeros(sizes),
            "fill": lambda: tf.fill([sizes[axis], 2], 0.5),
            "one more": lambda: sizes[axis] + 1,
            "divided": lambda: ts[t] / tf.cast(sizes[axis], tf.float32),
            "reshaped": lambda: tf.reshape(ts[t], [sizes[0], -1]),
            "mean": lambda: tf.reduce_sum(ts[t]) / tf.cast(tf.reduce_prod(sizes), tf.float32),
            "rank": lambda: tf.rank(ts[t]),
            "broadcast": lambda: tf.broadcast_to(0.5, sizes),
            "numbers": lambda: tf.reshape(tf.range(tf.reduce_prod(sizes)), sizes),
            "eye": lambda: tf.eye(size.at(n) if size else 1),
        }[name]()

    return f"{name}(t{t}, {axis})", build


@step()
def _control(p: Program) -> Step | None:
    tf = tensorflow()
    name, t = p.choose(["while", "cond", "calls", "until"]), tensor_of(p, known=True)
    text, make = constant_like(p, p.sizes(t))

    def build(n: int, ts: list[Tensor]) -> Tensor:
        x = ts[t]
        if name == "calls":
            inner = tf.function(lambda a: a * make(n) + 1.0, autograph=False)
            return inner(inner(x) * 0.5)
        if name == "cond":
            return tf.cond(tf.reduce_any(x > 0.2), lambda: x * 2.0, lambda: x + 1.0)
        if name == "until":
            return tf.while_loop(
                lambda i, a: (i < 3) & tf.reduce_all(a < 1), lambda i, a: (i + 1, a + 0.4), (0, x)
            )[1]
        return tf.while_loop(
            lambda i, a: i < 2, lambda i, a: (i + 1, tf.tanh(a + x)), (0, tf.constant(make(n)))
        )[1]

    return f"{name}(t{t}, {text})", build
