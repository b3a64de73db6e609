"""What is between some inputs and some outputs of a graph."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from sigpb import protos
from sigpb.graph.tensor_names import canonical
from sigpb.inspect.graph.dataflow import endpoints as ends
from sigpb.inspect.graph.dataflow.bodies import Body, Library, graph_records, graph_version
from sigpb.inspect.graph.dataflow.dependence import Dependences
from sigpb.inspect.graph.dataflow.endpoints import Endpoints
from sigpb.inspect.graph.dataflow.instance import Instance
from sigpb.inspect.graph.dataflow.types import UNKNOWN, better, output_type
from sigpb.inspect.proto_source import GraphPart
from sigpb.op_defs import OpDefs
from sigpb.tensor_types import TensorType


class Graph:
    """A graph that is looked at.

    Attributes:
        library: Its functions.
        records: The nodes of its top level by name.
    """

    def __init__(self, part: GraphPart) -> None:
        self._message = part.message
        meta_graph = part.meta_graph
        self._op_defs = OpDefs(
            lambda: (*(meta_graph.op_defs() if meta_graph else ()), *self.library.signatures())
        )
        self.library = Library(part.message, self._op_defs)
        self.records = graph_records(part.message)

    def node(self, name: str) -> protos.NodeDef | None:
        """Parses a node of the top level, without the values of a large constant; None if none."""
        record = self.records.get(name)
        return None if record is None else self.top.node(record)

    @cached_property
    def top(self) -> Body:
        """The top level as a body without arguments and results."""
        return self.body({}, ())

    def endpoints(self, title: str) -> Endpoints:
        """Returns the placeholders of the graph, and what no node takes."""
        found: list[str] = []
        for record in ends.unused(self.records):
            count = len(self.top.output_dtypes(record))
            found += [canonical(f"{record.name}:{number}") for number in range(count)]
            found += [] if count else [f"^{record.name}"]
        return ends.of_graph(title, self.records, found)

    def flow(self, endpoints: Endpoints) -> Flow:
        """Returns the part of the graph between some endpoints."""
        results = tuple(endpoint.tensor for endpoint in endpoints.outputs)
        body = self.body(endpoints.arguments, results)
        return Flow(endpoints, body, Dependences(self.library))

    def body(self, arguments: Mapping[str, int], results: tuple[str, ...]) -> Body:
        """Returns the top level as a body with arguments and results.

        Args:
            arguments: The tensors to take for arguments, as nodes spell them, and their numbers.
            results: The tensors to take for results, as nodes spell them.
        """
        version = self._version
        return Body(self._message, self._op_defs, self.records, arguments, results, version=version)

    @cached_property
    def _version(self) -> int:
        return graph_version(self._message)


class Flow:
    """What is between some inputs and some outputs of a graph.

    Attributes:
        endpoints: The inputs and outputs.
        arguments: The tensors of the inputs, and their numbers.
        instance: The nodes between them.
    """

    def __init__(self, endpoints: Endpoints, body: Body, dependences: Dependences) -> None:
        self.endpoints = endpoints
        self.arguments = body.arguments
        self._dependences = dependences
        self.instance = Instance(body, dependences, range(len(body.results)), live=endpoints.live)

    @cached_property
    def depends_on(self) -> list[int]:
        """For each output the inputs that it depends on and that are followed, as bits."""
        dependence = self._dependences.of(self.instance.body)
        assert dependence is not None, "no function calls the top level"
        live = self.instance.live
        return [found if live is None else found & live for found in dependence.results]

    @cached_property
    def input_types(self) -> Mapping[str, TensorType]:
        """The types of the inputs by their tensors."""
        body = self.instance.body
        found: dict[str, TensorType] = {}
        for endpoint in self.endpoints.inputs:
            known = better(endpoint.type, found.get(endpoint.tensor, UNKNOWN))
            if record := body.record(endpoint.tensor):
                output = body.output(record, endpoint.tensor)
                known = better(known, output_type(body, record, output))
            found[endpoint.tensor] = known
        return found
