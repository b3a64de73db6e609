"""Runs signatures under both loaders of TensorFlow."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf
from tensorflow.python.saved_model import loader_impl

from .views import Endpoint, Signature

Arrays = dict[str, Any]


class V1Model:
    """A model as ``tf.compat.v1.saved_model.load`` sees it."""

    def __init__(self, directory: Path, tags: Sequence[str]) -> None:
        """Imports the graph."""
        self._loader = loader_impl.SavedModelLoader(str(directory))
        self._tags = list(tags)
        self._graph = tf.Graph()
        self._saver, _ = self._loader.load_graph(self._graph, self._tags)
        self._counts_runs = _counts_runs(directory)
        self._session: Any = None

    def run(self, fetches: Mapping[str, str], feeds: Sequence[Arrays]) -> list[Arrays]:
        """Runs tensors, by any key, for each of several feeds by name.

        A model that counts its runs begins anew.
        """
        if self._session is None or self._counts_runs:
            options = tf.compat.v1.ConfigProto(
                allow_soft_placement=True,
                intra_op_parallelism_threads=1,
                inter_op_parallelism_threads=1,
            )
            chosen = tf.config.optimizer.get_experimental_options()
            rewriting = options.graph_options.rewrite_options
            rewriting.disable_meta_optimizer = chosen.get("disable_meta_optimizer", False)
            self._session = tf.compat.v1.Session(graph=self._graph, config=options)
            self._loader.restore_variables(self._session, self._saver)
            self._loader.run_init_ops(self._session, self._tags)
        return [self._session.run(dict(fetches), feed) for feed in feeds]


@functools.lru_cache(maxsize=8)
def v1_model(directory: Path, tags: tuple[str, ...]) -> V1Model:
    """Returns a model whose graph is imported; each run of it is a new session."""
    return V1Model(directory, tags)


def run_v1(
    directory: Path, tags: tuple[str, ...], signature: Signature, feeds: Sequence[Arrays]
) -> list[Arrays]:
    """Runs a signature for each of several feeds, by key."""
    fed = [by_tensor(signature, feed) for feed in feeds]
    return run_tensors(directory, tags, parts(signature.outputs), fed)


def run_tensors(
    directory: Path,
    tags: tuple[str, ...],
    fetches: Mapping[str, str],
    feeds: Sequence[Arrays],
) -> list[Arrays]:
    """Runs tensors, by any key, for each of several feeds by tensor."""
    return v1_model(directory, tags).run(fetches, feeds)


def by_tensor(signature: Signature, feed: Arrays) -> Arrays:
    """Returns values for the inputs of a signature by the names of their tensors."""
    names = parts(signature.inputs)
    return {names[key]: value for key, value in feed.items()}


@functools.lru_cache(maxsize=8)
def v2_model(directory: Path, tags: tuple[str, ...]) -> Any:
    """Returns what ``tf.saved_model.load`` makes of a model."""
    return tf.saved_model.load(str(directory), tags=list(tags))


def run_v2(
    directory: Path, tags: tuple[str, ...], key: str, feeds: Sequence[Arrays]
) -> list[Arrays]:
    """Runs a signature for each of several feeds, by key, of a new model if it counts its runs."""
    load = v2_model.__wrapped__ if _counts_runs(directory) else v2_model
    model = load(directory, tags)  # Variables live as long as it does.
    results = []
    for feed in feeds:
        outputs = model.signatures[key](**{name: tf.constant(x) for name, x in feed.items()})
        results.append(
            {
                name: tensor.numpy()
                for output_key, output in outputs.items()
                for name, tensor in _flattened(output_key, output).items()
            }
        )
    return results


@functools.lru_cache(maxsize=64)
def _counts_runs(directory: Path) -> bool:
    return b"AssignAdd" in (directory / "saved_model.pb").read_bytes()


def resave(directory: Path, tags: tuple[str, ...], output: Path) -> Path:
    """Loads a model and saves it again."""
    loaded = v2_model(directory, tags)
    tf.saved_model.save(loaded, str(output), signatures=loaded.signatures)
    return output


def attempt(run: Callable[..., list[Arrays]], *arguments: Any) -> tuple[list[Arrays], str]:
    """Returns what a run with some arguments gives, or why it fails."""
    try:
        return run(*arguments), ""
    except Exception as error:  # Whatever TensorFlow raises: the model does not run.
        return [], f"{type(error).__name__}: {error}"


def parts(endpoints: Mapping[str, Endpoint]) -> dict[str, str]:
    """Returns the names of the tensors of endpoints, by what `tf.saved_model.load` calls them."""
    return {part: name for endpoint in endpoints.values() for part, name in endpoint.parts.items()}


def _flattened(key: str, output: Any) -> dict[str, Any]:
    parts = tf.nest.flatten(output, expand_composites=True)
    if isinstance(output, tf.sparse.SparseTensor):
        names = [f"{key}_{part}" for part in ("indices", "values", "dense_shape")]
        return dict(zip(names, parts, strict=True))
    if len(parts) > 1:
        return {f"{key}_component_{i}": part for i, part in enumerate(parts)}
    return {key: output}
