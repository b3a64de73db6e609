"""Models of Keras 2 and Keras 3, made of layers and saved in each of the ways there are."""

from __future__ import annotations

import random
from dataclasses import dataclass

from .program import Line, Program

_SAVING = {
    "keras2": (
        'model.save(path, save_format="tf")',
        "tf.saved_model.save(model, path)",
        "model.export(path)",
    ),
    "keras3": ("model.export(path, verbose=False)", "tf.saved_model.save(model, path)"),
}


@dataclass(frozen=True)
class _Layer:
    """What a layer makes of a tensor of so many dimensions, the batch among them."""

    source: str
    rank: int
    becomes: int


_LAYERS = (
    _Layer("layers.Dense(3)", 2, 2),
    _Layer('layers.Dense(4, activation="softmax")', 2, 2),
    _Layer("layers.BatchNormalization()", 2, 2),
    _Layer("layers.Dropout(0.5)", 2, 2),
    _Layer("layers.LayerNormalization()", 2, 2),
    _Layer("layers.RepeatVector(2)", 2, 3),
    _Layer("layers.Reshape((-1, 1))", 2, 3),
    _Layer("layers.LSTM(2)", 3, 2),
    _Layer("layers.GRU(2, return_sequences=True)", 3, 3),
    _Layer("layers.Bidirectional(layers.LSTM(2))", 3, 2),
    _Layer("layers.SimpleRNN(3)", 3, 2),
    _Layer('layers.Conv1D(2, 2, padding="same")', 3, 3),
    _Layer("layers.GlobalMaxPooling1D()", 3, 2),
    _Layer("layers.TimeDistributed(layers.Dense(2))", 3, 3),
    _Layer("layers.Flatten()", 3, 2),
    _Layer("layers.Permute((2, 1))", 3, 3),
    _Layer("layers.MultiHeadAttention(1, 2)", 3, 3),
    _Layer('layers.Conv2D(2, 2, padding="same")', 4, 4),
    _Layer('layers.DepthwiseConv2D(2, padding="same")', 4, 4),
    _Layer("layers.MaxPooling2D(2)", 4, 4),
    _Layer("layers.BatchNormalization()", 4, 4),
    _Layer("layers.UpSampling2D(2)", 4, 4),
    _Layer("layers.GlobalAveragePooling2D()", 4, 2),
    _Layer("layers.Flatten()", 4, 2),
)

_SHAPES = {2: (4,), 3: (4, 3), 4: (4, 4, 2)}


def keras2_program(chance: random.Random) -> Program:
    """Draws a functional model of Keras 2."""
    return _program(chance, "keras2", "import tf_keras as keras")


def keras3_program(chance: random.Random) -> Program:
    """Draws a functional model of Keras 3."""
    return _program(chance, "keras3", "import keras")


def _program(chance: random.Random, family: str, imported: str) -> Program:
    batch = chance.choice((None, 1, 1, 2))
    rank = chance.choice((2, 3, 3, 4))
    count = chance.choice((1, 1, 2))
    lines = [
        Line(text)
        for text in (
            imported,
            "layers = keras.layers",
            "",
            "",
            "def build(path):",
            "    keras.utils.set_random_seed(1)",
        )
    ]
    names = chance.sample(("x", "b", "a", "Z", "input_10", "input_2"), count)
    for index, name in enumerate(names):
        shape = list(_SHAPES[rank])
        lines.append(
            Line(
                f"    i{index} = keras.Input(batch_size={batch}, shape={shape}, name={name!r})",
                target=f"i{index}",
            )
        )
    last = "i0"
    if count == 2:
        lines.append(Line("    v = layers.Subtract()([i0, i1])", target="v"))
        last = "v"
    heads: list[tuple[str, int]] = []
    for index in range(chance.randint(1, 4)):
        layer = chance.choice([layer for layer in _LAYERS if layer.rank == rank])
        argument = f"{last}, {last}" if "Attention" in layer.source else last
        instead = last if layer.rank == layer.becomes else ""
        text = f"    v{index} = {layer.source}({argument})"
        lines.append(Line(text, target=f"v{index}", instead=instead))
        last, rank = f"v{index}", layer.becomes
        heads.append((last, rank))
    outputs = [last, *(name for name, _ in heads[:-1] if chance.random() < 0.3)]
    inputs = ", ".join(f"i{index}" for index in range(count))
    lines += [
        Line(f"    model = keras.Model([{inputs}], ["),
        *(Line(f"        {name},", optional=True) for name in outputs),
        Line("    ])"),
        Line(f"    {chance.choice(_SAVING[family])}"),
    ]
    return Program(family, tuple(lines))
