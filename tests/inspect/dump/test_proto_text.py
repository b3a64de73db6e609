from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import text_format
from google.protobuf.descriptor import Descriptor
from hypothesis import given
from hypothesis import strategies as st

from sigpb import protos
from sigpb.errors import ModelUnreadable
from sigpb.inspect.dump.proto_text import text_lines
from sigpb.inspect.proto_source import open_source
from sigpb.inspect.schema import descriptor, fields_by_name
from sigpb.inspect.styled_text import plain
from sigpb.wire import Message, WireType, encode_varint, length_delimited, tag
from tests.inspect.dump.random_protos import encoded
from tests.test_corpus import each_model

FixtureModel = Callable[..., Path]


def text(content: bytes, schema: Descriptor, **options: Any) -> str:
    return "".join(
        f"{plain(line)}\n" for line in text_lines(Message.root(content), schema, **options)
    )


def text_of(message: Any, **options: Any) -> str:
    return text(message.SerializeToString(deterministic=True), message.DESCRIPTOR, **options)


def parsed(written: str, schema: Any) -> Any:
    message = protos.message_class(schema)()
    text_format.Parse(written, message, descriptor_pool=protos.POOL)
    return message


def serialized(message: Any) -> bytes:
    content: bytes = message.SerializeToString(deterministic=True)
    return content


def sha256(content: bytes) -> str:
    return f"sha256 {hashlib.sha256(content).hexdigest()[:12]}"


def assert_full_comes_back(content: bytes, schema: Descriptor) -> None:
    """The full text parses to the message without what is unknown."""
    original = protos.message_class(schema).FromString(content)
    original.DiscardUnknownFields()
    full = text(content, schema, full=True)
    assert serialized(parsed(full, schema)) == serialized(original)


def assert_comes_back(content: bytes, schema: Descriptor) -> None:
    """So it does, and the shortened text parses as well."""
    assert_full_comes_back(content, schema)
    parsed(text(content, schema), schema)


NAMES = (
    *("AttrValue", "CollectionDef", "ConfigProto", "FunctionDef", "MetaGraphDef", "NodeDef"),
    *("OpDef", "SavedObject", "SignatureDef", "StructuredValue", "TensorProto", "VariableDef"),
)
ANY_SCHEMA = st.sampled_from([descriptor(name) for name in NAMES])


@given(st.data(), ANY_SCHEMA)
def test_the_full_text_of_any_message_parses_to_an_equal_one(
    data: st.DataObject, schema: Descriptor
) -> None:
    assert_comes_back(data.draw(encoded(schema)), schema)


@pytest.mark.parametrize("name", ["tf2_many", "tf1_two_graphs", "tf2_defaults", "tf1_sparse"])
def test_models_come_back(fixture_model: FixtureModel, name: str) -> None:
    with open_source(fixture_model(name)) as source:
        assert_comes_back(source.root.content(), descriptor(source.schema))


@each_model
def test_every_model_of_the_corpus_comes_back(corpus: Path, name: str) -> None:
    with open_source(corpus / name) as source:
        content, schema = source.root.content(), descriptor(source.schema)
        assert_full_comes_back(content, schema)
        if len(content) < 100_000:  # Protobuf takes its time to parse text.
            parsed(text(content, schema), schema)


def test_text_is_that_of_protobuf_where_nothing_is_to_be_said(fixture_model: FixtureModel) -> None:
    with open_source(fixture_model("tf2_many")) as source:
        for signature in source.meta_graphs[0].signatures.values():
            # Protobuf sorts the fields, and prints maps in any order.
            assert sorted(text_of(signature).splitlines()) == sorted(
                text_format.MessageToString(signature).splitlines()
            )


class TestShortened:
    def test_bytes(self) -> None:
        tensor = protos.TensorProto(dtype=1, tensor_content=bytes(1000))
        assert text_of(tensor) == (
            "dtype: DT_FLOAT\n"
            'tensor_content: "'
            + r"\000" * 256
            + f'"  # the first 256 of 1,000 bytes, {sha256(bytes(1000))}\n'
        )

    def test_text_is_cut_between_characters(self) -> None:
        written = text_of(protos.NodeDef(name="é" * 128 + "x" + "é" * 100))
        assert written.startswith(f'name: "{"é" * 128}"  # the first 256 of 457 bytes, sha256 ')
        written = text_of(protos.NodeDef(name="x" + "é" * 200))
        assert written.startswith(f'name: "x{"é" * 127}"  # the first 256 of 401 bytes')

    @pytest.mark.parametrize("is_packed", [True, False])
    def test_numbers(self, is_packed: bool) -> None:
        field = protos.TensorProto.FLOAT_VAL_FIELD_NUMBER
        values = [struct.pack("<f", value) for value in range(40)]
        content = length_delimited(field, b"".join(values))
        if not is_packed:
            content = b"".join(tag(field, WireType.FIXED32) + value for value in values)
        assert text(content, descriptor("TensorProto")) == (
            "float_val: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]\n"
            "float_val: [16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31]\n"
            f"# the first 32 of 40 values, 160 bytes, {sha256(b''.join(values))}\n"
        )

    def test_lists_of_bytes_but_not_of_text(self) -> None:
        tensor = protos.TensorProto(string_val=[b"%d" % value for value in range(40)])
        written = text_of(tensor).splitlines()
        assert written[:2] == ['string_val: "0"', 'string_val: "1"']
        assert len(written) == 33
        assert written[-1].startswith("# 8 more values of string_val, 16 bytes, sha256 ")

        inputs = protos.NodeDef(input=[str(value) for value in range(40)])
        assert len(text_of(inputs).splitlines()) == 40

    def test_nothing_is_if_all_is_asked_for(self) -> None:
        tensor = protos.TensorProto(
            int64_val=range(-500, 500), tensor_content=bytes(5000), string_val=[b"x"] * 100
        )
        written = text_of(tensor, full=True)
        assert "#" not in written
        assert parsed(written, tensor.DESCRIPTOR) == tensor
        assert max(map(len, written.splitlines())) < 5000


class TestMeaningOfBytes:
    def test_variables_in_collections(self) -> None:
        variable = protos.VariableDef(variable_name="w:0", initializer_name="w/Assign")
        collections = protos.MetaGraphDef()
        values = collections.collection_def["any name"].bytes_list.value
        values.extend([variable.SerializeToString(), b"no variable"])
        assert text_of(collections) == (
            "collection_def {\n"
            '  key: "any name"\n'
            "  value {\n"
            "    bytes_list {\n"
            r'      value: "\n\003w:0\022\010w/Assign"' + "\n"
            "      # tensorflow.VariableDef {\n"
            '      #   variable_name: "w:0"\n'
            '      #   initializer_name: "w/Assign"\n'
            "      # }\n"
            '      value: "no variable"\n'
            "    }\n"
            "  }\n"
            "}\n"
        )

    @pytest.mark.parametrize(
        ("key", "message"),
        [
            ("cond_context", protos.CondContextDef(context_name="c", branch=1)),
            ("while_context", protos.WhileContextDef(context_name="w", back_prop=True)),
            ("queue_runners", protos.QueueRunnerDef(queue_name="q")),
            ("savers", protos.SaverDef(filename_tensor_name="f:0", max_to_keep=5)),
        ],
    )
    def test_other_collections_of_tensorflow(self, key: str, message: Any) -> None:
        collections = protos.MetaGraphDef()
        collections.collection_def[key].bytes_list.value.append(message.SerializeToString())
        written = text_of(collections)
        assert f"# {message.DESCRIPTOR.full_name} {{\n" in written
        assert parsed(written, collections.DESCRIPTOR) == collections

    def test_an_attribute_that_is_a_message(self) -> None:
        node = protos.NodeDef()
        config = protos.ConfigProto(allow_soft_placement=True)
        node.attr["config_proto"].s = config.SerializeToString()
        node.attr["other"].s = config.SerializeToString()
        written = text_of(node)
        assert written.count("    # tensorflow.ConfigProto {\n") == 1
        assert "    #   allow_soft_placement: true\n" in written

    def test_small_tensors_as_numbers(self) -> None:
        shape = protos.TensorShapeProto(dim=[protos.TensorShapeProto.Dim(size=2)])
        tensor = protos.TensorProto(
            dtype=1, tensor_shape=shape, tensor_content=struct.pack("<2f", 0.1, -2)
        )
        assert text_of(tensor).endswith("# float32 [2]: 0.1, -2\n")
        tensor.tensor_content += b"x"  # which does not fit the shape
        assert "# " not in text_of(tensor)


class TestAny:
    INFO = protos.TensorInfo(name="x:0", dtype=1)

    def any(
        self, value: bytes, url: str = "type.googleapis.com/tensorflow.TensorInfo"
    ) -> protos.Any:
        return protos.Any(type_url=url, value=value)

    def test_is_expanded(self) -> None:
        packed = self.any(self.INFO.SerializeToString())
        collection = protos.CollectionDef()
        collection.any_list.value.append(packed)
        written = text_of(collection)
        assert written == (
            "any_list {\n"
            "  value {\n"
            "    [type.googleapis.com/tensorflow.TensorInfo] {\n"
            '      name: "x:0"\n'
            "      dtype: DT_FLOAT\n"
            "    }\n"
            "  }\n"
            "}\n"
        )
        assert serialized(parsed(written, collection.DESCRIPTOR)) == serialized(collection)

    @pytest.mark.parametrize(
        "value",
        [
            pytest.param(b"\x10\x01\x0a\x03x:0", id="fields in another order"),
            pytest.param(b"\x0a\x03x:0\x10\x00", id="a default written out"),
            pytest.param(b"\x0a\x03x:0\x78\x01", id="an unknown field"),
            pytest.param(b"\x0a\x03x", id="damaged"),
        ],
    )
    def test_is_not_expanded_if_that_gave_other_bytes(self, value: bytes) -> None:
        packed = self.any(value)
        written = text_of(packed)
        assert written.startswith('type_url: "type.googleapis.com/tensorflow.TensorInfo"\nvalue: ')
        assert serialized(parsed(written, packed.DESCRIPTOR)) == serialized(packed)

    def test_is_not_expanded_if_its_bytes_depend_on_the_order_of_a_map(self) -> None:
        inputs = dict.fromkeys("ab", self.INFO)
        signature = protos.SignatureDef(inputs=inputs).SerializeToString(deterministic=True)
        url = "type.googleapis.com/tensorflow.SignatureDef"
        written = text_of(self.any(signature, url))
        assert "\nvalue: " in written
        assert "#   method_name" not in written
        assert "#   inputs {" in written

    def test_of_a_type_that_is_not_known(self) -> None:
        packed = self.any(b"abc", "type.googleapis.com/x.Y")
        assert text_of(packed) == 'type_url: "type.googleapis.com/x.Y"\nvalue: "abc"\n'

    def test_in_one_another_takes_no_time(self) -> None:
        packed = self.any(b"\x78\x01", "type.googleapis.com/google.protobuf.Any")
        for _ in range(90):
            url = "type.googleapis.com/google.protobuf.Any"
            packed = self.any(packed.SerializeToString() + b"\x78\x01", url)
        written = text_of(packed, full=True)
        assert serialized(parsed(written, packed.DESCRIPTOR)) == serialized(packed)


class TestUnknownFields:
    def test_are_comments(self) -> None:
        content = (
            length_delimited(1, b"x")
            + tag(100, WireType.VARINT)
            + encode_varint(300)
            + length_delimited(101, b"a\n" * 200)
            + tag(2, WireType.FIXED32)
            + b"abcd"
        )
        written = text(content, descriptor("NodeDef"))
        assert written.splitlines()[:3] == [
            'name: "x"',
            "# unknown field 100, VARINT, not part of this text: 300",
            "# unknown field 101, LEN, not part of this text: the first 256 of 400 bytes, "
            + sha256(b"a\n" * 200),
        ]
        assert "# field 2, FIXED32, no op, and not part of this text: 4 bytes, sha256 " in written
        assert written.endswith('#   "abcd"\n')
        assert parsed(written, descriptor("NodeDef")) == protos.NodeDef(name="x")
        assert text(content, descriptor("NodeDef"), full=True).count(r"a\n") == 200

    def test_nans_that_text_cannot_say(self) -> None:
        content = tag(5, WireType.FIXED32) + struct.pack("<I", 0xFFC00000)
        assert text(content, descriptor("TensorProto")) == (
            "float_val: nan\n# a NaN of another sign or payload than text can say\n"
        )
        assert (
            text(
                tag(5, WireType.FIXED32) + struct.pack("<I", 0x7FC00000), descriptor("TensorProto")
            )
            == "float_val: nan\n"
        )


class TestWhatIsStoredTwice:
    def test_the_last_scalar_counts(self) -> None:
        content = length_delimited(1, b"x") + length_delimited(1, b"y")
        assert text(content, descriptor("NodeDef")) == 'name: "y"\n'

    def test_messages_are_merged(self) -> None:
        content = length_delimited(4, b"\x08\x01") + length_delimited(4, b"\x10\x02")
        assert text(content, descriptor("GraphDef")) == (
            "versions {\n  producer: 1\n  min_consumer: 2\n}\n"
        )

    def test_the_last_of_a_oneof_counts(self) -> None:
        content = tag(3, WireType.VARINT) + b"\x05" + tag(5, WireType.VARINT) + b"\x01"
        assert text(content, descriptor("AttrValue")) == "b: true\n"


def test_one_field_of_a_message() -> None:
    schema = descriptor("NodeDef")
    node = protos.NodeDef(name="n", op="Add", input=["a", "b"])
    for name, expected in {"input": 'input: "a"\ninput: "b"\n', "op": 'op: "Add"\n'}.items():
        assert text_of(node, field=fields_by_name(schema)[name]) == expected


def test_what_is_nested_too_deep_for_protobuf_is_refused() -> None:
    content = b""
    for _ in range(2000):
        content = length_delimited(protos.FullTypeDef.ARGS_FIELD_NUMBER, content)
    with pytest.raises(ModelUnreadable, match="nested more than 100 deep at byte"):
        text(content, descriptor("FullTypeDef"))
