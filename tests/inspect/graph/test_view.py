"""Graphs as Python gets them: data, text, and HTML for notebooks."""

from __future__ import annotations

from hypothesis import given, settings

from sigpb import protos
from sigpb.inspect.graph.picture import Picture
from sigpb.inspect.graph.view import GraphView, view
from tests.inspect.graph.hostile import pictures
from tests.inspect.graph.pictures import graph_of, picture_of
from tests.inspect.graph.small_graphs import graph, placeholder, relu
from tests.test_html_text import Elements


def wide(nodes: int) -> protos.GraphDef:
    """A graph of so many nodes, in scopes of ten."""
    names = [f"block_{number // 100}/layer_{number // 10}/op_{number}" for number in range(nodes)]
    return graph(placeholder("x", (-1, 3)), *(relu(name, "x") for name in names))


def shown(proto: protos.GraphDef) -> GraphView:
    opened = graph_of(proto)
    return view(opened.flow(opened.endpoints("graph")))


@settings(max_examples=25)
@given(pictures())
def test_names_are_text(picture: Picture) -> None:
    found = Elements(GraphView(picture, picture)._repr_html_())
    assert set(found.tags) == {"div", "iframe", "details", "summary", "pre"}
    assert set(found.attributes) == {"class", "title", "sandbox", "srcdoc", "style"}
    assert found.attributes["sandbox"] == ["allow-scripts"]
    assert repr(GraphView(picture, picture)).isprintable()


def test_a_small_graph_is_shown_whole() -> None:
    found = shown(wide(300))
    assert found.picture.hidden > 0
    assert found.whole == picture_of(wide(300), everything=True)
    (page,) = Elements(found._repr_html_()).attributes["srcdoc"]
    assert page == found.render("html")


def test_of_a_large_graph_a_notebook_keeps_what_can_be_seen_at_a_glance() -> None:
    found = shown(wide(3_000))
    html = Elements(found._repr_html_())
    assert len("".join(html.attributes["srcdoc"])) < 200_000
    assert f"There are {found.picture.hidden:,} more nodes: see render()." in html.text
    assert "op_2999" in found.render("html")
    assert len(str(found)) > 50_000
    assert "details" not in html.tags, "the text is too long"
