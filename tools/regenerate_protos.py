"""Writes ``sigpb/proto/descriptors.binpb`` and ``sigpb/protos.pyi``.

Run it where TensorFlow, tensorflow-serving-api (``--no-deps``) and grpcio-tools are installed:

    python tools/regenerate_protos.py
"""

from __future__ import annotations

import importlib
import keyword
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
)

PACKAGE = Path(__file__).resolve().parent.parent / "sigpb"
OWN_PROTOS = ("saved_model_patch.proto", "lint_policy.proto")

# The generated modules whose files, with all that they import, make up the set.
ROOTS = (
    "tensorflow.core.protobuf.saved_model_pb2",
    "tensorflow.core.protobuf.saved_object_graph_pb2",
    "tensorflow.core.protobuf.fingerprint_pb2",
    "tensorflow.core.protobuf.control_flow_pb2",
    "tensorflow.core.protobuf.queue_runner_pb2",
    "tensorflow.core.protobuf.tensor_bundle_pb2",
    "tensorflow_serving.apis.prediction_log_pb2",
    "tensorflow_serving.config.model_server_config_pb2",
)

SCALARS = {
    FieldDescriptorProto.TYPE_DOUBLE: "float",
    FieldDescriptorProto.TYPE_FLOAT: "float",
    FieldDescriptorProto.TYPE_BOOL: "bool",
    FieldDescriptorProto.TYPE_STRING: "str",
    FieldDescriptorProto.TYPE_BYTES: "bytes",
}

STUB_HEADER = '''\
"""Types of the messages in ``proto/descriptors.binpb``. Written by tools/regenerate_protos.py."""

from collections.abc import Iterable, Mapping
from typing import ClassVar


from google.protobuf.descriptor import Descriptor
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.internal.containers import (
    MessageMap,
    RepeatedCompositeFieldContainer,
    RepeatedScalarFieldContainer,
    ScalarMap,
)
from google.protobuf.internal.enum_type_wrapper import EnumTypeWrapper
from google.protobuf.message import Message

POOL: DescriptorPool

def message_class(descriptor: Descriptor) -> type[Message]: ...

'''


def compile_own_protos() -> list[FileDescriptorProto]:
    """Compiles sigpb's own proto files with protoc, in a process without TensorFlow's protobuf."""
    sources = [PACKAGE / "proto" / name for name in OWN_PROTOS]
    with tempfile.NamedTemporaryFile(suffix=".binpb") as out:
        protoc = [sys.executable, "-m", "grpc_tools.protoc", f"-I{PACKAGE.parent}"]
        subprocess.run([*protoc, f"--descriptor_set_out={out.name}", *sources], check=True)
        descriptors = FileDescriptorSet.FromString(Path(out.name).read_bytes())
    return list(descriptors.file)


def collect_files() -> list[FileDescriptorProto]:
    """All files of the set, each after the files it imports."""
    files: dict[str, FileDescriptorProto] = {}

    def add(descriptor: object) -> None:
        name = descriptor.name  # type: ignore[attr-defined]
        if name in files:
            return
        for dependency in descriptor.dependencies:  # type: ignore[attr-defined]
            add(dependency)
        files[name] = FileDescriptorProto.FromString(
            descriptor.serialized_pb  # type: ignore[attr-defined]
        )
        # Services and options are of no use here, and options need their own extensions.
        files[name].ClearField("service")
        files[name].ClearField("options")

    for module in ROOTS:
        add(importlib.import_module(module).DESCRIPTOR)
    return [*files.values(), *compile_own_protos()]


class StubWriter:
    """Renders messages and enums as classes for mypy."""

    def __init__(self, files: list[FileDescriptorProto]) -> None:
        self._map_entries: dict[str, DescriptorProto] = {}
        self._python_names: dict[str, str] = {}
        for file in files:
            for message in file.message_type:
                self._index(message, f".{file.package}", "")
            for enum in file.enum_type:
                self._python_names[f".{file.package}.{enum.name}"] = enum.name

    def _index(self, message: DescriptorProto, scope: str, outer: str) -> None:
        full_name = f"{scope}.{message.name}"
        python_name = f"{outer}{message.name}"
        self._python_names[full_name] = python_name
        if message.options.map_entry:
            self._map_entries[full_name] = message
        for nested in message.nested_type:
            self._index(nested, full_name, f"{python_name}.")
        for enum in message.enum_type:
            self._python_names[f"{full_name}.{enum.name}"] = f"{python_name}.{enum.name}"

    def _value_type(self, field: FieldDescriptorProto) -> str:
        if field.type in (FieldDescriptorProto.TYPE_MESSAGE, FieldDescriptorProto.TYPE_GROUP):
            return self._python_names[field.type_name]
        return SCALARS.get(field.type, "int")

    def _field_types(self, field: FieldDescriptorProto) -> tuple[str, str]:
        """The types of the attribute and of the constructor's argument."""
        value = self._value_type(field)
        is_message = field.type == FieldDescriptorProto.TYPE_MESSAGE
        if field.label != FieldDescriptorProto.LABEL_REPEATED:
            return value, f"{value} | None"
        if field.type_name in self._map_entries:
            key_field, value_field = self._map_entries[field.type_name].field
            key, value = self._value_type(key_field), self._value_type(value_field)
            kind = "MessageMap" if value_field.type_name else "ScalarMap"
            return f"{kind}[{key}, {value}]", f"Mapping[{key}, {value}] | None"
        kind = "RepeatedCompositeFieldContainer" if is_message else "RepeatedScalarFieldContainer"
        return f"{kind}[{value}]", f"Iterable[{value}] | None"

    def message(self, message: DescriptorProto, indent: str = "") -> Iterator[str]:
        """The lines of a message's class."""
        yield f"{indent}class {message.name}(Message):"
        inner = indent + "    "
        for nested in message.nested_type:
            if not nested.options.map_entry:
                yield from self.message(nested, inner)
        for enum in message.enum_type:
            yield from self.enum(enum, inner)
        arguments = []
        for field in message.field:
            yield f"{inner}{field.name.upper()}_FIELD_NUMBER: ClassVar[int]"
            if keyword.iskeyword(field.name):  # Only `getattr` and `setattr` reach it.
                continue
            attribute, argument = self._field_types(field)
            writable = not field.type_name or field.type == FieldDescriptorProto.TYPE_ENUM
            if field.label == FieldDescriptorProto.LABEL_REPEATED or not writable:
                yield f"{inner}@property"
                yield f"{inner}def {field.name}(self) -> {attribute}: ..."
            else:
                yield f"{inner}{field.name}: {attribute}"
            arguments.append(f"{field.name}: {argument} = ...")
        star = "*, " if arguments else ""
        yield f"{inner}def __init__(self, {star}{', '.join(arguments)}) -> None: ..."

    def enum(self, enum: EnumDescriptorProto, indent: str = "") -> Iterator[str]:
        """The lines of an enum and its values."""
        yield f"{indent}{enum.name}: ClassVar[EnumTypeWrapper]"
        if indent:
            yield from (f"{indent}{value.name}: ClassVar[int]" for value in enum.value)


def main() -> None:
    """Writes both files."""
    files = collect_files()
    descriptors = FileDescriptorSet(file=files)
    for file in descriptors.file:
        file.ClearField("source_code_info")
    (PACKAGE / "proto" / "descriptors.binpb").write_bytes(
        descriptors.SerializeToString(deterministic=True)
    )
    writer = StubWriter(files)
    lines: list[str] = []
    for file in sorted(files, key=lambda file: file.name):
        for enum in file.enum_type:
            lines += [line.replace("ClassVar[", "").removesuffix("]") for line in writer.enum(enum)]
        for message in file.message_type:
            lines += writer.message(message)
    (PACKAGE / "protos.pyi").write_text(STUB_HEADER + "\n".join(lines) + "\n")
    print(f"{len(files)} files, {descriptors.ByteSize()} bytes")


if __name__ == "__main__":
    main()
