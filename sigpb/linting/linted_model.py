"""A model as rules look at it: what they ask for is read once, and no more than that."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from sigpb import protos
from sigpb.inspect.graph.flow import Graph
from sigpb.inspect.loading import Loading
from sigpb.inspect.proto_source import GraphPart
from sigpb.linting.signature_flow import SignatureFlow, signature_flow
from sigpb.rewrite.graph_parts import GraphParts
from sigpb.rewrite.port import Side
from sigpb.saved_model.model import (
    INTERNAL_PREFIX,
    MetaGraph,
    SavedModel,
    SignatureDefs,
    tag_set_text,
)
from sigpb.tf.called_functions import CALL_OPS
from sigpb.tf.ops import PASSING
from sigpb.tf.tensor_names import canonical
from sigpb.visible_text import natural

SERVE = "serve"

# The ops of nodes that hand on what they take, unchanged.
_PASSING = PASSING | {"PlaceholderWithDefault"}


@dataclass(frozen=True)
class LintedEndpoint:
    """An input or output of a signature.

    Attributes:
        where: How findings name it.
        signature: The key of the signature.
        side: Which of the two it is.
        key: Its own key.
        info: What `signature_def` says of it.
    """

    where: str
    signature: str
    side: Side
    key: str
    info: protos.TensorInfo


class LintedGraph:
    """A MetaGraph, and what is looked up in it.

    Attributes:
        meta_graph: The MetaGraph.
        prefix: What names the MetaGraph in findings; empty if it is the only one.
        message: Its GraphDef.
        functions: The function library.
        top_level: The nodes outside of functions.
    """

    def __init__(self, meta_graph: MetaGraph, prefix: str) -> None:
        self.meta_graph = meta_graph
        self.prefix = prefix
        parts = GraphParts(meta_graph)
        self.message, self.functions, self.top_level = parts.message, parts.library, parts.top
        self._flows: dict[str, SignatureFlow] = {}

    @cached_property
    def graph(self) -> Graph:
        """Its nodes without their values, and what they depend on."""
        return Graph(GraphPart("", self.message, self.meta_graph))

    @cached_property
    def loading(self) -> Loading:
        """What becomes of its variables when it is loaded."""
        return Loading(self.graph, self.meta_graph)

    def flow(self, signature: str) -> SignatureFlow:
        """Returns what the signature of a key feeds and needs."""
        if signature not in self._flows:
            self._flows[signature] = signature_flow(self.graph, self.signatures[signature])
        return self._flows[signature]

    @cached_property
    def signatures(self) -> SignatureDefs:
        """The signatures without TensorFlow's internal ones, by their keys in sorted order."""
        return self.meta_graph.signatures.only(self.meta_graph.user_signatures)

    def where(self, signature: str | None = None, side: Side | None = None, key: str = "") -> str:
        """Returns how findings name the MetaGraph, a signature of it, or an endpoint of that."""
        parts = [self.prefix] if self.prefix else []
        if signature is not None:
            parts.append(f"signature {signature!r}")
        if side is not None:
            parts.append(f"{side} {key!r}")
        return ", ".join(parts)

    def where_in(self, function: str | None) -> str:
        """Returns how findings name a function, or the top level, for which it is empty or None."""
        parts = [self.prefix] if self.prefix else []
        return ", ".join([*parts, f"function {function!r}"] if function else parts)

    def endpoints(self, *, internal: bool = False) -> Iterator[LintedEndpoint]:
        """Yields the inputs and outputs of all signatures, or of TensorFlow's internal ones."""
        for name in sorted(self.meta_graph.signatures, key=natural):
            if name.startswith(INTERNAL_PREFIX) == internal:
                yield from self.endpoints_of(name)

    def endpoints_of(self, signature: str) -> Iterator[LintedEndpoint]:
        """Yields the inputs and outputs of a signature, given by its key."""
        found = self.meta_graph.signatures[signature]
        for key in sorted(found.inputs, key=natural):
            info = found.inputs[key]
            yield LintedEndpoint(self.where(signature, "input", key), signature, "input", key, info)
        for key in sorted(found.outputs, key=natural):
            info = found.outputs[key]
            yield LintedEndpoint(
                self.where(signature, "output", key), signature, "output", key, info
            )


class LintedModel:
    """A model and the policy that it is to follow.

    Attributes:
        model: The model.
        policy: The policy; an empty one asks for nothing.
    """

    def __init__(self, model: SavedModel, policy: protos.LintPolicy) -> None:
        self.model = model
        self.policy = policy

    @cached_property
    def graphs(self) -> tuple[LintedGraph, ...]:
        """Its MetaGraphs."""
        graphs = self.model.meta_graphs
        several = len(graphs) > 1
        return tuple(
            LintedGraph(graph, f"MetaGraph {tag_set_text(graph.tags)}" if several else "")
            for graph in graphs
        )

    @property
    def serving_graphs(self) -> tuple[LintedGraph, ...]:
        """The MetaGraphs that are tagged for serving."""
        return tuple(graph for graph in self.graphs if SERVE in graph.meta_graph.tags)


class Consumers:
    """Finds the nodes that do something with a tensor of the top level.

    Nodes that hand it on, to other nodes or to functions, are looked through.
    """

    def __init__(self, graph: LintedGraph, *, among: Collection[str] | None = None) -> None:
        """Takes the MetaGraph, of which nothing is read yet.

        Args:
            graph: The MetaGraph.
            among: The names of the nodes of the top level to look at; by default all.
        """
        self._graph = graph
        self._among = among
        self._known_users: dict[str | None, dict[str, list[tuple[protos.NodeDef, int]]]] = {}
        self._known_arguments: dict[str, list[str]] = {}

    def of(self, tensor: str) -> list[protos.NodeDef]:
        """Returns the nodes that take a tensor, spelled as nodes do: ``x`` for ``x:0``."""
        found: list[protos.NodeDef] = []
        visited: set[tuple[str | None, str]] = set()
        waiting: list[tuple[str | None, str]] = [(None, tensor)]
        while waiting:
            place = waiting.pop()
            if place in visited:
                continue
            visited.add(place)
            function, name = place
            for node, position in self._users(function).get(name, ()):
                if node.op in _PASSING:
                    spelled = f"{node.name}:output" if function else node.name
                    waiting += [(function, spelled), (function, node.name)]
                elif node.op in CALL_OPS:
                    called = node.attr["f"].func.name
                    arguments = self._arguments(called)
                    if position < len(arguments):
                        waiting.append((called, arguments[position]))
                else:
                    found.append(node)
        return found

    def _arguments(self, function: str) -> list[str]:
        """The names of a function's arguments; none if there is no such function."""
        if function not in self._known_arguments:
            outline = self._graph.functions.outline(function)
            arguments = outline.signature.input_arg if outline else ()
            self._known_arguments[function] = [argument.name for argument in arguments]
        return self._known_arguments[function]

    def _users(self, function: str | None) -> dict[str, list[tuple[protos.NodeDef, int]]]:
        """The nodes of the graph or a function by the tensors they take, with their positions."""
        if function not in self._known_users:
            users = self._known_users[function] = defaultdict(list)
            if function is None:
                nodes = [
                    node
                    for name, node in self._graph.top_level.nodes.items()
                    if self._among is None or name in self._among
                ]
            else:
                found = self._graph.functions.get(function)
                nodes = list(found.node_def) if found else []
            for node in nodes:
                for position, name in enumerate(node.input):
                    users[canonical(name)].append((node, position))
        return self._known_users[function]


@dataclass(frozen=True)
class Requirement:
    """What a policy asks of a signature.

    Attributes:
        graph: The MetaGraph.
        wanted: What the policy says.
        signature: The signature; None if the MetaGraph has none of that key.
    """

    graph: LintedGraph
    wanted: protos.RequiredSignature
    signature: protos.SignatureDef | None

    def where(self, side: Side | None = None, key: str = "") -> str:
        """Returns how findings name the signature, or an endpoint of it."""
        return self.graph.where(self.wanted.key, side, key)


@dataclass(frozen=True)
class Required:
    """An endpoint that a signature has to have.

    Attributes:
        where: How findings name it.
        side: Whether it is an input or an output.
        wanted: What the policy says.
        info: What it is; None if it is not there.
        keys: The keys that there are.
    """

    where: str
    side: Side
    wanted: protos.RequiredEndpoint
    info: protos.TensorInfo | None
    keys: tuple[str, ...]


def requirements(model: LintedModel) -> Iterator[Requirement]:
    """Yields what a policy asks of the MetaGraphs for serving, or of all if there are none."""
    for graph in model.serving_graphs or model.graphs:
        for wanted in model.policy.signature:
            yield Requirement(graph, wanted, graph.signatures.get(wanted.key))


def required_endpoints(model: LintedModel) -> Iterator[Required]:
    """Yields the endpoints that the signatures which are there have to have."""
    for each in requirements(model):
        if each.signature is None:
            continue
        for side, wanted, infos in sides(each.wanted, each.signature):
            for endpoint in wanted:
                where = each.where(side, endpoint.key)
                yield Required(where, side, endpoint, infos.get(endpoint.key), tuple(infos))


def sides(
    wanted: protos.RequiredSignature, signature: protos.SignatureDef
) -> Iterator[tuple[Side, list[protos.RequiredEndpoint], Mapping[str, protos.TensorInfo]]]:
    """Yields, for each side, the endpoints that a policy asks for and those of a signature."""
    yield "input", list(wanted.input), signature.inputs
    yield "output", list(wanted.output), signature.outputs
