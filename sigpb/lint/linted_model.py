"""A model as rules look at it: what they ask for is read once, and no more than that."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from sigpb import protos
from sigpb.inspect.graph.flow import Graph
from sigpb.inspect.proto_source import GraphPart
from sigpb.lint.loading import Loading
from sigpb.lint.signature_flow import SignatureFlow, signature_flow
from sigpb.rewrite.graph_parts import GraphParts
from sigpb.rewrite.interface import Side
from sigpb.saved_model.model import (
    INTERNAL_PREFIX,
    MetaGraph,
    SavedModel,
    SignatureDefs,
    tag_set_text,
)

SERVE = "serve"


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
        prefix: What names it in findings; empty if it is the only one.
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
        """Returns what a signature, given by its key, feeds and needs."""
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
        """Yields the inputs and outputs of all signatures, on request of internal ones instead."""
        for name in sorted(self.meta_graph.signatures):
            if name.startswith(INTERNAL_PREFIX) == internal:
                yield from self.endpoints_of(name)

    def endpoints_of(self, signature: str) -> Iterator[LintedEndpoint]:
        """Yields the inputs and outputs of a signature, given by its key."""
        found = self.meta_graph.signatures[signature]
        for key, info in sorted(found.inputs.items()):
            yield LintedEndpoint(self.where(signature, "input", key), signature, "input", key, info)
        for key, info in sorted(found.outputs.items()):
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
