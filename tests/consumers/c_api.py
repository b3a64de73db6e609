"""TensorFlow's C API, as clients in other languages use it: a session and ``signature_def``.

The shared library of the installed wheel is called through ctypes, in a process that does not
import TensorFlow. It hands out the MetaGraphDef that it has loaded; the endpoint keys and the names
of the tensors are those of its ``signature_def``.
"""

from __future__ import annotations

import ctypes
import functools
import importlib.util
import math
import os
import pickle
import subprocess
import sys
from collections.abc import Collection, Mapping, Sequence
from ctypes import POINTER, c_char_p, c_int, c_int64, c_size_t, c_void_p
from pathlib import Path
from typing import Any

import numpy as np

from sigpb import protos
from sigpb.tf import tensor_types
from tests.consumers import ConsumerError

Array = Any

REPOSITORY = Path(__file__).resolve().parents[2]
STRING_SIZE = 24  # sizeof(TF_TString)


def run(model_dir: Path, signature_key: str, inputs: Mapping[str, Array]) -> dict[str, Array]:
    """Runs a signature in a new session and returns its outputs."""
    child = subprocess.run(
        [sys.executable, "-m", __name__],
        input=pickle.dumps((str(model_dir), signature_key, dict(inputs))),
        capture_output=True,
        cwd=REPOSITORY,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        check=False,
    )
    if child.returncode:
        raise RuntimeError(child.stderr.decode(errors="replace"))
    outcome: dict[str, Array] | ConsumerError = pickle.loads(child.stdout)
    if isinstance(outcome, ConsumerError):
        raise outcome
    return outcome


class _Buffer(ctypes.Structure):
    _fields_ = (("data", c_void_p), ("length", c_size_t), ("deallocator", c_void_p))


class _Output(ctypes.Structure):
    """A tensor of a graph: an operation and the number of its output."""

    _fields_ = (("operation", c_void_p), ("index", c_int))


_VALUES = (POINTER(_Output), POINTER(c_void_p), c_int)  # Tensors, their values, how many.
_FUNCTIONS: dict[str, tuple[Any, Sequence[Any]]] = {
    "TF_NewStatus": (c_void_p, ()),
    "TF_GetCode": (c_int, (c_void_p,)),
    "TF_Message": (c_char_p, (c_void_p,)),
    "TF_NewGraph": (c_void_p, ()),
    "TF_NewBuffer": (POINTER(_Buffer), ()),
    "TF_NewSessionOptions": (c_void_p, ()),
    "TF_LoadSessionFromSavedModel": (
        c_void_p,
        (
            *(c_void_p, c_void_p, c_char_p, POINTER(c_char_p), c_int),
            *(c_void_p, POINTER(_Buffer), c_void_p),
        ),
    ),
    "TF_GraphOperationByName": (c_void_p, (c_void_p, c_char_p)),
    "TF_SessionRun": (
        None,
        (c_void_p, c_void_p, *_VALUES, *_VALUES, c_void_p, c_int, c_void_p, c_void_p),
    ),
    "TF_AllocateTensor": (c_void_p, (c_int, POINTER(c_int64), c_int, c_size_t)),
    "TF_TensorType": (c_int, (c_void_p,)),
    "TF_NumDims": (c_int, (c_void_p,)),
    "TF_Dim": (c_int64, (c_void_p, c_int)),
    "TF_TensorByteSize": (c_size_t, (c_void_p,)),
    "TF_TensorData": (c_void_p, (c_void_p,)),
    "TF_StringInit": (None, (c_void_p,)),
    "TF_StringCopy": (None, (c_void_p, c_char_p, c_size_t)),
    "TF_StringGetDataPointer": (c_void_p, (c_void_p,)),
    "TF_StringGetSize": (c_size_t, (c_void_p,)),
}


@functools.cache
def _library() -> Any:
    spec = importlib.util.find_spec("tensorflow")  # Finds the package and does not import it.
    assert spec is not None
    assert spec.origin is not None
    library = ctypes.CDLL(str(Path(spec.origin).with_name("libtensorflow_cc.so.2")))
    for name, (result, arguments) in _FUNCTIONS.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


def _run_here(model_dir: str, signature_key: str, inputs: Mapping[str, Array]) -> dict[str, Array]:
    tf = _library()
    graph, buffer, status = tf.TF_NewGraph(), tf.TF_NewBuffer(), tf.TF_NewStatus()
    options, tags = tf.TF_NewSessionOptions(), (c_char_p * 1)(b"serve")
    session = tf.TF_LoadSessionFromSavedModel(
        options, None, model_dir.encode(), tags, 1, graph, buffer, status
    )
    _check(status)
    loaded = ctypes.string_at(buffer.contents.data, buffer.contents.length)
    signatures = dict(protos.MetaGraphDef.FromString(loaded).signature_def)
    signature = _named(signatures, signature_key)

    def tensors(infos: Mapping[str, Any], keys: Collection[str]) -> Any:
        names = [_named(dict(infos), key).name for key in keys]
        return (_Output * len(keys))(*(_tensor(graph, name) for name in names))

    keys = sorted(signature.outputs)
    fed = (c_void_p * len(inputs))(*(_to_tensor(np.asarray(value)) for value in inputs.values()))
    fetched = (c_void_p * len(keys))()
    tf.TF_SessionRun(
        *(session, None),
        *(tensors(signature.inputs, inputs), fed, len(fed)),
        *(tensors(signature.outputs, keys), fetched, len(fetched)),
        *(None, 0, None, status),
    )
    _check(status)
    return {key: _to_array(tensor) for key, tensor in zip(keys, fetched, strict=True)}


def _named(messages: Mapping[str, Any], key: str) -> Any:
    if key not in messages:
        raise ConsumerError(f"There is no {key!r} among {sorted(messages)}.")
    return messages[key]


def _check(status: c_void_p) -> None:
    if _library().TF_GetCode(status):
        raise ConsumerError(_library().TF_Message(status).decode(errors="replace"))


def _tensor(graph: c_void_p, name: str) -> _Output:
    node, _, index = name.partition(":")
    operation = _library().TF_GraphOperationByName(graph, node.encode())
    if operation is None:
        raise ConsumerError(f"The graph has no {name!r}.")
    return _Output(operation, int(index or 0))


@functools.cache
def _dtypes() -> dict[int, np.dtype[Any]]:
    """Returns the numpy dtypes by number of the enum ``DataType``; strings are objects."""
    import ml_dtypes

    known = {**vars(np), **vars(ml_dtypes), "bool": np.bool_, "string": np.object_}
    names = {number: tensor_types.dtype_name(number) for number in protos.DataType.values()}
    return {number: np.dtype(known[name]) for number, name in names.items() if name in known}


def _to_tensor(array: Array) -> Any:
    tf = _library()
    number = next(number for number, dtype in _dtypes().items() if dtype == array.dtype)
    is_string = array.dtype == object
    size = array.size * STRING_SIZE if is_string else array.nbytes
    tensor = tf.TF_AllocateTensor(number, (c_int64 * array.ndim)(*array.shape), array.ndim, size)
    data = tf.TF_TensorData(tensor)
    if is_string:
        for position, value in enumerate(array.flat):
            tf.TF_StringInit(data + position * STRING_SIZE)
            tf.TF_StringCopy(data + position * STRING_SIZE, value, len(value))
    else:
        ctypes.memmove(data, array.tobytes(), size)
    return tensor


def _to_array(tensor: Any) -> Array:
    tf = _library()
    shape = [tf.TF_Dim(tensor, axis) for axis in range(tf.TF_NumDims(tensor))]
    data, dtype = tf.TF_TensorData(tensor), _dtypes()[tf.TF_TensorType(tensor)]
    if dtype.kind != "O":
        content = ctypes.string_at(data, tf.TF_TensorByteSize(tensor))
        return np.frombuffer(content, dtype).reshape(shape)
    strings = [
        ctypes.string_at(tf.TF_StringGetDataPointer(string), tf.TF_StringGetSize(string))
        for string in range(data, data + math.prod(shape) * STRING_SIZE, STRING_SIZE)
    ]
    return np.array(strings, object).reshape(shape)


def _main() -> None:
    outcome: dict[str, Array] | ConsumerError
    try:
        outcome = _run_here(*pickle.load(sys.stdin.buffer))
    except ConsumerError as error:
        outcome = error
    assert "tensorflow" not in sys.modules
    sys.stdout.buffer.write(pickle.dumps(outcome))


if __name__ == "__main__":
    _main()
