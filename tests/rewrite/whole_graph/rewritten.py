"""Small MetaGraphs, and what becomes of them as wholes."""

from __future__ import annotations

from collections.abc import Iterable

from google.protobuf import text_format

from sigpb import protos
from sigpb.rewrite.whole_graph.rewrite import Done, Wanted, rewrite
from sigpb.saved_model.model import MetaGraph
from sigpb.wire import Edits, Message, assemble
from tests.graphs.small_graphs import graph_def, nodes


def function(name: str, text: str = "", attributes: str = "") -> protos.FunctionDef:
    """Makes a function of nodes as `nodes` reads them, and attributes in text format."""
    made = protos.FunctionDef(node_def=nodes(text))
    made.signature.name = name
    text_format.Merge(attributes, made)
    return made


# What `y` is computed from is needed by the signature of every model here.
NEEDED = "x = Placeholder()\ny = Neg(x)\n"


def model(
    text: str = "", functions: Iterable[protos.FunctionDef] = (), more: str = ""
) -> protos.MetaGraphDef:
    """Makes a MetaGraph with the signature ``x -> y``.

    Args:
        text: More nodes, as `nodes` reads them.
        functions: Its functions.
        more: What it has besides, in text format.
    """
    graph = graph_def(NEEDED + text)
    graph.library.function.extend(functions)
    made = protos.MetaGraphDef(graph_def=graph)
    made.meta_info_def.tags.append("serve")
    signature = made.signature_def["serving_default"]
    signature.inputs["x"].name, signature.outputs["y"].name = "x:0", "y:0"
    return text_format.Merge(more, made)


def rewritten(
    before: protos.MetaGraphDef, wanted: Wanted, encoded: bytes | None = None
) -> tuple[protos.MetaGraphDef, Done]:
    """Rewrites a MetaGraph, and asserts that nothing is left to do then.

    Args:
        before: The MetaGraph.
        wanted: What is to be done.
        encoded: How it is encoded, if not as protobuf does that.
    """
    buffer = before.SerializeToString(deterministic=True) if encoded is None else encoded
    edits = Edits(buffer)
    done = rewrite(MetaGraph(Message.root(buffer)), wanted, edits)
    after = assemble(edits.pieces(), buffer)
    again = Edits(after)
    rewrite(MetaGraph(Message.root(after)), wanted, again)
    assert not again
    made = protos.MetaGraphDef.FromString(after)
    if encoded is None:  # What is new is where protobuf would write it.
        assert made.SerializeToString(deterministic=True) == after
    return made, done
