from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigpb import protos
from sigpb.errors import UsageError
from sigpb.inspect.dump.proto_place import find_place
from sigpb.inspect.names.parts import parts
from sigpb.inspect.proto_path import (
    FieldPlace,
    PathPart,
    Selector,
    at_position,
    named,
    path_at,
    path_text,
    read_path,
    tagged,
)
from sigpb.inspect.proto_source import open_source
from sigpb.inspect.schema import descriptor
from sigpb.wire import Message, length_delimited

GRAPH = FieldPlace(FieldPlace(None, "meta_graphs[serve,gpu]"), "graph_def")


@pytest.mark.parametrize(
    ("place", "text"),
    [
        (FieldPlace(None, "node", "x"), 'node["x"]'),
        (
            FieldPlace(FieldPlace(GRAPH, "node", "dense/MatMul"), "input", 0),
            'meta_graphs[serve,gpu].graph_def.node["dense/MatMul"].input[0]',
        ),
        (FieldPlace(None, "inputs", 'a"b\\c\nd'), 'inputs["a\\"b\\\\c\\nd"]'),
        (FieldPlace(None, "inputs", ""), 'inputs[""]'),
        (FieldPlace(None, "inputs", "größe"), 'inputs["größe"]'),
    ],
)
def test_path(place: FieldPlace, text: str) -> None:
    assert str(place) == text


@pytest.mark.parametrize("name", ["tf2_linear", "tf1_shared", "tf1_two_graphs"])
def test_what_is_written_leads_there(fixture_model: Callable[..., Path], name: str) -> None:
    with open_source(fixture_model(name)) as source:
        found = [str(each.place) for part in parts(source) for each in part.occurrences()]
        # Into messages that are stored as bytes no path leads.
        paths = [each for each in found if "_list.value[" not in each]
        assert len(paths) > 100
        for path in paths:
            assert find_place(source.root, descriptor(source.schema), path).path


TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
SELECTORS = st.one_of(
    st.none(), st.integers(0).map(at_position), TEXTS.map(named), TEXTS.map(tagged)
)
PARTS = st.builds(PathPart, st.from_regex(r"[a-z_][a-z0-9_]*", fullmatch=True), SELECTORS)


@given(st.lists(PARTS).map(tuple))
def test_what_is_written_is_read(path: tuple[PathPart, ...]) -> None:
    assert read_path(path_text(path)) == path
    assert path_text(path).isprintable()


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("", ()),
        ("graph_def", (PathPart("graph_def"),)),
        ("node[3].input", (PathPart("node", Selector("3", False)), PathPart("input"))),
        ('node["3"]', (PathPart("node", Selector("3", True)),)),
        (
            'node["a.b[\\"c\\"]\\303\\251"].op',
            (PathPart("node", named('a.b["c"]é')), PathPart("op")),
        ),
        ("node[dense/MatMul.1]", (PathPart("node", Selector("dense/MatMul.1", False)),)),
        ("meta_graphs[gpu, serve]", (PathPart("meta_graphs", Selector("gpu, serve", False)),)),
        ("meta_graphs[]", (PathPart("meta_graphs", Selector("", False)),)),
    ],
)
def test_read(text: str, path: tuple[PathPart, ...]) -> None:
    assert read_path(text) == path


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (".", "'.' is not a path"),
        ("a.", "is expected at ''"),
        ("a..b", "is expected at '.b'"),
        ("a[", "is expected at 'a['"),
        ("a[0]b", "is expected at 'a[0]b'"),
        ("a.b[0][1]", "is expected at 'b[0][1]'"),
        ('a["x]', """is expected at 'a["x]'"""),
        ("é", "is expected at 'é'"),
        ('a["\\377"]', "is not clear"),
        ("a[\udcff]", "it is not UTF-8"),
    ],
)
def test_what_is_no_path_is_refused(text: str, told: str) -> None:
    with pytest.raises(UsageError) as refused:
        read_path(text)
    assert told in str(refused.value)


def test_what_cannot_be_seen_is_escaped() -> None:
    assert path_text(read_path("node[a\nb c]")) == r'node["a\nb c"]'


def test_positions_and_names() -> None:
    assert at_position(3).position == 3
    assert named("3").position is None
    assert Selector("²", False).position is None
    assert path_text([PathPart("meta_graphs", tagged("gpu,serve"))]) == "meta_graphs[gpu,serve]"
    assert path_text([PathPart("meta_graphs", tagged("1"))]) == 'meta_graphs["1"]'


FixtureModel = Callable[..., Path]


@pytest.mark.parametrize("name", ["tf2_many", "tf1_two_graphs", "tf1_sparse"])
def test_the_path_of_any_offset_leads_to_what_is_around_it(
    fixture_model: FixtureModel, name: str
) -> None:
    with open_source(fixture_model(name)) as source:
        schema = descriptor(source.schema)
        deepest = 0
        for offset in range(0, len(source.buffer), 97):
            path = path_at(source.root, schema, offset)
            place = find_place(source.root, schema, path_text(path))
            deepest = max(deepest, len(place.path))
            if place.field is None:
                # The tag and the length of a message belong to it, and so does the key of a map.
                header = 12 + len(place.key.encode())
                assert place.message.start - header <= offset < place.message.end
            else:
                assert any(
                    field.start <= offset < field.end
                    for field in place.message.fields(place.field.number)
                )
        assert deepest > 5


@pytest.mark.parametrize("name", ["tf2_many", "tf1_two_graphs"])
def test_paths_name_what_has_a_name(fixture_model: FixtureModel, name: str) -> None:
    with open_source(fixture_model(name)) as source:
        buffer = bytes(source.buffer)
        offset = buffer.index(b"tensorflow/serving/predict")
        path = path_text(path_at(source.root, descriptor(source.schema), offset))
        assert path.startswith("meta_graphs[")
        assert path.endswith('"].method_name')
        assert '.signature_def["' in path


def test_meta_graphs_of_the_same_tags_go_by_position() -> None:
    info = protos.MetaGraphDef.MetaInfoDef(tags=["serve"], tensorflow_version="2.0")
    model = protos.SavedModel(meta_graphs=[protos.MetaGraphDef(meta_info_def=info)] * 2)
    content = model.SerializeToString()
    path = path_at(Message.root(content), descriptor("SavedModel"), content.rindex(b"2.0"))
    assert path_text(path) == "meta_graphs[1].meta_info_def.tensorflow_version"


def test_a_path_ends_where_nothing_more_can_be_read() -> None:
    node = length_delimited(1, b"n") + b"\x2a\x7f"
    content = length_delimited(1, length_delimited(1, b"a")) + length_delimited(1, node)
    root, schema = Message.root(content), descriptor("GraphDef")
    assert path_text(path_at(root, schema, len(content) - 1)) == 'node["n"]'
    assert path_text(path_at(root, schema, len(content))) == ""
    assert path_text(path_at(Message.root(content[:-1]), schema, len(content) - 2)) == ""
