"""Pictures of models, and what can be reached in them."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from sigpb import protos
from sigpb.inspect.graph.drawing import draw
from sigpb.inspect.graph.flow import Graph, between, signature_ends
from sigpb.inspect.graph.picture import Node, Picture
from sigpb.inspect.proto_source import GraphPart, open_source
from sigpb.saved_model.model import MetaGraph
from sigpb.wire import Message


def graph_of(graph: protos.GraphDef) -> Graph:
    return Graph(GraphPart("", Message.root(graph.SerializeToString()), None))


def picture_of(
    graph: protos.GraphDef,
    begin: str | None = None,
    end: str | None = None,
    depth: int | None = None,
    *,
    everything: bool = False,
) -> Picture:
    """A picture of a graph from its placeholders to what nothing takes."""
    opened = graph_of(graph)
    found = between(opened.endpoints("graph"), begin, end, opened.records)
    return draw(opened.flow(found), depth, everything=everything)


def signature_picture(
    model: Path,
    key: str | None = None,
    depth: int | None = None,
    begin: str | None = None,
    end: str | None = None,
    *,
    everything: bool = False,
) -> Picture:
    with open_source(model) as source:
        part = source.graphs[0]
        assert part.meta_graph
        return _signature_picture(part, part.meta_graph, key, depth, begin, end, everything)


def _signature_picture(
    part: GraphPart,
    meta_graph: MetaGraph,
    key: str | None,
    depth: int | None,
    begin: str | None,
    end: str | None,
    everything: bool,
) -> Picture:
    key = key or meta_graph.user_signatures[0]
    graph = Graph(part)
    found = signature_ends(key, meta_graph.signatures[key])
    return draw(graph.flow(between(found, begin, end, graph.records)), depth, everything=everything)


def inputs_reached(picture: Picture) -> dict[int, set[int]]:
    """For each output the inputs from which a way along the edges leads to it."""
    taken: dict[int, list[int]] = defaultdict(list)
    for edge in picture.edges:
        taken[edge.target].append(edge.source)
    found = {}
    for output in picture.outputs:
        seen = {output.node}
        waiting = [output.node]
        while waiting:
            for number in taken[waiting.pop()]:
                if number not in seen:
                    seen.add(number)
                    waiting.append(number)
        found[output.node] = {n for n in seen if picture.nodes[n].kind == "input"}
    return found


def labels(picture: Picture, *kinds: str) -> list[str]:
    return [node.label for node in picture.nodes if not kinds or node.kind in kinds]


def node(picture: Picture, label: str, kind: str | None = None) -> Node:
    (found,) = (each for each in picture.nodes if each.label == label and kind in (None, each.kind))
    return found


def edges(picture: Picture) -> set[tuple[str, str, str]]:
    """Every edge as the names of its ends and its label; ``^`` for one that is only waited for."""

    def name(number: int) -> str:
        found = picture.nodes[number]
        return found.label if found.kind in ("input", "output", "port") else found.name

    return {
        (name(edge.source), name(edge.target), "^" if edge.is_control else edge.label)
        for edge in picture.edges
    }


def check(picture: Picture) -> None:
    """Asserts what is true of every picture."""
    for number, each in enumerate(picture.nodes):
        assert each.id == number
        assert each.parent is None or (each.parent < number and picture.nodes[each.parent].is_open)
        assert not (each.is_open and each.hidden)
    for edge in picture.edges:
        assert not picture.nodes[edge.source].is_open
        assert not picture.nodes[edge.target].is_open
        assert picture.nodes[edge.source].kind != "output"
        assert picture.nodes[edge.target].kind != "input"
