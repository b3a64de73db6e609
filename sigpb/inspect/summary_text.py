"""What `sigpb show` tells of a model, as text without colours; see also `summary_table`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, cast

from sigpb.inspect.summary import Json
from sigpb.tensor_types import shape_text
from sigpb.visible_text import visible

Row = tuple[str, str, str, str, str]

TITLES: Row = ("", "key", "dtype", "shape", "tensor")


class Line(NamedTuple):
    """A line of text, and how it stands out on a terminal."""

    text: str
    style: str = ""


def parts(summary: Json) -> Iterator[Line | list[Row]]:
    """Yields the lines of a summary, and the rows of a table for each signature, all visible."""
    for part in _parts(summary):
        if isinstance(part, Line):
            yield Line(visible(part.text), part.style)
        else:
            yield [cast(Row, tuple(map(visible, row))) for row in part]


def _parts(summary: Json) -> Iterator[Line | list[Row]]:
    fingerprint = "with a fingerprint" if summary["fingerprint"] else "without a fingerprint"
    yield Line(f"{summary['model']}: {summary['file']}, {summary['bytes']:,} bytes, {fingerprint}")
    for graph in summary["meta_graphs"]:
        kind = "TF2, with an object graph" if graph["object_graph"] else "TF1, session style"
        version = graph["tensorflow_version"] or "an unknown version"
        tags = ", ".join(graph["tags"])
        yield Line("")
        yield Line(f"MetaGraph {{{tags}}}: {kind}, written by TensorFlow {version}", "bold")
        if not graph["signatures"]:
            yield Line("  no signatures")
        for key, signature in graph["signatures"].items():
            yield from _signature(key, signature)


def plain_text(summary: Json) -> str:
    """Returns a summary as text without colours, as wide as it is."""
    lines: list[str] = []
    for part in parts(summary):
        if isinstance(part, Line):
            lines.append(part.text)
        else:
            rows = [TITLES, *part]
            widths = [max(len(row[column]) for row in rows) for column in range(len(TITLES))]
            for row in rows:
                cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
                lines.append(f"    {'  '.join(cells).rstrip()}")
    return "\n".join(lines) + "\n"


def _signature(key: str, signature: Json) -> Iterator[Line | list[Row]]:
    yield Line("")
    if signature["internal"]:
        yield Line(f"  {key!r}: TensorFlow's own", "dim")
        return
    yield Line(f"  signature {key!r}, method {signature['method_name']!r}")
    rows = [
        (side.removesuffix("s"), repr(endpoint_key)[1:-1], *_cells(endpoint))
        for side in ("inputs", "outputs")
        for endpoint_key, endpoint in signature[side].items()
    ]
    yield rows or Line("    no inputs, no outputs")


def _cells(endpoint: Json) -> tuple[str, str, str]:
    shape, tensor = endpoint["shape"], endpoint["tensor"]
    if tensor is None:
        tensor = f"{endpoint['encoding']}: {', '.join(endpoint['components'])}"
    if "default" in endpoint:
        default = endpoint["default"]
        tensor += f" (default {default['values'] or str(default['bytes']) + ' bytes'})"
    return endpoint["dtype"], shape_text(None if shape is None else tuple(shape)), tensor
