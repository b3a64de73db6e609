"""Small MetaGraphs for tests of single views: what a draft asks for, before and after."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from sigpb import protos
from sigpb.rewrite.conversion import Conversion, conversion
from sigpb.rewrite.draft import Interfaces, MetaGraphDraft, interfaces_of
from sigpb.rewrite.interface import SignatureRef
from sigpb.rewrite.port import Port, Side, WantedType
from sigpb.saved_model.model import MetaGraph
from sigpb.tf.tensor_types import TensorType, dtype_of, parse_shape
from sigpb.wire import Edits, Message, assemble

Change = Callable[[MetaGraphDraft], object]


def signature_def(outline: str) -> protos.SignatureDef:
    """Makes a SignatureDef from an outline such as ``b, x -> p``; key ``x`` is tensor ``x:0``."""
    inputs, outputs = outline.split("->")
    signature = protos.SignatureDef()
    for keys, endpoints in ((inputs, signature.inputs), (outputs, signature.outputs)):
        for key in keys.replace(" ", "").split(","):
            if key:
                endpoints[key].name = f"{key}:0"
    return signature


def meta_graph_bytes(**outlines: str) -> bytes:
    """Encodes a MetaGraphDef with signatures in the given order, which need not be sorted."""
    return b"".join(
        protos.MetaGraphDef(signature_def={key: signature_def(text)}).SerializeToString()
        for key, text in outlines.items()
    )


def draft_of(meta_graph: bytes) -> MetaGraphDraft:
    return MetaGraphDraft.of(MetaGraph(Message.root(meta_graph)))


def rewritten(
    view: Callable[[Edits, Interfaces], object], meta_graph: bytes, change: Change
) -> bytes:
    """Changes the draft of a MetaGraph, and returns what one view writes for it."""
    draft = draft_of(meta_graph)
    change(draft)
    edits = Edits(meta_graph)
    view(edits, interfaces_of(draft))
    return assemble(edits.pieces(), meta_graph)


def rename(
    key: str,
    to: str | None = None,
    *,
    copy_of: str | None = None,
    inputs: Mapping[str, str] = {},
    outputs: Mapping[str, str] = {},
) -> Change:
    """Returns the change that gives a signature, or a copy of one, and its endpoints new keys."""

    def change(draft: MetaGraphDraft) -> None:
        signature = draft.signature(SignatureRef(key, copy_of))
        draft.put(replace(signature, key=to or key))
        for ports, keys in ((signature.inputs, inputs), (signature.outputs, outputs)):
            for old, new in keys.items():
                ports[old] = replace(ports[old], key=new)

    return change


def drop(key: str, *, output: str | None = None) -> Change:
    """Returns the change that drops a signature, or one of its outputs."""

    def change(draft: MetaGraphDraft) -> None:
        signature = draft.signature(SignatureRef(key))
        if output is None:
            draft.put(replace(signature, dropped=True))
        else:
            signature.outputs[output] = replace(signature.outputs[output], dropped=True)

    return change


def retype(
    key: str,
    side: Side,
    endpoint: str,
    dtype: str | None = None,
    shape: str | None = None,
    *,
    copy_of: str | None = None,
) -> Change:
    """Returns the change of an endpoint's type."""

    def change(draft: MetaGraphDraft) -> None:
        ports = draft.signature(SignatureRef(key, copy_of)).endpoints(side)
        if dtype is not None:
            ports[endpoint] = ports[endpoint].retyped(dtype=dtype_of(dtype))
        if shape is not None:
            ports[endpoint] = ports[endpoint].retyped(shape=parse_shape(shape))

    return change


def bind(key: str, endpoint: str, value: protos.TensorProto) -> Change:
    """Returns the change that gives an input a value, and removes it."""

    def change(draft: MetaGraphDraft) -> None:
        inputs = draft.signature(SignatureRef(key)).inputs
        inputs[endpoint] = replace(inputs[endpoint], bound=value, dropped=True)

    return change


def default(key: str, endpoint: str, value: protos.TensorProto) -> Change:
    """Returns the change that gives an input a value that a client may leave out."""

    def change(draft: MetaGraphDraft) -> None:
        inputs = draft.signature(SignatureRef(key)).inputs
        inputs[endpoint] = replace(inputs[endpoint], default=value)

    return change


def add_output(key: str, endpoint: str, tensor: str, dtype: str | None = None) -> Change:
    """Returns the change that adds an output."""

    def change(draft: MetaGraphDraft) -> None:
        port = Port(endpoint, endpoint, {}, tensor=tensor)
        if dtype is not None:
            port = port.retyped(dtype=dtype_of(dtype))
        signature = draft.signature(SignatureRef(key))
        draft.put(replace(signature, added=(*signature.added, port)))

    return change


def all_of(*changes: Change) -> Change:
    def change(draft: MetaGraphDraft) -> None:
        for each in changes:
            each(draft)

    return change


def conversion_to(
    side: Side, now: TensorType, wanted: TensorType, *, insist: bool = False
) -> Conversion:
    """How an endpoint gets another type, without steps that are asked for."""
    return conversion(side, now, WantedType(*wanted, insist))
