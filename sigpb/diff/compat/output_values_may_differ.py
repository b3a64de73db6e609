"""The graph, or what it reads, is not what it was, so that values may differ."""

from __future__ import annotations

from collections.abc import Iterator

from sigpb.diff.compat.rule import Rule, Served
from sigpb.tensor_types import dtype_name


def _check(served: Served) -> Iterator[str]:
    if served.found is None or served.found.before is None:
        return
    graph, why = served.graph.graph, []
    if graph.recomputes:
        why.append("the graph")
    if graph.constants:
        why.append(f"{len(graph.constants)} constants")
    if served.files.variables:
        why.append("variables")
    changed = {file.path.partition("/")[0] for file in served.files.files if file.counts}
    why += sorted(changed - ({"variables"} if served.files.variables else set()))
    if why:
        yield f"{', '.join(why)} changed"
    for change in served.found.endpoints:
        if change.by_way_of is not None and change.before is not None:
            lossy = dtype_name(change.by_way_of)
            yield f"{change.side} {change.before.key!r} passes {lossy}, which loses values"


RULE = Rule("output-values-may-differ", "warning", __doc__, _check)
