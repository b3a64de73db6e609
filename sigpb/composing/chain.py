"""One signature made of two: what the first returns is fed to the second.

Both are signatures of one MetaGraph, whoever wrote them. Sessions and `tf.saved_model.load` each
see the whole: `sigpb.composing.chain_session` is for the one, `sigpb.composing.chain_function` for
the other.

What is added, so that it can be recognised and taken out again:

* At the top level of the graph, in a scope ``sigpb_chain/<key>``: copies, in the scope ``copy`` of
  that, of the nodes between the inputs of the second signature that are fed and its outputs;
  placeholders for inputs of the second that the first needs for itself; an Identity of each output
  that clients would both feed and fetch; and, where a signature changes a state, a NoOp ``first``
  that the second waits for. Nodes of the first are taken as they are. Nothing of that is in the
  scope ``sigpb``, nor may nodes of an adapter be: those would be taken for the conversions of a
  patch, which later patches look through and take back.
* In the library, one function ``__inference_signature_wrapper_sigpb_chain_<n>``. Its first call is
  that of the first signature's function, its second call that of the second's.
* In the object graph, no more than a description of that function, and a node for it where the
  signature shared its node with another one. The descriptions of the two functions that it calls
  stay in `concrete_functions`, so that they tell by which keys these take and return what.

What goes: the other signature's SignatureDef, its child of the signature map, and its node if that
is the last one and nothing else leads to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sigpb import protos
from sigpb.composing.chain_shapes import ArrivingShapes
from sigpb.composing.composed import Composed
from sigpb.composing.fit import Pair
from sigpb.rewrite.graph_parts import GraphParts
from sigpb.rewrite.metadata import rewrite_ops
from sigpb.saved_model.deterministic_bytes import deterministic_bytes
from sigpb.tf.called_functions import called_functions
from sigpb.wire import Edits, map_entry

_SIGNATURES = protos.MetaGraphDef.SIGNATURE_DEF_FIELD_NUMBER


@dataclass(frozen=True)
class Chain:
    """Two signatures of a MetaGraph of which the first feeds the second.

    Attributes:
        first: The key of the first.
        second: The key of the second.
        pairs: Which outputs of the first feed which inputs of the second.
        key: The key of the one that becomes the whole.
        keeps: Whether the outputs of the first that feed nothing stay outputs.
        arriving: What the second makes of the shapes that the first returns; None if that has not
            been found out.
    """

    first: str
    second: str
    pairs: tuple[Pair, ...]
    key: str
    keeps: bool
    arriving: ArrivingShapes | None = None

    @property
    def other(self) -> str:
        """The key of the one that goes."""
        return self.second if self.key == self.first else self.first

    def open_inputs(self, second: protos.SignatureDef) -> list[str]:
        """Returns the keys of the inputs of the second that the first does not feed, sorted."""
        return sorted(set(second.inputs) - {pair.input for pair in self.pairs})

    def kept_outputs(self, first: protos.SignatureDef) -> list[str]:
        """Returns the keys of the outputs of the first that stay outputs, sorted."""
        kept = set(first.outputs) - {pair.output for pair in self.pairs} if self.keeps else set()
        return sorted(kept)


def chained(
    into: Composed,
    index: int,
    first: str,
    second: str,
    pairs: Sequence[Pair],
    *,
    key: str,
    keeps: bool,
    arriving: ArrivingShapes | None = None,
) -> Composed:
    """Makes one signature of two in a MetaGraph: the second after the first.

    Inputs of the second that nothing feeds stay inputs. Its method name is that of the signature
    `key`, whether TensorFlow Serving can still answer such requests or not; a default that a
    SignatureDef states for an input stays with that input.

    Args:
        into: The model.
        index: The position of the MetaGraph.
        first: The key of the signature whose outputs feed.
        second: The key of the signature whose inputs are fed.
        pairs: What feeds what, as `sigpb.composing.fit.fitted` returned it for the two: no two
            inputs, and no two outputs, of the whole have one key then.
        key: The key of the whole: `first` or `second`. The other signature goes.
        keeps: Whether the outputs of the first that feed nothing stay outputs.
        arriving: See `Chain`.

    Raises:
        PatchError: With what the graph is in the way of.
        ModelUnreadable: The object graph does not describe functions that the graph holds.
    """
    from sigpb.composing import chain_function, chain_session

    chain = Chain(first, second, (*pairs,), key, keeps, arriving)
    meta_graph = into.model.meta_graphs[index]
    parts, edits = GraphParts(meta_graph), Edits(into.model.buffer)
    whole = chain_session.whole_signature(parts, chain)
    functions = chain_function.rewrite(edits, parts, chain)
    _rewrite_signatures(edits, parts, chain, whole)
    parts.top.rewrite(edits)
    changed = parts.top.changed_nodes
    ops = {node.op for node in changed}
    ops |= parts.library.rewrite(edits, functions | called_functions(changed))
    rewrite_ops(edits, meta_graph.message, ops)
    return into.edited(edits)


def _rewrite_signatures(
    edits: Edits, parts: GraphParts, chain: Chain, whole: protos.SignatureDef
) -> None:
    """Writes the SignatureDef of the whole in the place of that of its key."""
    message = parts.meta_graph.message
    for raw_key, field in message.entries(_SIGNATURES):
        if raw_key == chain.key.encode():
            entry = map_entry(_SIGNATURES, raw_key, deterministic_bytes(whole))
            edits.replace(message, field, entry)
        elif raw_key == chain.other.encode():
            edits.delete(message, field)
