"""A difference, and the verdict for clients, as text for people and as JSON values."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

from sigpb.comparing.difference import (
    FilesDifference,
    GraftChange,
    MetaGraphDifference,
    ModelDifference,
    NameChanges,
    SignatureVerdict,
)
from sigpb.comparing.signature_difference import (
    EndpointChange,
    SignatureDifference,
    StatedEndpoint,
    default_text,
    endpoint_type_text,
)
from sigpb.errors import listed
from sigpb.json_values import json_value
from sigpb.saved_model.model import tag_set_text
from sigpb.tf.tensor_names import producer
from sigpb.tf.tensor_types import dtype_name
from sigpb.visible_text import visible_lines

NAMES_SHOWN = 5
_SAME_SO_FAR = "the same, but for what was not compared"
_RANGES_SHOWN = 4


def difference_text(difference: ModelDifference) -> str:
    """Returns what is different; ``the same`` if nothing is."""
    if difference.is_same:
        told = [f"  {line}" for line in _told(difference.files)]
        return _text(["the same" if not difference.files.not_compared else _SAME_SO_FAR, *told])
    lines = [f"{difference.before} → {difference.after}"]
    lines += [f"MetaGraph {tag_set_text(tags)}: removed" for tags in difference.removed]
    lines += [f"MetaGraph {tag_set_text(tags)}: added" for tags in difference.added]
    for graph in difference.meta_graphs:
        lines += _meta_graph(graph) if graph.is_change else ()
    if files := list(_files(difference.files)):
        lines += ["files", *(f"  {line}" for line in files)]
    lines += _bytes(difference)
    return _text(lines)


def verdict_text(verdicts: Sequence[SignatureVerdict]) -> str:
    """Returns what existing clients can expect, signature by signature."""
    lines = []
    for verdict in verdicts:
        where = f"signature {verdict.signature!r}" if verdict.signature is not None else "all"
        tags = tag_set_text(verdict.tags)
        lines.append(f"MetaGraph {tags}, {where}: {_VERDICTS[verdict.level]}")
        lines += [f"  {each.level} {each.rule}: {each.message}" for each in verdict.findings]
    return _text(lines or ["no signatures"])


def _text(lines: Sequence[str]) -> str:
    return f"{visible_lines(lines)}\n"


_VERDICTS = {
    "compatible": "compatible",
    "warning": "compatible, with a warning",
    "breaking": "breaking",
}


def _meta_graph(graph: MetaGraphDifference) -> Iterator[str]:
    renamed = graph.tags_before != graph.tags_after
    title = f"MetaGraph {tag_set_text(graph.tags_before)}"
    yield f"{title} → {tag_set_text(graph.tags_after)}" if renamed else title
    yield from (f"  {_graft(each)}" for each in graph.grafts)
    if graph.grafted_functions:
        yield f"  functions of adapters: {graph.grafted_functions}"
    for signature in graph.changed_signatures:
        yield from (f"  {line}" for line in whole_signature_lines(signature))
    if graph.internal:
        yield f"  TensorFlow's own signatures: {_names(graph.internal)}"
    if graph.graph.nodes:
        yield f"  nodes: {_names(graph.graph.nodes)}"
    if graph.graph.functions:
        yield f"  functions: {_names(graph.graph.functions)}"
    for constant in graph.graph.constants[:NAMES_SHOWN]:
        yield f"  constant {constant.name!r}: sha256 {constant.before}… → {constant.after}…"
    if len(graph.graph.constants) > NAMES_SHOWN:
        yield f"  … and {len(graph.graph.constants) - NAMES_SHOWN} more constants"
    if graph.others:
        yield f"  other parts changed: {', '.join(graph.others)}"
    for side, found in (
        ("before", graph.disagreements_before),
        ("after", graph.disagreements_after),
    ):
        yield from (f"  contradiction {side}: {sentence}" for sentence in found)


def _graft(change: GraftChange) -> str:
    graft = change.graft
    became = "put" if change.is_added else "no more"
    return (
        f"signature {graft.signature!r}: adapter {graft.name!r} {became} {graft.position} it "
        f"({graft.explain()}), {change.nodes} node{'s'[: change.nodes != 1]}"
    )


def whole_signature_lines(change: SignatureDifference) -> Iterator[str]:
    """Yields what became of a signature and its endpoints."""
    yield from signature_lines(change)
    if change.after is not None:
        yield from (f"  {endpoint_text(each)}" for each in change.changed_endpoints)


def signature_lines(change: SignatureDifference) -> Iterator[str]:
    """Yields what became of a signature, without its endpoints."""
    if change.after is None:
        yield f"signature {change.before!r}: deleted"
        return
    if change.before is None:
        yield f"signature {change.after!r}: added, method {change.method_after!r}"
    elif change.copied:
        yield f"signature {change.after!r}: copied from {change.before!r}"
    elif change.renamed:
        yield f"signature {change.before!r} → {change.after!r}"
    else:
        yield f"signature {change.after!r}"
    if change.before is not None and change.method_before != change.method_after:
        yield f"  method {change.method_before!r} → {change.method_after!r}"


def endpoint_text(change: EndpointChange) -> str:
    """Returns what became of an endpoint: ``input 'x' → 'image', float32 [?] → uint8 [?]``."""
    before, after = change.before, change.after
    if before is None and after is not None:
        said = f"{change.side} {after.key!r} added, {endpoint_type_text(after)}"
        if change.tensor is not None:
            said += f", from tensor {change.tensor!r}"
        if change.computed_by:
            said += f", computed by {', '.join(change.computed_by)}"
        return said if after.default is None else f"{said}, default {default_text(after)}"
    assert before is not None
    if after is None:
        how = "removed" if change.bound is None else f"bound to {change.bound}"
        return f"{change.side} {before.key!r} {how}"
    said = f"{change.side} {before.key!r}"
    parts = []
    if change.renamed:
        said += f" → {after.key!r}"
    if change.retyped:
        parts.append(f"{endpoint_type_text(before)} → {endpoint_type_text(after)}")
    if change.default_changed:
        parts.append(f"default {default_text(before)} → {default_text(after)}")
    if change.rewired:
        parts.append(f"tensor {before.tensors[0]!r} → {after.tensors[0]!r}")
    if change.node_name is not None:
        parts.append(f"node {producer(before.tensors[0])!r} → {producer(after.tensors[0])!r}")
    if change.by_way_of is not None:
        parts.append(f"by way of {dtype_name(change.by_way_of)}, which loses values")
    if change.computed_by:
        parts.append(f"computed by {', '.join(change.computed_by)}")
    if not parts:
        return said
    return f"{said}{',' if change.renamed else ':'} {'; '.join(parts)}"


def _names(names: NameChanges) -> str:
    parts = []
    for what, group in (
        ("added", names.added),
        ("changed", names.changed),
        ("removed", names.removed),
    ):
        if group:
            shown = ", ".join(group[:NAMES_SHOWN]) + (", …" if len(group) > NAMES_SHOWN else "")
            parts.append(f"{len(group)} {what} ({shown})")
    return "; ".join(parts)


def _files(files: FilesDifference) -> Iterator[str]:
    if files.variables:
        yield f"variables: {_names(files.variables)}"
    for file in files.files:
        if file.counts:
            yield _file(file.path, file.before, file.after)
    yield from _told(files)


def _told(files: FilesDifference) -> Iterator[str]:
    for file in files.files:
        if not file.counts:
            yield _file(file.path, file.before, file.after)
    if files.not_compared:
        yield (
            f"not compared: {listed(files.not_compared)}. They have the same sizes, and are in a "
            "store. To compare them, copy both models to this machine."
        )


def _file(path: str, before: str | None, after: str | None) -> str:
    if before is None:
        return f"{path}: added"
    if after is None:
        return f"{path}: removed"
    in_store = before.endswith("bytes") or after.endswith("bytes")
    return f"{path}: " + (f"{before} → {after}" if in_store else f"sha256 {before}… → {after}…")


def _bytes(difference: ModelDifference) -> Iterator[str]:
    sections = [
        (graph, section)
        for graph in difference.meta_graphs
        for section in graph.sections
        if section.removed or section.added
    ]
    added = sum(section.added for _, section in sections)
    removed = sum(section.removed for _, section in sections)
    size = f"{difference.size_before:,} → {difference.size_after:,} bytes"
    yield f"proto: {size}; {removed:,} bytes of before are gone, {added:,} of after are new"
    several = len(difference.meta_graphs) > 1
    for graph, section in sections:
        where = f"{tag_set_text(graph.tags_after)} " if several else ""
        ranges = ", ".join(f"{start}-{end}" for start, end in section.ranges[:_RANGES_SHOWN])
        more = ", …" if len(section.ranges) > _RANGES_SHOWN else ""
        at = f" at {ranges}{more}" if ranges else ""
        yield f"  {where}{section.name}: -{section.removed:,} +{section.added:,}{at}"


Json = dict[str, Any]

_NAMES_SHOWN = 1000


def difference_json(difference: ModelDifference) -> Json:
    """Returns what is different. Of signatures and endpoints only those that changed."""
    return {
        "same": difference.is_same,
        "before": str(difference.before),
        "after": str(difference.after),
        "bytes_before": difference.size_before,
        "bytes_after": difference.size_after,
        "removed": [list(tags) for tags in difference.removed],
        "added": [list(tags) for tags in difference.added],
        "meta_graphs": [_meta_graph_json(graph) for graph in difference.meta_graphs],
        "files": json_value(difference.files.files),
        "not_compared": list(difference.files.not_compared),
        "variables": _names_json(difference.files.variables),
    }


def verdicts_json(verdicts: Sequence[SignatureVerdict]) -> list[Json]:
    """Returns what existing clients can expect."""
    return [
        {
            "tags": list(verdict.tags),
            "signature": verdict.signature,
            "verdict": verdict.level,
            "findings": json_value(verdict.findings),
        }
        for verdict in verdicts
    ]


def _meta_graph_json(graph: MetaGraphDifference) -> Json:
    return {
        "tags_before": list(graph.tags_before),
        "tags_after": list(graph.tags_after),
        "signatures": [_signature_json(change) for change in graph.changed_signatures],
        "internal_signatures": _names_json(graph.internal),
        "nodes": {**_names_json(graph.graph.nodes), "spliced": list(graph.graph.spliced)},
        "functions": _names_json(graph.graph.functions),
        "constants": json_value(graph.graph.constants),
        "others": list(graph.others),
        "disagreements_before": list(graph.disagreements_before),
        "disagreements_after": list(graph.disagreements_after),
        "grafts": json_value(graph.grafts),
        "grafted_functions": graph.grafted_functions,
        "sections": [
            json_value(section, before="bytes_before", after="bytes_after")
            for section in graph.sections
        ],
    }


def _signature_json(change: SignatureDifference) -> Json:
    return {
        **json_value(dataclasses.replace(change, endpoints=())),
        "endpoints": [_endpoint_change_json(each) for each in change.changed_endpoints],
    }


def _endpoint_change_json(change: EndpointChange) -> Json:
    ends = {"before": _endpoint_json(change.before), "after": _endpoint_json(change.after)}
    by_way_of = None if change.by_way_of is None else dtype_name(change.by_way_of)
    plain = dataclasses.replace(change, before=None, after=None)
    return {**json_value(plain), **ends, "by_way_of": by_way_of}


def _endpoint_json(endpoint: StatedEndpoint | None) -> Json | None:
    if endpoint is None:
        return None
    plain = dataclasses.replace(endpoint, default=None)
    default = None if endpoint.default is None else default_text(endpoint)
    return {**json_value(plain), "dtype": dtype_name(endpoint.dtype), "default": default}


def _names_json(names: NameChanges) -> Json:
    """Names, of very many only the first, and how many there are."""
    groups = {"added": names.added, "removed": names.removed, "changed": names.changed}
    shown: Json = {name: list(group[:_NAMES_SHOWN]) for name, group in groups.items()}
    return {**shown, "counts": {name: len(group) for name, group in groups.items()}}
