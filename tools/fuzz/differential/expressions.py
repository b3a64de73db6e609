"""The grammar of what models compute: expressions over tensors whose type is known."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .program import Line

Dims = tuple[int | None, ...]


@dataclass(frozen=True)
class Value:
    """A variable of a program.

    Attributes:
        name: Its name.
        dtype: The name of its dtype.
        shape: Its shape; None where it is open.
        batched: Whether its first dimension is the batch.
    """

    name: str
    dtype: str
    shape: Dims
    batched: bool = True


# The source, the dtype, the shape, whether the batch is still in front.
_Result = tuple[str, str, Dims, bool]

_SAME = (
    "tf.tanh({x})",
    "{x} * 3.0 - 1.0",
    "tf.nn.relu({x})",
    "tf.square({x})",
    "tf.where({x} > 0.5, {x}, -{x})",
    "tf.clip_by_value({x}, -1.0, 1.0)",
    "{x} + values({last})",
    "{x} * variable({last})",
    "tf.strings.to_number(tf.strings.as_string({x}))",
    "tf.cast(tf.cast({x} * 4.0, tf.int32), tf.float32)",
    "tf.cond(tf.constant(True), lambda: {x} * 2.0, lambda: {x} - 1.0)",
    "tf.while_loop(lambda i, a: i < 3, lambda i, a: (i + 1, a * 1.5 + 1.0), [0, {x}])[1]",
)
# Of at least two dimensions.
_ROWS = (
    "tf.nn.softmax({x})",
    "tf.cumsum({x}, 1)",
    "tf.reverse({x}, [1])",
    "tf.roll({x}, 1, 1)",
    "tf.sort({x})",
    "{x} - tf.reduce_mean({x}, 1, keepdims=True)",
    "tf.map_fn(lambda row: row * 2.0 + 1.0, {x})",
    "tf.vectorized_map(lambda row: row - tf.reduce_max(row), {x})",
    "tf.sparse.to_dense(tf.sparse.from_dense({x}))",
    "tf.RaggedTensor.from_tensor({x}).to_tensor()",
    "tf.math.segment_sum({x}, tf.range(tf.shape({x})[0]))",
    "tf.stop_gradient({x}) + tf.zeros_like({x})",
    "tf.reshape({x}, tf.shape({x}))",
    "tf.transpose(tf.transpose({x}))",
    "tf.gather({x}, tf.range(tf.shape({x})[0]))",
)
# Examples of a batch have to do with each other.
_MIXED = (
    "{x} - tf.reduce_mean({x}, 0, keepdims=True)",
    "tf.cumsum({x}, 0)",
    "tf.reverse({x}, [0])",
    "{x} + {x}[:1]",
    "tf.concat([{x}[1:], {x}[:1]], 0)",
    "tf.nn.softmax({x}, 0)",
    "{x} / tf.cast(tf.shape({x})[0], tf.float32)",
    "tf.cond(tf.reduce_sum({x}) > 0.0, lambda: {x} * 2.0, lambda: {x} - 1.0)",
    "tf.linalg.matmul({x}, {x}, transpose_a=True)[:1] * 0.0 + {x}",
    "tf.math.unsorted_segment_sum({x}, tf.zeros_like(tf.range(tf.shape({x})[0])), 1) + {x}",
)
# Of a fixed shape.
_FIXED = (
    "tf.zeros({shape}) + {x}",
    "tf.ensure_shape({x}, {shape})",
    "tf.broadcast_to({x}, {shape})",
    "tf.reshape(tf.reshape({x}, [{size}]), {shape})",
    "tf.stack(tf.unstack({x}, axis=0), 0)",
    "{x} + tf.reshape(tf.cast(tf.range({batch}), tf.float32), {column})",
)


def draw(
    chance: random.Random, scope: Sequence[Value], name: str, extra: Sequence[str] = ()
) -> tuple[Value, str, str]:
    """Draws an expression.

    Args:
        chance: What decides.
        scope: The variables there are.
        name: The variable that is to have the result.
        extra: More templates of what gives a value of the same type.

    Returns:
        The new variable, the source of its value, and a variable that can stand for it, or "".
    """
    for _ in range(50):
        value = chance.choice(scope)
        make = chance.choice(_PRODUCERS)
        found = make(chance, value, scope, extra)
        if found is not None:
            source, dtype, shape, batched = found
            made = Value(name, dtype, shape, batched)
            same = [other.name for other in scope if (other.dtype, other.shape) == (dtype, shape)]
            return made, source, value.name if value.name in same else next(iter(same), "")
    value = chance.choice(scope)
    return (
        Value(name, value.dtype, value.shape, value.batched),
        f"tf.identity({value.name})",
        (value.name),
    )


def _same(
    chance: random.Random, x: Value, scope: Sequence[Value], extra: Sequence[str]
) -> _Result | None:
    if x.dtype != "float32":
        return None
    templates = [*_SAME, *extra, *extra]
    if len(x.shape) > 1 and x.batched:
        templates += _ROWS
        if chance.random() < 0.15:
            templates = list(_MIXED)
        elif x.shape[0] is not None and chance.random() < 0.4:
            templates = list(_FIXED)
    if "{last}" in "".join(templates) and (not x.shape or x.shape[-1] is None):
        templates = [text for text in templates if "{last}" not in text]
    return _filled(chance.choice(templates), x), x.dtype, x.shape, x.batched


def _filled(template: str, x: Value) -> str:
    known = [dim for dim in x.shape if dim is not None]
    size = 1
    for dim in known:
        size *= dim
    return template.format(
        x=x.name,
        last=x.shape[-1] if x.shape else "",
        shape=list(x.shape),
        size=size,
        batch=x.shape[0] if x.shape else 1,
        column=[x.shape[0] if x.shape else 1] + [1] * (len(x.shape) - 1),
    )


def _binary(
    chance: random.Random, x: Value, scope: Sequence[Value], extra: Sequence[str]
) -> _Result | None:
    others = [y for y in scope if y.dtype == x.dtype and y.shape == x.shape and y != x]
    if not others or x.dtype == "bool":
        return None
    y = chance.choice(others)
    if x.dtype == "string":
        return f"tf.strings.join([{x.name}, {y.name}])", x.dtype, x.shape, x.batched
    operator = chance.choice(("{x} + 10 * {y}", "{x} - {y}", "{x} * {y}", "tf.maximum({x}, {y})"))
    return operator.format(x=x.name, y=y.name), x.dtype, x.shape, x.batched


def _flag(
    chance: random.Random, x: Value, scope: Sequence[Value], extra: Sequence[str]
) -> _Result | None:
    flags = [y for y in scope if y.dtype == "bool" and y.shape == ()]
    if not flags or x.dtype != "float32":
        return None
    flag = chance.choice(flags).name
    template = chance.choice(
        (
            "tf.cond({f}, lambda: {x} * 2.0, lambda: {x} + 5.0)",
            "tf.where({f}, {x}, -{x})",
            "{x} + tf.cast({f}, tf.float32)",
            "tf.switch_case(tf.cast({f}, tf.int32), [lambda: {x}, lambda: {x} * 7.0])",
        )
    )
    return template.format(f=flag, x=x.name), x.dtype, x.shape, x.batched


def _inner(x: Value) -> list[int] | None:
    inner = [dim for dim in x.shape[1:] if dim is not None]
    usable = x.batched and x.dtype == "float32" and len(inner) == len(x.shape) - 1 > 0
    return inner if usable else None


def _reshaped(
    chance: random.Random, x: Value, scope: Sequence[Value], extra: Sequence[str]
) -> _Result | None:
    inner = _inner(x)
    if inner is None:
        return None
    size = 1
    for dim in inner:
        size *= dim
    shapes = [
        [size],
        [1, size],
        [size, 1],
        [1, 1, size],
        *([2, size // 2] for _ in "1" if not size % 2),
    ]
    new = chance.choice(shapes)
    batch: object = -1
    if x.shape[0] is not None and chance.random() < 0.6:
        batch = x.shape[0]
    elif chance.random() < 0.3:
        batch = f"tf.shape({x.name})[0]"
    dims = ", ".join(map(str, [batch, *new]))
    return f"tf.reshape({x.name}, [{dims}])", x.dtype, (x.shape[0], *new), True


def _moved(
    chance: random.Random, x: Value, scope: Sequence[Value], extra: Sequence[str]
) -> _Result | None:
    inner = _inner(x)
    if inner is None:
        return None
    axes = list(range(1, len(x.shape)))
    chance.shuffle(axes)
    shape = (x.shape[0], *(inner[axis - 1] for axis in axes))
    return f"tf.transpose({x.name}, {[0, *axes]})", x.dtype, shape, True


def _sized(
    chance: random.Random, x: Value, scope: Sequence[Value], extra: Sequence[str]
) -> _Result | None:
    inner = _inner(x)
    if inner is None or len(inner) != 1:
        return None
    (size,) = inner
    batch, name = x.shape[0], x.name
    choices: list[tuple[str, str, Dims]] = [
        (f"tf.matmul({name}, variable({size}, {size}))", "float32", x.shape),
        (f"tf.matmul({name}, variable({size}, 3))", "float32", (batch, 3)),
        (f"tf.concat([{name}, {name} * 2.0], 1)", "float32", (batch, 2 * size)),
        (f"{name}[:, :1]", "float32", (batch, 1)),
        (f"tf.tile({name}, [1, 2])", "float32", (batch, 2 * size)),
        (f"tf.pad({name}, [[0, 0], [1, 0]])", "float32", (batch, size + 1)),
        (f"tf.stack([{name}, -{name}], 1)", "float32", (batch, 2, size)),
        (f"tf.gather({name}, [0, 0], axis=1)", "float32", (batch, 2)),
        (f"tf.expand_dims({name}, 1)", "float32", (batch, 1, size)),
        (f"tf.one_hot(tf.argmax({name}, 1), 4)", "float32", (batch, 4)),
        (f"tf.math.top_k({name}, 1)[0]", "float32", (batch, 1)),
        (f"tf.einsum('bi,ij->bj', {name}, values({size}, 2))", "float32", (batch, 2)),
        (
            f"tf.sparse.sparse_dense_matmul(tf.sparse.from_dense({name}), values({size}, 2))",
            "float32",
            (batch, 2),
        ),
    ]
    source, dtype, shape = chance.choice(choices)
    return source, dtype, shape, True


def _reduced(
    chance: random.Random, x: Value, scope: Sequence[Value], extra: Sequence[str]
) -> _Result | None:
    if x.dtype != "float32" or not x.shape:
        return None
    op = chance.choice(("reduce_sum", "reduce_max", "reduce_mean"))
    if len(x.shape) > 1 and chance.random() < 0.7:
        return f"tf.{op}({x.name}, -1)", x.dtype, x.shape[:-1], x.batched
    if chance.random() < 0.5:
        return f"tf.{op}({x.name})", x.dtype, (), False
    return f"tf.{op}({x.name}, 0)", x.dtype, x.shape[1:], False


def _rebatched(
    chance: random.Random, x: Value, scope: Sequence[Value], extra: Sequence[str]
) -> _Result | None:
    if x.dtype != "float32" or len(x.shape) < 2 or not x.batched or chance.random() < 0.5:
        return None
    batch = x.shape[0]
    twice = None if batch is None else 2 * batch
    ones = ", ".join(["1"] * (len(x.shape) - 1))
    choices: list[tuple[str, Dims]] = [
        (f"tf.concat([{x.name}, {x.name} * 2.0], 0)", (twice, *x.shape[1:])),
        (f"tf.tile({x.name}, [2, {ones}])", (twice, *x.shape[1:])),
        (f"{x.name}[:1]", (1, *x.shape[1:])),
        (f"{x.name}[0]", x.shape[1:]),
    ]
    source, shape = chance.choice(choices)
    return source, x.dtype, shape, False


def _retyped(
    chance: random.Random, x: Value, scope: Sequence[Value], extra: Sequence[str]
) -> _Result | None:
    name = x.name
    if x.dtype == "string":
        sources = [(f"tf.strings.length({name})", "int32"), (f"tf.strings.upper({name})", "string")]
    elif x.dtype == "bool":
        sources = [(f"tf.cast({name}, tf.float32)", "float32"), (f"~{name}", "bool")]
    elif x.dtype == "float32":
        sources = [
            (f"tf.cast({name} * 3.0, tf.int32)", "int32"),
            (f"tf.cast({name} * 3.0, tf.int64)", "int64"),
            (f"tf.cast({name}, tf.float64)", "float64"),
            (f"tf.strings.as_string({name})", "string"),
            (f"{name} > 0.25", "bool"),
        ]
    else:
        sources = [
            (f"tf.cast({name}, tf.float32)", "float32"),
            (f"lookup(tf.cast({name}, tf.int64))", "string"),
        ]
    source, dtype = chance.choice(sources)
    return source, dtype, x.shape, x.batched


_Producer = Callable[[random.Random, Value, Sequence[Value], Sequence[str]], _Result | None]

_PRODUCERS: tuple[_Producer, ...] = (
    *(_same, _same, _same, _binary, _binary, _flag, _reshaped, _moved, _sized, _sized),
    *(_reduced, _rebatched, _retyped),
)


def statements(
    chance: random.Random,
    inputs: Sequence[Value],
    prefix: str,
    block: str,
    extra: Sequence[str] = (),
) -> tuple[list[Line], list[Value], list[str]]:
    """Draws the statements of a function.

    Args:
        chance: What decides.
        inputs: The variables that it begins with.
        prefix: What the names of its variables begin with.
        block: The block of its lines.
        extra: More templates of what gives a value of the same type.

    Returns:
        The lines, the values they assign, and the names of those that are names of tensors too.
    """
    scope, lines, named = list(inputs), [], []
    for index in range(chance.randint(1, 7)):
        made, source, instead = draw(chance, scope, f"{prefix}{index}", extra)
        if chance.random() < 0.4:
            source = f'tf.identity({source}, name="{made.name}")'
            named.append(made.name)
        text = f"        {made.name} = {source}"
        lines.append(Line(text, target=made.name, instead=instead, block=block))
        scope.append(made)
    return lines, scope[len(inputs) :], named
