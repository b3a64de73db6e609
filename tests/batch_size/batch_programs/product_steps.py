"""Steps of products, and of pictures."""

from __future__ import annotations

from tests.batch_size.batch_programs.program import (
    Program,
    Step,
    Tensor,
    step,
    tensor_of,
    tensorflow,
    values,
)


@step(2)
def _product(p: Program) -> Step | None:
    tf = tensorflow()
    t, u = tensor_of(p, 2), tensor_of(p, 2)
    if t < 0 or u < 0:
        return None
    a, b = p.choose([False, True]), p.choose([False, True])
    return (
        f"matmul(t{t}, t{u}, {a}, {b})",
        lambda n, ts: tf.matmul(ts[t], ts[u], transpose_a=a, transpose_b=b),
    )


@step(2)
def _dense(p: Program) -> Step | None:
    tf = tensorflow()
    t = tensor_of(p, 2, known=True)
    if t < 0:
        return None
    left = p.choose([False, False, True])
    rows = p.shapes[t][-2] if left else p.shapes[t][-1]
    assert rows is not None

    def build(n: int, ts: list[Tensor]) -> Tensor:
        kernel = tf.constant(values([2, rows.at(n)] if left else [rows.at(n), 2]))
        return tf.matmul(kernel, ts[t]) if left else tf.matmul(ts[t], kernel)

    return f"{'2 columns @ ' if left else ''}t{t}{'' if left else ' @ 2 columns'}", build


@step()
def _einsum(p: Program) -> Step | None:
    tf = tensorflow()
    t, u = tensor_of(p, 2), tensor_of(p, 2)
    if t < 0 or u < 0:
        return None
    equation = p.choose(
        ["ab,cb->ac", "ab,ab->a", "ab,ab->b", "abc,abd->acd", "abc,cd->abd", "...a,...a->...",
         "ab,ab->ba", "abc,dbc->ad"]
    )  # fmt: skip
    return f"einsum({equation!r}, t{t}, t{u})", lambda n, ts: tf.einsum(equation, ts[t], ts[u])


@step(2)
def _picture(p: Program) -> Step | None:
    tf = tensorflow()
    names = [
        "conv",
        "pool",
        "norm",
        "statistics",
        "statistics",
        "resize",
        "blocks",
        "depth",
        "batches",
    ]
    name, t = p.choose(names), tensor_of(p, 4)
    if t < 0:
        return None

    def build(n: int, ts: list[Tensor]) -> Tensor:
        channels = int(ts[t].shape[-1])
        ones = values([channels]) + 2
        if name == "conv":
            return tf.nn.conv2d(ts[t], values([2, 2, channels, 2]), 1, "SAME")
        if name == "pool":
            return tf.nn.max_pool2d(ts[t], 2, 1, "SAME")
        if name == "resize":
            return tf.image.resize(ts[t], [2, 2], "nearest")
        if name == "depth":
            return tf.nn.space_to_depth(ts[t], 2)
        if name == "blocks":
            return tf.space_to_batch(ts[t], [2, 2], [[0, 0], [0, 0]])
        if name == "batches":
            return tf.batch_to_space(ts[t], [2, 1], [[0, 0], [0, 0]])
        train = name == "statistics"
        given = {} if train else {"mean": ones, "variance": ones}
        norm = tf.compat.v1.nn.fused_batch_norm
        return norm(ts[t], ones, ones, is_training=train, **given)[0]

    return f"{name}(t{t})", build
