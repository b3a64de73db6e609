"""The flags that say what to patch, and the patch they amount to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, cast

from absl import flags

from sigpb import protos
from sigpb.cli.arguments import (
    define_patch,
    define_tags,
    group,
    new_keys,
    parse_tags,
    split_pair,
    split_pattern,
    split_value,
    tag_set,
    unquote,
)
from sigpb.errors import UsageError
from sigpb.tf.serving import DEFAULT_SIGNATURE

# A path or URL, and the key of a signature.
_ADAPTER = re.compile(r"((?:\w+://)?[^:]+)(?::(.+))?")

# Flags that say one thing of an endpoint: the flag, and where it goes in the patch.
_ENDPOINT_FLAGS = (
    ("input_dtype", "input", "dtype"),
    ("output_dtype", "output", "dtype"),
    ("input_shape", "input", "shape"),
    ("output_shape", "output", "shape"),
    ("bind_input", "input", "bind"),
    ("default_input", "input", "default"),
    ("add_output", "output", "from_tensor"),
    ("output_from_output", "output", "from_output"),
    ("output_from_input", "output", "from_input"),
    ("input_from", "input", "from_tensor"),
    ("input_node_name", "input", "node_name"),
    ("output_node_name", "output", "node_name"),
)

# Flags that say something of a MetaGraph as a whole: the flag, and where it goes in the patch.
_META_GRAPH_FLAGS = (
    ("drop_meta_graph", "drop"),
    ("clear_devices", "clear_devices"),
    ("strip_default_attrs", "strip_default_attrs"),
    ("prune", "prune"),
)


def define(values: flags.FlagValues) -> None:
    """Defines the flags."""
    with group("What changes", values):
        _define_patch(values)
    with group("What changes: inputs and outputs", values):
        _define_endpoints(values)
    with group("What changes: signatures", values):
        _define_signatures(values)
    with group("What changes: adapters", values):
        _define_grafts(values)
    with group("What changes: the MetaGraph", values):
        _define_meta_graph(values)


def _define_patch(values: flags.FlagValues) -> None:
    define_patch(values)
    flags.DEFINE_string(
        "signature",
        DEFAULT_SIGNATURE,
        "KEY: the signature that the flags for inputs, outputs and the method apply to.",
        flag_values=values,
    )
    define_tags(values)


def _define_endpoints(values: flags.FlagValues) -> None:
    for name, meaning in (
        ("rename_input", "OLD=NEW: renames an input; re:PATTERN=NEW all whose keys match."),
        ("rename_output", "OLD=NEW: renames an output; re:PATTERN=NEW all whose keys match."),
        ("drop_input", "KEY: removes an input that nothing is computed from."),
        ("drop_output", "KEY: removes an output from the signature."),
        ("input_dtype", "KEY=DTYPE: casts what is fed from this dtype."),
        ("output_dtype", "KEY=DTYPE: casts an output to this dtype."),
        ("input_shape", "KEY=SHAPE: reshapes what is fed from this shape, such as ?,28,28,1."),
        ("output_shape", "KEY=SHAPE: reshapes an output to this shape."),
        ("input_step", "KEY=STEP: has what is fed pass a step, such as scale(127.5, 127.5)."),
        ("output_step", "KEY=STEP: has an output pass a step, such as argmax()."),
        ("reshape_input", "KEY: reshapes it even if its new shape looks like a transpose."),
        ("reshape_output", "KEY: reshapes it even if its new shape looks like a transpose."),
        ("bind_input", "KEY=VALUE: gives an input a constant value, in JSON, and removes it."),
        ("default_input", "KEY=VALUE: the value, in JSON, of an input that a client leaves out."),
        ("input_from", "KEY=TENSOR: has an input fed at a tensor of the graph or of a function."),
        ("add_output", "KEY=TENSOR: makes a tensor of the graph or of a function an output."),
        ("output_from_output", "KEY=OUTPUT: adds an output that is made of one that stays."),
        ("output_from_input", "KEY=INPUT: adds an output that returns what is fed."),
        ("add_input", "KEY: adds an input that outputs pass on; state its dtype and shape."),
        ("input_node_name", "KEY=NAME: gives the tensor of an input this name in the graph."),
        ("output_node_name", "KEY=NAME: gives the tensor of an output this name in the graph."),
    ):
        flags.DEFINE_multi_string(name, [], meaning, flag_values=values)


def _define_signatures(values: flags.FlagValues) -> None:
    for name, meaning in (
        ("rename_signature", "OLD=NEW: renames a signature; re:PATTERN=NEW all whose keys match."),
        ("create_signature", "KEY: creates a signature, of --input_from and --add_output."),
        ("copy_signature", "SOURCE=NEW: copies a signature under a second key."),
        (
            "signature_from",
            "KEY=FUNCTION: adds a signature of a function, such as model.call.",
        ),
        ("delete_signature", "KEY: deletes a signature."),
    ):
        flags.DEFINE_multi_string(name, [], meaning, flag_values=values)
    flags.DEFINE_string(
        "method_name", None, "NAME: the method name of the signature.", flag_values=values
    )
    flags.DEFINE_string(
        "examples",
        None,
        "KEY: adds an input of serialized tf.Examples, from which all other inputs are read.",
        flag_values=values,
    )
    flags.DEFINE_bool(
        "positional",
        None,
        "Whether tf.saved_model.load is to take the signature's inputs by position too.",
        flag_values=values,
    )
    flags.DEFINE_string(
        "batch_size",
        None,
        "N: the batch size of the signature, or ? for any.",
        flag_values=values,
    )


def _define_grafts(values: flags.FlagValues) -> None:
    what = "ADAPTER[:SIGNATURE][,FROM=TO,…]"
    for name, meaning in (
        ("before", f"{what}: puts a model before the signature; its outputs FROM feed inputs TO."),
        ("after", f"{what}: puts a model after the signature, whose outputs FROM feed inputs TO."),
        ("ungraft", "NAME: takes out a model that was put before or after the signature."),
    ):
        flags.DEFINE_multi_string(name, [], meaning, flag_values=values)
    flags.DEFINE_bool(
        "freeze_adapters",
        False,
        "Make the variables of --before and --after constants, and leave the checkpoint alone.",
        flag_values=values,
    )


def _define_meta_graph(values: flags.FlagValues) -> None:
    flags.DEFINE_string(
        "set_tags",
        None,
        "TAG,…: the tag-set of the MetaGraph.",
        flag_values=values,
    )
    flags.DEFINE_string(
        "set_device",
        None,
        "DEVICE: all nodes name this device, such as /device:CPU:0.",
        flag_values=values,
    )
    for name, meaning in (
        ("drop_meta_graph", "Remove the MetaGraph that --tags selects."),
        ("clear_devices", "Have no node name a device."),
        ("strip_default_attrs", "Leave out attributes that have the default value of their op."),
        ("prune", "Leave out what no signature, initializer, saver or object needs."),
    ):
        flags.DEFINE_bool(name, False, meaning, flag_values=values)


def patch_of(values: flags.FlagValues) -> protos.SavedModelPatch:
    """Returns the patch that the flags amount to, joined with that of ``--patch``.

    Raises:
        UsageError: If a flag is malformed.
        PatchError: If the file of ``--patch`` is not a patch.
    """
    try:
        return _patch_of(values)
    except ValueError as error:  # Protobuf's, for bytes of the command line that are not UTF-8.
        raise UsageError(f"A flag holds a key that is not UTF-8 text: {error}.") from error


def _patch_of(values: flags.FlagValues) -> protos.SavedModelPatch:
    patch = protos.SavedModelPatch()
    if values.patch is not None:
        from sigpb.cli.patch_input import read_patch

        patch = read_patch(values.patch)
    for by, old, new in _renames(values, "rename_signature"):
        _signature(patch, old, by).rename_to = new
    for source, new in _pairs(values, "copy_signature"):
        patch.signature.add(key=new, copy_of=source)
    for key, function in _pairs(values, "signature_from"):
        _signature(patch, key).from_function = function
    for key in values.create_signature:
        _signature(patch, unquote(key)).create = True
    for key in values.delete_signature:
        _signature(patch, unquote(key)).drop = True
    for by, old, new in _renames(values, "rename_input"):
        endpoints = _signature(patch, values.signature).input
        _endpoint(endpoints, old, "rename_to", by).rename_to = new
    for by, old, new in _renames(values, "rename_output"):
        endpoints = _signature(patch, values.signature).output
        _endpoint(endpoints, old, "rename_to", by).rename_to = new
    for key in values.drop_input:
        _signature(patch, values.signature).input.add(key=unquote(key), drop=True)
    for key in values.drop_output:
        _signature(patch, values.signature).output.add(key=unquote(key), drop=True)
    for flag, side, field in _ENDPOINT_FLAGS:
        for text in getattr(values, flag):
            pair = split_pattern(text, flag) if field in ("dtype", "shape") else None
            by = "key" if pair is None else "key_pattern"
            key, value = pair or split_value(text, flag, is_new=field == "from_tensor")
            endpoints = getattr(_signature(patch, values.signature), side)
            setattr(_endpoint(endpoints, key, field, by), field, value)
    for flag, side in (("input_step", "input"), ("output_step", "output")):
        for text in getattr(values, flag):
            pair = split_pattern(text, flag)
            by = "key" if pair is None else "key_pattern"
            key, step = pair or split_value(text, flag)
            endpoints = getattr(_signature(patch, values.signature), side)
            _endpoint(endpoints, key, by=by).step.append(step)
    for flag, side in (("reshape_input", "input"), ("reshape_output", "output")):
        for key in getattr(values, flag):
            endpoints = getattr(_signature(patch, values.signature), side)
            _endpoint(endpoints, unquote(key), "reshape").reshape = True
    for key in values.add_input:
        _endpoint(_signature(patch, values.signature).input, unquote(key), "add").add = True
    if values.batch_size is not None:
        _signature(patch, values.signature).batch_size = values.batch_size
    if values.examples is not None:
        _signature(patch, values.signature).examples = values.examples
    if values.positional is not None:
        _signature(patch, values.signature).positional = values.positional
    if values.method_name is not None:
        _signature(patch, values.signature).method_name = values.method_name
    for position in ("before", "after"):
        for text in getattr(values, position):
            grafts = getattr(_signature(patch, values.signature), position)
            grafts.append(_graft(text, position, freeze=values.freeze_adapters))
    for name in values.ungraft:
        _signature(patch, values.signature).ungraft.append(unquote(name))
    if values.freeze_adapters and not (values.before or values.after):
        raise UsageError("--freeze_adapters goes with --before or --after.")
    if (tags := tag_set(values)) is not None:
        patch.tags.Clear()
        patch.tags.SetInParent()
        patch.tags.tag.extend(tags)
    if values.set_tags is not None:
        patch.set_tags.Clear()
        patch.set_tags.SetInParent()
        patch.set_tags.tag.extend(parse_tags(values.set_tags))
    if values.set_device is not None:
        patch.set_device = values.set_device
    for flag, field in _META_GRAPH_FLAGS:
        if getattr(values, flag):
            setattr(patch, field, True)
    return patch


def _graft(text: str, flag: str, *, freeze: bool) -> protos.Graft:
    """Returns what ``ADAPTER[:SIGNATURE][,FROM=TO,…]`` says.

    Raises:
        UsageError: If it is something else.
    """
    named, *pairs = text.split(",")
    match = _ADAPTER.fullmatch(named)
    if match is None:
        raise UsageError(
            f"--{flag}={text}: expected the directory of a model, and perhaps the key of its "
            "signature behind a ':', and pairs FROM=TO behind commas. Others go into a patch file."
        )
    graft = protos.Graft(model=match[1], signature=match[2] or "", freeze=freeze)
    for pair in pairs:
        output, input_ = split_value(pair, flag)
        graft.map.add(**{"from": output, "to": unquote(input_)})
    return graft


def _pairs(values: flags.FlagValues, flag: str) -> list[tuple[str, str]]:
    return [split_pair(text, flag) for text in getattr(values, flag)]


def _renames(values: flags.FlagValues, flag: str) -> Iterator[tuple[str, str, str]]:
    """Yields the field by which a patch names what is renamed, its value there, and the new key."""
    for text in getattr(values, flag):
        if (pair := split_pattern(text, flag)) is None:
            yield ("key", *split_pair(text, flag))
        else:
            yield "key_pattern", pair[0], new_keys(pair[1], flag, text)


def _signature(patch: protos.SavedModelPatch, key: str, by: str = "key") -> protos.SignaturePatch:
    """Returns the entry that names signatures of the model so, added if there is none."""
    for entry in patch.signature:
        if getattr(entry, by) == key and not entry.HasField("copy_of"):
            return entry
    entry = patch.signature.add()
    setattr(entry, by, key)
    return entry


def _endpoint(
    endpoints: Any, key: str, field: str | None = None, by: str = "key"
) -> protos.EndpointPatch:
    """Returns the entry for an input or output that does not say `field` yet, or a new one."""
    for entry in endpoints:
        if getattr(entry, by) == key and (field is None or not entry.HasField(field)):
            return cast(protos.EndpointPatch, entry)
    return cast(protos.EndpointPatch, endpoints.add(**{by: key}))
