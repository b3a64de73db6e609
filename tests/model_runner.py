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
from google.protobuf import text_format

from sigpb import protos

Array = Any
Values = dict[str, dict[str, Array]]  # signature key -> endpoint key -> value
Results = dict[str, dict[str, Array] | str]  # the same, or why the signature did not run
Keys = dict[str, tuple[list[str], list[str]]]  # signature key -> input keys, output keys

BATCH = 2


def make_inputs(model_dir: Path, tags: Collection[str]) -> Values:
    """Makes up values for the inputs of every signature, distinct and the same in every run.

    A value depends on the name of its tensor, so that inputs which share a tensor agree. The
    strings of a model that parses tf.Examples are such Examples, with all that it reads.
    """
    meta_graph = _meta_graph(model_dir, tags)
    shapes = _placeholder_shapes(meta_graph)
    examples = _serialized_examples(meta_graph)

    def value(info: protos.TensorInfo) -> Array:
        shape = _shape(info.tensor_shape) or shapes.get(info.name)
        if info.dtype == protos.DataType.Value("DT_STRING"):
            if examples is not None and (shape is None or len(shape) == 1):
                return examples
            shape = [BATCH] if shape is None else shape
        return _random(info.name, info.dtype, _concrete(shape or []))

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
    from tensorflow.python.saved_model import loader_impl

    graph = tf.Graph()
    try:
        loader = loader_impl.SavedModelLoader(str(model_dir))
        signatures = dict(_signatures(loader.get_meta_graph_def_from_tags(tags)))
        saver, _ = loader.load_graph(graph, tags)
    except Exception as error:
        return dict.fromkeys(inputs, _reason(error))

    def run(key: str, arguments: Mapping[str, Array]) -> dict[str, Array]:
        feeds, fetches = (
            {
                name: tensor
                for endpoint, info in endpoints.items()
                for name, tensor in _tensors(endpoint, info).items()
            }
            for endpoints in (signatures[key].inputs, signatures[key].outputs)
        )
        config = tf.compat.v1.ConfigProto(allow_soft_placement=True)
        with tf.compat.v1.Session(graph=graph, config=config) as session:
            loader.restore_variables(session, saver)
            loader.run_init_ops(session, tags)
            feed = {feeds[name]: value for name, value in arguments.items()}
            return dict(session.run(fetches, feed))

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
    return {
        key: (
            sorted(n for k, info in signature.inputs.items() for n in _tensors(k, info)),
            sorted(n for k, info in signature.outputs.items() for n in _tensors(k, info)),
        )
        for key, signature in _signatures(_meta_graph(model_dir, tags))
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


def assert_equal(before: Results, after: Results) -> None:
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
    lines = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__}: {lines[0][:200]}"


@functools.cache
def _tensorflow() -> Any:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow as tf

    with contextlib.suppress(ImportError):
        import tf_keras  # noqa: F401 (registers the objects in the models of Keras 2)
    tf.get_logger().setLevel("ERROR")
    return tf


def _meta_graph(model_dir: Path, tags: Collection[str]) -> protos.MetaGraphDef:
    saved_model = protos.SavedModel()
    if (model_dir / "saved_model.pb").exists():
        saved_model.ParseFromString((model_dir / "saved_model.pb").read_bytes())
    else:
        text = (model_dir / "saved_model.pbtxt").read_text()
        pool: Any = saved_model.DESCRIPTOR.file.pool
        text_format.Parse(text, saved_model, descriptor_pool=pool)
    return next(g for g in saved_model.meta_graphs if set(g.meta_info_def.tags) == set(tags))


def _signatures(meta_graph: protos.MetaGraphDef) -> Iterable[tuple[str, protos.SignatureDef]]:
    internal = ("__saved_model_init_op", "__saved_model_train_op")
    return ((k, s) for k, s in sorted(meta_graph.signature_def.items()) if k not in internal)


def _tensors(key: str, info: protos.TensorInfo) -> dict[str, str]:
    """Returns tensor names by endpoint key."""
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


def _components(
    info: protos.TensorInfo, dense: Callable[[protos.TensorInfo], Array]
) -> list[Array]:
    def vector(name: str, dtype: int, length: int) -> Array:
        shape = protos.TensorShapeProto(dim=[protos.TensorShapeProto.Dim(size=length)])
        return dense(protos.TensorInfo(name=name, dtype=dtype, tensor_shape=shape))

    encoding = info.WhichOneof("encoding")
    if encoding == "composite_tensor":  # A ragged tensor: its values and the limits of its rows.
        values, _ = info.composite_tensor.components
        return [vector(values.name, values.dtype, 3), np.array([0, 1, 3])]
    if encoding == "coo_sparse":
        sizes = [dim.size if dim.size >= 0 else 1 for dim in info.tensor_shape.dim[1:]]
        indices = [[row, *(row % size for size in sizes)] for row in range(BATCH)]
        values_name = info.coo_sparse.values_tensor_name
        return [
            np.array(indices),
            vector(values_name, info.dtype, BATCH),
            np.array([BATCH, *sizes]),
        ]
    return [dense(info)]


def _random(name: str, dtype: int, shape: list[int]) -> Array:
    random = np.random.default_rng(zlib.crc32(name.encode()))
    numpy_dtype = np.dtype(_tensorflow().as_dtype(dtype).as_numpy_dtype)
    if numpy_dtype.kind == "O":
        words = [f"hello world {n}".encode() for n in random.integers(1000, size=shape).flat]
        return np.array(words, dtype=object).reshape(shape)
    if numpy_dtype.kind in "iu":
        return np.asarray(random.integers(1, 5, shape)).astype(numpy_dtype)
    if numpy_dtype.kind == "b":
        return np.asarray(random.random(shape)) < 0.5
    return np.asarray(random.random(shape)).astype(numpy_dtype)


def _placeholder_shapes(meta_graph: protos.MetaGraphDef) -> dict[str, list[int]]:
    """Returns the known shapes of placeholders, which signatures of old models leave out."""
    return {
        f"{node.name}:0": shape
        for node in meta_graph.graph_def.node
        if node.op.startswith("Placeholder")
        if (shape := _shape(node.attr["shape"].shape)) is not None
    }


def _shape(shape: protos.TensorShapeProto) -> list[int] | None:
    return None if shape.unknown_rank else [dim.size for dim in shape.dim]


def _concrete(shape: list[int]) -> list[int]:
    return [size if size >= 0 else BATCH for size in shape]


def _serialized_examples(meta_graph: protos.MetaGraphDef) -> Array | None:
    """Returns Examples with the features of every op of the model that parses Examples."""
    library = meta_graph.graph_def.library
    features: dict[str, tuple[int, int]] = {}
    for nodes in (meta_graph.graph_def.node, *(f.node_def for f in library.function)):
        strings = {
            n.name: list(n.attr["value"].tensor.string_val) for n in nodes if n.op == "Const"
        }
        for node in nodes:
            if node.op in ("ParseExample", "ParseExampleV2"):
                features.update(_features(node, strings))
    if not features:
        return None
    return np.array([_example(features, row) for row in range(BATCH)], dtype=object)


def _features(
    node: protos.NodeDef, strings: Mapping[str, list[bytes]]
) -> dict[str, tuple[int, int]]:
    """Returns the data type and the number of elements of each feature that an op reads."""
    inputs = [strings.get(name.split(":")[0], []) for name in node.input]
    if node.op == "ParseExampleV2":
        sparse, dense = inputs[2], inputs[3]
    else:
        split = 2 + node.attr["Nsparse"].i
        sparse = [key for keys in inputs[2:split] for key in keys]
        dense = [key for keys in inputs[split : split + node.attr["Ndense"].i] for key in keys]
    features = {
        key.decode(): (dtype, 1)
        for key, dtype in zip(sparse, node.attr["sparse_types"].list.type, strict=True)
    }
    shapes = node.attr["dense_shapes"].list.shape
    for key, dtype, shape in zip(dense, node.attr["Tdense"].list.type, shapes, strict=True):
        features[key.decode()] = (dtype, int(np.prod([max(d.size, 1) for d in shape.dim])))
    return features


def _example(features: Mapping[str, tuple[int, int]], row: int) -> bytes:
    example = protos.Example()
    for key, (dtype, count) in sorted(features.items()):
        values = _random(f"{key} {row}", dtype, [count]).tolist()
        feature = example.features.feature[key]
        field = {"DT_FLOAT": "float_list", "DT_INT64": "int64_list", "DT_STRING": "bytes_list"}
        getattr(feature, field[protos.DataType.Name(dtype)]).value.extend(values)
    return example.SerializeToString(deterministic=True)
