"""Writes the `meta_info_def` of a MetaGraph: its tags."""

from __future__ import annotations

from sigpb import protos
from sigpb.rewrite.interface import Interfaces
from sigpb.wire import Edits, length_delimited

_META_INFO = protos.MetaGraphDef.META_INFO_DEF_FIELD_NUMBER
_TAGS = protos.MetaGraphDef.MetaInfoDef.TAGS_FIELD_NUMBER


def rewrite(edits: Edits, interfaces: Interfaces) -> None:
    """Brings the tag-set in line with interfaces."""
    if interfaces.tags == interfaces.meta_graph.tags:
        return
    tags = b"".join(length_delimited(_TAGS, tag.encode()) for tag in interfaces.tags)
    meta_graph = interfaces.meta_graph.message
    meta_info = meta_graph.find(_META_INFO)
    if meta_info is None:
        edits.insert(meta_graph, meta_graph.start, length_delimited(_META_INFO, tags))
        return
    fields = list(meta_info.fields(_TAGS))
    edits.insert(meta_info, fields[0].start if fields else meta_info.end, tags)
    for field in fields:
        edits.delete(meta_info, field)
