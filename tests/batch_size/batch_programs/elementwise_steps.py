"""Steps that compute with elements, and along dimensions."""

from __future__ import annotations

from tests.batch_size.batch_programs.program import (
    Program,
    Step,
    Tensor,
    axis_of,
    constant_like,
    step,
    tensor_of,
    tensorflow,
)


def _unary(p: Program) -> Step | None:
    tf = tensorflow()
    names = ["relu", "negative", "square", "softmax", "log_softmax", "zeros_like", "ones_like"]
    name = p.choose([*names, "sigmoid", "identity"])
    t = tensor_of(p, 1)
    if t < 0:
        return None
    function = getattr(tf.nn, name, None) or getattr(tf, name)
    return f"{name}(t{t})", lambda n, ts: function(ts[t])


step()(_unary)


@step(2)
def _binary(p: Program) -> Step | None:
    tf = tensorflow()
    name = p.choose(["add", "multiply", "maximum", "subtract", "add_n", "bias_add", "less"])
    t, u = tensor_of(p), tensor_of(p)

    def build(n: int, ts: list[Tensor]) -> Tensor:
        if name == "add_n":
            return tf.add_n([ts[t], ts[u]])
        return (tf.nn.bias_add if name == "bias_add" else getattr(tf, name))(ts[t], ts[u])

    return f"{name}(t{t}, t{u})", build


@step(2)
def _with_constant(p: Program) -> Step | None:
    tf = tensorflow()
    name, t = p.choose(["add", "multiply", "maximum", "divide"]), tensor_of(p, known=True)
    text, make = constant_like(p, p.sizes(t))
    swap = p.choose([False, True])

    def build(n: int, ts: list[Tensor]) -> Tensor:
        pair = [ts[t], tf.constant(make(n)) + 1.5 if name == "divide" else tf.constant(make(n))]
        return getattr(tf, name)(*(pair[::-1] if swap and name != "divide" else pair))

    return f"{name}(t{t}, {text})", build


@step(2)
def _reduce(p: Program) -> Step | None:
    tf = tensorflow()
    name, t = p.choose(["sum", "mean", "max", "prod", "any", "all"]), tensor_of(p, 1)
    if t < 0:
        return None
    axes = p.choose(
        [None, *([axis] for axis in range(len(p.shapes[t]))), [-1, 0][: len(p.shapes[t])]]
    )
    keep = p.choose([False, True])

    def build(n: int, ts: list[Tensor]) -> Tensor:
        operand = ts[t] > 0.2 if name in ("any", "all") else ts[t]
        return getattr(tf, f"reduce_{name}")(operand, axes, keepdims=keep)

    return f"reduce_{name}(t{t}, {axes}, {keep})", build


@step()
def _along(p: Program) -> Step | None:
    tf = tensorflow()
    names = ["cumsum", "cumprod", "reverse", "argmax", "argmin", "roll", "softmax", "l2_normalize"]
    name, t = p.choose(names), tensor_of(p, 1)
    if t < 0:
        return None
    axis = axis_of(p, t)

    def build(n: int, ts: list[Tensor]) -> Tensor:
        if name == "roll":
            return tf.roll(ts[t], 1, axis)
        if name == "reverse":
            return tf.reverse(ts[t], [axis])
        module = tf.nn if name in ("softmax", "l2_normalize") else tf.math
        return getattr(module, name)(ts[t], axis)

    return f"{name}(t{t}, {axis})", build


@step()
def _last(p: Program) -> Step | None:
    tf = tensorflow()
    name, t = p.choose(["top_k", "top_k_indices", "sort", "l2_loss"]), tensor_of(p, 1)
    if t < 0:
        return None

    def build(n: int, ts: list[Tensor]) -> Tensor:
        if name == "l2_loss":
            return tf.nn.l2_loss(ts[t])
        if name == "sort":
            return tf.sort(ts[t])
        return tf.math.top_k(ts[t], 1)[0 if name == "top_k" else 1]

    return f"{name}(t{t})", build
