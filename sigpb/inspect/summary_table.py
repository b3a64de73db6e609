"""What `sigpb show` tells of a model, as tables for a terminal."""

from __future__ import annotations

from rich import box
from rich.console import Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from sigpb.inspect.summary import TITLES, Json, Row, TextLine, parts


def render(summary: Json) -> Group:
    """Returns a summary for a `rich` console."""
    return Group(
        *(
            Text(part.text, part.style) if isinstance(part, TextLine) else _table(part)
            for part in parts(summary)
        )
    )


def _table(rows: list[Row]) -> Padding:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 2, 0, 0))
    for title in TITLES:
        table.add_column(title, overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    return Padding(table, (0, 0, 0, 3))
