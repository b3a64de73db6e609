"""Requests that TensorFlow Serving would refuse because of the method name of a signature."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sigpb import protos
from sigpb.rewrite.interface import Interface
from sigpb.rewrite.port import SIDES, Port
from sigpb.saved_model.model import MetaGraph
from sigpb.tf.serving import EXAMPLES, OUTPUTS, unknown_method, wrong_dtypes
from sigpb.tf.tensor_types import dtype_name


def refused_requests(meta_graph: MetaGraph, signature: Interface) -> Iterator[str]:
    """Yields which requests TensorFlow Serving would refuse, by the method of a signature and why.

    Args:
        meta_graph: The MetaGraph.
        signature: The signature as it is to be.

    Yields:
        What continues the name of the signature.
    """
    method = signature.method_name
    yield from (f": {problem}" for problem in unanswerable(signature))
    if method != signature.source_method_name and (problem := unknown_method(method)):
        yield (
            f": {problem} Older servers, and newer ones with --enable_signature_method_name_check, "
            "refuse requests."
        )
    if method in OUTPUTS:
        found = meta_graph.signatures[signature.ref.source]
        inputs, outputs = (
            {
                end.key: dtype_name(dtype)
                for end in signature.kept(side)
                if (dtype := _stated_dtype(end, infos)) is not None
            }
            for side, infos in zip(SIDES, (found.inputs, found.outputs), strict=True)
        )
        before = (
            {key: dtype_name(info.dtype) for key, info in infos.items()}
            for infos in (found.inputs, found.outputs)
        )
        known = set(wrong_dtypes(signature.source_method_name, *before))
        for side, key, problem in wrong_dtypes(method, inputs, outputs):
            if (side, key, problem) not in known:
                yield f", {side} {key!r}: {problem}"


def _stated_dtype(end: Port, infos: Mapping[str, protos.TensorInfo]) -> int | None:
    """Returns the dtype that an endpoint is to have; None if that follows from its steps."""
    if end.type is not None and (end.type.steps or end.type.dtype is not None):
        return end.type.dtype
    return int(infos[end.source].dtype) if end.source in infos else None


def unanswerable(signature: Interface) -> Iterator[str]:
    """Yields why TensorFlow Serving could not answer the requests a method stands for."""
    outputs = OUTPUTS.get(signature.method_name)
    if outputs is None:
        return
    inputs, keys = set(signature.keys("input")), set(signature.keys("output"))
    if inputs != {EXAMPLES} or not keys & set(outputs) or len(keys) > len(outputs):
        wanted = " or ".join(repr(key) for key in sorted(outputs))
        yield (
            f"TensorFlow Serving answers {signature.method_name} requests only with an input "
            f"{EXAMPLES!r} and an output {wanted}, and no more than these."
        )
