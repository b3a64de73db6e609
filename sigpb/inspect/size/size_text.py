"""What `sigpb size` prints: a table for people, and a JSON value."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sigpb.inspect.proto_source import ProtoSource
from sigpb.inspect.size.size import FRAMING, LIMIT, Row, Sizes
from sigpb.inspect.styled_text import Line, Span, line
from sigpb.tensor_types import shape_text


def headline(source: ProtoSource, total: int) -> str:
    """Says how large a file is, and how far from what protobuf allows."""
    text = " as a binary proto, which these numbers are about" if source.is_text else ""
    size = f"{source.file}: {total:,} bytes{text}"
    if total <= LIMIT:
        return (
            f"{size}, {total / LIMIT:.1%} of the {LIMIT:,} that protobuf allows (2 GiB); "
            f"{LIMIT - total:,} are left."
        )
    return (
        f"{size}, {total - LIMIT:,} more than the {LIMIT:,} that protobuf allows (2 GiB): "
        "TensorFlow cannot load it. What variables hold is in the checkpoint and does not count."
    )


def lines(source: ProtoSource, sizes: Sizes, by: str) -> Iterator[Line]:
    """Yields the lines of the table."""
    yield line(headline(source, sizes.total))
    yield line("")
    yield line(Span(f"{'bytes':>15}  {'%':>5}  {'count':>9}  {by}", "bold"))
    for row in sizes.rows:
        yield line(_cells(row.size, row.count, sizes.total), *_name(row, by))
    if sizes.others.count:
        cells = _cells(sizes.others.size, sizes.others.count, sizes.total)
        yield line(cells, Span("others, see --limit", "dim"))
    yield line(_cells(sizes.total, None, sizes.total), Span("in all", "bold"))
    if sizes.constants:
        yield line("")
        yield line(Span("The largest constants:", "bold"))
    for constant in sizes.constants:
        tensor_type = f"{constant.dtype} {shape_text(constant.shape)}"
        yield line(f"{constant.size:>15,}  {tensor_type:<24}  {constant.place}")


def _cells(size: int, count: int | None, total: int) -> str:
    counted = "" if count is None else f"{count:,}"
    return f"{size:>15,}  {100 * size / total:>5.1f}  {counted:>9}  "


def _name(row: Row, by: str) -> tuple[str | Span, ...]:
    if row.kind == FRAMING:
        return (Span("(tags and lengths around these)", "dim"),)
    if row.kind != by:
        # Nodes and functions in it are counted by themselves.
        what = "the rest of " if row.name.endswith("library") else ""
        return (Span(f"({what}{row.name})", "dim"),)
    return (row.name,) if row.name else (Span(f"(no {by})", "dim"),)


def json_value(source: ProtoSource, sizes: Sizes, by: str) -> dict[str, Any]:
    """Returns the sizes as a JSON value: see docs/json.md."""
    return {
        "file": str(source.file),
        "text": source.is_text,
        "bytes": sizes.total,
        "limit": LIMIT,
        "left": LIMIT - sizes.total,
        "by": by,
        "rows": [
            {"kind": row.kind, "name": row.name, "bytes": row.size, "count": row.count}
            for row in sizes.rows
        ],
        "others": {"bytes": sizes.others.size, "count": sizes.others.count},
        "constants": [
            {
                "path": str(constant.place),
                "dtype": constant.dtype,
                "shape": None if constant.shape is None else list(constant.shape),
                "bytes": constant.size,
            }
            for constant in sizes.constants
        ],
    }
