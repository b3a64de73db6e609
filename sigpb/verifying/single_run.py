"""Running one signature of a model on values that are given, under TensorFlow."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sigpb.errors import SigpbError, UsageError, did_you_mean
from sigpb.saved_model.model import MetaGraph, SavedModel, tag_set_text
from sigpb.steps.dtype_values import numpy_dtype
from sigpb.tf.serving import DEFAULT_SIGNATURE
from sigpb.tf.tensor_types import TensorType, dtype_name, shape_text
from sigpb.verifying.child import RunRequest
from sigpb.verifying.comparison import Array, Arrays
from sigpb.verifying.from_plan import identity_mapping
from sigpb.verifying.given_inputs import Wanted
from sigpb.verifying.process import run_signature
from sigpb.verifying.report import Confinement


class DoesNotRun(SigpbError):
    """A model does not run on values that its signature takes."""

    exit_code = 1


@dataclass(frozen=True)
class Callee:
    """A signature that is to be run.

    Attributes:
        model: The open model.
        tags: The tag-set of its MetaGraph.
        key: Its key.
        wanted: What it takes, by what loaders call it.
        defaults: The serialized TensorProtos of inputs that need no value.
    """

    model: SavedModel
    tags: tuple[str, ...]
    key: str
    wanted: Wanted
    defaults: Mapping[str, bytes]

    @classmethod
    def of(cls, model: SavedModel, tags: Sequence[str] | None, key: str | None) -> Callee:
        """Finds a signature.

        Args:
            model: The open model.
            tags: The tag-set of a MetaGraph; None for the only one, or the one that is served.
            key: The key of the signature; None for ``serving_default``, or the only one.

        Raises:
            UsageError: If there is none, or several that may be meant.
        """
        graph = _chosen_graph(model, tags)
        key = _chosen_key(graph, key)
        (mapping,) = (
            each for each in identity_mapping(model).meta_graphs if each.new_tags == graph.tags
        )
        (signature,) = (each for each in mapping.signatures if each.new == key)
        wanted = {
            f"{each.new}{part.suffix}": part.type
            for each in signature.inputs
            for part in each.components
        }
        defaults = {
            name: value.SerializeToString()
            for name, value in graph.signatures[key].defaults.items()
            if name in wanted
        }
        return cls(model, graph.tags, key, wanted, defaults)

    def run(self, values: Arrays, loader: str, timeout: float) -> tuple[Arrays, Confinement]:
        """Runs the signature, in a process of its own.

        Args:
            values: What it is fed.
            loader: The name of one of TensorFlow's loaders.
            timeout: After how many seconds to give up.

        Returns:
            The outputs, by what loaders call them, and how the process was confined.

        Raises:
            DoesNotRun: If TensorFlow cannot load or run it.
            EnvironmentFailure: If there is no TensorFlow, it takes too long, or it crashes.
        """
        defaults = {key: each for key, each in self.defaults.items() if key not in values}
        directory = str(self.model.directory.absolute())
        request = RunRequest(directory, self.tags, self.key, loader, values, defaults, timeout)
        answer, confinement = run_signature(request)
        if isinstance(answer, str):
            raise DoesNotRun(
                f"Signature {self.key!r} did not run under the loader {loader}: {answer}."
            )
        return {each["name"]: _array(each) for each in answer}, confinement


def _chosen_graph(model: SavedModel, tags: Sequence[str] | None) -> MetaGraph:
    graphs = [graph for graph in model.meta_graphs if tags is None or graph.tags == tuple(tags)]
    if len(graphs) > 1:
        graphs = [graph for graph in graphs if graph.tags == ("serve",)]
    if len(graphs) != 1:
        there = ", ".join(tag_set_text(graph.tags) for graph in model.meta_graphs)
        raise UsageError(f"Choose a MetaGraph with --tags; the model has {there}.")
    return graphs[0]


def _chosen_key(graph: MetaGraph, key: str | None) -> str:
    keys = graph.user_signatures
    if not keys:
        raise UsageError(
            "The model has no signatures. 'sigpb show' lists its functions, and a patch makes a "
            "signature of one (from_function)."
        )
    if key is None and len(keys) == 1:
        return keys[0]
    wanted = DEFAULT_SIGNATURE if key is None else key
    if wanted not in keys:
        raise UsageError(f"There is no signature {wanted!r}; {did_you_mean(wanted, keys)}.")
    return wanted


def _array(answer: Mapping[str, Any]) -> Array:
    """Returns the array that the process with TensorFlow told of."""
    import numpy as np

    shape = tuple(answer["shape"])
    if dtype_name(answer["dtype"]) == "string":
        texts = [base64.b64decode(each) for each in answer["data"]]
        return np.array([*texts, None], dtype=object)[:-1].reshape(shape)
    data = base64.b64decode(answer["data"])
    array: Array = np.frombuffer(data, numpy_dtype(answer["dtype"])).reshape(shape)
    return array


def output_lines(outputs: Arrays) -> list[str]:
    """Returns outputs as text for people: dtype and shape, and the values below."""
    import numpy as np

    lines = []
    for name, array in sorted(outputs.items()):
        kind = "string" if array.dtype == object else array.dtype.name
        lines.append(f"{name}: {kind} {shape_text(array.shape)}")
        lines += (f"  {line}" for line in np.array2string(array, separator=", ").splitlines())
    return lines


def output_json(outputs: Arrays) -> dict[str, Any]:
    """Returns outputs as JSON values, as TensorFlow Serving answers a request with ``inputs``.

    Text is text; bytes that are not UTF-8 are ``{"b64": …}``.
    """
    return {name: _json(array.tolist()) for name, array in sorted(outputs.items())}


def _json(value: Any) -> Any:
    if isinstance(value, list):
        return [_json(each) for each in value]
    if isinstance(value, complex):
        return [value.real, value.imag]
    if not isinstance(value, bytes):
        return value if isinstance(value, bool | int | float) else float(value)
    try:
        return value.decode()
    except UnicodeDecodeError:
        return {"b64": base64.b64encode(value).decode()}


def output_npz(outputs: Arrays) -> bytes:
    """Returns outputs as the content of a ``.npz`` file.

    What numpy has no dtype for becomes the next larger one: bfloat16 becomes float32.

    Raises:
        UsageError: If there is text that ends in NUL, which numpy would cut off.
    """
    import io

    import numpy as np

    arrays = {}
    for name, array in outputs.items():
        if array.dtype == object:
            if any(each.endswith(b"\0") for each in array.flat):
                raise UsageError(f"Output {name!r} ends in NUL, which .npz loses: use .json.")
            array = array.astype(bytes)
        elif array.dtype.kind == "V":
            array = array.astype("float32" if "float" in array.dtype.name else "int8")
        arrays[name] = array
    content = io.BytesIO()
    np.savez(content, **arrays)
    return content.getvalue()


def example_values(callee: Callee, most: int) -> dict[str, Any] | None:
    """Returns values that a signature takes, as nested lists; None if they have too many elements.

    Args:
        callee: The signature. Inputs with a default are left out.
        most: How many elements there may be.
    """
    values = {}
    for name, type_ in sorted(callee.wanted.items()):
        if name in callee.defaults:
            continue
        sizes = _example_sizes(type_)
        most -= math.prod(sizes)
        if most < 0:
            return None
        dtype = dtype_name(type_.dtype)
        value: Any = {"string": "text", "bool": False}.get(dtype, 0.0 if "float" in dtype else 0)
        if name.endswith("_dense_shape"):  # Of a sparse tensor with one value, at zeros.
            value = 1
        for size in reversed(sizes):
            value = [value] * size
        values[name] = value
    return values


def example_code(callee: Callee) -> str:
    """Returns Python that writes values that a signature takes to ``inputs.npz``."""
    arrays = (
        f"{name!r}: np.zeros({_example_sizes(type_)}, {_numpy_name(type_)!r})"
        for name, type_ in sorted(callee.wanted.items())
        if name not in callee.defaults
    )
    return f"import numpy as np; np.savez('inputs.npz', **{{{', '.join(arrays)}}})"


def _example_sizes(type_: TensorType) -> tuple[int, ...]:
    return tuple(1 if size is None else size for size in type_.shape or ())


def _numpy_name(type_: TensorType) -> str:
    """Returns the dtype of numpy that holds values of a type."""
    name = dtype_name(type_.dtype)
    return "S" if name == "string" else "float32" if name.startswith(("bfloat", "float8")) else name
