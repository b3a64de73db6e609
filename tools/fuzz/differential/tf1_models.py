"""Models of TensorFlow 1: a graph in which signatures name tensors, also interior ones."""

from __future__ import annotations

import random

from .expressions import Value, statements
from .keys import SIGNATURES, plain_keys
from .program import Line, Program
from .tf2_models import draw_inputs, output

_PREAMBLE = """\
def variable(*shape):
    with v1.variable_scope("variables", reuse=v1.AUTO_REUSE):
        return v1.get_variable("v" + "_".join(map(str, shape)), initializer=values(*shape) + 0.5)


def lookup(keys):
    words = tf.lookup.KeyValueTensorInitializer(
        tf.constant([0, 1, 2], tf.int64), tf.constant(["zero", "one", "two"])
    )
    return tf.lookup.StaticHashTable(words, "none").lookup(keys)


def signature(inputs, outputs, method="tensorflow/serving/predict"):
    def infos(tensors):
        return {key: v1.saved_model.build_tensor_info(value) for key, value in tensors.items()}

    return v1.saved_model.build_signature_def(infos(inputs), infos(outputs), method)


def parsed(examples):
    features = {
        "f": tf.io.FixedLenFeature([4], tf.float32, [1.0, 2.0, 3.0, 4.0]),
        "g": tf.io.FixedLenFeature([2], tf.int64, [1, 2]),
    }
    return v1.parse_example(examples, features)

""".splitlines()

_CONTROL = (
    "tf.cond(v1.placeholder_with_default(False, []), lambda: {x} * 2.0, lambda: {x} - 1.0)",
    "tf.while_loop(lambda i, a: i < 3, lambda i, a: (i + 1, a * 1.5 + 1.0), [0, {x}])[1]",
)


def tf1_program(chance: random.Random) -> Program:
    """Draws a graph with one or more signatures, in one or two MetaGraphs."""
    batch = chance.choice((None, None, 1, 2))
    is_v1 = chance.random() < 0.5
    inputs = draw_inputs(chance, "i", batch)
    lines = [Line(line) for line in _PREAMBLE]
    lines += [
        Line(text)
        for text in (
            "",
            "def build(path):",
            f"    v1.{'disable' if is_v1 else 'enable'}_control_flow_v2()",
            "    with tf.Graph().as_default(), v1.Session() as session:",
        )
    ]
    lines += [_placeholder(chance, value) for value in inputs]
    start = list(inputs)
    if chance.random() < 0.2:
        lines += [
            Line('        examples = v1.placeholder(tf.string, [None], name="examples")'),
            Line("        features = parsed(examples)"),
            Line('        feature = tf.identity(features["f"], name="feature")', target="feature"),
        ]
        start.append(Value("feature", "float32", (None, 4)))
    if chance.random() < 0.15:
        sparse = 'v1.sparse_placeholder(tf.float32, [None, 4], name="sparse")'
        lines += [
            Line(f"        sparse = {sparse}"),
            Line("        total = tf.sparse.reduce_sum(sparse)", target="total"),
        ]
        start.append(Value("total", "float32", (), batched=False))
    made_lines, made, named = statements(chance, start, "t", "", _CONTROL if is_v1 else ())
    lines += made_lines
    lines.append(Line("        signatures = {}"))
    keys = chance.sample(SIGNATURES, chance.randint(1, 3))
    for key in keys:
        lines += _signature(chance, key, start, made)
    lines.append(Line("        session.run(v1.global_variables_initializer())"))
    lines.append(Line("        builder = v1.saved_model.Builder(path)"))
    lines.append(
        Line(
            '        builder.add_meta_graph_and_variables(session, ["serve"], signatures, '
            "main_op=v1.tables_initializer(), "
            f"strip_default_attrs={chance.random() < 0.5})"
        )
    )
    if chance.random() < 0.2:
        some = f"{{{keys[0]!r}: signatures[{keys[0]!r}]}}"
        text = f'        builder.add_meta_graph(["serve", "gpu"], {some})'
        lines.append(Line(text, optional=True))
    lines.append(Line("        builder.save()"))
    lines.append(Line("    v1.enable_control_flow_v2()"))
    return Program("tf1", tuple(lines), tuple(named))


def _placeholder(chance: random.Random, value: Value) -> Line:
    shape = list(value.shape)
    if value.dtype == "float32" and None not in shape and chance.random() < 0.3:
        source = f"v1.placeholder_with_default(values(*{shape}), {shape}, name={value.name!r})"
    elif value.dtype == "float32" and len(shape) > 1 and chance.random() < 0.1:
        known = [1 if dim is None else dim for dim in shape]
        source = f"v1.placeholder_with_default(values(*{known}), {shape}, name={value.name!r})"
    else:
        source = f"v1.placeholder(tf.{value.dtype}, {shape}, name={value.name!r})"
    return Line(f"        {value.name} = {source}", target=value.name)


def _signature(
    chance: random.Random, key: str, start: list[Value], made: list[Value]
) -> list[Line]:
    """Draws a signature that feeds what the graph needs, and perhaps interior tensors as well."""
    texts = []
    for value in start:
        # What is computed from them can be fed in the place of these two.
        instead = {"feature": "examples", "total": "sparse"}.get(value.name)
        texts.append(instead if instead and chance.random() < 0.6 else value.name)
    # Interior tensors are fed beside, or in front of, what they are computed from.
    texts += [value.name for value in made[:-1] if chance.random() < 0.25]
    if chance.random() < 0.1:
        texts.append(chance.choice(texts))  # Two keys of one tensor.
    outputs = [output(chance, value) for value in made[-chance.choice((1, 2, 3)) :]]
    if chance.random() < 0.15:
        outputs.append(chance.choice(texts))  # Passed through.
    if chance.random() < 0.15:
        outputs.append(chance.choice(outputs))
    block = f"signature {key}"

    def items(names: list[str]) -> list[Line]:
        keys = plain_keys(chance, len(names))
        return [
            Line(f"                {name_key!r}: {name},", optional=True, block=block)
            for name_key, name in zip(keys, names, strict=True)
        ]

    return [
        Line(f"        signatures[{key!r}] = signature(", block=block),
        Line("            {", block=block),
        *items(texts),
        Line("            },", block=block),
        Line("            {", block=block),
        *items(outputs),
        Line("            },", block=block),
        Line("        )", block=block),
    ]
