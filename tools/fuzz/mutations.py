"""Ways to damage a file."""

from __future__ import annotations

import random
from collections.abc import Callable

from sigpb.wire import (
    Edits,
    Message,
    WireError,
    WireType,
    assemble,
    encode_varint,
    length_delimited,
)

from .odd_values import NAMES
from .structure import change_message, write_as_text

Mutation = Callable[[random.Random, bytes, bytes], bytes]


def truncate(chance: random.Random, data: bytes, other: bytes) -> bytes:
    """Cuts the end off."""
    return data[: chance.randrange(len(data) + 1)]


def flip(chance: random.Random, data: bytes, other: bytes) -> bytes:
    """Changes single bits."""
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 5, 50))):
        if changed:
            changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def overwrite(chance: random.Random, data: bytes, other: bytes) -> bytes:
    """Puts random bytes in the place of others."""
    start, end = _range(chance, data)
    return data[:start] + chance.randbytes(end - start) + data[end:]


def delete(chance: random.Random, data: bytes, other: bytes) -> bytes:
    """Takes bytes out."""
    start, end = _range(chance, data)
    return data[:start] + data[end:]


def duplicate(chance: random.Random, data: bytes, other: bytes) -> bytes:
    """Repeats bytes."""
    start, end = _range(chance, data)
    return data[:end] + data[start:]


def splice(chance: random.Random, data: bytes, other: bytes) -> bytes:
    """Puts a part of another model somewhere."""
    start, end = _range(chance, other)
    at = chance.randrange(len(data) + 1)
    return data[:at] + other[start:end] + data[at:]


def change_length(chance: random.Random, data: bytes, other: bytes) -> bytes:
    """Changes the length of a field, at some depth."""
    message = Message.root(data)
    for _ in range(chance.randint(1, 8)):
        try:
            fields = [field for field in message.fields() if field.wire_type == WireType.LEN]
        except WireError:  # It is no message, but text.
            break
        if not fields:
            break
        message = message.message(chance.choice(fields))
    if not message.enclosing:
        return data
    field = message.enclosing[-1]
    length = field.value_end - field.value_start
    wrong = chance.choice((0, 1, length - 1, length + 1, 2 * length, 2**31, 2**63, 2**64 - 1))
    start = field.value_start - len(encode_varint(length))
    return data[:start] + encode_varint(max(0, wrong)) + data[field.value_start :]


_NUMBERS = (0, 1, 2, 7, 24, 77, 101, 2**31, 2**63 - 1, 2**63, 2**64 - 1)


def change_value(chance: random.Random, data: bytes, other: bytes) -> bytes:
    """Puts other names and numbers into fields, so that the lengths around them are right."""
    message = Message.root(data)
    edits = Edits(data)
    for _ in range(12):
        try:
            field = chance.choice(list(message.fields()))
            if field.wire_type == WireType.VARINT:
                number = encode_varint(chance.choice(_NUMBERS))
                edits.replace(message, field, encode_varint(field.number << 3) + number)
                break
            if field.wire_type != WireType.LEN:
                continue
            old = bytes(data[field.value_start : field.value_end])
            if old.isascii() and old.decode().isprintable() and chance.random() < 0.8:
                name = chance.choice((*NAMES, old.decode() + ":", f"{old.decode()}:1"))
                edits.replace(message, field, length_delimited(field.number, name.encode()))
                break
            message = message.message(field)
        except (IndexError, WireError):
            break
    return assemble(edits.pieces(), data) if edits else data


MUTATIONS: tuple[Mutation, ...] = (
    change_message,
    change_value,
    write_as_text,
    truncate,
    flip,
    overwrite,
    delete,
    duplicate,
    splice,
    change_length,
)

# What leaves a file well-formed gets further than the parser.
_WEIGHTS = [50, 10, 4, *[2] * (len(MUTATIONS) - 3)]


def mutate(chance: random.Random, data: bytes, other: bytes) -> tuple[bytes, list[str]]:
    """Damages a file in one to three ways, and returns it with their names."""
    names = []
    for mutation in chance.choices(MUTATIONS, _WEIGHTS, k=chance.choice((1, 1, 1, 2, 3))):
        data = mutation(chance, data, other)
        names.append(mutation.__name__)
    return data, names


def _range(chance: random.Random, data: bytes) -> tuple[int, int]:
    start = chance.randrange(len(data) + 1)
    return start, min(len(data), start + chance.choice((1, 2, 8, 100, 5000)))
