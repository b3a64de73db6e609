"""The edit that names the node of an endpoint as clients ask for that know no signatures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sigpb.edits.edit import Edit, EndpointEdit, EndpointTarget
from sigpb.rewrite.draft import MetaGraphDraft
from sigpb.saved_model.model import MetaGraph
from sigpb.tf.tensor_names import full
from sigpb.tf.tensor_types import Encoding, encoding_of

if TYPE_CHECKING:
    from sigpb.graphs.origins import Origins


@dataclass(frozen=True)
class NameNode(EndpointEdit):
    """Has an input or output stand for a node of another name; the old one stays.

    Attributes:
        tensor: The tensor that it stands for.
        to: The name of the node; empty to take back one that an earlier patch gave.
    """

    encoding: Encoding
    tensor: str
    to: str

    @classmethod
    def from_endpoint(cls, target: EndpointTarget) -> Iterator[Edit]:
        """Wanted where the endpoint stands for another tensor; an empty name if it has one."""
        patch, info = target.patch, target.info
        if not patch.HasField("node_name") or full(patch.node_name) == info.name:
            return
        if patch.node_name or _origins(target.signature.meta_graph).is_named(info.name):
            ref, encoding = target.signature.ref, encoding_of(info)
            yield cls(ref, target.side, target.key, encoding, info.name, patch.node_name)

    def refusals(self, meta_graph: MetaGraph) -> Iterator[str]:
        """Several tensors cannot have one name."""
        if self.encoding != "dense":
            yield f"{self.where} is made of several tensors, which cannot have one name."
        elif not self.to and _origins(meta_graph).named(self.tensor) is None:
            yield (
                f"{self.where}: no output is computed from it, so sigpb cannot determine the name "
                "that it had before an earlier patch; keep the name, or state another."
            )

    def apply(self, draft: MetaGraphDraft) -> None:
        """Sets the name."""
        self.change(draft, lambda port: replace(port, node_name=self.to))

    def describe(self) -> str:
        """Returns for instance ``… input 'x': tensor 'serving_default_x:0' → 'input_1:0'``."""
        to = repr(full(self.to)) if self.to else "what it was before an earlier patch named it"
        return f"{self.where}: tensor {self.tensor!r} → {to}"


def _origins(meta_graph: MetaGraph) -> Origins:
    from sigpb.graphs.origins import Origins
    from sigpb.rewrite.graph_parts import GraphParts

    return Origins(GraphParts(meta_graph).top)
