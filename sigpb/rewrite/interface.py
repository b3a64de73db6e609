"""What a signature is to be: its interface, which all that writes or tells of it reads.

Edits change interfaces in a draft. What they mean for the graph is worked out once, when a patch is
compiled (`rewrite/draft.py`); the plan holds the interfaces then.

The ports of an interface keep the keys that they have in the model beside the keys that they are to
have, so all changes are simultaneous and their order does not matter.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

from sigpb import protos
from sigpb.rewrite.port import Port, Side
from sigpb.tf.tensor_names import canonical, output_number, producer
from sigpb.tf.tensor_types import TensorType, tensor_names

if TYPE_CHECKING:
    from sigpb.rewrite.conversion import Conversion
    from sigpb.rewrite.restoration import Restoration
    from sigpb.steps.step import Step


class SignatureRef(NamedTuple):
    """Names a signature of a draft.

    Attributes:
        key: The signature's key in the model; for a copy, the key it is to have.
        copy_of: For a copy, the key of its original in the model.
    """

    key: str
    copy_of: str | None = None

    @property
    def source(self) -> str:
        """The key, in the model, of the signature that this one is or is copied from."""
        return self.key if self.copy_of is None else self.copy_of


class Feature(NamedTuple):
    """What an input is read from, of a tf.Example.

    Attributes:
        source: The key that the input has in the model.
        name: The feature's name.
        type: The type that the values of all Examples are read as.
        steps: What makes of that what clients would feed.
        default: The values of an Example that does not have it; None if it has to.
    """

    source: str
    name: str
    type: TensorType
    steps: tuple[Step, ...] = ()
    default: protos.TensorProto | None = None


class BatchSize(NamedTuple):
    """A batch size that changes, or the size of another dimension that does.

    Attributes:
        relaxed: The inputs for which the graph fixed it, and is not to any longer, by their keys
            in the model.
        before: What it was for these.
        after: What it is to be.
        axes: The tensors that have it, and which of their dimensions it is.
        nodes: The nodes that differ for the new batch size, by name; new ones too.
        beside: Inputs of which the graph left it open, if those that it fixed are to have the same.
        axis: Which dimension of the inputs it is.
    """

    relaxed: tuple[str, ...] = ()
    before: int | None = None
    after: int | None = None
    axes: Mapping[tuple[str, int], int] = {}
    nodes: Mapping[str, protos.NodeDef] = {}
    beside: tuple[str, ...] = ()
    axis: int = 0

    def axis_of(self, tensor: str) -> int | None:
        """Returns which dimension of a tensor the batch is, or None."""
        return self.axes.get((producer(tensor), output_number(tensor)))

    def follow(self, tensor: str, now: TensorType) -> TensorType:
        """Returns the type that a tensor has after the change."""
        axis = self.axis_of(tensor)
        if axis is None or not now.shape:
            return now
        return TensorType(now.dtype, (*now.shape[:axis], self.after, *now.shape[axis + 1 :]))


@dataclass(frozen=True, slots=True)
class Interface:
    """A signature as it is to be, whether edits still change it or not.

    Attributes:
        ref: Which one it is in the model.
        key: The key it is to have.
        method_name: The method it is to have.
        source_method_name: The method it has.
        inputs: Its inputs, also those that are to go, by their keys in the model. Only a draft
            changes them. One that is fed inside of the graph is in the place of what had its key.
        outputs: The same for outputs.
        dropped: Whether it is to go.
        added: The outputs that are added.
        added_inputs: The inputs that are added; outputs pass them on.
        gone: The keys, in the model, of the inputs that go without being bound, and of those in
            whose place others are that are fed inside of the graph.
        batch: The batch size, if it changes.
        opened: The sizes of other dimensions that are open from then on.
        changed_nodes: The nodes that differ for this signature, by name; new ones too.
        unchecked: What only a run of the model shows: see `Edit.unchecked`.
        warnings: What works but may surprise, in whole sentences.
        restored: What the signature was before earlier patches, if it is to be that again.
        positional: Whether inputs can be passed by position; None if that does not change.
        examples: The input by which tf.Examples are passed, if the others are read from these.
        features: What they are read from then.
        created: Whether the model does not have it; what is said to be in the model, is then what
            the patch creates.
    """

    ref: SignatureRef
    key: str
    method_name: str
    source_method_name: str
    inputs: dict[str, Port]
    outputs: dict[str, Port]
    dropped: bool = False
    added: tuple[Port, ...] = ()
    added_inputs: tuple[Port, ...] = ()
    gone: tuple[str, ...] = ()
    batch: BatchSize = field(default_factory=BatchSize)
    opened: tuple[BatchSize, ...] = ()
    changed_nodes: Mapping[str, protos.NodeDef] = field(default_factory=dict)
    unchecked: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    restored: Restoration | None = None
    positional: bool | None = None
    examples: Port | None = None
    features: tuple[Feature, ...] = ()
    created: bool = False

    def endpoints(self, side: Side) -> dict[str, Port]:
        """Returns the inputs or the outputs, also those that are to go, but not added ones."""
        return self.inputs if side == "input" else self.outputs

    @property
    def computed(self) -> tuple[Port, ...]:
        """The outputs that are added which the signature does not pass to clients already."""
        return tuple(port for port in self.added if port.of is None)

    def kept(self, side: Side) -> list[Port]:
        """Returns the inputs or outputs that are not to be dropped, without added outputs."""
        if side == "input" and self.examples is not None:
            return [self.examples]
        return [end for end in self.endpoints(side).values() if not end.dropped]

    def ports(self, side: Side) -> list[Port]:
        """Returns the inputs or outputs that are to be, added ones too."""
        return [*self.kept(side), *(self.added_inputs if side == "input" else self.added)]

    @property
    def new_inputs(self) -> tuple[Port, ...]:
        """The inputs that the signature does not have in the model."""
        return self.added_inputs if self.examples is None else (self.examples, *self.added_inputs)

    @property
    def taken(self) -> list[Port]:
        """The inputs whose values come from clients, perhaps in tf.Examples."""
        return [port for port in self.inputs.values() if not port.dropped]

    def named(self) -> Iterator[Port]:
        """Yields the inputs and outputs that are to be, whose nodes are to have other names."""
        ports = (*self.ports("input"), *self.ports("output"))
        return (port for port in ports if port.node_name is not None)

    def keys(self, side: Side) -> list[str]:
        """Returns the keys that the inputs or outputs are to have, added ones too."""
        return [end.key for end in self.ports(side)]

    @property
    def tensors(self) -> list[str]:
        """The tensors that all its endpoints stand for in the model."""
        ports = (*self.inputs.values(), *self.outputs.values())
        return [tensor for port in ports for tensor in port.tensors]

    @property
    def endpoints_changed(self) -> bool:
        """Whether any input or output differs from the model, or how inputs are passed."""
        endpoints = (*self.inputs.values(), *self.outputs.values())
        is_passed_otherwise = self.positional is not None or self.examples is not None
        is_added = bool(self.added or self.added_inputs)
        return is_passed_otherwise or is_added or any(end.changed for end in endpoints)

    @property
    def converted(self) -> bool:
        """Whether values are converted, or added, so that what the graph says of them matters."""
        added = (*self.added_inputs, *self.added)
        ends = (*self.inputs.values(), *self.outputs.values(), *added)
        return not self.dropped and (
            self.examples is not None
            or self.is_refed
            or any(end.converted or end.default is not None for end in ends)
        )

    def new_keys(self, side: Side) -> set[str]:
        """Returns those of the keys that the inputs or outputs do not have in the model."""
        added = self.added if side == "output" else self.new_inputs
        kept = (end for end in self.kept(side) if end.is_new or self.created)
        return {end.key for end in (*added, *kept)}

    @property
    def interior(self) -> list[Port]:
        """The inputs that are fed inside of the graph."""
        return [port for port in self.inputs.values() if port.tensor is not None]

    @property
    def is_refed(self) -> bool:
        """Whether inputs are fed inside of the graph, or go."""
        return any(port.is_gone or port.tensor is not None for port in self.inputs.values())

    @property
    def drops_outputs(self) -> bool:
        """Whether it stays, but outputs go: perhaps all that an earlier patch added."""
        return not self.dropped and any(end.dropped for end in self.outputs.values())

    @property
    def changed(self) -> bool:
        """Whether it is new, or its SignatureDef or the key of that differs from the model."""
        return (
            self.created
            or self.ref.copy_of is not None
            or self.dropped
            or self.key != self.ref.source
            or self.method_name != self.source_method_name
            or self.endpoints_changed
        )

    def fed_as_before(self) -> Iterator[str]:
        """Yields the tensors that its clients go on feeding, as `canonical` spells them."""
        for port in self.inputs.values() if self.examples is None else ():
            if not port.converted and not port.dropped:
                yield from map(canonical, port.tensors)

    @property
    def relaxed(self) -> list[BatchSize]:
        """The sizes that the graph fixed, and is not to any longer."""
        return [each for each in (self.batch, *self.opened) if each.relaxed]

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


def fed_tensors(signature_def: protos.SignatureDef) -> Iterator[str]:
    """Yields all tensors that the clients of a signature feed, as `canonical` spells them."""
    for info in signature_def.inputs.values():
        yield from map(canonical, tensor_names(info))
