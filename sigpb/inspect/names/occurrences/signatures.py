"""The names in SignatureDefs, and in the TensorInfos that they and others hold."""

from __future__ import annotations

from collections.abc import Iterator

from sigpb import protos
from sigpb.inspect.names.occurrences.occurrence import Occurrence, Role
from sigpb.inspect.names.occurrences.structures import in_type_spec
from sigpb.inspect.place import Place


def in_signature(key: str, signature: protos.SignatureDef, place: Place) -> Iterator[Occurrence]:
    """Yields the names in a SignatureDef that stands under a key."""
    yield Occurrence(Role.SIGNATURE, key, place)
    if signature.method_name:
        yield Occurrence(Role.METHOD, signature.method_name, Place(place, "method_name"))
    for side, endpoints in (("inputs", signature.inputs), ("outputs", signature.outputs)):
        for name in sorted(endpoints):
            here = Place(place, side, name)
            yield Occurrence(Role.ENDPOINT, name, here)
            yield from in_tensor_info(endpoints[name], here, Role.ENDPOINT_TENSOR)
    for name in sorted(signature.defaults):
        yield Occurrence(Role.ENDPOINT, name, Place(place, "defaults", name))


def in_tensor_info(info: protos.TensorInfo, place: Place, role: Role) -> Iterator[Occurrence]:
    """Yields the names of the tensors that a TensorInfo stands for, and those in its type."""
    kind = info.WhichOneof("encoding")
    if kind == "name":
        yield Occurrence(role, info.name, Place(place, kind))
    elif kind == "coo_sparse":
        here = Place(place, kind)
        for field, name in info.coo_sparse.ListFields():
            yield Occurrence(role, name, Place(here, field.name))
    elif kind == "composite_tensor":
        here = Place(place, kind)
        composite = info.composite_tensor
        yield from in_type_spec(composite.type_spec, Place(here, "type_spec"))
        for position, component in enumerate(composite.components):
            yield from in_tensor_info(component, Place(here, "components", position), role)
