from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from sigpb import protos
from sigpb.errors import ModelUnreadable
from sigpb.saved_model.model import MetaGraph, open_model, parse
from sigpb.wire import Message, length_delimited

ModelFactory = Callable[..., Path]
ModelWriter = Callable[[bytes], Path]


@pytest.fixture
def write(tmp_path: Path) -> ModelWriter:
    """Returns ``write(data)``, which makes a model with that proto."""

    def write(data: bytes) -> Path:
        (tmp_path / "saved_model.pb").write_bytes(data)
        return tmp_path

    return write


def meta_graph(proto: protos.MetaGraphDef) -> MetaGraph:
    return MetaGraph(Message.root(proto.SerializeToString()))


@pytest.mark.parametrize("as_text", [False, True])
def test_open_model(fixture_model: ModelFactory, as_text: bool) -> None:
    directory = fixture_model("tf1_two_graphs", as_text)
    name = "saved_model.pbtxt" if as_text else "saved_model.pb"

    for path in (directory, str(directory), directory / name):
        with open_model(path) as model:
            assert (model.directory, model.file) == (directory, directory / name)
            assert model.is_text == as_text
            assert [graph.tags for graph in model.meta_graphs] == [("serve",), ("gpu", "serve")]


def test_text_amounts_to_the_same_bytes_as_the_binary(fixture_model: ModelFactory) -> None:
    with (
        open_model(fixture_model("tf2_linear", as_text=True)) as text,
        open_model(fixture_model("tf2_linear")) as binary,
    ):
        assert bytes(text.buffer[:]) == binary.buffer[:]


def test_all_that_is_read_of_a_meta_graph_is_what_the_proto_holds(
    fixture_model: ModelFactory,
) -> None:
    directory = fixture_model("tf2_linear")
    (expected,) = protos.SavedModel.FromString(
        (directory / "saved_model.pb").read_bytes()
    ).meta_graphs

    with open_model(directory) as model:
        (graph,) = model.meta_graphs
        assert graph.tags == ("serve",)
        assert graph.tensorflow_version == expected.meta_info_def.tensorflow_version
        assert graph.signatures == dict(expected.signature_def)
        assert graph.user_signatures == ["other", "serving_default", "single"]
        assert "__saved_model_init_op" in graph.signatures
        assert graph.has_object_graph
        assert graph.object_graph is not None
        assert graph.object_graph.proto == expected.object_graph_def
        assert parse(protos.MetaGraphDef, graph.message) == expected


def test_session_style_model_has_no_object_graph(fixture_model: ModelFactory) -> None:
    with open_model(fixture_model("tf1_shared")) as model:
        assert not model.meta_graphs[0].has_object_graph
        assert model.meta_graphs[0].object_graph is None


def test_empty_meta_graph() -> None:
    graph = meta_graph(protos.MetaGraphDef())
    assert (graph.tags, graph.tensorflow_version) == ((), "")
    assert list(graph.signatures) == graph.user_signatures == []
    assert graph.object_graph is None


def test_signature_without_a_value() -> None:
    # An encoder may leave out an empty value of a map.
    data = length_delimited(5, length_delimited(1, b"empty"))
    graph = MetaGraph(Message.root(data))
    assert graph.signatures == {"empty": protos.SignatureDef()}


def test_looking_for_a_key_adds_none() -> None:
    proto = protos.MetaGraphDef()
    proto.signature_def["s"].method_name = "m"
    graph = meta_graph(proto)
    with pytest.raises(KeyError):
        graph.signatures["missing"]
    assert [*graph.signatures] == ["s"]


def test_some_signatures_and_others() -> None:
    graph = protos.MetaGraphDef()
    for key in ("a", "b", "c"):
        graph.signature_def[key].method_name = key
    made = protos.SignatureDef(method_name="made")

    found = meta_graph(graph).signatures.only(["c", "a"], {"d": made})

    assert {key: found[key].method_name for key in found} == {"c": "c", "a": "a", "d": "made"}
    assert [key in found for key in ("a", "b", "d")] == [True, False, True]
    assert len(found) == 3
    with pytest.raises(KeyError):
        found["b"]


def test_no_more_signatures_are_kept_than_were_used_last() -> None:
    graph = protos.MetaGraphDef()
    for number in range(1_000):
        graph.signature_def[f"s{number}"].method_name = str(number)
    signatures = meta_graph(graph).signatures

    first = signatures["s0"]
    assert signatures["s0"] is first
    assert [each.method_name for each in signatures.values()] == [key[1:] for key in signatures]
    assert signatures["s0"] is not first


def test_model_can_be_removed_after_it_was_closed(write: ModelWriter) -> None:
    directory = write(protos.SavedModel(meta_graphs=[protos.MetaGraphDef()]).SerializeToString())
    with open_model(directory) as model:
        pass
    with pytest.raises(ValueError, match="closed"):
        model.buffer[0]


def reason(path: Path) -> str:
    with pytest.raises(ModelUnreadable) as error:
        open_model(path)
    return str(error.value)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "the file is empty."),
        (b"\x08\x01", "not a SavedModel: it holds no MetaGraph."),
        (b"\x12\x00" * 10_001, "more than 10,000 MetaGraphs, which is the limit."),
        (b"\xff", "not a SavedModel, or a damaged one: truncated varint at byte 0"),
        (b"\x12\x05\x0a", "claims 5 bytes, only 1 are left"),
        (b"\x12\x02\x0a\x05", "claims 5 bytes, only 0 are left"),
        (b"\x10\x05", "field 2 at byte 0 has wire type VARINT, not LEN"),
        (b"saved_model_schema_version: 1", "this is a text proto. Rename it to saved_model.pbtxt"),
        (b" \n meta_graphs {}", "this is a text proto. Rename it to saved_model.pbtxt"),
    ],
)
def test_what_is_no_model(write: ModelWriter, data: bytes, said: str) -> None:
    directory = write(data)
    assert reason(directory).startswith(f"{directory / 'saved_model.pb'}: ")
    assert said in reason(directory)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "not a SavedModel: it holds no MetaGraph."),
        (b"\xff", "not UTF-8 text: "),
        (b"meta_graphs {\n  graph: 1 }", "not the text of a SavedModel: 2:3 : Message type "),
        (b"meta_graphs {", "not the text of a SavedModel: 1:13 : "),
    ],
)
def test_what_is_no_text_of_a_model(tmp_path: Path, data: bytes, said: str) -> None:
    (tmp_path / "saved_model.pbtxt").write_bytes(data)
    assert reason(tmp_path).startswith(f"{tmp_path / 'saved_model.pbtxt'}: ")
    assert said in reason(tmp_path)


def test_file_that_cannot_be_read(write: ModelWriter, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = write(b"\x12\x00")

    def refuse(path: Path, flags: int) -> int:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "open", refuse)
    assert reason(directory) == f"{directory / 'saved_model.pb'}: Permission denied."


def test_damage_inside_is_found_when_it_is_read_and_names_the_file(write: ModelWriter) -> None:
    signature = length_delimited(5, length_delimited(1, b"s") + length_delimited(2, b"\xff"))
    directory = write(length_delimited(2, signature))

    def read_signatures() -> object:
        with open_model(directory) as model:
            assert model.meta_graphs[0].tags == ()
            return model.meta_graphs[0].signatures

    with pytest.raises(ModelUnreadable) as error:
        read_signatures()
    assert str(error.value).startswith(f"{directory / 'saved_model.pb'}: no valid ")
    assert "tensorflow.SignatureDef at byte 9" in str(error.value)


def test_other_errors_pass_through(write: ModelWriter) -> None:
    model = open_model(write(b"\x12\x00"))
    with pytest.raises(RuntimeError, match="mine"), model:
        raise RuntimeError("mine")
