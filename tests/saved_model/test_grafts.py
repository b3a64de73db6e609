"""A MetaGraph says which adapters are in it, in a collection that others leave alone."""

from __future__ import annotations

from dataclasses import replace

from sigpb import protos
from sigpb.saved_model.grafts import COLLECTION, Graft, grafts, write_grafts
from sigpb.saved_model.model import MetaGraph
from sigpb.wire import Edits, Message, assemble

FIRST = Graft(
    *("tokenize", "serving_default", "before", "tokenize", "serving_default", "0" * 64),
    {"input_ids": "ids"},
)
SECOND = replace(FIRST, name="calibrate", position="after", adapter="calibrate")


def meta_graph(content: bytes) -> MetaGraph:
    return MetaGraph(Message.root(content))


def written(content: bytes, *wanted: Graft) -> bytes:
    edits = Edits(content)
    write_grafts(edits, meta_graph(content), wanted)
    return assemble(edits.pieces(), content)


def model(**collections: list[bytes]) -> bytes:
    graph = protos.MetaGraphDef()
    graph.signature_def["s"].method_name = "m"
    graph.meta_info_def.tags.append("serve")
    for key, lines in collections.items():
        graph.collection_def[key].bytes_list.value.extend(lines)
    return graph.SerializeToString(deterministic=True)


def test_they_are_read_as_they_were_written_and_leave_nothing() -> None:
    before = model(zzz=[b"x"])
    one = written(before, FIRST)
    both = written(one, *grafts(meta_graph(one)), SECOND)
    assert grafts(meta_graph(before)) == ()
    assert grafts(meta_graph(both)) == (FIRST, SECOND)
    assert [field.number for field in Message.root(both).fields()] == [1, 4, 4, 5]
    assert written(both, FIRST) == one
    assert written(both) == before == written(before)


def test_an_empty_metagraph_can_have_them() -> None:
    assert grafts(meta_graph(written(b"", FIRST))) == (FIRST,)


def test_lines_of_others_are_left_out() -> None:
    lines = [b"\xff", b"[]", b"{}", b'{"name": "x"}', b"1"]
    wrong = written(b"", replace(FIRST, position="beside"))  # type: ignore[arg-type]
    assert grafts(meta_graph(model(**{COLLECTION: lines}))) == ()
    assert grafts(meta_graph(wrong)) == ()


def test_names_in_the_model() -> None:
    assert (FIRST.scope, FIRST.child) == ("sigpb_tokenize", "sigpb_tokenize")
    assert FIRST.describe() == "'tokenize' before 'serving_default'"
    explained = "'serving_default' of tokenize, sha256:000000000000, ids → input_ids"
    assert FIRST.explain() == explained
    both = replace(FIRST, pairs={"b": "ids", "a": "ids"})
    assert both.explain().endswith("ids → a, ids → b")
