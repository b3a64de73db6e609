"""A difference as JSON values; the format is described in docs/json.md."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sigpb.diff.compat_verdicts import SignatureVerdict
from sigpb.diff.difference import MetaGraphDifference, ModelDifference, Names
from sigpb.diff.endpoint_text import default_text
from sigpb.diff.signature_change import Endpoint, EndpointChange, SignatureChange
from sigpb.tensor_types import dtype_name

Json = dict[str, Any]

_NAMES_SHOWN = 1000


def to_json(difference: ModelDifference) -> Json:
    """Returns what is different. Of signatures and endpoints only those that changed."""
    return {
        "same": difference.is_same,
        "before": str(difference.before),
        "after": str(difference.after),
        "bytes_before": difference.size_before,
        "bytes_after": difference.size_after,
        "removed": [list(tags) for tags in difference.removed],
        "added": [list(tags) for tags in difference.added],
        "meta_graphs": [_meta_graph(graph) for graph in difference.meta_graphs],
        "files": [
            {"path": file.path, "before": file.before, "after": file.after, "counts": file.counts}
            for file in difference.files.files
        ],
        "variables": _names(difference.files.variables),
    }


def verdicts_json(verdicts: Sequence[SignatureVerdict]) -> list[Json]:
    """Returns what existing clients can expect."""
    return [
        {
            "tags": list(verdict.tags),
            "signature": verdict.signature,
            "verdict": verdict.level,
            "findings": [
                {"rule": each.rule, "level": each.level, "message": each.message}
                for each in verdict.findings
            ],
        }
        for verdict in verdicts
    ]


def _meta_graph(graph: MetaGraphDifference) -> Json:
    return {
        "tags_before": list(graph.tags_before),
        "tags_after": list(graph.tags_after),
        "signatures": [_signature(change) for change in graph.changed_signatures],
        "internal_signatures": _names(graph.internal),
        "nodes": {**_names(graph.graph.nodes), "spliced": list(graph.graph.spliced)},
        "functions": _names(graph.graph.functions),
        "constants": [
            {"name": each.name, "before": each.before, "after": each.after}
            for each in graph.graph.constants
        ],
        "others": list(graph.others),
        "disagreements_before": list(graph.disagreements_before),
        "disagreements_after": list(graph.disagreements_after),
        "sections": [
            {
                "name": section.name,
                "bytes_before": section.before,
                "bytes_after": section.after,
                "removed": section.removed,
                "added": section.added,
                "ranges": [list(span) for span in section.ranges],
            }
            for section in graph.sections
        ],
    }


def _signature(change: SignatureChange) -> Json:
    return {
        "before": change.before,
        "after": change.after,
        "copied": change.copied,
        "method_before": change.method_before,
        "method_after": change.method_after,
        "endpoints": [_endpoint_change(each) for each in change.changed_endpoints],
    }


def _endpoint_change(change: EndpointChange) -> Json:
    return {
        "side": change.side,
        "before": _endpoint(change.before),
        "after": _endpoint(change.after),
        "evidence": change.evidence,
        "rewired": change.rewired,
        "by_way_of": None if change.by_way_of is None else dtype_name(change.by_way_of),
        "bound": change.bound,
        "tensor": change.tensor,
    }


def _endpoint(endpoint: Endpoint | None) -> Json | None:
    if endpoint is None:
        return None
    return {
        "key": endpoint.key,
        "encoding": endpoint.encoding,
        "dtype": dtype_name(endpoint.dtype),
        "shape": None if endpoint.shape is None else list(endpoint.shape),
        "tensors": list(endpoint.tensors),
        "default": None if endpoint.default is None else default_text(endpoint),
    }


def _names(names: Names) -> Json:
    """Names, of very many only the first, and how many there are."""
    groups = {"added": names.added, "removed": names.removed, "changed": names.changed}
    shown: Json = {name: list(group[:_NAMES_SHOWN]) for name, group in groups.items()}
    return {**shown, "counts": {name: len(group) for name, group in groups.items()}}
