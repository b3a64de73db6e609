"""Graphs that TensorFlow cannot build: nodes without names, with equal ones, or in a circle."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from sigpb import protos
from sigpb.errors import listed
from sigpb.inspect.graph.bodies import (
    FlowBody,
    FlowLibrary,
    NodeRecord,
    missing_functions,
    node_names,
)
from sigpb.linting.linted_model import LintedGraph, LintedModel
from sigpb.linting.rule import Finding, LintRule
from sigpb.tf.tensor_names import producer
from sigpb.wire import Message

_GRAPH_NODE = protos.GraphDef.NODE_FIELD_NUMBER
_FUNCTION_NODE = protos.FunctionDef.NODE_DEF_FIELD_NUMBER

# What closes the loops of TensorFlow 1 (tensorflow/core/graph/graph_constructor.cc).
_CLOSING = {"NextIteration", "RefNextIteration"}


class BrokenGraph(LintRule):
    """Looks at the names and inputs of all nodes, in the graph and in all functions."""

    id = "broken-graph"
    severity = "error"
    explanation = (
        "The graph, or a function, cannot be built: a node has no name or that of another, takes a "
        "tensor of a node that is not there, calls a function that is not there, or needs what "
        "depends on it. Loaders refuse the "
        "model, or the function when it is called. The file was damaged, or written by software "
        "that does not check."
    )
    remedy = (
        "Copy the model again from where it was exported to, or export it again. 'sigpb trace' "
        "shows what refers to a node."
    )
    example = "function 'f': Nodes take tensors of nodes that are not there: 'gone' (by 'b')."

    def findings(self, model: LintedModel) -> Iterator[Finding]:
        """Yields one finding for each kind of fault in each graph and function."""
        for graph in model.graphs:
            for names, body in _bodies(graph):
                for message in _faults(names, body, graph.graph.library):
                    yield self.finding(message, graph.where_in(body.name))


def _bodies(graph: LintedGraph) -> Iterator[tuple[list[str], FlowBody]]:
    """Yields the names of the nodes of the top level and of each function, with the body."""
    yield _names(graph.message, _GRAPH_NODE, graph.graph.records), graph.graph.top
    for name, message in graph.functions.messages:
        if body := graph.graph.library.get(name):
            names = _names(message, _FUNCTION_NODE, body.records)
            yield names, body


def _names(body: Message, number: int, records: Mapping[str, NodeRecord]) -> list[str]:
    """Returns the names of all nodes, which are read again only if there are equal ones."""
    count = sum(1 for _ in body.fields(number))
    return list(records if count == len(records) else node_names(body, number))


def _faults(names: list[str], body: FlowBody, library: FlowLibrary) -> Iterator[str]:
    records = body.records
    if "" in records:
        yield f"{names.count('')} of the nodes have no name."
    counts = Counter(names) if len(names) != len(records) else Counter[str]()
    if doubled := [name for name, count in counts.items() if count > 1 and name]:
        yield f"Several nodes have the same name: {listed(doubled)}."
    missing = {
        producer(spelled): record.name
        for record in records.values()
        for spelled in record.inputs
        if producer(spelled) not in records and producer(spelled) not in body.arguments
    }
    if missing:
        yield f"Nodes take tensors of nodes that are not there: {_each_by(missing)}."
    if uncalled := missing_functions(body, library):
        yield f"Nodes call functions that are not there: {_each_by(uncalled)}."
    if circle := _circle(records):
        yield f"Nodes depend on each other in a circle: {listed(circle)}."


def _each_by(missing: Mapping[str, str]) -> str:
    """Lists the first names, each with a node that needs it."""
    shown = [f"{name!r} (by {node!r})" for name, node in list(missing.items())[:3]]
    more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
    return f"{', '.join(shown)}{more}"


def _circle(records: Mapping[str, NodeRecord]) -> list[str]:
    """Returns the nodes of a circle, each before what it takes; none if there is no circle."""
    before = {
        record.name: [
            name
            for name in map(producer, record.inputs)
            if name in records and records[name].op not in _CLOSING
        ]
        for record in records.values()
    }
    after: dict[str, list[str]] = {name: [] for name in before}
    for name, taken in before.items():
        for each in taken:
            after[each].append(name)
    open_ = {name: len(taken) for name, taken in before.items()}
    ready = [name for name, count in open_.items() if not count]
    while ready:
        name = ready.pop()
        del open_[name]
        for each in after[name]:
            open_[each] -= 1
            if not open_[each]:
                ready.append(each)
    if not open_:
        return []
    way = {next(iter(open_)): 0}
    while True:
        name = next(each for each in before[next(reversed(way))] if each in open_)
        if name in way:
            return list(way)[way[name] :]
        way[name] = len(way)
