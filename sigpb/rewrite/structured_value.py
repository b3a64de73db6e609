"""Renames inside the StructuredValues that describe how a concrete function is called.

The format is that of tensorflow/python/saved_model/nested_structure_coder.py. Where TensorFlow
writes Python argument names, newer versions adapt keys that are no identifiers, older ones do not;
both spellings of an old key are found, and the adapted one of the new key is written.
"""

from __future__ import annotations

from collections.abc import Mapping

from sigpb import protos
from sigpb.saved_model.endpoint_keys import argument_name


def rename_arguments(signature: protos.StructuredValue, keys: Mapping[str, str]) -> None:
    """Renames inputs in the `canonicalized_input_signature` of a concrete function.

    Args:
        signature: A tuple of positional and keyword arguments; changed.
        keys: The new key of every input by its old one.
    """
    names = _argument_names(keys)
    for argument_list in signature.tuple_value.values:
        if not argument_list.HasField("dict_value"):
            continue
        _rename_fields(argument_list.dict_value, names)
        for value in argument_list.dict_value.fields.values():
            _rename_spec(value, keys)


def rename_results(signature: protos.StructuredValue, keys: Mapping[str, str]) -> None:
    """Renames outputs in the `output_signature` of a concrete function.

    Args:
        signature: A dictionary of specs; changed.
        keys: The new key of every output by its old one. Outputs that are not in it are removed.
    """
    fields = signature.dict_value.fields
    for dropped in set(fields) - set(keys):
        del fields[dropped]
    _rename_fields(signature.dict_value, keys)
    for value in fields.values():
        _rename_spec(value, keys)


def rename_parameters(fullargspec: protos.StructuredValue, keys: Mapping[str, str]) -> None:
    """Renames inputs in the `fullargspec` of a bare concrete function.

    Args:
        fullargspec: The fields of Python's ``inspect.FullArgSpec``; changed. May be empty.
        keys: The new key of every input by its old one.
    """
    names = _argument_names(keys)
    for pair in fullargspec.named_tuple_value.values:
        if pair.key in ("args", "kwonlyargs"):
            for value in pair.value.list_value.values:
                value.string_value = names.get(value.string_value, value.string_value)
        elif pair.value.HasField("dict_value"):
            _rename_fields(pair.value.dict_value, names)


def _argument_names(keys: Mapping[str, str]) -> dict[str, str]:
    names = {argument_name(old): argument_name(new) for old, new in keys.items()}
    return names | {old: argument_name(new) for old, new in keys.items()}


def _rename_fields(dictionary: protos.DictValue, names: Mapping[str, str]) -> None:
    before = protos.DictValue()
    before.CopyFrom(dictionary)
    dictionary.fields.clear()
    for name, value in before.fields.items():
        dictionary.fields[names.get(name, name)].CopyFrom(value)


def _rename_spec(value: protos.StructuredValue, keys: Mapping[str, str]) -> None:
    if value.HasField("tensor_spec_value"):
        spec = value.tensor_spec_value
        spec.name = keys.get(spec.name, spec.name)
