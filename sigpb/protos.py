"""The messages of TensorFlow, TensorFlow Serving and sigpb, without TensorFlow.

They live in a private descriptor pool that is built from a committed descriptor set, so that they
never clash with the same messages in an imported TensorFlow, and need no generated code that is
tied to a protobuf version. ``protos.pyi`` holds their types. Both files are written by
``tools/regenerate_protos.py``.

A message is an attribute named after it: ``protos.SavedModel``, ``protos.GraphDef``; an enum value
is reached through its enum: ``protos.DataType.Value("DT_FLOAT")``.
"""

from __future__ import annotations

import threading
import typing
from pathlib import Path

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.internal import enum_type_wrapper

_PACKAGES = ("sigpb", "tensorflow", "tensorflow.serving", "google.protobuf")


def _build_pool() -> descriptor_pool.DescriptorPool:
    descriptors = Path(__file__).with_name("proto") / "descriptors.binpb"
    pool = descriptor_pool.DescriptorPool()
    for file in descriptor_pb2.FileDescriptorSet.FromString(descriptors.read_bytes()).file:
        pool.AddSerializedFile(file.SerializeToString())
    return pool


POOL = _build_pool()
"""The private pool. Text formats need it to read and write the contents of an ``Any``."""


def message_class(descriptor: typing.Any) -> typing.Any:
    """Returns the class of a message of the pool, be it nested or an entry of a map."""
    if hasattr(message_factory, "GetMessageClass"):
        found = message_factory.GetMessageClass(descriptor)
    else:  # protobuf < 4.22
        found = message_factory.MessageFactory(POOL).GetPrototype(descriptor)
    for nested in descriptor.nested_types:
        if not hasattr(found, nested.name):  # The pure-Python implementation lacks them.
            setattr(found, nested.name, message_class(nested))
    return found


# Threads that make classes of one pool at a time fail in the pure-Python implementation.
_LOCK = threading.Lock()


def __getattr__(name: str) -> typing.Any:
    with _LOCK:
        if name not in globals():
            globals()[name] = _found(name)
        return globals()[name]


def _found(name: str) -> typing.Any:
    for package in _PACKAGES:
        try:
            return message_class(POOL.FindMessageTypeByName(f"{package}.{name}"))
        except KeyError:
            try:
                enum = POOL.FindEnumTypeByName(f"{package}.{name}")
            except KeyError:
                continue
            return enum_type_wrapper.EnumTypeWrapper(enum)
    raise AttributeError(f"module {__name__!r} has no message or enum {name!r}")
