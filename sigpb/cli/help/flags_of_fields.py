"""Which flags of `sigpb patch` set which fields of a patch, found by setting them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from absl import flags
from google.protobuf.message import Message

from sigpb import protos
from sigpb.cli import patch_flags
from sigpb.cli.help.command_reference import flag_reference

# What only says which part of a patch is meant, as a flag and as a field.
_PLACES = frozenset({"key", "patch", "signature"})

# Flags that say something of what others ask for, and these.
_GO_WITH = {"freeze_adapters": "before"}


def flags_of_fields() -> dict[tuple[str, str], tuple[str, ...]]:
    """Returns the names of flags by message and field: ``("EndpointPatch", "dtype")``."""
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for name in _new_values():
        if name not in _PLACES:
            other = _GO_WITH.get(name)
            known = {*_fields(_patch_of(other))} if other else set()
            for field in _fields(_patch_of(name, *filter(None, [other]))):
                if field not in known:
                    found[field].append(name)
    return {field: tuple(names) for field, names in found.items()}


def _new_values() -> flags.FlagValues:
    values = flags.FlagValues()  # type: ignore[no-untyped-call]
    patch_flags.define(values)
    return values


def _patch_of(*names: str) -> protos.SavedModelPatch:
    """Returns the patch that some flags alone amount to."""
    values = _new_values()
    arguments = ["sigpb"]
    for name in names:
        flag = flag_reference(values[name])
        value = "" if flag.is_bool else "=a=b" if "=" in flag.value else "=a"
        arguments.append(f"--{name}{value}")
    values(arguments)
    return patch_flags.patch_of(values)


def _fields(message: Message) -> Iterator[tuple[str, str]]:
    """Yields the fields that are set, but for keys, and for signatures and endpoints."""
    for field, value in message.ListFields():
        type_ = field.message_type.name if field.message_type else ""
        parts: list[Any] = list(value) if type_ not in ("", "TagSet") else []
        for part in parts:
            yield from _fields(part)
        if (not parts or type_ == "Graft") and field.name not in _PLACES:
            yield message.DESCRIPTOR.name, field.name
