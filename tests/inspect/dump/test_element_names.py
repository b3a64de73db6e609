from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sigpb import protos
from sigpb.inspect.dump.element_names import path_at
from sigpb.inspect.dump.proto_path import path_text
from sigpb.inspect.dump.proto_place import find_place
from sigpb.inspect.proto_source import open_source
from sigpb.inspect.schema import descriptor
from sigpb.wire import Message, length_delimited

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
