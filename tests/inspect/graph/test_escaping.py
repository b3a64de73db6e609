"""No name of a model is ever taken for more than a name."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given, settings

from sigpb.inspect.graph.formats import dot_lines, html_lines, json_lines, mermaid_lines
from sigpb.inspect.graph.picture import Edge, Node, Output, Picture, node_text
from sigpb.inspect.graph.tree import tree_lines
from sigpb.visible_text import visible
from tests.inspect.graph.hostile import PARTS, pictures, text


@given(pictures())
def test_json_holds_names_as_they_are(picture: Picture) -> None:
    found = json.loads(text(json_lines(picture)))
    assert [node["name"] for node in found["nodes"]] == [node.name for node in picture.nodes]
    assert [node["label"] for node in found["nodes"]] == [node.label for node in picture.nodes]
    assert [(each["from"], each["to"], each["control"]) for each in found["edges"]] == [
        (edge.source, edge.target, edge.is_control) for edge in picture.edges
    ]


@given(pictures())
def test_tree_is_lines_of_printable_text(picture: Picture) -> None:
    lines = text(tree_lines(picture)).split("\n")
    assert all(line.isprintable() for line in lines)
    assert lines[0] == visible(picture.title)


_MERMAID = re.compile(
    r"""flowchart\ TD
    | \s+ (subgraph\ )? n\d+ (?:\(\[|\[\(|\{\{|\[|\ \[) "(?P<label>TEXT)" (?:\]\)|\)\]|\}\}|\])
    | \s+ end
    | \s+ n\d+\ (?:-->|-\.->) (?:\|"TEXT"\|)? \ n\d+
    | \s+ classDef\ \w+_\ [\w:#,-]+
    | \s+ class\ n\d+(?:,n\d+)*\ \w+_
    """.replace("TEXT", r"(?:[\w\ ./:,?()\[\]-]|\#\d+;|<br>)*"),
    re.ASCII | re.VERBOSE,
)


@given(pictures())
def test_mermaid_is_made_of_what_it_knows(picture: Picture) -> None:
    matches = [_MERMAID.fullmatch(line) for line in text(mermaid_lines(picture)).splitlines()]
    assert all(matches)
    labels = [match["label"] for match in matches if match and match["label"] is not None]
    assert [re.sub(r"#(\d+);", lambda code: chr(int(code[1])), label) for label in labels] == [
        "<br>".join(visible(part) for part in node_text(node)) for node in picture.nodes
    ]


@settings(max_examples=25)  # The parser is a slow one.
@given(pictures())
def test_dot_is_read_by_others(picture: Picture) -> None:
    pydot = pytest.importorskip("pydot")
    (graph,) = pydot.graph_from_dot_data(text(dot_lines(picture)))

    def clusters(inside: Any) -> list[Any]:
        below = [each for part in inside.get_subgraphs() for each in clusters(part)]
        return [*inside.get_subgraphs(), *below]

    parts = [graph, *clusters(graph)]
    nodes = [node for part in parts for node in part.get_nodes() if node.get_name()[1:].isdigit()]
    labels = {node.get_name(): node.get("label") for node in nodes}
    assert {name: _unquoted(label) for name, label in labels.items()} == {
        f"n{node.id}": [visible(part) for part in node_text(node)]
        for node in picture.nodes
        if not node.is_open
    }
    assert len(parts) - 1 == sum(node.is_open for node in picture.nodes)
    assert len(graph.get_edges()) == len(picture.edges)


def _unquoted(label: str) -> list[str]:
    parts = re.split(r"(?<!\\)((?:\\\\)*)\\n", label[1:-1])
    lines = [parts[0]]
    for backslashes, following in zip(parts[1::2], parts[2::2], strict=True):
        lines[-1] += backslashes
        lines.append(following)
    return [re.sub(r"\\(.)", r"\1", line).replace("&amp;", "&") for line in lines]


class _Page(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.content: dict[int, str] = {}
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        at = len(self.tags) - 1
        self.content[at] = self.content.get(at, "") + data


EMPTY = Picture("", (), (), (), 0)


@given(pictures())
def test_html_holds_names_as_data_only(picture: Picture) -> None:
    page, empty = _Page(text(html_lines(picture))), _Page(text(html_lines(EMPTY)))

    assert page.tags == empty.tags
    assert page.attributes == empty.attributes
    data, script = (at for at, tag in enumerate(page.tags) if tag == "script")
    assert page.content[script] == empty.content[script]
    found = json.loads(page.content[data])
    assert [node["name"] for node in found["nodes"]] == [visible(n.name) for n in picture.nodes]


def test_html_needs_nothing_from_elsewhere() -> None:
    page = text(html_lines(EMPTY))
    assert not re.search(
        r"""(src|href)\s*=|url\((?!#)|@import|fetch\(|https?://(?!www\.w3\.org/2000/svg)""", page
    )
    policy = next(
        value for key, value in _Page(page).attributes if value and "default-src" in value
    )
    assert policy.startswith("default-src 'none';")


def test_the_parts_are_hostile() -> None:
    # What the properties above are about does occur.
    assert any("</script>" in part for part in PARTS)
    assert any(not part.isprintable() for part in PARTS)


def test_dot_says_what_html_would_take_for_a_character() -> None:
    node = Node(0, None, "op", "n", "&lt;&#0;")
    assert '"&amp;lt;&amp;#0;"' in text(dot_lines(Picture("", (node,), (), (), 0)))


NESTED = Picture(
    "t",
    (
        Node(0, None, "input", "x:0", "x"),
        Node(1, None, "scope", "a", "a", is_open=True),
        Node(2, 1, "scope", "a/b", "b", is_open=True),
        Node(3, 2, "op", "a/b/c", "c", "Add"),
        Node(4, 1, "scope", "a/d", "d", hidden=2, is_spliced=True),
        Node(5, None, "output", "y:0", "y"),
    ),
    (Edge(0, 3, False, 1, 1, (None, 3)), Edge(3, 4, True), Edge(4, 5, False)),
    (Output(5, (0,)),),
    2,
)


def test_open_nodes_hold_what_is_in_them_in_dot() -> None:
    assert text(dot_lines(NESTED)).splitlines()[4:] == [
        '  n0 [label="x", style="rounded,filled", fillcolor="#cfe8cf", shape=ellipse];',
        "  subgraph cluster_1 {",
        '    graph [label="a", style="rounded,filled", fillcolor="#f4f6f8"];',
        "    subgraph cluster_2 {",
        '      graph [label="b", style="rounded,filled", fillcolor="#f4f6f8"];',
        '      n3 [label="c\\nAdd", style="rounded,filled", fillcolor="#ffffff"];',
        "    }",
        '    n4 [label="d\\n2 nodes", style="rounded,filled,dashed", fillcolor="#f4f6f8", '
        'color="#d02090", penwidth=2];',
        "  }",
        '  n5 [label="y", style="rounded,filled", fillcolor="#f6d5b5", shape=ellipse];',
        '  n0 -> n3 [label="float32 [?,3]"];',
        "  n3 -> n4 [style=dashed];",
        '  n4 -> n5 [label=""];',
        "}",
    ]


def test_open_nodes_hold_what_is_in_them_in_mermaid() -> None:
    lines = text(mermaid_lines(NESTED)).splitlines()
    assert lines[:13] == [
        "flowchart TD",
        '  n0(["x"])',
        '  subgraph n1 ["a"]',
        '    subgraph n2 ["b"]',
        '      n3["c<br>Add"]',
        "    end",
        '    n4["d<br>2 nodes"]',
        "  end",
        '  n5(["y"])',
        '  n0 -->|"float32 [?,3]"| n3',
        "  n3 -.-> n4",
        "  n4 --> n5",
        "  classDef input_ fill:#cfe8cf,stroke:#888,color:#000",
    ]
    assert lines[-2:] == [
        "  classDef spliced_ stroke:#d02090,stroke-width:3px",
        "  class n4 spliced_",
    ]
