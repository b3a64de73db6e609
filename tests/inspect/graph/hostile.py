"""Pictures whose every text is chosen to break what it is written into."""

from __future__ import annotations

from collections.abc import Iterable
from typing import get_args

from hypothesis import strategies as st

from sigpb.inspect.graph.picture import Edge, Node, NodeKind, Output, Picture
from sigpb.inspect.styled_text import Line, plain

PARTS = (
    '"', "'", "<", ">", "&", "\n", "\r", "|", "\\", "`", "#", ";", "{", "}", "[", "]", "(", ")",
    "\x00", "\x1b[31m", "\x7f", "\u202e", "\u2028", "\ufeff", "é", "名", "🙂", " ", "%%", "-->",
    "</script>", "<!--", "<script>alert(1)</script>", "]]>", "&lt;", "&#x3c;", "#quot;", "\\N",
    "\\n", "end", "subgraph", "javascript:", "{{data}}", "<img src=x onerror=alert(1)>", "a" * 99,
)  # fmt: skip

texts = st.lists(st.one_of(st.sampled_from(PARTS), st.text(max_size=3)), max_size=4).map("".join)
"""Text that some format might take for more than text."""


@st.composite
def pictures(draw: st.DrawFn) -> Picture:
    nodes: list[Node] = []
    for number in range(draw(st.integers(1, 8))):
        parents = [None, *(node.id for node in nodes if node.is_open)]
        is_open = draw(st.booleans())
        nodes.append(
            Node(
                number,
                draw(st.sampled_from(parents)),
                draw(st.sampled_from(get_args(NodeKind))),
                draw(texts),
                draw(texts),
                draw(texts),
                draw(texts),
                is_open,
                0 if is_open else draw(st.integers(0, 9)),
                draw(st.booleans()),
            )
        )
    ends = [node.id for node in nodes if not node.is_open]
    edges = [
        Edge(
            draw(st.sampled_from(ends)),
            draw(st.sampled_from(ends)),
            draw(st.booleans()),
            draw(st.integers(1, 3)),
            draw(st.sampled_from([0, 1, 7, 120])),
            draw(st.sampled_from([None, (), (None, 3)])),
        )
        for _ in range(draw(st.integers(0, 6)) if ends else 0)
    ]
    outputs = [Output(number, tuple(ends[:2])) for number in ends[-1:]]
    return Picture(draw(texts), tuple(nodes), tuple(edges), tuple(outputs), 1)


def text(lines: Iterable[Line]) -> str:
    return "".join(f"{plain(line)}\n" for line in lines)
