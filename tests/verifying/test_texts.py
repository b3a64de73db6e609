"""What adapters are fed where they take texts: words that they know, images, numbers."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path

from sigpb import protos
from sigpb.verifying.texts import texts_for


@dataclass(frozen=True)
class Model:
    """What of a loaded model is looked at."""

    meta_graph: protos.MetaGraphDef
    directory: str = ""


def with_ops(*ops: str) -> Model:
    graph = protos.GraphDef(node=[protos.NodeDef(name=op, op=op) for op in ops])
    return Model(protos.MetaGraphDef(graph_def=graph))


def with_constant(name: str, *words: bytes) -> Model:
    node = protos.NodeDef(name=name, op="Const")
    node.attr["value"].tensor.string_val.extend(words)
    function = protos.FunctionDef(node_def=[node])
    library = protos.FunctionDefLibrary(function=[function])
    return Model(protos.MetaGraphDef(graph_def=protos.GraphDef(library=library)))


def with_asset(directory: Path, content: bytes) -> Model:
    (directory / "assets").mkdir(parents=True)
    (directory / "assets" / "words.txt").write_bytes(content)
    asset = protos.AssetFileDef(filename="words.txt")
    return Model(protos.MetaGraphDef(asset_file_def=[asset]), str(directory))


def words_of(*models: Model) -> set[bytes]:
    (texts,) = texts_for(models)
    return {word for text in texts for word in text.split()}


def test_words_are_those_of_files_and_constants(tmp_path: Path) -> None:
    first = with_asset(tmp_path / "first", b"cat\t3\r\ndog\n\n" + b"x" * 300 + b"\n")
    other = with_constant("keys", b"Sun", b"moon")
    assert words_of(first, other) == {b"cat", b"dog", b"Sun", b"moon", b"qzx0"}


def test_there_are_texts_of_one_word_and_of_several() -> None:
    (texts,) = texts_for([with_constant("keys", b"a", b"b", b"c")])
    assert texts[:4] == (b"a", b"b c", b"a a a a a a", b"b c a b qzx0")
    assert max(len(text.split()) for text in texts) == 13


def test_what_is_no_vocabulary_is_left_out(tmp_path: Path) -> None:
    binary = with_asset(tmp_path / "binary", b"PNG\0\n")
    missing = Model(binary.meta_graph, str(tmp_path / "missing"))
    saver = with_constant("save/RestoreV2/tensor_names", b"w", b"b")
    assert texts_for([binary, missing, saver, with_constant("sep", b",")]) == []


def test_what_ops_decode_is_made() -> None:
    ((image, *_),) = texts_for([with_ops("DecodeJpeg")])
    assert image.startswith(b"\x89PNG")
    (numbers,) = texts_for([with_ops("StringToNumber")])
    assert {float(number) for number in numbers} >= {-3.0, 0.25}
    encoded, plain = texts_for([with_ops("DecodeBase64"), with_constant("keys", b"a?", b"b")])
    padded = encoded[0] + b"=" * (-len(encoded[0]) % 4)
    assert base64.urlsafe_b64decode(padded) == plain[0] == b"a?"
