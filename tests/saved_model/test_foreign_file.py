from __future__ import annotations

from pathlib import Path

import pytest

from sigpb.saved_model.foreign_file import foreign_file

FORMATS = {
    b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n": "a pointer of Git LFS",
    b"\x1f\x8b\x08\0\0\0\0\0": "compressed with gzip",
    b"PK\x03\x04\x14\0\0\0": "a zip archive",
    b"<!DOCTYPE html><html></html>": "an HTML page",
    b"\xef\xbb\xbf\n<!-- error --> <HTML lang='en'>": "an HTML page",
    b"\x1c\0\0\0TFL3": "a TFLite model",
    b"\x89HDF\r\n\x1a\n": "an HDF5 file",
    b"\0\1\2\x57\xfb\x80\x8b\x24\x75\x47\xdb": "an index or table of a checkpoint",
    b"\x08\x07\x12\x07pytorch\x3a\x02\x0a\x00": "an ONNX model",
    b"\x0a\x10\x0a\x01x\x12\x0bPlaceholder": "a graph without a SavedModel",
    b"\x0a\x00\x12\x12\x0a\x10\x0a\x01x\x12\x0bPlaceholder": "a graph without a SavedModel",
}


@pytest.mark.parametrize(("content", "name"), FORMATS.items(), ids=FORMATS.values())
def test_a_format_is_named(content: bytes, name: str) -> None:
    found = foreign_file(content)
    assert found is not None
    assert name in found.name


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x08\x01",
        b"node { name: 'a' }",
        b"version 1",
        b"a < html",
        b"<htmlx>",
        b"\x0a\x06\x0a\x01x\x12\x01-",
    ],
)
def test_what_is_not_known_is_not_named(content: bytes) -> None:
    assert foreign_file(content) is None


def test_no_model_is_of_another_format(corpus: Path) -> None:
    for file in corpus.glob("*/saved_model.pb*"):
        assert foreign_file(file.read_bytes()) is None, file
