from __future__ import annotations

from pathlib import Path

import pytest

from sigpb.saved_model.foreign_file import foreign_file

FILE = Path("models/saved_model.pb")

FORMATS = {
    b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n": "a pointer of Git LFS",
    b"\x1f\x8b\x08\0\0\0\0\0": "compressed with gzip",
    b"PK\x03\x04\x14\0\0\0": "a zip archive",
    b"\x28\xb5\x2f\xfd\0\0": "compressed with zstd",
    b"\x80\x04\x95\0": "a pickle",
    b'\x10\0\0\0\0\0\0\0{"a": []}': "a file of safetensors",
    b'{"format": "graph-model", "modelTopology": {}}': "a TensorFlow.js model",
    b'{\n  "class_name": "Functional"}': "a JSON document",
    b"<?xml version='1.0'?><Error><Code>NoSuchKey</Code>": "an XML document",
    b"404: Not Found": "a text that says '404: Not Found'",
    b"Entry not found\n": "a text that says 'Entry not found'",
    b"<!DOCTYPE html><html></html>": "an HTML page",
    b"\xef\xbb\xbf\n<!-- error --> <HTML lang='en'>": "an HTML page",
    b"\x1c\0\0\0TFL3": "a TFLite model",
    b"\x89HDF\r\n\x1a\n": "an HDF5 file, such as weights",
    b'\x89HDF\r\n\x1a\n\0\0model_config\0{"class_name"': "a Keras model in an HDF5 file",
    b"\0\1\2\x57\xfb\x80\x8b\x24\x75\x47\xdb": "an index or table of a checkpoint",
    b"\x08\x07\x12\x07pytorch\x3a\x02\x0a\x00": "an ONNX model",
    b"\x0a\x10\x0a\x01x\x12\x0bPlaceholder": "a graph without a SavedModel",
    b"\x0a\x00\x12\x12\x0a\x10\x0a\x01x\x12\x0bPlaceholder": "a graph without a SavedModel",
}


@pytest.mark.parametrize(("content", "name"), FORMATS.items(), ids=FORMATS.values())
def test_a_format_is_named(content: bytes, name: str) -> None:
    found = foreign_file(content, FILE)
    assert found is not None
    assert name in found.name


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x08\x01",
        b"node { name: 'a' }",
        b"version 1",
        b"node: 1",
        b"a " + b"b" * 200,
        b"a < html",
        b"<htmlx>",
        b"\x0a\x06\x0a\x01x\x12\x01-",
    ],
)
def test_what_is_not_known_is_not_named(content: bytes) -> None:
    assert foreign_file(content, FILE) is None


def test_a_graph_is_renamed_where_it_is_called_a_model() -> None:
    graph = b"\x0a\x10\x0a\x01x\x12\x0bPlaceholder"
    for name, told in {
        "m/saved_model.pb": "Rename it: mv m/saved_model.pb m/graph.pb && sigpb show m/graph.pb;",
        "m/frozen.pb": "'sigpb show m/frozen.pb' shows it;",
    }.items():
        found = foreign_file(graph, Path(name))
        assert found is not None
        assert found.advice == f"{told} 'sigpb patch' makes a SavedModel of it."


def test_no_model_is_of_another_format(corpus: Path) -> None:
    for file in corpus.glob("*/saved_model.pb*"):
        assert foreign_file(file.read_bytes(), file) is None, file
