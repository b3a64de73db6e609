"""Graphs of programs, and what they compute."""

from __future__ import annotations

from typing import Any

from sigpb import protos
from tests.batch_size.batch_programs.program import Program, tensorflow


def graph_of(program: Program, number: int, batch: int, stated: bool) -> protos.GraphDef:
    """Returns a GraphDef that computes one tensor of a program, `y`, for a batch size.

    Args:
        program: The program.
        number: Which of its tensors.
        batch: The batch size.
        stated: Whether its nodes state their shapes.
    """
    tf = tensorflow()
    with tf.Graph().as_default() as graph:
        inner = [size.at(1) for size in program.sizes(0)[1:]]
        x = tf.compat.v1.placeholder(tf.float32, [batch, *inner], "x")

        def compute(x: Any) -> Any:
            return program.result(number, batch, x)

        called = tf.function(compute, autograph=False) if program.in_function else compute
        tf.identity(called(x), "y")
        definition = graph.as_graph_def(add_shapes=stated)
    return protos.GraphDef.FromString(definition.SerializeToString())


class Runner:
    """Computes the `y` of a graph for an `x`."""

    def __init__(self, definition: protos.GraphDef) -> None:
        tf = tensorflow()
        graph = tf.Graph()
        with graph.as_default():
            whole = tf.compat.v1.GraphDef.FromString(definition.SerializeToString())
            tf.import_graph_def(whole, name="")
        config = tf.compat.v1.ConfigProto(
            intra_op_parallelism_threads=1, inter_op_parallelism_threads=1
        )
        config.graph_options.rewrite_options.disable_meta_optimizer = True
        self._session = tf.compat.v1.Session(graph=graph, config=config)

    def __call__(self, x: Any) -> Any:
        return self._session.run("y:0", {"x:0": x})
