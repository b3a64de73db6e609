from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from google.protobuf import text_format

from sigpb import protos
from sigpb.errors import ModelUnreadable
from sigpb.inspect.proto_source import find_models, open_source
from sigpb.saved_model.model import open_model

FixtureModel = Callable[..., Path]


@pytest.fixture
def meta_graph(fixture_model: FixtureModel) -> protos.MetaGraphDef:
    with open_model(fixture_model("tf2_linear")) as model:
        return protos.MetaGraphDef.FromString(model.meta_graphs[0].message.content())


@pytest.mark.parametrize("as_text", [False, True])
def test_a_models_directory_or_its_file_is_opened(
    fixture_model: FixtureModel, as_text: bool
) -> None:
    directory = fixture_model("tf1_two_graphs", as_text)
    file = directory / ("saved_model.pbtxt" if as_text else "saved_model.pb")

    for path in (directory, file):
        with open_source(path) as source:
            assert source.file == file
            assert source.schema == "SavedModel"
            assert source.is_text == as_text
            assert len(source.meta_graphs) == 2
            assert [graph.path for graph in source.graphs] == [
                f"meta_graphs[{','.join(each.tags)}].graph_def" for each in source.meta_graphs
            ]


def test_a_meta_graph_and_a_graph_are_recognised_whatever_they_are_called(
    meta_graph: protos.MetaGraphDef, tmp_path: Path
) -> None:
    messages = {"MetaGraphDef": meta_graph, "GraphDef": meta_graph.graph_def}
    for schema, message in messages.items():
        file = tmp_path / "file"
        file.write_bytes(message.SerializeToString())
        text = tmp_path / "file.pbtxt"
        text.write_text(text_format.MessageToString(message))

        for each in (file, text):
            with open_source(each) as source:
                assert source.schema == schema
                assert [graph.path for graph in source.graphs] == [
                    "graph_def" if schema == "MetaGraphDef" else ""
                ]
                graph = protos.GraphDef.FromString(source.graphs[0].message.content())
                assert graph == meta_graph.graph_def


ONNX = b"\x08\x07\x12\x07pytorch\x3a\x02\x0a\x00\x42\x02\x10\x0b"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "empty"),
        (b"\x1c\x00\x00\x00TFL3\x14\x00", "a TFLite model"),
        (ONNX, "an ONNX model"),
        (b"\x89HDF\r\n\x1a\n\0\0\0", "an HDF5 file"),
        (b"PK\x03\x04\0\0\0", "a zip archive"),
        (b"\x1f\x8b\x08\0\0\0", r"compressed with gzip\. Unpack it: mv "),
        (b'node {\n  name: "x"\n}\n', "looks like a text proto; give it the suffix .pbtxt"),
        (b"# a graph\nnode {\n}\n", "looks like a text proto"),
        (b"\xff" * 100, "neither a SavedModel nor a MetaGraphDef nor a GraphDef"),
    ],
)
def test_what_is_something_else_is_named(content: bytes, problem: str, tmp_path: Path) -> None:
    file = tmp_path / "model.pb"
    file.write_bytes(content)

    with pytest.raises(ModelUnreadable, match=problem) as refused:
        open_source(file)

    assert str(file) in str(refused.value)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "the file is empty."),
        ("# nothing\n", "the file is empty."),
        ("hello world\n", "not a SavedModel, a MetaGraphDef or a GraphDef, but a text that says "),
        ('node { name: "x" ', 'not the text of a GraphDef: 1:14 : Expected "}".'),
        ('graph_def { node { nme: "x" } }', "not the text of a MetaGraphDef: 1:20 : "),
    ],
)
def test_text_that_is_damaged_in_its_first_line(text: str, problem: str, tmp_path: Path) -> None:
    file = tmp_path / "graph.pbtxt"
    file.write_text(text)
    with pytest.raises(ModelUnreadable) as refused:
        open_source(file)
    assert str(refused.value).startswith(f"{file}: {problem}")
    assert not str(refused.value).endswith("..")


def test_the_text_of_nothing_known_is_refused_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "graph.pbtxt"
    file.write_text('node {\n  name: "x"\n  opp: "Add"\n}\n')

    with pytest.raises(ModelUnreadable, match=r"not the text of a GraphDef: 3:3") as refused:
        open_source(file)

    assert str(file) in str(refused.value)


def test_a_directory_without_a_model_and_a_path_of_nothing_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelUnreadable, match=r"holds no saved_model\.pb"):
        open_source(tmp_path)
    with pytest.raises(ModelUnreadable, match="there is no such"):
        open_source(tmp_path / "nothing")


def test_every_model_of_the_corpus_is_a_saved_model(corpus: Path) -> None:
    for proto in sorted(corpus.glob("*/saved_model.pb")):
        with open_source(proto) as source, open_model(proto) as model:
            assert source.schema == "SavedModel"
            assert len(source.graphs) == len(model.meta_graphs)


def make(root: Path, *files: str) -> None:
    for name in files:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"")


def test_models_of_a_tree(tmp_path: Path) -> None:
    make(
        tmp_path,
        "b/2/saved_model.pb",
        "b/1/saved_model.pbtxt",
        "a/saved_model.cpb",
        "a/saved_model.pb",
        "other/readme",
    )
    found = [str(model.relative_to(tmp_path)) for model in find_models(tmp_path)]
    assert found == ["a", "b/1", "b/2"]


def test_a_model_is_found_alone(tmp_path: Path) -> None:
    make(tmp_path, "saved_model.pb", "inner/saved_model.pb")
    assert find_models(tmp_path) == [tmp_path]


def test_what_sigpb_left_is_passed_over(tmp_path: Path) -> None:
    make(
        tmp_path,
        "1/saved_model.pb",
        "1/.sigpb-backup-0001/saved_model.pb",
        ".sigpb-tmp-2-0123abcd/saved_model.pb",
    )
    assert find_models(tmp_path) == [tmp_path / "1"]


@pytest.mark.parametrize("name", ["saved_model.pb", "nowhere", "file"])
def test_what_is_no_directory_is_for_others_to_judge(tmp_path: Path, name: str) -> None:
    make(tmp_path, "file")
    assert find_models(tmp_path / name) == [tmp_path / name]


def test_no_models(tmp_path: Path) -> None:
    make(tmp_path, "a/readme")
    with pytest.raises(ModelUnreadable, match="neither this directory nor any below it"):
        find_models(tmp_path)
    make(tmp_path, "model.json", "weights.bin")
    with pytest.raises(ModelUnreadable, match=r"It is a TensorFlow\.js model\. Use the Sav"):
        find_models(tmp_path)
