"""Changes inside the StructuredValues that describe how a concrete function is called.

The format is that of tensorflow/python/saved_model/nested_structure_coder.py. Where TensorFlow
writes Python argument names, newer versions adapt keys that are no identifiers, older ones do not.
Both spellings of an old key are found. A new key is spelled like the other ones that are there, or,
if none of them tells, like the version of TensorFlow that wrote the model does; the spelling of a
key that stays is left alone.
"""

from __future__ import annotations

import inspect
from collections.abc import Collection, Mapping, Sequence
from typing import TypeAlias

from sigpb import protos
from sigpb.tf.endpoint_keys import argument_name
from sigpb.tf.tensor_types import TensorType, shape_proto

NewKeys: TypeAlias = "Mapping[str, str | None]"
"""The new key of every input, or every output, by its old one; None for one that goes."""

_KEYWORDS = "kwonlyargs"
_PARAMETERS = ("args", _KEYWORDS)


def change_arguments(
    signature: protos.StructuredValue,
    keys: NewKeys,
    types: Mapping[str, TensorType] = {},
    added: Mapping[str, TensorType] = {},
    *,
    adapted: bool = True,
) -> None:
    """Changes inputs in the `canonicalized_input_signature` of a concrete function.

    Args:
        signature: A tuple of positional and keyword arguments; changed.
        keys: The new keys.
        types: The new types of inputs by their old keys.
        added: The types of inputs to add, or to put in the place of others, by their keys.
        adapted: Whether the version of TensorFlow that wrote the model adapts keys.
    """
    types_by_name = {argument_name(key): type_ for key, type_ in types.items()} | {**types}
    for argument_list in signature.tuple_value.values:
        if argument_list.HasField("dict_value"):
            for name, value in argument_list.dict_value.fields.items():
                if name in types_by_name:
                    _set_type(value, types_by_name[name])
            adapted = _are_adapted(keys, argument_list.dict_value.fields, adapted=adapted)
            _change_fields(argument_list.dict_value, _new_names(keys, adapted=adapted), keys)
            for key, type_ in added.items():
                value = argument_list.dict_value.fields[argument_name(key) if adapted else key]
                value.Clear()
                value.tensor_spec_value.name = key
                _set_type(value, type_)


def change_results(
    signature: protos.StructuredValue,
    keys: NewKeys,
    types: Mapping[str, TensorType] = {},
    added: Mapping[str, TensorType] = {},
) -> None:
    """Changes outputs in the `output_signature` of a concrete function.

    Args:
        signature: A dictionary of specs; changed.
        keys: The new keys.
        types: The new types of outputs by their old keys.
        added: The types of outputs to add by their keys.
    """
    for key, value in signature.dict_value.fields.items():
        if key in types:
            _set_type(value, types[key])
    _change_fields(signature.dict_value, keys, keys)
    for key, type_ in added.items():
        value = signature.dict_value.fields[key]
        value.tensor_spec_value.name = key
        _set_type(value, type_)


def change_parameters(
    fullargspec: protos.StructuredValue,
    keys: NewKeys,
    added: Collection[str] = (),
    *,
    adapted: bool = True,
) -> None:
    """Changes inputs in the `fullargspec` of a bare concrete function.

    Args:
        fullargspec: The fields of Python's ``inspect.FullArgSpec``; changed. May be empty.
        keys: The new keys.
        added: The keys of inputs to add, which may be there.
        adapted: Whether the version of TensorFlow that wrote the model adapts keys.
    """
    pairs = fullargspec.named_tuple_value.values
    spelled = {
        value.string_value
        for pair in pairs
        if pair.key in _PARAMETERS
        for value in pair.value.list_value.values
    }
    adapted = _are_adapted(keys, spelled, adapted=adapted)
    names = _new_names(keys, adapted=adapted)
    for pair in pairs:
        if pair.key in _PARAMETERS:
            values = pair.value.list_value.values
            for position in reversed(range(len(values))):
                name = values[position].string_value
                if (new_name := names.get(name, name)) is None:
                    del values[position]
                else:
                    values[position].string_value = new_name
            spelled = {value.string_value for value in values}
            for key in added if pair.key == _KEYWORDS else ():
                if {key, argument_name(key)}.isdisjoint(spelled):
                    values.add(string_value=argument_name(key) if adapted else key)
        elif pair.value.HasField("dict_value"):
            _change_fields(pair.value.dict_value, names, {})


def keyword_parameters(names: Sequence[str]) -> protos.StructuredValue:
    """Returns the `fullargspec` of a function with keyword arguments only, none with a default."""
    spec = protos.StructuredValue()
    spec.named_tuple_value.name = "FullArgSpec"
    fields = {
        name: spec.named_tuple_value.values.add(key=name).value
        for name in inspect.FullArgSpec._fields
    }
    for name in ("varargs", "varkw", "defaults", "kwonlydefaults"):
        fields[name].none_value.SetInParent()
    fields["args"].list_value.SetInParent()
    fields["kwonlyargs"].list_value.SetInParent()
    for name in names:
        fields["kwonlyargs"].list_value.values.add(string_value=name)
    fields["annotations"].dict_value.SetInParent()
    return spec


def dictionary_of_specs(
    tensors: Mapping[str, tuple[str, TensorType]],
) -> protos.StructuredValue:
    """Returns a dictionary of the specs of tensors, each with the name that it is to have."""
    value = protos.StructuredValue()
    value.dict_value.SetInParent()
    for field, (name, type_) in tensors.items():
        spec = value.dict_value.fields[field]
        spec.tensor_spec_value.name = name
        _set_type(spec, type_)
    return value


def _are_adapted(keys: Collection[str], spelled: Collection[str], *, adapted: bool) -> bool:
    """Whether new keys are to be adapted.

    Args:
        keys: The old keys.
        spelled: What is written of them now.
        adapted: What holds if that does not tell.
    """
    odd = [key for key in keys if key != argument_name(key)]
    if any(key in spelled for key in odd):
        return False
    return adapted or any(argument_name(key) in spelled for key in odd)


def _new_names(keys: NewKeys, *, adapted: bool) -> dict[str, str | None]:
    """Returns what is to be written for either spelling of the old keys; None for what goes."""
    names: dict[str, str | None] = {}
    for spelling in (argument_name, str):
        for key, new in keys.items():
            old = spelling(key)
            names[old] = old if new == key else argument_name(new) if new and adapted else new
    return names


def _change_fields(dictionary: protos.DictValue, names: NewKeys, keys: NewKeys) -> None:
    """Renames the fields of a dictionary and the specs in them, and removes what is to go."""
    before = protos.DictValue()
    before.CopyFrom(dictionary)
    dictionary.fields.clear()
    for name, value in before.fields.items():
        if (new_name := names.get(name, name)) is not None:
            after = dictionary.fields[new_name]
            after.CopyFrom(value)
            if after.HasField("tensor_spec_value"):
                spec = after.tensor_spec_value
                spec.name = keys.get(spec.name) or spec.name


def _set_type(value: protos.StructuredValue, type_: TensorType) -> None:
    if value.HasField("type_spec_value"):  # That of a sparse tensor: its shape and dtype.
        for part in value.type_spec_value.type_state.tuple_value.values:
            if part.HasField("tensor_dtype_value"):
                part.tensor_dtype_value = type_.dtype
        return
    value.tensor_spec_value.dtype = type_.dtype
    value.tensor_spec_value.shape.CopyFrom(shape_proto(type_.shape))
