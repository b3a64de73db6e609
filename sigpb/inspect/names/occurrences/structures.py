"""The names in StructuredValues: of arguments, of TensorSpecs, and the keys of dictionaries."""

from __future__ import annotations

from collections.abc import Iterator

from sigpb import protos
from sigpb.inspect.names.occurrences.occurrence import Occurrence, Role
from sigpb.inspect.place import Place

_SPECS = ("tensor_spec_value", "bounded_tensor_spec_value")
_SEQUENCES = ("list_value", "tuple_value")


def in_structure(value: protos.StructuredValue, place: Place) -> Iterator[Occurrence]:
    """Yields the names in a StructuredValue."""
    kind = value.WhichOneof("kind")
    if kind is None:
        return
    here = Place(place, kind)
    if kind == "string_value":
        yield Occurrence(Role.STRUCTURE, value.string_value, here)
    elif kind in _SPECS:
        yield Occurrence(Role.STRUCTURE, getattr(value, kind).name, Place(here, "name"))
    elif kind == "type_spec_value":
        yield from in_type_spec(value.type_spec_value, here)
    elif kind in _SEQUENCES:
        for position, element in enumerate(getattr(value, kind).values):
            yield from in_structure(element, Place(here, "values", position))
    elif kind == "dict_value":
        for key in sorted(value.dict_value.fields):
            where = Place(here, "fields", key)
            yield Occurrence(Role.STRUCTURE, key, where)
            yield from in_structure(value.dict_value.fields[key], where)
    elif kind == "named_tuple_value":
        yield Occurrence(Role.STRUCTURE, value.named_tuple_value.name, Place(here, "name"))
        for position, pair in enumerate(value.named_tuple_value.values):
            where = Place(here, "values", position)
            yield Occurrence(Role.STRUCTURE, pair.key, Place(where, "key"))
            yield from in_structure(pair.value, Place(where, "value"))


def in_type_spec(spec: protos.TypeSpecProto, place: Place) -> Iterator[Occurrence]:
    """Yields the names in a TypeSpecProto."""
    if spec.type_spec_class_name:
        where = Place(place, "type_spec_class_name")
        yield Occurrence(Role.STRUCTURE, spec.type_spec_class_name, where)
    yield from in_structure(spec.type_state, Place(place, "type_state"))
