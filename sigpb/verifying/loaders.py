"""The loaders of TensorFlow, and signatures run as each of them sees them.

Only the process that `sigpb.verifying.process` starts calls what is here.
"""

from __future__ import annotations

import contextlib
import functools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from sigpb.tf.called_functions import CALL_OPS
from sigpb.tf.tensor_types import tensor_names
from sigpb.verifying.comparison import Array, Arrays
from sigpb.verifying.feeding import Fed, paths
from sigpb.verifying.mapping import Feeding, FunctionPlace, suffixes_of

Graph = Any
Tensor = Any

RunSignature = Callable[[Mapping[str, Array]], Arrays]

_UNKNOWN_OP = re.compile(r"Op type not registered '([^']+)'")
_NO_KERNEL = re.compile(r"No OpKernel was registered to support Op '([^']+)'")

# Lines of TensorFlow's errors that say where in Python the graph was made or run.
_LOCATIONS = ("File ", "Graph execution error", "Detected at node")


class V1:
    """``tf.compat.v1.saved_model.load``: a graph and a session, as TensorFlow Serving has them.

    Attributes:
        directory: The directory of the model.
    """

    name = "v1"

    def __init__(self, directory: str, tags: tuple[str, ...]) -> None:
        self.directory = directory
        self._tags = list(tags)

    @functools.cached_property
    def meta_graph(self) -> Any:
        """The MetaGraphDef."""
        return self._loader.get_meta_graph_def_from_tags(self._tags)

    @functools.cached_property
    def _loader(self) -> Any:
        from tensorflow.python.saved_model import loader_impl

        return loader_impl.SavedModelLoader(self.directory)

    @functools.cached_property
    def _graph(self) -> tuple[Any, Any]:
        import tensorflow as tf

        graph = tf.Graph()
        saver, _ = self._loader.load_graph(graph, self._tags)
        return graph, saver

    def _fed(
        self, feeding: Feeding, feeds: Mapping[str, str], fetches: Mapping[str, str]
    ) -> tuple[Any, Any, dict[str, str], dict[str, str]]:
        """Returns a graph that can be fed otherwise, its saver, and its feeds and fetches."""
        import tensorflow as tf

        meta_graph = type(self.meta_graph)()
        meta_graph.CopyFrom(self.meta_graph)
        kept = {key: name for key, name in feeds.items() if key not in feeding.left_out}
        left_out = [name for key, name in feeds.items() if key in feeding.left_out]
        fetches = {key: name for key, name in fetches.items() if key in feeding.fetched}
        fed = Fed(meta_graph, feeding.tensors, fetches, left_out)
        graph = tf.Graph()
        with graph.as_default():
            saver = tf.compat.v1.train.import_meta_graph(fed.meta_graph)
        return graph, saver, {**kept, **fed.tensors}, fed.fetches

    @contextlib.contextmanager
    def opened(
        self,
        key: str,
        optimized: bool = True,
        tensors: Mapping[str, str] | None = None,
        fed: Mapping[str, str] | None = None,
        feeding: Feeding | None = None,
    ) -> Iterator[RunSignature]:
        """Yields what runs a signature in a new session.

        Args:
            key: The key of the signature.
            optimized: Whether the graph is optimized, or run as it is.
            tensors: The names of tensors to return in place of the outputs, by what to call them.
            fed: The names of tensors to feed if there is no such signature, by what to call them.
            feeding: What else is fed than the signature says.
        """
        import tensorflow as tf

        feeds, fetches = {**(fed or {})}, dict[str, str]()
        if fed is None:
            signature = _signature(self.meta_graph.signature_def, key)
            feeds, fetches = _tensors(signature.inputs), _tensors(signature.outputs)
        if feeding is None:
            graph, saver = self._graph
        else:
            graph, saver, feeds, fetches = self._fed(feeding, feeds, fetches)
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
    def opened(self, key: str, optimized: bool = True) -> Iterator[RunSignature]:
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


class Called(V2):
    """A function of what ``tf.saved_model.load`` returns, in place of a signature."""

    def __init__(self, directory: str, tags: tuple[str, ...], function: FunctionPlace) -> None:
        super().__init__(directory, tags)
        self._function = function

    @contextlib.contextmanager
    def opened(self, key: str, optimized: bool = True) -> Iterator[RunSignature]:
        """Yields what calls the function of a newly loaded model as a signature `key` would be."""
        import tensorflow as tf

        tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": not optimized})
        loaded = self._load()
        function = loaded
        for name in self._function.way:
            function = function[int(name)] if name.isdecimal() else getattr(function, name)
        if not hasattr(function, "structured_input_signature"):
            function = function.concrete_functions[self._function.number]
        signature = function.structured_input_signature
        leaves = tf.nest.flatten(signature)
        specs = [leaf for leaf in leaves if isinstance(leaf, tf.TensorSpec)]
        names = _argument_names(function, specs)

        def run(values: Mapping[str, Array]) -> Arrays:
            _check_inputs(dict.fromkeys(names), values)
            passed = iter(tf.constant(values[name]) for name in names)
            filled = [next(passed) if isinstance(leaf, tf.TensorSpec) else leaf for leaf in leaves]
            arguments, keywords = tf.nest.pack_sequence_as(signature, filled)
            outputs = function(*arguments, **keywords)
            return {name: tensor.numpy() for name, tensor in _as_outputs(outputs).items()}

        yield run
        del loaded


def _argument_names(function: Any, specs: Iterable[Any]) -> list[str]:
    """Returns what the exporter calls the arguments of a function, in the order of `tf.nest`."""
    definition = function.function_def
    names: list[str] = []
    for position, spec in enumerate(specs):
        attributes = definition.arg_attr[position].attr
        stated = attributes["_user_specified_name"].s.decode() or spec.name or "tensor_arg"
        number, name = 0, stated
        while name in names:
            number, name = number + 1, f"{stated}_{number + 1}"
        names.append(name)
    return names


def _as_outputs(outputs: Any) -> Mapping[str, Any]:
    """Returns what a function returns as the outputs of a signature.

    See ``_normalize_outputs`` in tensorflow/python/saved_model/signature_serialization.py.
    """
    if isinstance(outputs, Mapping):
        return outputs
    if hasattr(outputs, "_asdict"):
        named: Mapping[str, Any] = outputs._asdict()
        return named
    several = outputs if isinstance(outputs, list | tuple) else [outputs]
    return {f"output_{number}": output for number, output in enumerate(several)}


LOADERS = {loader.name: loader for loader in (V1, V2)}


def failure_reason(error: Exception) -> str:
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


def _tensors(infos: Mapping[str, Any]) -> dict[str, str]:
    """Returns the names of tensors by what ``tf.saved_model.load`` calls them."""
    return {
        key + suffix: name
        for key, info in infos.items()
        for suffix, name in zip(suffixes_of(info), tensor_names(info), strict=True)
    }


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


def tensor_in(graph: Graph, name: str, fetched: Iterable[Tensor]) -> Tensor:
    """Returns a tensor of a loaded graph by its name, also one inside a function that it calls.

    TensorFlow's own importer puts the body of the function beside its call, so that what is found
    does not depend on how sigpb makes a tensor a result of a function.

    Args:
        graph: The graph; receives the bodies of functions on the way.
        name: The tensor's name, such as ``pool/Mean:0``.
        fetched: The tensors by which the calls are found: those that compute them.

    Raises:
        LookupError: There is none, or more than one at the same depth.
    """
    node, _, output = name.partition(":")
    try:
        return graph.get_tensor_by_name(f"{node}:{output or 0}")
    except (KeyError, ValueError):
        operations = _needed(fetched)
        calls = [operation.node_def for operation in operations if operation.type in CALL_OPS]
    functions = {each.signature.name: each for each in graph.as_graph_def().library.function}
    found = paths(node, calls, functions)
    if len(found) != 1:
        raise LookupError(f"the old model has {len(found)} tensors {name!r}")
    operation = graph.get_operation_by_name(found[0][0])
    for inner in found[0][1:]:
        operation = _beside(graph, operation, functions).get(inner)
    return operation.outputs[int(output or 0)]


def _needed(fetched: Iterable[Tensor]) -> list[Any]:
    found: dict[str, Any] = {}
    waiting = [tensor.op for tensor in fetched]
    while waiting:
        operation = waiting.pop()
        if operation.name not in found:
            found[operation.name] = operation
            waiting += [*(tensor.op for tensor in operation.inputs), *operation.control_inputs]
    return list(found.values())


def _beside(graph: Graph, call: Any, functions: Mapping[str, Any]) -> dict[str, Any]:
    """Puts the body of the function that is called into the graph; returns it by its names."""
    import tensorflow as tf
    from tensorflow.python.framework import function_def_to_graph

    function = functions[call.get_attr("f").name]
    with graph.as_default():
        body, _ = function_def_to_graph.function_def_to_graph_def(function)
        arguments = (f"{each.name}:0" for each in function.signature.input_arg)
        names = [node.name for node in body.node]
        operations = tf.import_graph_def(
            body,
            dict(zip(arguments, call.inputs, strict=True)),
            return_elements=names,
            name=f"{call.name}/beside",
        )
    return dict(zip(names, operations, strict=True))
