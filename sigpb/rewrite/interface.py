"""What a signature is to be: its interface, which all that writes or tells of it reads.

An interface is worked out once, when a patch is compiled (`rewrite/survey.py`), and held by the
plan.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple

from sigpb import protos
from sigpb.rewrite.batch_size import BatchSize
from sigpb.rewrite.conversion import Conversion
from sigpb.rewrite.draft import Endpoint, Side, Signature, SignatureRef, WantedType
from sigpb.rewrite.graph_parts import GraphParts
from sigpb.saved_model.model import MetaGraph
from sigpb.tf.tensor_names import canonical
from sigpb.tf.tensor_types import TensorType, tensor_names, tensor_type


@dataclass(frozen=True)
class FunctionPorts:
    """How a function takes the inputs of a signature, and returns its outputs.

    Attributes:
        function: The function's name.
        arguments: The position of each input among its arguments, by the key in the model.
        captured: The positions of its captured inputs, in their order.
        results: The positions of each output among its results, by the key in the model.
        added: The positions of the outputs that are added.
        stated: What is said of results beyond what the function says, by their positions.
        named: Whether a wrapper's arguments and results are to be named after the keys.
    """

    function: str
    arguments: Mapping[str, int]
    captured: tuple[int, ...]
    results: Mapping[str, tuple[int, ...]]
    added: tuple[int, ...] = ()
    stated: Mapping[int, TensorType] = field(default_factory=dict)
    named: bool = True


@dataclass(frozen=True)
class Restoration:
    """What a signature was before earlier patches, and is to be again.

    Attributes:
        origins: The tensors that its endpoints stood for first, by those that they stand for.
        inputs: The types of the inputs that change, by their keys in the model.
        outputs: The same for outputs.
        ports: The function that computes it; None if the model has no object graph.
        leftovers: The nodes that sigpb added for it, some of which others may use.
    """

    origins: Mapping[str, str]
    inputs: Mapping[str, TensorType]
    outputs: Mapping[str, TensorType]
    ports: FunctionPorts | None
    leftovers: frozenset[str]


class Result(NamedTuple):
    """A result of a function.

    Attributes:
        function: The function's name.
        number: The number of the result.
        type: Its type.
    """

    function: str
    number: int
    type: TensorType


@dataclass(frozen=True, slots=True)
class StatedInfos(Mapping[str, protos.TensorInfo]):
    """What a signature says of its inputs or outputs in the model, by their keys there.

    It is parsed when it is asked for: parsed, all that thousands of signatures say would take many
    times the file in memory.

    Attributes:
        signatures: The signatures of the MetaGraph.
        key: The key of the signature.
        side: Which of both.
    """

    signatures: Mapping[str, protos.SignatureDef]
    key: str
    side: Side

    def _infos(self) -> Mapping[str, protos.TensorInfo]:
        signature = self.signatures[self.key]
        return signature.inputs if self.side == "input" else signature.outputs

    def __getitem__(self, key: str) -> protos.TensorInfo:
        return self._infos()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._infos())

    def __len__(self) -> int:
        return len(self._infos())


@dataclass(frozen=True, slots=True)
class Port(Endpoint):
    """An input or output of a signature.

    Attributes:
        source: Its key in the model; of an output that is added, the one that it gets.
        key: The key it is to have.
        infos: What the signature says of its endpoints on this side in the model.
        dropped: Whether it is to go.
        type: What type it is to have, as far as a patch says so.
        bound: For an input that is to go, the value it has from then on.
        rows_of: For a bound value of one row that is repeated, the input that has as many rows, by
            its key in the model.
        default: The value a client may leave out; None if that does not change.
        tensor: For an output that is added, what the patch calls its tensor, in the graph or in a
            function.
        conversion: How its values are converted; None if they are not. Of a signature that is to be
            what it was, it converts nothing, but says the type.
        found: For an output that is added, its tensor at the top level of the graph.
        result: For an output that is added, the result of a function that it is, if its name is
            that of an output of a call.
    """

    source: str
    key: str
    infos: Mapping[str, protos.TensorInfo]
    dropped: bool = False
    type: WantedType | None = None
    bound: protos.TensorProto | None = None
    rows_of: str | None = None
    default: protos.TensorProto | None = None
    tensor: str | None = None
    conversion: Conversion | None = None
    found: str = ""
    result: Result | None = None

    @property
    def info(self) -> protos.TensorInfo:
        """What the signature says of it in the model; empty for an output that is added."""
        return protos.TensorInfo() if self.tensor is not None else self.infos[self.source]

    @property
    def tensors(self) -> tuple[str, ...]:
        """The tensors that it stands for in the model: more than one if it is not dense."""
        return tensor_names(self.info)

    @property
    def outside(self) -> TensorType:
        """The type that clients see, of the values of a sparse tensor."""
        return self.conversion.outside if self.conversion else tensor_type(self.info)

    @property
    def inside(self) -> TensorType:
        """The type that its tensor has then."""
        return self.conversion.inside if self.conversion else tensor_type(self.info)


@dataclass(frozen=True, slots=True)
class Interface(Signature[Port]):
    """A signature as it is to be.

    Attributes:
        ref: Which one it is in the model.
        key: The key it is to have.
        method_name: The method it is to have.
        source_method_name: The method it has.
        inputs: Its inputs, also those that are to go, by their keys in the model.
        outputs: The same for outputs.
        dropped: Whether it is to go.
        added: The outputs that are added.
        batch: The batch size, if it changes.
        changed_nodes: The nodes that differ for this signature, by name; new ones too.
        unchecked: What only a run of the model shows: see `Edit.unchecked`.
        warnings: What works but may surprise, in whole sentences.
        restored: What the signature was before earlier patches, if it is to be that again.
    """

    ref: SignatureRef
    key: str
    method_name: str
    source_method_name: str
    inputs: Mapping[str, Port]
    outputs: Mapping[str, Port]
    dropped: bool = False
    added: tuple[Port, ...] = ()
    batch: BatchSize = field(default_factory=BatchSize)
    changed_nodes: Mapping[str, protos.NodeDef] = field(default_factory=dict)
    unchecked: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    restored: Restoration | None = None

    def fed_as_before(self) -> Iterator[str]:
        """Yields the tensors that its clients go on feeding, as `canonical` spells them."""
        for port in self.inputs.values():
            if not port.converted:
                yield from map(canonical, port.tensors)

    @property
    def is_spliced(self) -> bool:
        """Whether its endpoints are to be other tensors of the graph than they are."""
        return self.converted or self.restored is not None

    def unconverted(self) -> Interface:
        """Returns the interface without conversions of what the model has."""
        inputs, outputs = (
            {key: replace(port, conversion=None) for key, port in ports.items()}
            for ports in (self.inputs, self.outputs)
        )
        return replace(self, inputs=inputs, outputs=outputs)

    def conversions(self, side: Side) -> dict[str, Conversion]:
        """Returns how inputs or outputs are converted that are kept, by their keys in the model."""
        ports = self.endpoints(side).items()
        return {key: port.conversion for key, port in ports if port.conversion}


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


def fed_tensors(signature_def: protos.SignatureDef) -> Iterator[str]:
    """Yields all tensors that the clients of a signature feed, as `canonical` spells them."""
    for info in signature_def.inputs.values():
        yield from map(canonical, tensor_names(info))
