"""Models that read variables in many ways, written by TensorFlow."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def write_tf2(directory: Path) -> Path:
    """Writes a model whose functions pass variables on, read in each way that ops have.

    ``flow`` reads variables in a loop, in branches of both kinds and in a function that is called
    with two variables; ``gathered`` by ops that read a part; ``types`` variables of all dtypes.
    """
    import numpy as np
    import tensorflow as tf

    model = tf.Module()
    model.first = first = tf.Variable([1.5, -2.25, 3.0], name="same")
    model.second = second = tf.Variable([0.5, 4.0, -1.0], name="same")
    model.table = table = tf.Variable(np.arange(30, dtype=np.float32).reshape(2, 5, 3) / 7)
    model.unread = tf.Variable(7.0)
    model.empty = empty = tf.Variable(tf.zeros([0, 3]))
    values: dict[str, list[Any]] = {
        "bool": [True, False],
        "int4": [-8, 7],
        "int8": [-5, 6],
        "uint16": [65535, 1],
        "int64": [-(2**40), 3],
        "float16": [0.1, -65504.0],
        "bfloat16": [0.1, 3e38],
        "float64": [0.1, -0.0],
        "complex64": [1 + 2j, -3.5j],
        "string": ["", "w\u00f6rd\0"],
    }
    model.typed = typed = {
        dtype: tf.Variable(tf.constant(value, dtype=dtype)) for dtype, value in values.items()
    }
    scale = tf.function(lambda x, variable: x * variable)

    def flow(x: Any, n: Any) -> dict[str, Any]:
        _, scaled = tf.while_loop(
            lambda i, _: i < n + tf.cast(second[0], tf.int32),
            lambda i, y: (i + 1, y + first),
            (0, x),
        )
        branches = [lambda: x + first, lambda: x - second, lambda: x + 1.0]
        return {
            "chosen": tf.switch_case(n, branches),
            "either": tf.cond(n > 1, lambda: scale(x, first), lambda: scale(x, second)),
            "scaled": scaled,
        }

    def gathered(i: Any) -> dict[str, Any]:
        ops, handle = tf.raw_ops, table.handle
        nested = tf.expand_dims(i, -1) % 2
        gather = {"resource": handle, "dtype": tf.float32}
        return {
            "batch": ops.ResourceGather(indices=i, batch_dims=1, **gather),
            "nd": ops.ResourceGatherNd(indices=nested, **gather),
            "rows": ops.ResourceGather(indices=i % 2, **gather),
            "set": ops.VarIsInitializedOp(resource=handle),
            "sizes": ops.VariableShape(input=handle, out_type=tf.int64),
        }

    def types(x: Any) -> dict[str, Any]:
        read = {dtype: tf.identity(variable) for dtype, variable in typed.items()}
        read["int4"] = tf.cast(read["int4"], tf.int8)
        return {**read, "empty": tf.concat([empty, [[x, x, x]]], 0)}

    number = tf.TensorSpec([], tf.int32, "n")
    signatures = {
        "flow": tf.function(flow, [tf.TensorSpec([None, 3], tf.float32, "x"), number]),
        "gathered": tf.function(gathered, [tf.TensorSpec([2, None], tf.int32, "i")]),
        "types": tf.function(types, [tf.TensorSpec([], tf.float32, "x")]),
    }
    tf.saved_model.save(model, str(directory), signatures=signatures)
    return directory


def write_tf1(directory: Path) -> Path:
    """Writes a model with variables that are references, one of them stored in slices."""
    import tensorflow as tf

    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        v1.disable_resource_variables()
        v1.disable_control_flow_v2()
        x = v1.placeholder(tf.float32, [None, 4], "x")
        w = v1.get_variable("w", initializer=tf.constant([[1.0], [2.0], [-3.0], [0.25]]))
        parts = v1.get_variable(
            "parts",
            [5, 4],
            partitioner=v1.fixed_size_partitioner(2),
            initializer=v1.random_uniform_initializer(seed=1),
        )
        handle = v1.get_variable("handle", initializer=[2.0, 3.0], use_resource=True)
        looped = v1.while_loop(
            lambda i, y: i < 3, lambda i, y: (i + 1, y + w[0] * handle[0]), (0, x)
        )
        either = v1.cond(tf.reduce_sum(x) > 0, lambda: x + w[1], lambda: x - handle[1])
        step = v1.train.get_or_create_global_step()
        v1.train.GradientDescentOptimizer(0.1).minimize(
            tf.reduce_sum(tf.matmul(x, w)), global_step=step
        )
        outputs = {
            "direct": tf.matmul(x, w),
            "either": either,
            "looped": looped[1],
            "parts": tf.matmul(x, parts, transpose_b=True),
        }
        session.run(v1.global_variables_initializer())
        v1.saved_model.simple_save(session, str(directory), {"x": x}, outputs)
    return directory
