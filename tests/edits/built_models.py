"""Models that tests build with TensorFlow, and what they return under each loader."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import sigpb
from sigpb.patching.patch_file import parse_text
from tests import model_runner
from tests.model_runner import Array

SERVE = ("serve",)

Signature = tuple[Mapping[str, Any], Mapping[str, Any]]
"""The tensors of the inputs and of the outputs, by their keys."""


def session_model(
    folder: Path, build: Callable[[Any], Signature], *, old_control_flow: bool = False
) -> Path:
    """Saves a graph with the signature ``serving_default``.

    Args:
        folder: Where to put the directory ``model``.
        build: Takes ``tf.compat.v1``, adds nodes to the default graph, and returns the signature.
        old_control_flow: Whether loops and conditions are made of nodes such as Enter and Switch.
    """
    import tensorflow as tf

    v1, model = tf.compat.v1, folder / "model"
    if old_control_flow:
        v1.disable_control_flow_v2()
    try:
        with tf.Graph().as_default(), v1.Session() as session:
            inputs, outputs = build(v1)
            info = v1.saved_model.build_tensor_info
            signature = v1.saved_model.build_signature_def(
                {key: info(tensor) for key, tensor in inputs.items()},
                {key: info(tensor) for key, tensor in outputs.items()},
                "tensorflow/serving/predict",
            )
            session.run(v1.global_variables_initializer())
            builder = v1.saved_model.Builder(str(model))
            builder.add_meta_graph_and_variables(session, [*SERVE], {"serving_default": signature})
            builder.save()
    finally:
        if old_control_flow:
            v1.enable_control_flow_v2()
    return model


def function_model(folder: Path, function: Callable[..., Any], **shapes: Any) -> Path:
    """Saves a function of float32 tensors as the signature ``serving_default``.

    Args:
        folder: Where to put the directory ``model``.
        function: The function.
        shapes: The shapes of its arguments.
    """
    import tensorflow as tf

    module, model = tf.Module(), folder / "model"
    specs = [tf.TensorSpec(shape, tf.float32, name=name) for name, shape in shapes.items()]
    module.function = tf.function(function, input_signature=specs)
    tf.saved_model.save(module, str(model), signatures=module.function)
    return model


def patched(model: Path, endpoints: str) -> Path:
    """Patches the signature ``serving_default`` of a model into a new directory."""
    output = model.with_name("patched")
    patch = parse_text(f'signature {{ key: "serving_default" {endpoints} }}')
    sigpb.patch(model, patch, output_dir=output)
    return output


def results(model: Path, values: Mapping[str, Array]) -> list[dict[str, Any]]:
    """Runs ``serving_default`` under v1, under v2, and under v2 after the model was saved again.

    Returns:
        The outputs of each run, as lists.
    """
    saved = model_runner.resave(model, SERVE, model.with_name(f"{model.name}_saved"))
    runs = (
        (model_runner.run_v1, model),
        (model_runner.run_v2, model),
        (model_runner.run_v2, saved),
    )
    found = []
    for run, directory in runs:
        outputs = run(directory, SERVE, {"serving_default": {**values}})["serving_default"]
        assert not isinstance(outputs, str), outputs
        found.append({key: value.tolist() for key, value in outputs.items()})
    return found
