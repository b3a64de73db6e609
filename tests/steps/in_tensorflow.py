"""Steps built into a graph that TensorFlow runs."""

from __future__ import annotations

from typing import Any

import numpy as np

from sigpb.steps.step import Step, build_steps, joined
from sigpb.tf.tensor_types import TensorType

from .graph_body import GraphDefBody

Array = Any


def evaluated(steps: tuple[Step, ...], value: Array) -> Array:
    for step in joined(steps):
        value = step.evaluate(value)
    return value


def run_in_a_graph(body: GraphDefBody, fetched: list[str], feeds: dict[str, Array]) -> list[Array]:
    import tensorflow as tf

    graph_def = tf.compat.v1.GraphDef.FromString(body.graph.SerializeToString())
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(graph_def, name="")
        with tf.compat.v1.Session(graph=graph) as session:
            found = session.run(fetched, feeds)
            # A string that is a scalar comes as bytes.
            return [
                np.array(value, object) if isinstance(value, bytes) else value for value in found
            ]


def assert_same(found: Array, expected: Array) -> None:
    assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
    if found.dtype == object:
        assert found.tolist() == expected.tolist()
    else:
        assert found.tobytes() == expected.tobytes()


def assert_evaluated_as_in_tensorflow(
    steps: tuple[Step, ...], operand: TensorType, value: Array
) -> None:
    """Makes sure that what steps evaluate to is what TensorFlow makes of their nodes."""
    body = GraphDefBody()
    tensor = body.placeholder("x", *operand)
    fetched = build_steps(body, steps, tensor, operand)
    [found] = run_in_a_graph(body, [fetched], {tensor: value})
    assert_same(found, evaluated(steps, value))
