"""The steps of OpenVINO's PrePostProcessor beside those of sigpb that do the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import sigpb
from sigpb.patching.patch_file import parse_text
from tests import model_runner
from tests.consumers import ConsumerError, openvino
from tests.edits.built_models import SERVE, function_model
from tests.steps.parity import Array, difference

_HEIGHT, _WIDTH = 4, 6


@dataclass(frozen=True)
class Feature:
    """Something that a PrePostProcessor does.

    Attributes:
        name: What it is called there.
        endpoint: What a patch says of the input, or of the output, for the same.
        configure: Sets it up: takes the modules ``openvino.preprocess`` and ``openvino``, and the
            PrePostProcessor of the unpatched model.
        sizes: The shape of what is fed.
        dtype: Its dtype.
        channels: The channels that the model takes.
        side: Whether it is done to the input or to the output.
    """

    name: str
    endpoint: str
    configure: Callable[[Any, Any, Any], Any]
    sizes: tuple[int, ...] = (2, _HEIGHT, _WIDTH, 3)
    dtype: str = "float32"
    channels: int = 3
    side: str = "input"


def _with_layout(ov: Any, of: Any, tensor: str = "NHWC") -> Any:
    """Says how the dimensions of a tensor, and those of the model, are called."""
    of.tensor().set_layout(ov.Layout(tensor))
    of.model().set_layout(ov.Layout("NHWC"))
    return of


def _resize(algorithm: str, arguments: str) -> Feature:
    def configure(preprocess: Any, ov: Any, ppp: Any) -> None:
        given = _with_layout(ov, ppp.input())
        given.tensor().set_element_type(ov.Type.u8).set_spatial_dynamic_shape()
        method = getattr(preprocess.ResizeAlgorithm, algorithm)
        given.preprocess().convert_element_type(ov.Type.f32).resize(method)

    return Feature(
        f"`resize`, `{algorithm}`",
        f"dtype: 'uint8' shape: '[?,9,11,3]' step: \"resize(4, 6{arguments})\"",
        configure,
        (2, 9, 11, 3),
        "uint8",
    )


def _color(before: str, after: str, steps: str, shape: str = "", channels: int = 3) -> Feature:
    def configure(preprocess: Any, ov: Any, ppp: Any) -> None:
        given = _with_layout(ov, ppp.input())
        given.tensor().set_color_format(getattr(preprocess.ColorFormat, before))
        given.preprocess().convert_color(getattr(preprocess.ColorFormat, after))

    stated = shape and f"shape: '{shape}' dtype: 'float32' "
    sizes = (2, _HEIGHT, _WIDTH, 4 if before.endswith("X") else 3)
    name = f"`convert_color`, {before} to {after}"
    return Feature(name, stated + steps, configure, sizes, channels=channels)


def _pad(mode: str, arguments: str) -> Feature:
    def configure(preprocess: Any, ov: Any, ppp: Any) -> None:
        ppp.input().tensor().set_shape([2, 3, 3, 3])
        margins = [0, 1, 2, 0], [0, 0, 1, 0]
        mode_of = getattr(preprocess.PaddingMode, mode)
        ppp.input().preprocess().pad(*margins, 7.0 if mode == "CONSTANT" else 0.0, mode_of)

    endpoint = f"shape: '[?,3,3,3]' step: \"pad(1, 0, 2, 1{arguments})\""
    return Feature(f"`pad`, `{mode}`", endpoint, configure, (2, 3, 3, 3))


_RGBX = "[?,4,6,4]"
_REVERSE, _GRAY = "step: 'reverse_channels()'", "step: 'grayscale()'"

FEATURES = (
    Feature(
        "`set_element_type`, `convert_element_type`",
        "dtype: 'uint8'",
        lambda _, ov, ppp: ppp.input().tensor().set_element_type(ov.Type.u8),
        dtype="uint8",
    ),
    Feature(
        "`set_layout`, `convert_layout`",
        "step: \"layout('NCHW', 'NHWC')\"",
        lambda _, ov, ppp: _with_layout(ov, ppp.input(), "NCHW"),
        (2, 3, _HEIGHT, _WIDTH),
    ),
    Feature(
        "`mean`, `scale`",
        "step: 'scale([123.7, 116.8, 103.9], [58.4, 57.1, 57.4])'",
        lambda _, ov, ppp: (
            _with_layout(ov, ppp.input())
            .preprocess()
            .mean([123.7, 116.8, 103.9])
            .scale([58.4, 57.1, 57.4])
        ),
    ),
    _resize("RESIZE_LINEAR", ""),
    _resize("RESIZE_NEAREST", ", 'nearest'"),
    _resize("RESIZE_CUBIC", ", 'bicubic'"),
    _resize("RESIZE_BILINEAR_PILLOW", ", antialias=True"),
    _resize("RESIZE_BICUBIC_PILLOW", ", 'bicubic', antialias=True"),
    _color("RGB", "BGR", _REVERSE),
    _color("RGB", "GRAY", _GRAY, channels=1),
    _color("BGR", "GRAY", f"{_REVERSE} {_GRAY}", channels=1),
    _color("RGBX", "RGB", "step: 'slice(0, 3)'", _RGBX),
    _color("BGRX", "RGB", f"step: 'slice(0, 3)' {_REVERSE}", _RGBX),
    Feature(
        "`reverse_channels`",
        _REVERSE,
        lambda _, ov, ppp: _with_layout(ov, ppp.input()).preprocess().reverse_channels(),
    ),
    Feature(
        "`crop`",
        "shape: '[?,7,9,3]' step: 'crop(1, 2, 4, 6)'",
        lambda _, ov, ppp: (
            ppp.input().tensor().set_shape([2, 7, 9, 3]),
            ppp.input().preprocess().crop([0, 1, 2, 0], [2, 5, 8, 3]),
        ),
        (2, 7, 9, 3),
    ),
    _pad("CONSTANT", ", 7"),
    _pad("REFLECT", ", mode='reflect'"),
    _pad("SYMMETRIC", ", mode='symmetric'"),
    Feature(
        "`clamp` (in Python by `custom`)",
        "step: 'clip(9.5, 200)'",
        lambda _, ov, ppp: (
            ppp.input()
            .preprocess()
            .custom(lambda node: ov.opset8.clamp(node, 9.5, 200.0).output(0))
        ),
    ),
    Feature(
        "of an output: `convert_element_type`",
        "step: \"cast('float16')\"",
        lambda _, ov, ppp: ppp.output().tensor().set_element_type(ov.Type.f16),
        side="output",
    ),
    Feature(
        "of an output: `convert_layout`",
        "step: \"layout('NHWC', 'NCHW')\"",
        lambda _, ov, ppp: _with_layout(ov, ppp.output(), "NCHW"),
        side="output",
    ),
)


@dataclass(frozen=True)
class Measured:
    """How far what sigpb's steps give is from what the PrePostProcessor's give.

    Attributes:
        in_openvino: In OpenVINO; None if it does not read an op.
        in_tensorflow: In TensorFlow.
    """

    in_openvino: float | None
    in_tensorflow: float


def measured(folder: Path) -> Iterator[tuple[Feature, Measured]]:
    """Runs all features on a model that changes the sign of images."""
    models = {}
    for channels in sorted({feature.channels for feature in FEATURES}):
        inside = folder / str(channels)
        inside.mkdir()
        shape = [None, _HEIGHT, _WIDTH, channels]
        models[channels] = function_model(inside, lambda x: {"y": -x}, x=shape)
    for number, feature in enumerate(FEATURES):
        model, patched = models[feature.channels], folder / f"patched{number}"
        value = (np.random.default_rng(number).random(feature.sizes) * 255).astype(feature.dtype)
        key, renamed = ("x", "a") if feature.side == "input" else ("y", "b")
        endpoint = f'{feature.side} {{ key: "{key}" rename_to: "{renamed}" {feature.endpoint} }}'
        patch = parse_text(f'signature {{ key: "serving_default" {endpoint} }}')
        sigpb.patch(model, patch, output_dir=patched)
        fed = {"a" if feature.side == "input" else "x": value}
        expected = _preprocessed(model, feature, value)
        found = model_runner.run_v1(patched, SERVE, {"serving_default": fed})["serving_default"]
        assert not isinstance(found, str), found
        name = "y" if feature.side == "input" else renamed
        apart = difference(found[name], expected)
        yield feature, Measured(_in_openvino(patched, fed, name, expected), apart)


def _preprocessed(model: Path, feature: Feature, value: Array) -> Array:
    """Returns what the unpatched model gives behind a PrePostProcessor."""
    import openvino as ov
    from openvino import preprocess

    core = ov.Core()
    processor = preprocess.PrePostProcessor(core.read_model(model))
    feature.configure(preprocess, ov, processor)
    compiled = core.compile_model(processor.build(), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return compiled({0: value})[0]


def _in_openvino(patched: Path, fed: dict[str, Array], name: str, expected: Array) -> float | None:
    try:
        found = openvino.run(patched, "serving_default", fed)
    except ConsumerError as error:
        if "No conversion rule found for operations: " not in str(error):
            raise
        return None
    return difference(found[name], expected)
