from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import text_format
from google.protobuf.internal import api_implementation
from hypothesis import given
from hypothesis import strategies as st

from sigpb import protos
from sigpb.errors import ModelUnreadable
from sigpb.inspect.salvage import KeptCount, Salvage, loss_lines, salvage, salvage_json
from sigpb.inspect.styled_text import plain
from sigpb.wire import Message, SourceRange, assemble, length_delimited
from tests.cli.command_line import run
from tests.conftest import REPOSITORY

FixtureModel = Callable[..., Path]

# Real models, and at how many offsets each is cut off: all take minutes in pure Python.
CORPUS_MODELS = ("tfjs_times_three_float", "srv_half_plus_two_v123", "tfx_taxi_tft_tf2")
TRUNCATIONS = 40 if api_implementation.Type() == "python" else 300


def fixture_bytes(name: str) -> bytes:
    file = REPOSITORY / "proto_fixtures" / name / "saved_model.pbtxt"
    text = file.read_text(encoding="utf-8")
    model = text_format.Parse(text, protos.SavedModel(), descriptor_pool=protos.POOL)
    return model.SerializeToString(deterministic=True)


SMALL = fixture_bytes("tf1_no_variables")
LARGER = fixture_bytes("tf2_linear")


def salvaged(data: bytes, schema: str = "SavedModel") -> tuple[Any, Salvage]:
    """What is kept, parsed, and how that was found."""
    found = salvage(data, schema)
    return getattr(protos, schema).FromString(assemble(found.pieces, data)), found


def lost(found: Salvage) -> list[str]:
    return [loss.path for loss in found.lost if not loss.is_cut]


@pytest.mark.parametrize("data", [SMALL, LARGER])
def test_of_a_whole_file_all_is_kept(data: bytes) -> None:
    found = salvage(data, "SavedModel")
    assert found.pieces == (SourceRange(0, len(data)),)
    assert (found.lost, found.lost_besides) == ((), 0)
    assert [plain(each) for each in loss_lines(found)] == ["nothing was lost"]


def test_a_cut_off_model_keeps_what_is_whole() -> None:
    original = protos.SavedModel.FromString(LARGER).meta_graphs[0]
    object_graph = LARGER.rindex(original.object_graph_def.SerializeToString()[:20])

    kept, found = salvaged(LARGER[: object_graph + 30])

    (graph,) = kept.meta_graphs
    assert graph.meta_info_def == original.meta_info_def
    assert graph.graph_def == original.graph_def
    assert dict(graph.signature_def) == dict(original.signature_def)
    assert not graph.HasField("object_graph_def")
    assert lost(found) == ["meta_graphs[0].object_graph_def"]
    assert [loss.path for loss in found.lost if loss.is_cut] == ["meta_graphs[0]"]
    assert found.counts["meta_graphs[0].signature_def"] == KeptCount(4, 4)


def test_a_graph_keeps_its_whole_nodes() -> None:
    graph = protos.SavedModel.FromString(LARGER).meta_graphs[0].graph_def
    data = graph.SerializeToString()
    end = Message.root(data).only(2).start  # type: ignore[union-attr]  # the library

    kept, found = salvaged(data[: end - 5], "GraphDef")

    assert list(kept.node) == list(graph.node)[:-1]
    assert found.counts == {"node": KeptCount(len(graph.node) - 1, len(graph.node))}
    assert lost(found) == [f"node[{len(graph.node) - 1}] {graph.node[-1].name!r}"]
    assert "only" in found.lost[0].problem


def test_main_parts_that_are_not_there_are_named() -> None:
    model = protos.SavedModel()
    graph = model.meta_graphs.add()
    graph.graph_def.node.add(name="a", op="NoOp")
    graph.signature_def["k"].method_name = "m" * 50

    _, found = salvaged(model.SerializeToString()[:-20], "SavedModel")

    missing = ("meta_graphs[0].saver_def", "meta_graphs[0].object_graph_def")
    assert found.not_found == missing
    assert f"not found: {', '.join(missing)}; what loads the model may need them" in [
        plain(each) for each in loss_lines(found)
    ]


def test_a_damaged_node_is_lost_and_the_others_kept() -> None:
    graph = protos.GraphDef()
    for name in ("a", "b", "c"):
        graph.node.add(name=name, op="Const", attr={"T": protos.AttrValue(type=1)})
    data = bytearray(graph.SerializeToString())
    data[data.index(b"b")] = 0xFF
    del graph.node[1]

    kept, found = salvaged(bytes(data), "GraphDef")

    assert kept == graph
    (loss,) = found.lost
    assert loss.path == r"node[1] '\\xff'"
    assert loss.problem == "in name of NodeDef: text that is not UTF-8 at byte 25"
    assert [plain(each) for each in loss_lines(found)] == [
        rf"lost: node[1] '\\xff' (bytes 21 to 42): {loss.problem}",
        "kept: node: 2 of 3 that were found",
    ]
    assert json.loads(json.dumps(salvage_json(found))) == {
        "lost": [
            {
                "what": loss.path,
                "offset": 21,
                "end": 42,
                "problem": loss.problem,
                "cut_off": False,
            }
        ],
        "lost_besides": 0,
        "not_found": [],
        "kept": {"node": {"kept": 2, "found": 3}},
    }


def test_a_damaged_signature_is_lost_and_the_others_kept() -> None:
    original = protos.SavedModel.FromString(LARGER).meta_graphs[0]
    data = bytearray(LARGER)
    data[data.rindex(b"serving_default_x")] = 0xFF

    kept, found = salvaged(bytes(data))

    (graph,) = kept.meta_graphs
    expected = dict(original.signature_def)
    del expected["serving_default"]
    assert dict(graph.signature_def) == expected
    assert lost(found) == ["meta_graphs[0].signature_def[2] 'serving_default'"]
    assert graph.object_graph_def == original.object_graph_def


def test_a_second_meta_graph_is_kept_if_the_first_is_damaged() -> None:
    data = fixture_bytes("tf1_two_graphs")
    original = protos.SavedModel.FromString(data)
    damaged = bytearray(data)
    name = data.index(b"serving_default")
    damaged[name] = 0xFF

    kept, found = salvaged(bytes(damaged))

    assert kept.meta_graphs[1] == original.meta_graphs[1]
    assert list(kept.meta_graphs[0].signature_def) == []
    assert len(lost(found)) == 1


def test_unknown_fields_are_kept_unless_damage_is_before_them() -> None:
    new = length_delimited(99, b"new")
    node = length_delimited(1, b"\x0a\x01a")
    broken = length_delimited(1, b"\x0a\x01\xff")

    assert assemble(salvage(node + new, "GraphDef").pieces, node + new) == node + new
    data = new + node + broken + new + node
    found = salvage(data, "GraphDef")
    assert assemble(found.pieces, data) == new + node + node
    assert found.lost[1].problem == "unknown field 99 at byte 16"


def test_what_only_looks_like_fields_behind_damage_is_not_kept() -> None:
    graph = protos.SavedModel.FromString(SMALL).meta_graphs[0].graph_def
    data = bytearray(graph.SerializeToString(deterministic=True))
    node = data.index(length_delimited(1, b"b")) - 2
    data[node + 1] = 0x7F  # It claims a part of the next node, whose rest is read as a library.

    kept, found = salvaged(bytes(data), "GraphDef")

    assert [*kept.node] == [each for each in graph.node if each.name not in ("b", "mul/x")]
    assert not kept.HasField("library")
    assert not kept.HasField("debug_info")
    assert "node[1] 'b'" in lost(found)


def test_what_nobody_writes_is_kept_in_a_file_that_protobuf_reads() -> None:
    info = length_delimited(1, length_delimited(4, b"serve"))
    data = info + info + b"\x10\x01"  # A graph_def that is a number.
    assert salvage(data, "MetaGraphDef").pieces == (SourceRange(0, len(data)),)

    kept, found = salvaged(data + b"\x0f", "MetaGraphDef")

    assert list(kept.meta_info_def.tags) == ["serve"]
    assert [loss.problem for loss in found.lost] == [
        "field 1 appears again at byte 9",
        "unknown field 2 at byte 18",
        "unknown wire type 7 at byte 20",
    ]


def test_what_appears_once_is_not_kept_again() -> None:
    info = length_delimited(1, length_delimited(4, b"serve"))
    broken = length_delimited(6, b"\x0f")

    kept, found = salvaged(info + broken + info, "MetaGraphDef")

    assert list(kept.meta_info_def.tags) == ["serve"]
    assert found.lost[1].problem == "field 1 appears again at byte 12"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "nothing can be saved: there is no whole field of a MetaGraph."),
        (b"\x08\x01", "nothing can be saved: there is no whole field of a MetaGraph."),
        (
            SMALL[:6],
            "nothing can be saved: there is no whole field of a MetaGraph: field 2 at byte 2 "
            "claims 767 bytes, only 1 are left.",
        ),
        (
            b"\x07",
            "nothing can be saved: there is no whole field of a MetaGraph: impossible field "
            "number 0 at byte 0.",
        ),
    ],
)
def test_says_if_nothing_can_be_saved(data: bytes, said: str) -> None:
    with pytest.raises(ModelUnreadable) as error:
        salvage(data, "SavedModel")
    assert str(error.value) == said


def test_a_list_whose_header_protobuf_does_not_read_gets_another() -> None:
    graph = length_delimited(1, b"\x0a\x01a")
    data = b"\x12" + bytes([0x80 + len(graph), 0x80, 0x80, 0x80, 0x80, 0x00]) + graph

    kept, found = salvaged(data, "MetaGraphDef")

    assert [node.name for node in kept.graph_def.node] == ["a"]
    assert found.lost[0].problem == "a tag or length at byte 0 of more bytes than protobuf reads"


def test_large_values_are_looked_through() -> None:
    # More than a megabyte each, so that protobuf is not asked.
    content = bytes(2 << 20)
    tensor = protos.AttrValue(tensor=protos.TensorProto(tensor_content=content))
    graph = protos.GraphDef(node=[protos.NodeDef(name=name, attr={"v": tensor}) for name in "ab"])
    data = bytearray(graph.SerializeToString())
    assert salvage(bytes(data), "GraphDef").pieces == (SourceRange(0, len(data)),)

    data[data.index(b"v")] = 0xFF
    kept, found = salvaged(bytes(data), "GraphDef")

    assert [node.name for node in kept.node] == ["b"]
    assert found.lost[0].problem.startswith("in key of AttrEntry: text that is not UTF-8")


def test_many_losses_are_counted() -> None:
    broken = length_delimited(1, b"\x0a\x01\xff")
    data = (broken + length_delimited(1, b"\x0a\x01a")) * 1500

    kept, found = salvaged(data, "GraphDef")

    assert len(kept.node) == 1500
    assert (len(found.lost), found.lost_besides) == (1000, 500)
    assert "and 1,480 more" in [plain(each) for each in loss_lines(found)]


@given(
    st.sampled_from([SMALL, LARGER]),
    st.floats(0, 1),
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=4),
)
def test_what_is_kept_parses(data: bytes, cut: float, changed: list[tuple[float, int]]) -> None:
    damaged = bytearray(data)
    for where, byte in changed:
        damaged[int(where * (len(data) - 1))] = byte
    damaged = damaged[: len(data) - int((1 - cut) * len(data))]
    try:
        kept, found = salvaged(bytes(damaged))
    except ModelUnreadable:
        return
    assert kept.meta_graphs
    assert found.lost or assemble(found.pieces, bytes(damaged)) == damaged


def test_a_model_cut_off_anywhere() -> None:
    for cut in range(len(SMALL)):
        try:
            kept, found = salvaged(SMALL[:cut])
        except ModelUnreadable:
            assert cut < 16  # before anything of the MetaGraph is whole
            continue
        assert found.lost
        assert len(kept.meta_graphs) == 1


@pytest.mark.parametrize("name", CORPUS_MODELS)
def test_real_models_that_are_cut_off(corpus: Path, tmp_path: Path, name: str) -> None:
    data = (corpus / name / "saved_model.pb").read_bytes()
    root = Message.root(data)
    (graph,) = (root.message(field) for field in root.fields(2))
    ends = {key.decode(): field.end for key, field in graph.entries(5)}
    cuts = random.Random(name).sample(range(len(data)), TRUNCATIONS)
    # Where signatures are, to be sure that some are whole and some are not.
    cuts += [end + by for end in ends.values() for by in (-1, 0)]

    for number, cut in enumerate(cuts):
        broken, fixed = tmp_path / f"{number}.broken", tmp_path / f"{number}.fixed"
        broken.mkdir()
        (broken / "saved_model.pb").write_bytes(data[:cut])

        outcome = run("salvage", broken, fixed)

        if outcome.code == 3:
            assert not fixed.exists()
            assert cut <= max(ends.values())
            continue
        assert outcome.code == 0
        kept = protos.SavedModel.FromString((fixed / "saved_model.pb").read_bytes())
        whole = {key for key, end in ends.items() if end <= cut}
        assert set(kept.meta_graphs[0].signature_def) == whole
        shown = run("show", fixed, "--format=json")
        assert (shown.code, shown.err) == (0, "")
        assert set(shown.json["meta_graphs"][0]["signatures"]) == whole
