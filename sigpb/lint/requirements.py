"""What a policy asks of the signatures of a model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sigpb import protos
from sigpb.lint.linted_model import LintedGraph, LintedModel
from sigpb.rewrite.interface import Side


@dataclass(frozen=True)
class Requirement:
    """What is asked of a signature.

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
