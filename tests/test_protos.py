from __future__ import annotations

import ast
import keyword
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.descriptor_pb2 import DescriptorProto, FileDescriptorSet

import sigpb
from sigpb import protos
from tests.cli.command_line import ENVIRONMENT

PACKAGE = Path(sigpb.__file__).parent
FILES = FileDescriptorSet.FromString((PACKAGE / "proto" / "descriptors.binpb").read_bytes()).file


def messages(package: str = "") -> Iterator[tuple[str, DescriptorProto]]:
    """Every message of the set, or of a package, by its Python name; no entries of maps."""

    def nested(prefix: str, found: DescriptorProto) -> Iterator[tuple[str, DescriptorProto]]:
        if not found.options.map_entry:
            yield f"{prefix}{found.name}", found
            for inner in found.nested_type:
                yield from nested(f"{prefix}{found.name}.", inner)

    for file in FILES:
        if package in ("", file.package):
            for message in file.message_type:
                yield from nested("", message)


def find(python_name: str) -> Any:
    found: Any = protos
    for name in python_name.split("."):
        found = getattr(found, name)
    return found


def test_every_message_is_found_by_its_name() -> None:
    for python_name, message in messages():
        found = find(python_name)
        assert found.DESCRIPTOR.full_name.endswith(f".{python_name}")
        assert [field.name for field in found.DESCRIPTOR.fields] == [
            field.name for field in message.field
        ]
        assert found() == found.FromString(b"")


def test_names_are_unique_among_the_packages() -> None:
    names = Counter(message.name for file in FILES for message in file.message_type)
    names.update(enum.name for file in FILES for enum in file.enum_type)
    assert [name for name, count in names.items() if count > 1] == []


def test_enums() -> None:
    assert protos.DataType.Value("DT_FLOAT") == 1
    assert protos.DataType.Name(7) == "DT_STRING"


def test_field_numbers_and_enum_values_are_attributes() -> None:
    assert protos.MetaGraphDef.SIGNATURE_DEF_FIELD_NUMBER == 5
    assert protos.FunctionSpec.JitCompile.Name(protos.FunctionSpec.ON) == "ON"


def test_unknown_message() -> None:
    with pytest.raises(AttributeError, match="has no message or enum 'Nothing'"):
        protos.Nothing  # type: ignore[attr-defined]  # noqa: B018


def test_messages_are_not_those_of_the_default_pool() -> None:
    from google.protobuf import descriptor_pool

    assert protos.SavedModel.DESCRIPTOR.file.pool is not descriptor_pool.Default()


def test_own_protos_are_those_that_are_compiled() -> None:
    source = "".join(file.read_text() for file in sorted((PACKAGE / "proto").glob("*.proto")))
    blocks = re.findall(r"^message (\w+) \{\n(.*?)^\}", source, re.DOTALL | re.MULTILINE)
    field = re.compile(r"^  (?:optional |repeated )?(\w+) (\w+) = (\d+);", re.MULTILINE)
    declared = {
        name: [(field_name, int(number)) for _, field_name, number in field.findall(body)]
        for name, body in blocks
    }
    assert declared == {
        name: [(field.name, field.number) for field in message.field]
        for name, message in messages("sigpb")
    }


class TestStubs:
    """``protos.pyi`` names every message, and exactly its fields."""

    TREE = ast.parse((PACKAGE / "protos.pyi").read_text())

    def classes(self) -> Iterator[tuple[str, ast.ClassDef]]:
        def nested(prefix: str, body: list[ast.stmt]) -> Iterator[tuple[str, ast.ClassDef]]:
            for statement in body:
                if isinstance(statement, ast.ClassDef):
                    yield f"{prefix}{statement.name}", statement
                    yield from nested(f"{prefix}{statement.name}.", statement.body)

        return nested("", self.TREE.body)

    def test_messages(self) -> None:
        assert sorted(name for name, _ in self.classes()) == sorted(name for name, _ in messages())

    def test_fields(self) -> None:
        known = dict(messages())
        for name, stub in self.classes():
            named = (field.name for field in known[name].field)
            fields = {name for name in named if not keyword.iskeyword(name)}
            attributes = {
                statement.target.id
                for statement in stub.body
                if isinstance(statement, ast.AnnAssign)
                and isinstance(statement.target, ast.Name)
                and "ClassVar" not in ast.unparse(statement.annotation)
            }
            properties = {
                statement.name
                for statement in stub.body
                if isinstance(statement, ast.FunctionDef) and statement.name != "__init__"
            }
            assert attributes | properties == fields, name
            # What cannot be assigned to is a property: messages, and everything repeated.
            assert properties == {
                field.name
                for field in known[name].field
                if field.label == field.LABEL_REPEATED or field.type == field.TYPE_MESSAGE
            }, name

    def test_constants(self) -> None:
        for name, stub in self.classes():
            constants = {
                statement.target.id
                for statement in stub.body
                if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name)
                if "ClassVar" in ast.unparse(statement.annotation)
            }
            assert all(hasattr(find(name), constant) for constant in constants), name
            for field in find(name).DESCRIPTOR.fields:
                assert f"{field.name.upper()}_FIELD_NUMBER" in constants

    def test_enums(self) -> None:
        for file in FILES:
            for enum in file.enum_type:
                annotation = f"{enum.name}: EnumTypeWrapper"
                assert annotation in map(ast.unparse, self.TREE.body)


ROUND_TRIP = """
import sys
{imports}
import sigpb
from sigpb import protos
from tensorflow.core.protobuf import saved_model_pb2

data = open(sys.argv[1], "rb").read()
theirs, ours = saved_model_pb2.SavedModel.FromString(data), protos.SavedModel.FromString(data)
assert ours.SerializeToString(deterministic=True) == theirs.SerializeToString(deterministic=True)
assert str(ours.meta_graphs[0].signature_def) == str(theirs.meta_graphs[0].signature_def)
patch = protos.SavedModelPatch()
patch.signature.add(key="serving_default", rename_to="predict")
sigpb.patch(sys.argv[1], patch, in_place=True)
data = open(sys.argv[1], "rb").read()
assert "predict" in saved_model_pb2.SavedModel.FromString(data).meta_graphs[0].signature_def
print("tensorflow" in sys.modules)
"""


@pytest.mark.tensorflow
@pytest.mark.parametrize(
    "imports", ["import sigpb.protos; import tensorflow", "import tensorflow; import sigpb.protos"]
)
def test_goes_with_tensorflow_in_one_process(fixture_model: Any, imports: str) -> None:
    model = fixture_model("tf2_linear") / "saved_model.pb"
    done = subprocess.run(
        [sys.executable, "-c", ROUND_TRIP.format(imports=imports), model],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "True\n"), done.stderr


@pytest.mark.tensorflow
def test_messages_are_those_of_the_installed_tensorflow() -> None:
    # Importing these registers all that the descriptor set holds of TensorFlow.
    from google.protobuf import descriptor_pool
    from tensorflow.core.example import example_pb2  # noqa: F401
    from tensorflow.core.protobuf import (  # noqa: F401
        config_pb2,
        control_flow_pb2,
        fingerprint_pb2,
        named_tensor_pb2,
        queue_runner_pb2,
        saved_model_pb2,
        saved_object_graph_pb2,
        tensor_bundle_pb2,
    )

    def fields_of(descriptor: Any) -> set[tuple[Any, ...]]:
        return {
            (
                *(field.name, field.number, field.type),
                field.message_type and field.message_type.full_name,
                field.enum_type and field.enum_type.full_name,
            )
            for field in descriptor.fields
        }

    names = [name for name, _ in messages("tensorflow")]
    assert len(names) > 100
    for name in names:
        theirs = descriptor_pool.Default().FindMessageTypeByName(f"tensorflow.{name}")
        ours = protos.POOL.FindMessageTypeByName(f"tensorflow.{name}")
        # The installed TensorFlow may be an older one, and know less.
        assert fields_of(theirs) <= fields_of(ours), name
        for enum in theirs.enum_types:
            values = {value.name: value.number for value in enum.values}
            assert values.items() <= dict(find(f"{name}.{enum.name}").items()).items()


def test_models_that_tensorflow_wrote_come_back_whole(corpus: Path) -> None:
    files = [file for file in corpus.glob("*/saved_model.pb") if file.stat().st_size < 200_000]
    assert len(files) > 10
    for file in files:
        saved_model = protos.SavedModel.FromString(file.read_bytes())
        assert saved_model.ByteSize() == file.stat().st_size, file
        saved_model.DiscardUnknownFields()
        assert saved_model.ByteSize() == file.stat().st_size, f"{file} has fields not known here"


def test_threads_make_classes_one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    # The pure-Python implementation fails otherwise.
    names = ["SavedModel", "MetaGraphDef", "SignatureDef", "GraphDef"]
    made: list[str] = []
    at_work: list[str] = []

    def make(descriptor: Any) -> str:
        assert at_work == []
        at_work.append(descriptor.name)
        time.sleep(0.01)
        made.append(at_work.pop())
        return made[-1]

    monkeypatch.setattr(protos, "message_class", make)
    for name in names:
        monkeypatch.delitem(vars(protos), name, raising=False)
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda name: getattr(protos, name), names * 4)) == names * 4
    assert sorted(made) == sorted(names)
    for name in names:
        del vars(protos)[name]
