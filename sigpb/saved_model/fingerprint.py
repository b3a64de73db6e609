"""TensorFlow's fingerprint of a SavedModel, recomputed without TensorFlow.

Every hash equals what TensorFlow 2.21 writes for the same bytes (``CreateFingerprintDefPb`` in
``tensorflow/cc/saved_model/fingerprinting.cc``). All of them are FarmHash64 values of messages as
protobuf's C++ library encodes them with map entries sorted; Python's protobuf cannot be asked for
that encoding, see `deterministic_bytes`.

`compute` hashes a whole model and is right whatever stood in the old fingerprint. It takes the
parsed model and several times its size in memory, so beyond `COMPUTE_LIMIT` there is `refresh`,
which takes over the hashes whose input did not change.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import ModuleType
from typing import cast

from google.protobuf.message import DecodeError
from google.protobuf.message import Message as ProtobufMessage

from sigpb import protos
from sigpb.errors import EnvironmentFailure, ModelUnreadable
from sigpb.saved_model.deterministic_bytes import deterministic_bytes
from sigpb.saved_model.files import CHECKPOINT_INDEX, read_side_file
from sigpb.wire import Index, Message, WireType, length_delimited

FILE_NAME = "fingerprint.pb"

COMPUTE_LIMIT = 4 * 2**20
"""Size of ``saved_model.pb`` in bytes up to which `compute` takes about 0.1 s and 70 MB at most."""

PRODUCER = 4
"""The ``version.producer`` of the formulas in this module: TensorFlow 2.21's."""

_META_GRAPHS = protos.SavedModel.META_GRAPHS_FIELD_NUMBER
_GRAPH_DEF = protos.MetaGraphDef.GRAPH_DEF_FIELD_NUMBER
_NODE = protos.GraphDef.NODE_FIELD_NUMBER
_UNCOUNTED = (protos.GraphDef.LIBRARY_FIELD_NUMBER, protos.GraphDef.VERSIONS_FIELD_NUMBER)

# The ops of nodes in which something differs from one export to the next.
_WITH_DETAILS = frozenset({"PartitionedCall", "StatefulPartitionedCall", "Const"})

_UINT64 = 2**64 - 1

# What absl::SimpleAtoi takes for an integer: `GetSuffixUID` in
# tensorflow/core/graph/regularization/util.cc.
_INTEGER = re.compile(r"[\t-\r ]*([+-]?[0-9]+)[\t-\r ]*")


class FingerprintError(ModelUnreadable):
    """TensorFlow refuses to fingerprint the model, so there is no value to agree with."""


def read(file: Path) -> protos.FingerprintDef:
    """Reads a ``fingerprint.pb``.

    Raises:
        ModelUnreadable: If it is damaged.
    """
    try:
        return protos.FingerprintDef.FromString(read_side_file(file) or b"")
    except (DecodeError, UnicodeDecodeError) as error:
        raise ModelUnreadable(f"{file}: not a fingerprint: {error}.") from error


def read_checkpoint_index(directory: Path) -> bytes | None:
    """Returns the content of a model's ``variables/variables.index``; None if there is no file."""
    return read_side_file(directory / CHECKPOINT_INDEX)


def compute(
    saved_model: protos.SavedModel, checkpoint_index: bytes | None, old_uuid: str = ""
) -> protos.FingerprintDef:
    """Returns the whole fingerprint of a model.

    As in TensorFlow only the first MetaGraph counts, except for ``saved_model_checksum``.

    Args:
        saved_model: The content of ``saved_model.pb``. It is not modified.
        checkpoint_index: The content of ``variables/variables.index``; None if there is no file.
        old_uuid: The ``uuid`` of the fingerprint that this one replaces.

    Raises:
        FingerprintError: TensorFlow refuses this model too, or would crash.
    """
    if not saved_model.meta_graphs:
        raise FingerprintError("The model has no MetaGraph, so it cannot be fingerprinted.")
    meta_graph = saved_model.meta_graphs[0]
    encoded = _encoded(saved_model)
    graph_def = Message.root(encoded).find(Index(_META_GRAPHS, 0), _GRAPH_DEF)
    return _identified(
        protos.FingerprintDef(
            saved_model_checksum=_farmhash64(encoded),
            graph_def_program_hash=_program_hash(meta_graph.graph_def.node, graph_def),
            signature_def_hash=signature_def_hash(meta_graph.signature_def),
            saved_object_graph_hash=saved_object_graph_hash(meta_graph.object_graph_def),
            checkpoint_hash=checkpoint_hash(checkpoint_index),
        ),
        old_uuid,
    )


def refresh(
    old: protos.FingerprintDef,
    signature_defs: Mapping[str, protos.SignatureDef],
    object_graph: protos.SavedObjectGraph | None = None,
    program_hash: int | None = None,
    checkpoint_hash: int | None = None,
) -> protos.FingerprintDef:
    """Returns the fingerprint of a patched model from the old one and the parts that changed.

    ``saved_model_checksum`` covers every byte of the model, so the old one is dropped rather than
    kept stale; TensorFlow reads an absent one as 0, and its ``singleprint`` does without.

    Args:
        old: The fingerprint of the model before the patch.
        signature_defs: The signatures of the first MetaGraph, changed or not: versions of
            TensorFlow before 2.14 hashed them differently.
        object_graph: The object graph of the first MetaGraph, or None if it did not change.
        program_hash: The `graph_def_program_hash` of the first MetaGraph, 0 to leave it out; or
            None if nothing but the library of its graph changed, which does not count.
        checkpoint_hash: The `checkpoint_hash`, or None if the index did not change.

    Raises:
        FingerprintError: TensorFlow would refuse the patched model.
    """
    return _identified(
        protos.FingerprintDef(
            graph_def_program_hash=(
                old.graph_def_program_hash if program_hash is None else program_hash
            ),
            signature_def_hash=signature_def_hash(signature_defs),
            saved_object_graph_hash=(
                old.saved_object_graph_hash
                if object_graph is None
                else saved_object_graph_hash(object_graph)
            ),
            checkpoint_hash=(old.checkpoint_hash if checkpoint_hash is None else checkpoint_hash),
        ),
        old.uuid,
    )


def saved_model_checksum(saved_model: protos.SavedModel) -> int:
    """Returns the hash of everything in ``saved_model.pb`` but the order of its encoding."""
    return _hash_message(saved_model)


def graph_def_program_hash(graph_def: protos.GraphDef) -> int:
    """Returns the hash of a graph without the details that differ from one export to the next.

    Blanked are the number at the end of a called function's name, the device configuration of a
    call, and the values of string constants; the library and the versions do not count at all
    (``tensorflow/core/graph/regularization/simple_delete.cc``).

    Args:
        graph_def: It is not modified.
    """
    program = protos.GraphDef()
    program.CopyFrom(graph_def)
    program.ClearField("library")
    return _program_hash(graph_def.node, Message.root(_encoded(program)))


def _program_hash(nodes: Iterable[protos.NodeDef], encoded: Message | None) -> int:
    """Returns the `graph_def_program_hash` of a graph.

    Args:
        nodes: Its nodes.
        encoded: The graph as `deterministic_bytes` encodes it, or None if there is none. Of most
            nodes these bytes count as they are.
    """
    encoded = encoded or Message.root(b"")
    starts, rest = encoded.leading(_NODE)
    program = bytearray()
    copied = encoded.start
    for node, start, end in zip(nodes, starts, [*starts, rest.start][1:], strict=True):
        if (blanked := _without_details(node)) is not None:
            program += encoded.buffer[copied:start]
            program += length_delimited(_NODE, _encoded(blanked))
            copied = end
    program += encoded.buffer[copied : rest.start]
    kept = protos.GraphDef.FromString(
        b"".join(
            encoded.buffer[field.start : field.end]
            for field in rest.fields()
            if field.wire_type != WireType.LEN or field.number not in _UNCOUNTED
        )
    )
    for cleared in ("library", "versions"):
        getattr(kept, cleared).SetInParent()  # TensorFlow leaves them present and empty
    return _farmhash64(bytes(program) + _encoded(kept))


def signature_def_hash(signature_defs: Mapping[str, protos.SignatureDef]) -> int:
    """Returns the hash of signatures by key; 0 if there are none."""
    result = 0
    for key in sorted(signature_defs):
        result = _concatenate(result, _farmhash64(key.encode()))
        result = _concatenate(result, _hash_message(signature_defs[key]))
    return result


def saved_object_graph_hash(object_graph: protos.SavedObjectGraph) -> int:
    """Returns the hash of the concrete functions of an object graph; 0 if there are none.

    They are taken in the order of the numbers that end their names. TensorFlow drops one of two
    functions with the same number, whichever it happens to see second; here it is the one that
    comes second by name.

    Raises:
        FingerprintError: A function's name does not end in a number.
    """
    functions = object_graph.concrete_functions
    names: dict[int, str] = {}
    for name in sorted(functions):
        uid = function_uid(name)
        if uid is None:
            raise FingerprintError(
                f"The function {name!r} of the object graph cannot be fingerprinted: TensorFlow "
                f"wants its name to end in '_' and an integer, as in '{name}_1', and refuses the "
                "model otherwise. A model without a fingerprint.pb loads all the same."
            )
        names.setdefault(uid, name)
    result = 0
    for uid, name in sorted(names.items()):
        result = _concatenate(result, _farmhash64(name.removesuffix(str(uid)).encode()))
        result = _concatenate(result, _hash_message(functions[name]))
    return result


def checkpoint_hash(index: bytes | None) -> int:
    """Returns the hash of the content of ``variables/variables.index``; 0 if there is no file."""
    return 0 if index is None else _farmhash64(index)


def _identified(hashes: protos.FingerprintDef, old_uuid: str) -> protos.FingerprintDef:
    """Adds what tells one fingerprint from another: the version and the uuid.

    TensorFlow draws the uuid at random, as 128 bits in decimal
    (``fingerprinting_x_platform_utils.cc``), since every export is a new artefact. A patched model
    is one too, but it is made by a repeatable step: its uuid follows from the old uuid and the new
    hashes, so that the same patch of the same model gives the same bytes wherever it runs.
    """
    hashes.version.producer = PRODUCER
    hashes.uuid = old_uuid
    hashes.uuid = f"{_farmhash().Fingerprint128(hashes.SerializeToString()):020d}"
    return hashes


def _without_details(node: protos.NodeDef) -> protos.NodeDef | None:
    """Returns a copy of a node with its details blanked; None if it has none."""
    if node.op not in _WITH_DETAILS:
        return None
    blanked = protos.NodeDef()
    blanked.CopyFrom(node)
    attr = blanked.attr
    if node.op == "Const":
        if "dtype" not in attr or attr["dtype"].type != protos.DataType.Value("DT_STRING"):
            return None
        if "value" in attr:
            attr["value"].ClearField("value")
        return blanked
    if "f" in attr:
        name = attr["f"].func.name
        if (uid := function_uid(name)) is not None:
            attr["f"].func.name = name.removesuffix(str(uid))
    if "config_proto" in attr:
        attr["config_proto"].s = b""
    return blanked


def function_uid(function_name: str) -> int | None:
    """Returns the number after the last underscore of a function's name, or None."""
    match = _INTEGER.fullmatch(function_name.rpartition("_")[2])
    if not match:
        return None
    uid = int(match[1])
    return uid if -(2**63) <= uid < 2**63 else None


def _hash_message(message: ProtobufMessage) -> int:
    return _farmhash64(_encoded(message))


def _encoded(message: ProtobufMessage) -> bytes:
    try:
        return deterministic_bytes(message)
    except (IndexError, TypeError) as error:
        # Protobuf keeps an entry of a map with unknown fields in it as an unknown field.
        raise FingerprintError(
            f"A map in the {message.DESCRIPTOR.name} has entries with fields that sigpb does not "
            "know, so that it cannot be fingerprinted."
        ) from error


def _farmhash64(data: bytes) -> int:
    return int(_farmhash().Fingerprint64(data))


def _farmhash() -> ModuleType:
    """Returns the module ``farmhash`` of the package cityhash.

    Raises:
        EnvironmentFailure: If the package pyfarmhash has put its module in that place.
    """
    import farmhash  # here, because most commands hash nothing

    if not hasattr(farmhash, "Fingerprint64"):
        raise EnvironmentFailure(
            f"{farmhash.__file__} is the module 'farmhash' of the package pyfarmhash, and sigpb "
            "needs the one of the package cityhash. Run 'pip uninstall pyfarmhash', then "
            "'pip install --force-reinstall cityhash'."
        )
    return cast(ModuleType, farmhash)


def _concatenate(first: int, second: int) -> int:
    """Joins two hashes: ``FingerprintCat64`` in ``tsl/platform/fingerprint.h``."""
    multiplier = 0xC6A4A7935BD1E995
    second = second * multiplier & _UINT64
    second = (second ^ second >> 47) * multiplier & _UINT64
    result = (first ^ multiplier ^ second) * multiplier & _UINT64
    result = (result ^ result >> 47) * multiplier & _UINT64
    return result ^ result >> 47
