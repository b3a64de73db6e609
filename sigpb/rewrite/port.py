"""An input or output of a signature that is to be, and what is asked of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, NamedTuple

from sigpb import protos
from sigpb.tf.tensor_types import Shape, TensorType, tensor_names, tensor_type

if TYPE_CHECKING:
    from sigpb.rewrite.conversion import Conversion
    from sigpb.steps.step import Step

Side = Literal["input", "output"]
SIDES: tuple[Side, Side] = ("input", "output")


class WantedType(NamedTuple):
    """What an endpoint's type is to be, as far as it changes.

    Attributes:
        dtype: The dtype; None for the one it has.
        shape: The shape; "same" for the one it has.
        insist: Whether a reshape is meant even if it looks like a transpose.
        steps: What happens to values besides, in the order in which they pass. What is not stated
            of the type follows from them: see `sigpb.rewrite.conversion`.
    """

    dtype: int | None = None
    shape: Shape | Literal["same"] = "same"
    insist: bool = False
    steps: tuple[Step, ...] = ()

    def of(self, now: TensorType) -> TensorType:
        """Returns the whole type, given the one it has."""
        return TensorType(
            now.dtype if self.dtype is None else self.dtype,
            now.shape if self.shape == "same" else self.shape,
        )


def with_batch(shape: Shape, size: int | None) -> Shape:
    """Returns a shape with another first dimension."""
    return (size, *shape[1:]) if shape else shape


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


class StatedInfos(Mapping[str, protos.TensorInfo]):
    """What a signature says of its inputs or outputs in the model, by their keys there.

    It is parsed when it is asked for: parsed, all that thousands of signatures say would take many
    times the file in memory.
    """

    __slots__ = ("_key", "_side", "_signatures")

    def __init__(self, signatures: Mapping[str, protos.SignatureDef], key: str, side: Side) -> None:
        """Takes the signatures of a MetaGraph, the key of one, and which side of it."""
        self._signatures, self._key, self._side = signatures, key, side

    def _infos(self) -> Mapping[str, protos.TensorInfo]:
        signature = self._signatures[self._key]
        return signature.inputs if self._side == "input" else signature.outputs

    def __getitem__(self, key: str) -> protos.TensorInfo:
        return self._infos()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._infos())

    def __len__(self) -> int:
        return len(self._infos())


@dataclass(frozen=True, slots=True)
class Port:
    """An input or output of a signature that is to be.

    Attributes:
        source: Its key in the model; of an endpoint that is added, the one that it gets.
        key: The key it is to have.
        infos: What the signature says of its endpoints on this side in the model.
        dropped: Whether it is to go.
        type: What type it is to have, as far as a patch says so.
        bound: For an input that is to go, the value it has from then on.
        rows_of: For a bound value of one row that is repeated, or one that passes `Broadcast`, the
            input that has as many rows, by its key in the model.
        default: The value a client may leave out; None if that does not change.
        tensor: For an output that is added, or an input that is fed inside of the graph, what the
            patch calls its tensor, in the graph or in a function; empty for an output that is made
            of another endpoint, and for an input that is added.
        of: For an output that is made of another endpoint, the side of that, and its key in the
            model, or that of an input that is added.
        node_name: The name that the node of its tensor is to have at the top level of the graph;
            empty if an earlier patch gave it one that is to be taken back, None for no change.
        conversion: How its values are converted; None if they are not. Of a signature that is to be
            what it was, it converts nothing, but says the type.
        found: For such an output, its tensor at the top level of the graph; for such an input, that
            or what stands for it there.
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
    of: tuple[Side, str] | None = None
    node_name: str | None = None
    conversion: Conversion | None = None
    found: str = ""
    result: Result | None = None

    def made_of(self, side: Side) -> str | None:
        """Returns the key of the endpoint that it is made of, if that is on this side."""
        return self.of[1] if self.of and self.of[0] == side else None

    @property
    def renamed(self) -> bool:
        """Whether it stays under another key."""
        return not self.dropped and self.key != self.source

    @property
    def is_new(self) -> bool:
        """Whether its key may be one that the model does not have."""
        return self.renamed or self.tensor is not None

    @property
    def changed(self) -> bool:
        """Whether it differs from the model."""
        return self.dropped or self.renamed or self.default is not None or self.converted

    @property
    def converted(self) -> bool:
        """Whether other values pass through it, or other nodes, so that the graph has to change."""
        asked = (self.type, self.bound, self.node_name, self.tensor)
        return any(each is not None for each in asked)

    @property
    def is_gone(self) -> bool:
        """Whether it is an input that goes, and nothing is in its place."""
        return self.dropped and self.bound is None

    def retyped(
        self,
        dtype: int | None = None,
        shape: Shape | Literal["same"] = "same",
        *,
        insist: bool = False,
    ) -> Port:
        """Returns it with what of its type is to change; the rest stays as it is set."""
        set_ = self.type or WantedType()
        type_ = WantedType(
            set_.dtype if dtype is None else dtype,
            set_.shape if shape == "same" else shape,
            set_.insist or insist,
            set_.steps,
        )
        return replace(self, type=type_)

    @property
    def info(self) -> protos.TensorInfo:
        """What the signature says of it in the model.

        Of an output that is added, nothing; of an input that is fed inside of the graph, what the
        graph says of its tensor, once that is found.
        """
        if self.tensor is not None and self.source not in self.infos:
            return protos.TensorInfo()
        return self.infos[self.source]

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
