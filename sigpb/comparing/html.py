"""A difference as a notebook shows it: what is gone and what came, beside each other."""

from __future__ import annotations

from collections.abc import Iterator

from sigpb.comparing.difference import MetaGraphDifference, ModelDifference, Tags
from sigpb.comparing.report import difference_text, endpoint_text, signature_lines
from sigpb.comparing.signature_difference import EndpointChange, StatedEndpoint, endpoint_type_text
from sigpb.html_text import (
    Cell,
    Tint,
    document,
    escaped_lines,
    fixed_width,
    folded,
    heading,
    lines,
    table,
)
from sigpb.saved_model.model import tag_set_text

_TITLES = ("", "before", "after", "what became of it")


def difference_html(difference: ModelDifference) -> str:
    """Returns what is different; all that ``sigpb diff`` prints is below, folded."""
    printed = fixed_width(escaped_lines(difference_text(difference)))
    if difference.is_same:
        return document(printed)
    parts = [lines(f"{difference.before} → {difference.after}")]
    tinted: tuple[tuple[Tint, tuple[Tags, ...]], ...] = (
        ("removed", difference.removed),
        ("added", difference.added),
    )
    for tint, graphs in tinted:
        said = (Cell(f"MetaGraph {tag_set_text(tags)}: {tint}", tint) for tags in graphs)
        parts.append(lines(*said))
    for graph in difference.meta_graphs:
        parts += _meta_graph(graph)
    return document(*parts, folded("all that differs", printed))


def _meta_graph(graph: MetaGraphDifference) -> Iterator[str]:
    if graph.changed_signatures:
        yield heading(f"MetaGraph {tag_set_text(graph.tags_after)}")
    for change in graph.changed_signatures:
        tint: Tint = "removed" if change.after is None else "added" if change.before is None else ""
        yield lines(*(Cell(line, tint) for line in signature_lines(change)))
        if change.after is not None and change.changed_endpoints:
            yield table(_TITLES, map(_row, change.changed_endpoints))


def _row(change: EndpointChange) -> tuple[Cell, ...]:
    return (
        Cell(change.side),
        _stated(change.before, "removed"),
        _stated(change.after, "added"),
        Cell(endpoint_text(change)),
    )


def _stated(endpoint: StatedEndpoint | None, tint: Tint) -> Cell:
    if endpoint is None:
        return Cell("")
    return Cell(f"{endpoint.key!r} {endpoint_type_text(endpoint)}", tint)
