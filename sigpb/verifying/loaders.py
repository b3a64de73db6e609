"""The loaders of TensorFlow, and signatures run as each of them sees them.

Only the process that `sigpb.verifying.process` starts calls what is here.
"""

from __future__ import annotations

import contextlib
import functools
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sigpb.verifying.inner_tensors import tensor_in

Array = Any
Arrays = dict[str, Array]
Run = Callable[[Mapping[str, Array]], Arrays]

_UNKNOWN_OP = re.compile(r"Op type not registered '([^']+)'")
_NO_KERNEL = re.compile(r"No OpKernel was registered to support Op '([^']+)'")

# Lines of TensorFlow's errors that say where in Python the graph was made or run.
_LOCATIONS = ("File ", "Graph execution error", "Detected at node")


class V1:
    """``tf.compat.v1.saved_model.load``: a graph and a session, as TensorFlow Serving has them."""

    name = "v1"

    def __init__(self, directory: str, tags: tuple[str, ...]) -> None:
        self._directory = directory
        self._tags = list(tags)

    @functools.cached_property
    def meta_graph(self) -> Any:
        """The MetaGraphDef."""
        return self._loader.get_meta_graph_def_from_tags(self._tags)

    @functools.cached_property
    def _loader(self) -> Any:
        from tensorflow.python.saved_model import loader_impl

        return loader_impl.SavedModelLoader(self._directory)

    @functools.cached_property
    def _graph(self) -> tuple[Any, Any]:
        import tensorflow as tf

        graph = tf.Graph()
        saver, _ = self._loader.load_graph(graph, self._tags)
        return graph, saver

    @contextlib.contextmanager
    def opened(
        self, key: str, optimized: bool = True, tensors: Mapping[str, str] | None = None
    ) -> Iterator[Run]:
        """Yields what runs a signature in a new session.

        Args:
            key: The key of the signature.
            optimized: Whether the graph is optimized, or run as it is.
            tensors: The names of tensors to return in place of the outputs, by what to call them.
        """
        import tensorflow as tf

        graph, saver = self._graph
        signature = _signature(self.meta_graph.signature_def, key)
        feeds, fetches = _tensors(signature.inputs), _tensors(signature.outputs)
        if tensors is not None:
            outputs = [graph.get_tensor_by_name(name) for name in fetches.values()]
            fetches = {new: tensor_in(graph, name, outputs) for new, name in tensors.items()}
        config = tf.compat.v1.ConfigProto(allow_soft_placement=True)
        config.graph_options.rewrite_options.disable_meta_optimizer = not optimized
        with tf.compat.v1.Session(graph=graph, config=config) as session:
            self._loader.restore_variables(session, saver)
            self._loader.run_init_ops(session, self._tags)

            def run(values: Mapping[str, Array]) -> Arrays:
                _check_inputs(feeds, values)
                feed = {}
                for name, value in values.items():
                    tensor = graph.get_tensor_by_name(feeds[name])
                    _check_dtype(name, tensor.dtype.base_dtype, value)
                    feed[tensor] = value
                return dict(session.run(fetches, feed))

            yield run


class V2:
    """``tf.saved_model.load``: the functions in the object graph."""

    name = "v2"

    def __init__(self, directory: str, tags: tuple[str, ...]) -> None:
        self._directory = directory
        self._tags = list(tags)

    @contextlib.contextmanager
    def opened(self, key: str, optimized: bool = True) -> Iterator[Run]:
        """Yields what runs a signature of a newly loaded model, as it is or optimized."""
        import tensorflow as tf

        tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": not optimized})
        loaded = self._load()
        function = _signature(loaded.signatures, key)
        specs = function.structured_input_signature[1]

        def run(values: Mapping[str, Array]) -> Arrays:
            _check_inputs(specs, values)
            for name, value in values.items():
                _check_dtype(name, specs[name].dtype, value)
            outputs = function(**{name: tf.constant(value) for name, value in values.items()})
            return {
                name: tensor.numpy()
                for key, output in outputs.items()
                for name, tensor in _flattened(key, output).items()
            }

        yield run
        del loaded  # It has to live until here: it owns the variables.

    def _load(self) -> Any:
        import tensorflow as tf

        try:
            return tf.saved_model.load(self._directory, tags=self._tags)
        except AttributeError:
            # Optimizers of Keras 2 load only where that is there to tell what they are.
            with contextlib.suppress(ImportError):
                import tf_keras  # noqa: F401
            return tf.saved_model.load(self._directory, tags=self._tags)


LOADERS = {loader.name: loader for loader in (V1, V2)}


def reason_of(error: Exception) -> str:
    """Returns a line that says why something did not run."""
    text = str(error).partition("Original stack trace")[0]
    lines = (line.strip() for line in text.splitlines())
    text = " ".join(line for line in lines if line and not line.startswith(_LOCATIONS))
    if unknown := _UNKNOWN_OP.search(text):
        return f"TensorFlow does not know the op {unknown[1]!r}"
    if missing := _NO_KERNEL.search(text):
        return f"TensorFlow has no kernel for the op {missing[1]!r} here"
    return f"{type(error).__name__}: {text[:300]}" if text else type(error).__name__


def lacks_op(error: Exception) -> bool:
    """Whether something did not run because this TensorFlow has no such op, or no kernel of it."""
    return bool(_UNKNOWN_OP.search(str(error)) or _NO_KERNEL.search(str(error)))


def _signature(signatures: Mapping[str, Any], key: str) -> Any:
    if key not in signatures:
        raise LookupError(f"there is no signature {key!r}")
    return signatures[key]


def _check_inputs(existing: Mapping[str, Any], values: Mapping[str, Array]) -> None:
    if set(existing) != set(values):
        raise LookupError(f"its inputs are {sorted(existing)}, not {sorted(values)}")


def _check_dtype(name: str, dtype: Any, value: Array) -> None:
    """Makes sure that a value needs no conversion; servers make none, but Python does."""
    import tensorflow as tf

    fed = tf.as_dtype(value.dtype)
    if fed != dtype:
        raise TypeError(f"input {name!r} takes {dtype.name}, not {fed.name}")


def _tensors(infos: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the names of tensors by what ``tf.saved_model.load`` calls them."""
    found = {}
    for key, info in infos.items():
        encoding = info.WhichOneof("encoding")
        if encoding == "coo_sparse":
            sparse = info.coo_sparse
            found[f"{key}_indices"] = sparse.indices_tensor_name
            found[f"{key}_values"] = sparse.values_tensor_name
            found[f"{key}_dense_shape"] = sparse.dense_shape_tensor_name
        elif encoding == "composite_tensor":
            for i, part in enumerate(info.composite_tensor.components):
                found[f"{key}_component_{i}"] = part.name
        else:
            found[key] = info.name
    return found


def _flattened(key: str, output: Any) -> dict[str, Any]:
    """Returns the tensors of one output by the same names."""
    import tensorflow as tf

    parts = tf.nest.flatten(output, expand_composites=True)
    if isinstance(output, tf.sparse.SparseTensor):
        names = [f"{key}_{part}" for part in ("indices", "values", "dense_shape")]
        return dict(zip(names, parts, strict=True))
    if len(parts) > 1:
        return {f"{key}_component_{i}": part for i, part in enumerate(parts)}
    return {key: output}
