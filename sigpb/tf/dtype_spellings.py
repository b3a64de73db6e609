"""What people call dtypes: by other names of TensorFlow, numpy, PyTorch, Triton and ONNX.

A spelling that can only mean one dtype stands for it. One that means several stands for none, since
a wrong guess would be a model that runs: ``int`` has 32 bits in TensorFlow, and 64 in Python.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from sigpb.errors import did_you_mean

# How a printed dtype looks: <dtype: 'float32'> in TensorFlow, dtype('float32') in numpy.
_PRINTED = re.compile(r"""<dtype: ['"](.*)['"]>|(?:np\.|numpy\.)?dtype\(['"](.*)['"]\)""")
_MODULE = re.compile(
    r"(?:(?P<tf>tf|tensorflow)\.(?:dtypes\.)?|(?P<np>np|numpy|jnp|jax\.numpy)\.|(?P<torch>torch)\.)"
)
# DT_FLOAT of TensorFlow's enum, and TYPE_FP32 in a config.pbtxt of Triton.
_ENUM = re.compile("dt_|type_")
# Numpy's array interface: the order of bytes, a kind, and the number of bytes.
_ARRAY_TYPE = re.compile(r"([<>=|])([iufcbSUO])([0-9]*)")

_KINDS = {
    "f": "float",
    "fp": "float",
    "bf": "bfloat",
    "i": "int",
    "u": "uint",
    "c": "complex",
    "b": "bool",
}

# By any of them, and alone.
_ALWAYS = {
    # TensorFlow's Python API takes the names of C++ (_STRING_TO_TF in
    # tensorflow/python/framework/dtypes.py).
    "float": "float32",
    "double": "float64",
    "half": "float16",
    "single": "float32",
    "bool_": "bool",
    "boolean": "bool",
    "str": "string",
    "str_": "string",
    "bytes": "string",
    "bytes_": "string",
}
_OF_NUMPY = {
    "float_": "float64",
    "complex_": "complex128",
    "byte": "int8",
    "ubyte": "uint8",
    "short": "int16",
    "ushort": "uint16",
    "intc": "int32",
    "uintc": "uint32",
    "longlong": "int64",
    "ulonglong": "uint64",
    "csingle": "complex64",
    "cdouble": "complex128",
    "object_": "string",
}
_OF_TORCH = {
    "short": "int16",
    "int": "int32",
    "long": "int64",
    "cfloat": "complex64",
    "cdouble": "complex128",
}

_IN_DOUBT: dict[str, tuple[str, ...]] = {
    "int": ("int32", "int64"),
    "int_": ("int32", "int64"),
    "integer": ("int32", "int64"),
    "long": ("int64",),
    "short": ("int16",),
    "byte": ("int8", "uint8"),
    "char": ("int8", "uint8"),
    "uint": ("uint8", "uint32", "uint64"),
    "float_": ("float32", "float64"),
    "number": ("float32", "float64"),
    "complex": ("complex64", "complex128"),
    "object": ("string",),
    "text": ("string",),
    # Bits to some, bytes to numpy.
    "i8": ("int8", "int64"),
    "i4": ("int4", "int32"),
    "i2": ("int2", "int16"),
    "i1": ("int8",),
    "u8": ("uint8", "uint64"),
    "u4": ("uint4", "uint32"),
    "u2": ("uint2", "uint16"),
    "u1": ("uint8",),
    "f8": ("float8_e4m3fn", "float8_e5m2", "float64"),
    "fp8": ("float8_e4m3fn", "float8_e5m2"),
    "float8": ("float8_e4m3fn", "float8_e5m2"),
    "f4": ("float32",),
    "f2": ("float16",),
    "c8": ("complex64",),
    "c16": ("complex128",),
}


def dtype_meant(name: str, known: Collection[str]) -> str:
    """Returns the dtype that a name stands for.

    Args:
        name: What a person wrote.
        known: The names of all dtypes.

    Raises:
        ValueError: It stands for none, or for several. The message says which are meant perhaps.
    """
    text = name.strip()
    if printed := _PRINTED.fullmatch(text):
        text = printed[1] or printed[2] or ""
    if array_type := _ARRAY_TYPE.fullmatch(text):
        meant, perhaps = _of_array_type(*array_type.groups())
    else:
        text = text.lower()
        meant, perhaps = _of_word(text, known)
    if meant in known:
        return str(meant)
    if perhaps := tuple(each for each in perhaps if each in known):
        either = " or ".join(map(repr, perhaps))
        raise ValueError(f"{name!r} is not a dtype for certain; did you mean {either}?")
    raise ValueError(f"{name!r} is not a dtype; {did_you_mean(text, known, most=len(known))}.")


def _of_word(text: str, known: Collection[str]) -> tuple[str | None, tuple[str, ...]]:
    """Returns the dtype that a word stands for, or those that it stands for perhaps."""
    module = _MODULE.match(text)
    word = text[module.end() :] if module else text
    source = module.lastgroup if module else None
    if source == "np" and word == "float":  # It was Python's, of 64 bits, and is no more.
        return None, _IN_DOUBT["float_"]
    if enum := _ENUM.match(word):
        word = word[enum.end() :]
    own = {"np": _OF_NUMPY, "torch": _OF_TORCH}.get(source or "", {})
    names = {**{each: each for each in known}, **_ALWAYS, **own}
    if word in names or word in _IN_DOUBT:
        return names.get(word), _IN_DOUBT.get(word, ())
    short = re.fullmatch(r"([a-z]+)(\d+)", word)
    return f"{_KINDS.get(short[1], '')}{short[2]}" if short else None, ()


def _of_array_type(order: str, kind: str, size: str) -> tuple[str | None, tuple[str, ...]]:
    """Returns for instance float32 for ``<f4``; in doubt where the bytes are in another order."""
    if kind in "SUO":
        meant = "string"
    elif kind == "b":
        meant = "bool" if size == "1" else ""
    else:
        meant = f"{_KINDS[kind]}{int(size[:3] or 0) * 8}"
    return (None, (meant,)) if order == ">" else (meant, ())
