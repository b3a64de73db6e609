"""The dtypes and shapes that a patch states: this version checks them and changes none."""

from __future__ import annotations

from collections.abc import Iterator

from sigpb.edits import EndpointTarget
from sigpb.tensor_types import dtype_name, shape_of, shape_text


def mismatches(target: EndpointTarget) -> Iterator[str]:
    """Yields where an endpoint has another dtype or shape than the patch states."""
    for field, actual in (
        ("dtype", dtype_name(target.info.dtype)),
        ("shape", shape_text(shape_of(target.info.tensor_shape))),
    ):
        stated = getattr(target.patch, field)
        if target.patch.HasField(field) and stated.replace(" ", "") != actual:
            yield (
                f"signature {target.signature.ref.key!r}: {target.side} {target.key!r} has the "
                f"{field} {actual}, not {stated}, and this version of sigpb cannot change it."
            )
