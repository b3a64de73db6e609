"""The signatures a MetaGraph is to have: a draft, which edits change, and what comes of it.

A draft starts as a description of the MetaGraph as it is. When all edits are made, the graph says
what becomes of the signatures that convert values; of all others the draft says all there is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from sigpb.errors import PatchError
from sigpb.rewrite.graph_parts import GraphParts
from sigpb.rewrite.interface import Interface, SignatureRef
from sigpb.rewrite.port import SIDES, Port, StatedInfos
from sigpb.saved_model.model import MetaGraph


@dataclass
class MetaGraphDraft:
    """A MetaGraph as it is to be.

    Attributes:
        meta_graph: The MetaGraph as it is.
        tags: The tag-set it is to have.
        signatures: Its signatures without TensorFlow's internal ones, and copies.
    """

    meta_graph: MetaGraph
    tags: tuple[str, ...]
    signatures: dict[SignatureRef, Interface] = field(default_factory=dict)

    @classmethod
    def of(cls, meta_graph: MetaGraph) -> MetaGraphDraft:
        """Returns a draft without changes."""
        draft = cls(meta_graph, meta_graph.tags)
        for key in meta_graph.user_signatures:
            draft.signature(SignatureRef(key))
        return draft

    def signature(self, ref: SignatureRef) -> Interface:
        """Returns the signature that `ref` names; a copy comes into being by asking for it."""
        if ref not in self.signatures:
            self.put(_unchanged(ref, self.meta_graph))
        return self.signatures[ref]

    def put(self, signature: Interface) -> None:
        """Puts what a signature is to be in the place of what it was to be."""
        self.signatures[signature.ref] = signature

    def kept(self) -> Iterator[Interface]:
        """Yields the signatures that are not to be dropped."""
        return (signature for signature in self.signatures.values() if not signature.dropped)


def _unchanged(ref: SignatureRef, meta_graph: MetaGraph) -> Interface:
    signatures, created = meta_graph.signatures, ref.key in meta_graph.created
    method = signatures[ref.source].method_name
    inputs, outputs = (
        {key: Port(key, key, infos) for key in sorted(infos)}
        for infos in (StatedInfos(signatures, ref.source, side) for side in SIDES)
    )
    return Interface(ref, ref.key, method, method, inputs, outputs, created=created)


@dataclass(frozen=True)
class Interfaces:
    """The signatures of a MetaGraph as they are to be.

    Attributes:
        meta_graph: The MetaGraph as it is.
        tags: The tag-set it is to have.
        signatures: Its signatures without TensorFlow's internal ones, and copies.
        parts: Its graph, whose library has the variants of functions that interfaces need. What is
            written goes into a `GraphParts.fork` of it.
    """

    meta_graph: MetaGraph
    tags: tuple[str, ...]
    signatures: Mapping[SignatureRef, Interface]
    parts: GraphParts

    def kept(self) -> Iterator[Interface]:
        """Yields the signatures that are not to be dropped."""
        return (signature for signature in self.signatures.values() if not signature.dropped)

    @cached_property
    def fed_as_before(self) -> Counter[str]:
        """How many endpoints go on feeding each tensor, as `canonical` spells it."""
        return Counter(tensor for interface in self.kept() for tensor in interface.fed_as_before())


def interfaces_of(draft: MetaGraphDraft) -> Interfaces:
    """Works out what the signatures of a draft are to be.

    Raises:
        PatchError: With all that the graph is in the way of.
    """
    parts = GraphParts(draft.meta_graph)
    found: dict[SignatureRef, Interface] = {}
    problems: list[str] = []
    for ref, signature in draft.signatures.items():
        found[ref] = signature
        if signature.converted or signature.drops_outputs:
            from sigpb.rewrite.survey import surveyed

            try:
                found[ref] = surveyed(signature, parts)
            except PatchError as error:
                problems += error.problems
    if problems:
        raise PatchError(problems)
    return Interfaces(draft.meta_graph, draft.tags, found, parts)
