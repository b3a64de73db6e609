"""Runs SavedModels under both loaders of TensorFlow, to compare a model with its edited copy.

A sparse or composite endpoint appears as its components, under the names that
``tf.saved_model.load`` gives them (``load_v1_in_v2.py``): ``key_indices``, ``key_values`` and
``key_dense_shape``, or ``key_component_0`` and so on.
"""

from __future__ import annotations

import contextlib
import functools
import os
import zlib
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

Array = Any
Values = dict[str, dict[str, Array]]  # signature key -> endpoint key -> value
Results = dict[str, dict[str, Array] | str]  # the same, or why the signature did not run
SomeResults = Mapping[str, Mapping[str, Array] | str]
Keys = dict[str, tuple[list[str], list[str]]]  # signature key -> input keys, output keys

BATCH = 3


def make_inputs(model_dir: Path, tags: Collection[str]) -> Values:
    """Makes up values for the inputs of every signature, distinct and the same in every run.

    A value depends on the name of its tensor, so that inputs which share a tensor agree. Types
    are those of the tensors in the graph, because signatures of old models can be wrong. The
    strings of a model that parses tf.Examples are such Examples, with all that it reads.
    """
    tf = _tensorflow()
    loader, meta_graph = _v1_loader(model_dir, tags)
    graph = tf.Graph()
    with contextlib.suppress(Exception):  # Some graphs have ops that TensorFlow lacks.
        loader.load_graph(graph, tags)
    examples = _serialized_examples(meta_graph)

    def value(info: Any) -> Array:
        dtype, shape = _tensor_type(info, graph)
        if dtype == tf.string and examples is not None and shape in (None, [None]):
            return examples
        return _random(info.name, dtype, shape, below=2 if _is_computed(info, graph) else 5)

    return {
        key: {
            name: array
            for endpoint, info in signature.inputs.items()
            for name, array in zip(_tensors(endpoint, info), _components(info, value), strict=True)
        }
        for key, signature in _signatures(meta_graph)
    }


def run_v1(model_dir: Path, tags: Collection[str], inputs: Values) -> Results:
    """Runs signatures as ``tf.compat.v1.saved_model.load`` sees them, each in a new session."""
    tf = _tensorflow()
    graph = tf.Graph()
    try:
        loader, meta_graph = _v1_loader(model_dir, tags)
        saver, _ = loader.load_graph(graph, tags)
    except Exception as error:
        return dict.fromkeys(inputs, _reason(error))
    signatures = dict(_signatures(meta_graph))
    config = tf.compat.v1.ConfigProto(allow_soft_placement=True)

    def run(key: str, arguments: Mapping[str, Array]) -> dict[str, Array]:
        feeds = _all_tensors(signatures[key].inputs)
        with tf.compat.v1.Session(graph=graph, config=config) as session:
            loader.restore_variables(session, saver)
            loader.run_init_ops(session, tags)
            feed = {feeds[name]: value for name, value in arguments.items()}
            return dict(session.run(_all_tensors(signatures[key].outputs), feed))

    return _run_each(run, inputs)


def run_v2(model_dir: Path, tags: Collection[str], inputs: Values) -> Results:
    """Runs signatures as ``tf.saved_model.load`` sees them, each of a new copy of the model."""
    tf = _tensorflow()

    def run(key: str, arguments: Mapping[str, Array]) -> dict[str, Array]:
        function = load_v2(model_dir, tags).signatures[key]
        outputs = function(**{name: tf.constant(value) for name, value in arguments.items()})
        return {
            name: tensor.numpy()
            for endpoint, output in outputs.items()
            for name, tensor in _flattened(endpoint, output).items()
        }

    return _run_each(run, inputs)


def signature_keys_v1(model_dir: Path, tags: Collection[str]) -> Keys:
    """Returns the sorted keys that the v1 loader shows, by signature."""
    _, meta_graph = _v1_loader(model_dir, tags)
    return {
        key: (sorted(_all_tensors(signature.inputs)), sorted(_all_tensors(signature.outputs)))
        for key, signature in _signatures(meta_graph)
    }


def signature_keys_v2(model_dir: Path, tags: Collection[str]) -> Keys:
    """Returns the sorted keys that ``tf.saved_model.load`` shows, by signature."""
    return {
        key: (
            sorted(function.structured_input_signature[1]),
            sorted(n for k, o in function.structured_outputs.items() for n in _flattened(k, o)),
        )
        for key, function in load_v2(model_dir, tags).signatures.items()
    }


def load_v2(model_dir: Path, tags: Collection[str]) -> Any:
    """Loads a model with ``tf.saved_model.load``."""
    return _tensorflow().saved_model.load(str(model_dir), tags=list(tags))


def resave(model_dir: Path, tags: Collection[str], out_dir: Path) -> Path:
    """Loads a model, saves what was loaded with its signatures, and returns ``out_dir``."""
    loaded = load_v2(model_dir, tags)
    _tensorflow().saved_model.save(loaded, str(out_dir), signatures=loaded.signatures)
    return out_dir


def assert_equal(before: SomeResults, after: SomeResults) -> None:
    """Asserts that two runs gave the same values to the bit; an error equals nothing."""
    assert before.keys() == after.keys()
    for key, expected in before.items():
        actual = after[key]
        assert not isinstance(expected, str), f"{key} did not run: {expected}"
        assert not isinstance(actual, str), f"{key} did not run: {actual}"
        assert expected.keys() == actual.keys(), key
        for name, array in expected.items():
            _assert_same_array(array, actual[name], f"{name} of {key}")


def _assert_same_array(expected: Array, actual: Array, where: str) -> None:
    expected, actual = np.asarray(expected), np.asarray(actual)
    assert (expected.dtype, expected.shape) == (actual.dtype, actual.shape), where
    same = expected == actual
    if expected.dtype.kind in "fc":
        same &= np.signbit(expected.real) == np.signbit(actual.real)
        same |= np.isnan(expected) & np.isnan(actual)
    assert np.all(same), f"{where}:\n{expected}\n{actual}"


def _run_each(
    run: Callable[[str, Mapping[str, Array]], dict[str, Array]], inputs: Values
) -> Results:
    results: Results = {}
    for key, arguments in inputs.items():
        try:
            results[key] = run(key, arguments)
        except Exception as error:
            results[key] = _reason(error)
    return results


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"


@functools.cache
def _tensorflow() -> Any:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow as tf

    with contextlib.suppress(ImportError):
        import tf_keras  # noqa: F401 (registers the objects in the models of Keras 2)
    tf.get_logger().setLevel("ERROR")
    return tf


def _v1_loader(model_dir: Path, tags: Collection[str]) -> tuple[Any, Any]:
    """Returns the parts of ``tf.compat.v1.saved_model.load``, and the MetaGraphDef it loads."""
    _tensorflow()
    from tensorflow.python.saved_model import loader_impl

    loader = loader_impl.SavedModelLoader(str(model_dir))
    return loader, loader.get_meta_graph_def_from_tags(tags)


def _signatures(meta_graph: Any) -> Iterable[tuple[str, Any]]:
    internal = ("__saved_model_init_op", "__saved_model_train_op")
    return ((k, s) for k, s in sorted(meta_graph.signature_def.items()) if k not in internal)


def _all_tensors(endpoints: Mapping[str, Any]) -> dict[str, str]:
    return {
        name: tensor
        for key, info in endpoints.items()
        for name, tensor in _tensors(key, info).items()
    }


def _tensors(key: str, info: Any) -> dict[str, str]:
    """Returns the names of the tensors of one TensorInfo by endpoint key."""
    encoding = info.WhichOneof("encoding")
    if encoding == "coo_sparse":
        return {
            f"{key}_indices": info.coo_sparse.indices_tensor_name,
            f"{key}_values": info.coo_sparse.values_tensor_name,
            f"{key}_dense_shape": info.coo_sparse.dense_shape_tensor_name,
        }
    if encoding == "composite_tensor":
        components = info.composite_tensor.components
        return {f"{key}_component_{i}": part.name for i, part in enumerate(components)}
    return {key: info.name}


def _flattened(key: str, output: Any) -> dict[str, Any]:
    """Returns the tensors, or their specs, of what ``tf.saved_model.load`` calls one output."""
    tf = _tensorflow()
    parts = tf.nest.flatten(output, expand_composites=True)
    if isinstance(output, tf.sparse.SparseTensor | tf.SparseTensorSpec):
        names = [f"{key}_{part}" for part in ("indices", "values", "dense_shape")]
        return dict(zip(names, parts, strict=True))
    if len(parts) > 1:
        return {f"{key}_component_{i}": part for i, part in enumerate(parts)}
    return {key: output}


def _components(info: Any, value: Callable[[Any], Array]) -> list[Array]:
    """Returns the values of the tensors of one TensorInfo, given how to make one up."""
    encoding = info.WhichOneof("encoding")
    if encoding == "composite_tensor":  # A ragged tensor: its values and the limits of its rows.
        values, _ = info.composite_tensor.components
        return [np.resize(value(values), BATCH + 1), np.array([*range(BATCH), BATCH + 1])]
    if encoding == "coo_sparse":
        sizes = [dim.size if dim.size >= 0 else 1 for dim in info.tensor_shape.dim[1:]]
        indices = [[row, *(row % size for size in sizes)] for row in range(BATCH)]
        values = type(info)(name=info.coo_sparse.values_tensor_name, dtype=info.dtype)
        values.tensor_shape.dim.add(size=BATCH)
        return [np.array(indices), value(values), np.array([BATCH, *sizes])]
    return [value(info)]


def _tensor_type(info: Any, graph: Any) -> tuple[Any, list[int | None] | None]:
    """Returns the dtype of a tensor and what is known of its shape."""
    tf = _tensorflow()
    declared = tf.TensorShape(info.tensor_shape if info.HasField("tensor_shape") else None)
    try:
        tensor = graph.get_tensor_by_name(info.name)
    except KeyError:
        dtype, shape = tf.as_dtype(info.dtype), declared
    else:
        dtype, shape = tensor.dtype, tensor.shape
        if shape.is_compatible_with(declared):
            shape = shape.merge_with(declared)
    return dtype, None if shape.rank is None else shape.as_list()


def _is_computed(info: Any, graph: Any) -> bool:
    """Tells an interior tensor: a number there may be a class, which ops check the range of."""
    try:
        return not graph.get_tensor_by_name(info.name).op.type.startswith("Placeholder")
    except KeyError:
        return False


def _random(name: str, dtype: Any, shape: list[int | None] | None, below: int = 5) -> Array:
    random = np.random.default_rng(zlib.crc32(name.encode()))
    size = [BATCH if dim is None else dim for dim in shape or []]
    kind = np.dtype(dtype.as_numpy_dtype).kind
    if kind == "O":
        words = [f"hello world {n}".encode() for n in random.integers(1000, size=size).flat]
        return np.array(words, dtype=object).reshape(size)
    if kind == "b":
        return np.asarray(random.random(size) < 0.5)
    numbers = random.integers(below, size=size) if kind in "iu" else random.random(size)
    return np.asarray(numbers).astype(dtype.as_numpy_dtype)


def _serialized_examples(meta_graph: Any) -> Array | None:
    """Returns Examples with the features of every op of the model that parses Examples."""
    library = meta_graph.graph_def.library
    features: dict[str, tuple[Any, int]] = {}
    for nodes in (meta_graph.graph_def.node, *(f.node_def for f in library.function)):
        constants = (node for node in nodes if node.op == "Const")
        strings = {node.name: list(node.attr["value"].tensor.string_val) for node in constants}
        for node in nodes:
            if node.op in ("ParseExample", "ParseExampleV2"):
                features.update(_features(node, strings))
    if not features:
        return None
    return np.array([_example(features, row) for row in range(BATCH)], dtype=object)


def _features(node: Any, strings: Mapping[str, list[bytes]]) -> dict[str, tuple[Any, int]]:
    """Returns the dtype and the number of elements of each feature that an op reads."""
    inputs = [strings.get(name.split(":")[0], []) for name in node.input]
    if node.op == "ParseExampleV2":
        sparse, dense = inputs[2], inputs[3]
    else:
        split = 2 + node.attr["Nsparse"].i
        sparse = [key for keys in inputs[2:split] for key in keys]
        dense = [key for keys in inputs[split : split + node.attr["Ndense"].i] for key in keys]
    dtypes = [*node.attr["sparse_types"].list.type, *node.attr["Tdense"].list.type]
    shapes = [[1]] * len(sparse) + [
        [max(dim.size, 1) for dim in shape.dim] for shape in node.attr["dense_shapes"].list.shape
    ]
    return {
        key.decode(): (_tensorflow().as_dtype(dtype), int(np.prod(shape)))
        for key, dtype, shape in zip(sparse + dense, dtypes, shapes, strict=True)
    }


def _example(features: Mapping[str, tuple[Any, int]], row: int) -> bytes:
    tf = _tensorflow()
    fields = {tf.float32: "float_list", tf.int64: "int64_list", tf.string: "bytes_list"}
    example = tf.train.Example()
    for key, (dtype, count) in sorted(features.items()):
        values = _random(f"{key} {row}", dtype, [count]).tolist()
        getattr(example.features.feature[key], fields[dtype]).value.extend(values)
    return bytes(example.SerializeToString(deterministic=True))
