"""Small MetaGraphs with a graph, as text, for tests of what a signature does to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sigpb import protos
from sigpb.rewrite.draft import Interfaces, MetaGraphDraft, interfaces_of
from sigpb.rewrite.graph_parts import GraphParts
from sigpb.rewrite.interface import Interface, SignatureRef
from sigpb.rewrite.metadata import Endpoints
from sigpb.rewrite.session_graph import splice
from sigpb.rewrite.survey import surveyed
from sigpb.saved_model.model import MetaGraph
from sigpb.tf.tensor_types import TensorType, dtype_of, parse_shape, shape_proto
from sigpb.wire import Edits, Message, assemble
from tests.graphs.small_graphs import graph_def, lines

from .drafts import Change


def type_of(text: str) -> TensorType:
    """Reads a type such as ``float32 [?,3]``."""
    dtype, shape = text.split()
    return TensorType(dtype_of(dtype), parse_shape(shape))


def typed_signature(text: str) -> protos.SignatureDef:
    """Reads a signature such as ``x: float32 [?,3]; n=a/n:1: int64 [] -> y: float32 [?]``.

    A key without a tensor is that of the tensor of its name.
    """
    signature = protos.SignatureDef()
    sides = zip(text.split("->"), (signature.inputs, signature.outputs), strict=True)
    for ends, infos in sides:
        for end in filter(None, map(str.strip, ends.split(";"))):
            name, _, type_text = end.rpartition(": ")
            key, _, tensor = name.partition("=")
            type_ = type_of(type_text)
            infos[key].name, infos[key].dtype = tensor or f"{key}:0", type_.dtype
            infos[key].tensor_shape.CopyFrom(shape_proto(type_.shape))
    return signature


def meta_graph_def(
    nodes: str,
    signatures: Mapping[str, str],
    functions: Iterable[protos.FunctionDef] = (),
    producer: int = 1000,
) -> protos.MetaGraphDef:
    graph = graph_def(nodes, producer)
    graph.library.function.extend(functions)
    return protos.MetaGraphDef(
        graph_def=graph,
        signature_def={key: typed_signature(text) for key, text in signatures.items()},
    )


class Model:
    """A MetaGraph whose draft was changed.

    Attributes:
        draft: The signatures that are to be.
        graph: The top level of its graph.
        library: Its functions.
    """

    def __init__(self, given: protos.MetaGraphDef, change: Change) -> None:
        self._encoded = given.SerializeToString(deterministic=True)
        root = Message.root(self._encoded)
        self.draft = MetaGraphDraft.of(MetaGraph(root))
        change(self.draft)
        self.parts = GraphParts(self.draft.meta_graph)
        self.graph, self.library = self.parts.top, self.parts.library

    def interface(self, key: str = "s", copy_of: str | None = None) -> Interface:
        """Works out what one signature is to be."""
        return surveyed(self.draft.signature(SignatureRef(key, copy_of)), self.parts)

    def interfaces(self) -> Interfaces:
        """Works out what all are to be."""
        return interfaces_of(self.draft)

    def splice(self, key: str = "s", copy_of: str | None = None) -> Endpoints:
        interfaces, ref = self.interfaces(), SignatureRef(key, copy_of)
        self.library = interfaces.parts.library
        return splice(interfaces, interfaces.signatures[ref], self.graph)

    @property
    def added(self) -> list[str]:
        """The nodes that are added or replaced, one to a line."""
        return lines(self.graph.changed_nodes)

    def rewritten(self) -> protos.MetaGraphDef:
        edits = Edits(self._encoded)
        self.graph.rewrite(edits)
        return protos.MetaGraphDef.FromString(assemble(edits.pieces(), self._encoded))


def tensors(infos: Mapping[str, protos.TensorInfo]) -> dict[str, str]:
    return {key: info.name for key, info in infos.items()}
