from __future__ import annotations

from sigpb import protos
from sigpb.rewrite import metadata
from sigpb.rewrite.draft import MetaGraphDraft
from sigpb.wire import length_delimited

from .drafts import Change, meta_graph_bytes, rewritten

META_INFO = protos.MetaGraphDef.META_INFO_DEF_FIELD_NUMBER
TAGS = protos.MetaGraphDef.MetaInfoDef.TAGS_FIELD_NUMBER
VERSION = protos.MetaGraphDef.MetaInfoDef(tensorflow_version="2.21.0").SerializeToString()
SIGNATURES = meta_graph_bytes(z="x -> y", a="x -> y")


def tags(*names: bytes) -> bytes:
    return b"".join(length_delimited(TAGS, name) for name in names)


def to(*names: str) -> Change:
    def change(draft: MetaGraphDraft) -> None:
        draft.tags = names

    return change


def test_no_change() -> None:
    model = length_delimited(META_INFO, tags(b"serve", b"gpu"))
    assert rewritten(metadata.rewrite_tags, model, to("gpu", "serve")) == model


def test_new_tags_take_the_place_of_the_old_ones() -> None:
    before = length_delimited(META_INFO, tags(b"serve", b"gpu") + VERSION)
    after = length_delimited(META_INFO, tags(b"a", b"b", b"c") + VERSION)
    assert rewritten(metadata.rewrite_tags, SIGNATURES + before, to("a", "b", "c")) == (
        SIGNATURES + after
    )


def test_first_tags_come_last() -> None:
    before = length_delimited(META_INFO, VERSION)
    after = length_delimited(META_INFO, VERSION + tags(b"serve"))
    assert rewritten(metadata.rewrite_tags, before + SIGNATURES, to("serve")) == after + SIGNATURES


def test_no_tags_any_more() -> None:
    before = length_delimited(META_INFO, VERSION + tags(b"serve"))
    after = length_delimited(META_INFO, VERSION)
    assert rewritten(metadata.rewrite_tags, before + SIGNATURES, to()) == after + SIGNATURES


def test_a_meta_graph_without_meta_info() -> None:
    after = length_delimited(META_INFO, tags("é".encode()))
    assert rewritten(metadata.rewrite_tags, SIGNATURES, to("é")) == after + SIGNATURES
