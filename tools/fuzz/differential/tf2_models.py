"""Models of TensorFlow 2: signatures made of functions that share variables and functions."""

from __future__ import annotations

import random
from collections.abc import Sequence

from .expressions import Dims, Value, statements
from .keys import SIGNATURES, plain_keys
from .program import Line, Program

_PREAMBLE = """\
m = tf.Module()
m.kept = []


def keep(value):
    m.kept.append(value)
    return value


m.variables_by_shape = {}


def variable(*shape):
    with tf.init_scope():
        if str(shape) not in m.variables_by_shape:
            m.variables_by_shape[str(shape)] = tf.Variable(values(*shape) + 0.5)
    return m.variables_by_shape[str(shape)]


words = tf.lookup.KeyValueTensorInitializer(
    tf.constant([0, 1, 2], tf.int64), tf.constant(["zero", "one", "two"])
)
table = keep(tf.lookup.StaticHashTable(words, "none"))
counter = keep(tf.Variable(1.0))


def lookup(keys):
    return table.lookup(keys)


@tf.function
def helper(v):
    return v * 1.25 + variable(v.shape[-1] or 1)[:1] if v.shape.rank else v * 1.25


@tf.function
def nested(v):
    return helper(v) - helper(helper(v))


@tf.function
def counted(v):
    return v * counter.assign_add(1.0)

""".splitlines()

_FUNCTIONS = ("helper({x})", "nested({x})", "counted({x})")

_SHAPES: tuple[Dims, ...] = ((4,), (3,), (6,), (2, 3), (4, 2), (2, 2, 3), ())


def tf2_program(chance: random.Random) -> Program:
    """Draws a model whose signatures are functions."""
    lines = [Line(line) for line in _PREAMBLE]
    exported = []
    batch = chance.choice((None, None, 1, 1, 2, 3))
    named: list[str] = []
    for number, key in enumerate(chance.sample(SIGNATURES[:6], chance.randint(1, 3))):
        if number and chance.random() < 0.3:  # A second key of the first function.
            exported.append(Line(f"    signatures[{key!r}] = f0", optional=True))
            continue
        name = f"f{number}"
        made, names = _function(chance, name, batch)
        lines += made
        named += names
        exported.append(Line(f"    signatures[{key!r}] = {name}", block=name))
    build = ("", "", "def build(path):", "    signatures = {}")
    save = (
        "    m.functions = list(signatures.values())",
        "    tf.saved_model.save(m, path, signatures=signatures)",
    )
    return Program("tf2", (*lines, *map(Line, build), *exported, *map(Line, save)), tuple(named))


def _function(chance: random.Random, name: str, batch: int | None) -> tuple[list[Line], list[str]]:
    """Draws a function; its lines are the block of its name."""
    inputs = draw_inputs(chance, f"{name}_a", batch)
    keys = plain_keys(chance, len(inputs))
    head = [
        "",
        "@tf.function(input_signature=[",
        *(
            f"    tf.TensorSpec({list(value.shape)}, tf.{value.dtype}, name={key!r}),"
            for value, key in zip(inputs, keys, strict=True)
        ),
        "])",
        f"def {name}({', '.join(value.name for value in inputs)}):",
        "    if True:",
    ]
    body, made, named = statements(chance, inputs, f"{name}_v", name, _FUNCTIONS)
    tail = [
        Line("        return {", block=name),
        *output_lines(chance, [*inputs, *made], name, indent=12),
        Line("        }", block=name),
    ]
    return [*(Line(text, block=name) for text in head), *body, *tail], named


def draw_inputs(chance: random.Random, prefix: str, batch: int | None) -> list[Value]:
    """Draws the inputs of a function; the first is of floats, with a batch.

    Args:
        chance: What decides.
        prefix: What their names begin with.
        batch: The size of the first dimension, or None where it is open.
    """
    shape = (batch, *chance.choice(_SHAPES))
    found = [Value(f"{prefix}0", "float32", shape)]
    for index in range(1, chance.choice((1, 2, 2, 3))):
        kind = chance.random()
        name = f"{prefix}{index}"
        if kind < 0.4:
            found.append(Value(name, "float32", shape))
        elif kind < 0.6:
            found.append(Value(name, "float32", (batch, *chance.choice(_SHAPES))))
        elif kind < 0.75:
            found.append(Value(name, "bool", (), batched=False))
        elif kind < 0.85:
            found.append(Value(name, chance.choice(("int32", "int64")), (batch, 2)))
        elif kind < 0.92:
            found.append(Value(name, "string", (batch,)))
        else:
            found.append(Value(name, "float32", (), batched=False))
    return found


def output_lines(
    chance: random.Random, values: Sequence[Value], block: str, indent: int
) -> list[Line]:
    """Draws which of the variables are outputs, and under which keys."""
    count = min(len(values), chance.choice((1, 2, 2, 3, 4)))
    latest = values[-count:]
    chosen = [value if chance.random() < 0.7 else chance.choice(values) for value in latest]
    return [
        Line(f"{' ' * indent}{key!r}: {output(chance, value)},", optional=True, block=block)
        for key, value in zip(plain_keys(chance, count), chosen, strict=True)
    ]


def output(chance: random.Random, value: Value) -> str:
    """Returns the source of an output: of a variable, or, now and then, sparse or ragged."""
    if value.dtype == "float32" and len(value.shape) > 1 and chance.random() < 0.06:
        form = chance.choice(("tf.sparse.from_dense({})", "tf.RaggedTensor.from_tensor({})"))
        return form.format(value.name)
    return value.name
