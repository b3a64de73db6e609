"""Mappings of small signatures, from plain data and from patches."""

from __future__ import annotations

from pathlib import Path

from sigpb.patching.compile import compile_patch
from sigpb.patching.patch_file import parse_text
from sigpb.saved_model.model import open_model
from sigpb.steps.conversion import convert
from sigpb.tf.tensor_types import TensorType, dtype_of, parse_shape
from sigpb.verifying.from_plan import mapping_of
from sigpb.verifying.mapping import (
    AddedOutput,
    Component,
    InputMapping,
    ModelMapping,
    OutputMapping,
    SignatureMapping,
)


def type_of(text: str) -> TensorType:
    """Reads a type such as ``float32 [?,3]``."""
    dtype, _, shape = text.partition(" ")
    return TensorType(dtype_of(dtype), parse_shape(shape))


def input_(
    key: str,
    new_type: str,
    old_type: str | None = None,
    *,
    new: str | None = None,
    rows: int | None = None,
    tensor: str | None = None,
) -> InputMapping:
    fed, taken = type_of(new_type), type_of(old_type or new_type)
    return InputMapping(
        key,
        new or key,
        "dense",
        fed,
        (Component("", tensor or f"{key}:0", fed),),
        taken.dtype,
        convert(fed, taken),
        rows=rows,
    )


def output(key: str, *, new: str | None = None, batch_axis: int | None = None) -> OutputMapping:
    return OutputMapping(key, new or key, type_of("float32 [?]"), batch_axis=batch_axis)


def signature(
    *ends: InputMapping | OutputMapping, added: tuple[AddedOutput, ...] = ()
) -> SignatureMapping:
    return SignatureMapping(
        "old",
        "new",
        tuple(end for end in ends if isinstance(end, InputMapping)),
        tuple(end for end in ends if isinstance(end, OutputMapping)),
        added,
    )


def mapping_by(model: Path, patch: str) -> ModelMapping:
    """Returns the mapping that a patch in text format amounts to."""
    with open_model(model) as opened:
        return mapping_of(opened, compile_patch(opened, parse_text(patch)))


def signature_by(model: Path, patch: str, key: str = "serving_default") -> SignatureMapping:
    """Returns what the mapping makes of one signature of the only MetaGraph."""
    (graph,) = mapping_by(model, patch).meta_graphs
    return next(each for each in graph.signatures if each.new == key)
