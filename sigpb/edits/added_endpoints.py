"""The edits that add outputs, and inputs that outputs pass on."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sigpb import protos
from sigpb.edits.edit import Edit, SignatureEdit, SignatureTarget
from sigpb.edits.tensor_edits import NewEndpoint, is_of_type
from sigpb.rewrite.draft import MetaGraphDraft
from sigpb.rewrite.port import Port, Side, WantedType
from sigpb.tf.tensor_names import full
from sigpb.tf.tensor_types import dtype_of, parse_shape, shape_text


@dataclass(frozen=True)
class AddedOutput(NewEndpoint):
    """What edits have in common that add an output.

    Attributes:
        node_name: The name that its node is to have; None for any.
    """

    node_name: str | None

    @classmethod
    def stated(cls, patch: protos.EndpointPatch) -> dict[str, Any]:
        """Returns the fields that all of them have as a patch states them."""
        return super().stated(patch) | {"node_name": patch.node_name or None}

    @property
    @abstractmethod
    def source(self) -> str:
        """What it is made of, as plans say it."""

    @abstractmethod
    def port(self) -> Port:
        """Returns the output, of the type that it has by itself."""

    def unchecked(self) -> Iterator[str]:
        """What the steps make of values is not run."""
        if self.steps:
            yield f"what {self.where} computes with the steps of output {self.key!r}"

    def apply(self, draft: MetaGraphDraft) -> None:
        """Adds the output."""
        port = self.typed(replace(self.port(), node_name=self.node_name))
        signature = draft.signature(self.signature)
        draft.put(replace(signature, added=(*signature.added, port)))

    def describe(self) -> str:
        """Returns for instance ``… output 'pooled' added from tensor 'pool/Mean:0'``."""
        steps = ""
        if self.steps:
            from sigpb.steps.syntax import shown

            steps = f" by {', '.join(map(shown, self.steps))}"
        return (
            f"{self.where}: output {self.key!r} added from {self.source}{self.as_type}{steps}"
            f"{f', named {self.node_name!r}' if self.node_name else ''}"
        )


def _is_there(
    item: protos.EndpointPatch, outputs: Mapping[str, protos.TensorInfo], tensor: str
) -> bool:
    """Whether a signature has the output that a patch adds, as that tensor."""
    info = outputs.get(item.key)
    return info is not None and info.name == tensor and is_of_type(info, item)


@dataclass(frozen=True)
class AddOutput(AddedOutput):
    """Makes a tensor of the graph, or of a function that the signature calls, an output.

    Attributes:
        tensor: The name of the tensor.
    """

    tensor: str

    @classmethod
    def from_signature(cls, target: SignatureTarget) -> Iterator[Edit]:
        """Wanted where the patch says ``from_tensor``, unless the output is that tensor."""
        outputs = target.signature_def.outputs
        for item in target.patch.output:
            tensor = full(item.from_tensor)
            if item.HasField("from_tensor") and not _is_there(item, outputs, tensor):
                yield cls(target.ref, tensor=item.from_tensor, **cls.stated(item))

    @property
    def source(self) -> str:
        """What it is made of."""
        return f"tensor {self.tensor!r}"

    def port(self) -> Port:
        """Returns the output of the tensor."""
        return Port(self.key, self.key, {}, tensor=self.tensor)


@dataclass(frozen=True)
class AddOutputOf(AddedOutput):
    """Makes another output of one that there is, or returns what clients send as an input.

    Attributes:
        side: Whether it is an input or an output.
        endpoint: Its key in the model, or that of an input that is added.
    """

    side: Side
    endpoint: str

    @classmethod
    def from_signature(cls, target: SignatureTarget) -> Iterator[Edit]:
        """Wanted where the patch says ``from_input``; or ``from_output``, unless it is that."""
        signature, patch = target.signature_def, target.patch
        for item in patch.output:
            if item.HasField("from_input"):
                endpoint = _current(item.from_input, patch.input, signature.inputs)
                yield cls(target.ref, side="input", endpoint=endpoint, **cls.stated(item))
            elif item.HasField("from_output"):
                endpoint = _current(item.from_output, patch.output, signature.outputs)
                known = endpoint in signature.outputs
                tensor = signature.outputs[endpoint].name if known else ""
                if not _is_there(item, signature.outputs, tensor):
                    yield cls(target.ref, side="output", endpoint=endpoint, **cls.stated(item))

    @property
    def source(self) -> str:
        """What it is made of."""
        return f"{self.side} {self.endpoint!r}"

    def port(self) -> Port:
        """Returns the output of the endpoint; the survey finds what that is."""
        return Port(self.key, self.key, {}, tensor="", of=(self.side, self.endpoint))


def _current(
    key: str,
    patches: Sequence[protos.EndpointPatch],
    infos: Mapping[str, protos.TensorInfo],
) -> str:
    """Returns the key that an endpoint has now: another one if the patch's renaming is done."""
    renamed = next((item.rename_to for item in patches if item.key == key), "")
    return renamed if key not in infos and renamed in infos else key


@dataclass(frozen=True)
class AddInput(SignatureEdit):
    """Adds an input, which nothing is computed from and outputs pass on.

    Attributes:
        key: Its key.
        dtype: Its dtype.
        shape: Its shape.
    """

    key: str
    dtype: str
    shape: str

    @classmethod
    def from_signature(cls, target: SignatureTarget) -> Iterator[Edit]:
        """Wanted where the patch says ``add``, unless there is that input."""
        inputs = target.signature_def.inputs
        for item in target.patch.input:
            if item.add and not (item.key in inputs and is_of_type(inputs[item.key], item)):
                yield cls(target.ref, item.key, item.dtype, item.shape)

    def apply(self, draft: MetaGraphDraft) -> None:
        """Adds the input."""
        wanted = WantedType(dtype_of(self.dtype), parse_shape(self.shape))
        port = Port(self.key, self.key, {}, tensor="", type=wanted)
        signature = draft.signature(self.signature)
        draft.put(replace(signature, added_inputs=(*signature.added_inputs, port)))

    def describe(self) -> str:
        """Returns for instance ``… input 'id' string [?] added``."""
        type_ = f"{self.dtype} {shape_text(parse_shape(self.shape))}"
        return f"{self.where}: input {self.key!r} {type_} added"
