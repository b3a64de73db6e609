"""What `sigpb show` tells of a model, as tables."""

from __future__ import annotations

from collections.abc import Iterator

from rich import box
from rich.console import Group
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from sigpb.inspect.summary import Json
from sigpb.tensor_types import shape_text


def render(summary: Json) -> Group:
    """Returns the tables of a summary, for a `rich` console."""
    return Group(*_parts(summary))


def _parts(summary: Json) -> Iterator[Text | Table]:
    fingerprint = "with a fingerprint" if summary["fingerprint"] else "without a fingerprint"
    yield Text(f"{summary['model']}: {summary['file']}, {summary['bytes']:,} bytes, {fingerprint}")
    for graph in summary["meta_graphs"]:
        kind = "TF2, with an object graph" if graph["object_graph"] else "TF1, session style"
        version = graph["tensorflow_version"] or "an unknown version"
        yield Text(
            f"\nMetaGraph {{{', '.join(graph['tags'])}}}: {kind}, written by TensorFlow {version}",
            style="bold",
        )
        if not graph["signatures"]:
            yield Text("  no signatures")
        for key, signature in graph["signatures"].items():
            yield from _signature(key, signature)


def _signature(key: str, signature: Json) -> Iterator[Text | Table]:
    if signature["internal"]:
        yield Text(f"\n  {key!r}: TensorFlow's own", style="dim")
        return
    yield Text(f"\n  signature {key!r}, method {signature['method_name']!r}")
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 2, 0, 0))
    for title in ("", "key", "dtype", "shape", "tensor"):
        table.add_column(title, overflow="fold")
    for side in ("inputs", "outputs"):
        for endpoint_key, endpoint in signature[side].items():
            table.add_row(side[:-1], escape(repr(endpoint_key)[1:-1]), *_cells(endpoint))
    if table.row_count:
        yield table
    else:
        yield Text("  no inputs, no outputs")


def _cells(endpoint: Json) -> tuple[str, str, str]:
    shape = endpoint["shape"]
    tensor = endpoint["tensor"]
    if tensor is None:
        tensor = f"{endpoint['encoding']}: {', '.join(endpoint['components'])}"
    if "default" in endpoint:
        default = endpoint["default"]
        tensor += f" (default {default['values'] or str(default['bytes']) + ' bytes'})"
    return (
        endpoint["dtype"],
        escape(shape_text(None if shape is None else tuple(shape))),
        escape(tensor),
    )
