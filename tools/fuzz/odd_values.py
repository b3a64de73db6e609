"""Values that a field should not have, or that stand for something else of the model."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from google.protobuf.descriptor import FieldDescriptor

NAMES = (
    "",
    ":",
    "x:",
    ":0",
    "^",
    "^x:0",
    "x:y:",
    "x:0:0",
    "x:-1",
    "/",
    "x/",
    "..",
    "../../x",
    "/dev/zero",
    f"x:{'9' * 5000}",
    "n" * 5000,
    "x:²",
    "é\x1b[2J\n",
    "\u202ex",
    "x\x00",
    "x,y=z",
    '"',
    "__saved_model_init_op",
    "PartitionedCall",
)
"""What names of tensors, nodes and keys should not be."""

NOT_TEXT = "not-utf-8"
"""Stands for text that is none, which no field takes: it is exchanged in the file."""

_NUMBERS = (-(2**63), -(2**31), -2, -1, 0, 1, 2, 3, 7, 24, 77, 101, 2**31 - 1, 2**31, 2**63 - 1)
_FRACTIONS = (0.0, -0.0, 1e-320, 1e300, float("inf"), float("-inf"), float("nan"))
_ENDS = (":", ":0", ":1", ":999", ":-1", ":output:0", "/", "\n", NOT_TEXT)
_32_BITS = (FieldDescriptor.CPPTYPE_INT32, FieldDescriptor.CPPTYPE_UINT32)
_UNSIGNED = (FieldDescriptor.CPPTYPE_UINT32, FieldDescriptor.CPPTYPE_UINT64)


def odd_value(chance: random.Random, field: FieldDescriptor, old: Any, known: Sequence[str]) -> Any:
    """Returns a value for a field that holds no messages.

    Args:
        chance: What is decided by chance.
        field: The field.
        old: What it holds; None for nothing.
        known: Names that the model has in other places.
    """
    kind = field.cpp_type
    if field.type == FieldDescriptor.TYPE_BYTES:
        return _bytes(chance, known)
    if kind == FieldDescriptor.CPPTYPE_STRING:
        return _text(chance, old or "", known)
    if kind == FieldDescriptor.CPPTYPE_BOOL:
        return chance.random() < 0.5
    if field.enum_type:
        values = [value.number for value in field.enum_type.values]
        return chance.choice((*values, -1, 77, 101, 2**31 - 1))
    if kind in (FieldDescriptor.CPPTYPE_FLOAT, FieldDescriptor.CPPTYPE_DOUBLE):
        return chance.choice(_FRACTIONS)
    number = chance.choice((*_NUMBERS, chance.randrange(60), (old or 0) + chance.choice((-1, 1))))
    bits = 32 if kind in _32_BITS else 64
    lowest = 0 if kind in _UNSIGNED else -(2 ** (bits - 1))
    return (number - lowest) % 2**bits + lowest


def _text(chance: random.Random, old: str, known: Sequence[str]) -> str:
    how = chance.random()
    if how < 0.04:
        return NOT_TEXT
    if how < 0.3:
        return chance.choice(NAMES)
    if how < 0.45:
        return old + chance.choice(_ENDS)
    if how < 0.5:
        return f"^{old}"
    if how < 0.55:
        return old.swapcase()
    return chance.choice(known or [""])


def _bytes(chance: random.Random, known: Sequence[str]) -> bytes:
    name = chance.choice(known or [""]).encode()
    return chance.choice((b"", b"\xff", b"\x00" * 9, name, chance.randbytes(20), b"7" * 5000))
