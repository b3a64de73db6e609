"""Finds what a patch names in a model to which the patch, or a part of it, was applied before."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from sigpb import protos
from sigpb.edits import SignatureTarget
from sigpb.edits.tensor_edits import ChangeBatchSize, is_of_type
from sigpb.rewrite.interface import SignatureRef
from sigpb.saved_model.model import MetaGraph
from sigpb.tf.tensor_names import full
from sigpb.tf.tensor_types import tensor_names


class Resolution(NamedTuple):
    """Where the keys of a patch are in the model.

    Attributes:
        current: The key that each thing has now by the key it has in the patch. Things that are
            renamed already are there under their new key; things that are gone already are not.
        missing: Keys of the patch for which there is nothing.
    """

    current: dict[str, str]
    missing: tuple[str, ...]


def resolve(renames: Mapping[str, str | None], existing: Collection[str]) -> Resolution:
    """Tells the keys that are still to be renamed from those that are renamed already.

    Renames that are linked, such as a → b and b → c, are judged together: they are pending if all
    old keys exist, done if all new keys exist and no other old key does. A permutation like a → b
    and b → a looks like its own result, and counts as pending.

    Args:
        renames: The keys of the patch, each with its new key or None.
        existing: The keys of the model.
    """
    current: dict[str, str] = {}
    missing: list[str] = []
    for chain in _chains(renames):
        targets = {target for key in chain if (target := renames[key]) is not None}
        if all(key in existing for key in chain):
            current.update({key: key for key in chain})
        elif (
            targets
            and all(target in existing for target in targets)
            and not any(key in existing for key in chain if key not in targets)
        ):
            current.update({key: target for key in chain if (target := renames[key]) is not None})
        else:
            current.update({key: key for key in chain if key in existing})
            missing += [key for key in chain if key not in existing]
    return Resolution(current, tuple(missing))


def resolve_endpoints(
    patches: Sequence[protos.EndpointPatch], existing: Collection[str]
) -> Resolution:
    """Resolves the inputs or outputs that a patch names of a signature."""
    return resolve(
        {item.key: item.rename_to if item.HasField("rename_to") else None for item in patches},
        existing,
    )


def _chains(renames: Mapping[str, str | None]) -> Iterator[list[str]]:
    """Yields the keys grouped so that a key and the new key it gets are in one group."""
    neighbours: dict[str, set[str]] = {key: set() for key in renames}
    for key, target in renames.items():
        if target in neighbours:
            neighbours[key].add(target)
            neighbours[target].add(key)
    seen: set[str] = set()
    for start in renames:
        if start in seen:
            continue
        chain, waiting = [], [start]
        while waiting:
            key = waiting.pop()
            if key not in seen:
                seen.add(key)
                chain.append(key)
                waiting += neighbours[key]
        yield chain


def is_copied(target: SignatureTarget, original: protos.SignaturePatch) -> bool:
    """Whether the copy that is wanted is there, with the keys and method that the patch gives it.

    Args:
        target: The copy.
        original: What the patch says of its original, which may be changed already.
    """
    existing, source, wanted = (
        target.meta_graph.signatures.get(target.ref.key),
        target.signature_def,
        target.patch,
    )
    return (
        existing is not None
        and target.ref.key != target.ref.copy_of
        and (not wanted.HasField("method_name") or existing.method_name == wanted.method_name)
        and _tensors(existing.inputs) == _copied(source.inputs, original.input, wanted.input)
        and _tensors(existing.outputs) == _copied(source.outputs, original.output, wanted.output)
        and not any(ChangeBatchSize.from_signature(target._replace(ref=SignatureRef(wanted.key))))
        and all(_is_as_wanted(item, existing.inputs, existing) for item in wanted.input)
        and all(_is_as_wanted(item, existing.outputs, existing) for item in wanted.output)
    )


def is_created(meta_graph: MetaGraph, wanted: protos.SignaturePatch) -> bool:
    """Whether the signature that a patch creates is there, as the patch wants it."""
    existing = meta_graph.signatures.get(wanted.key)
    return (
        existing is not None
        and (not wanted.HasField("method_name") or existing.method_name == wanted.method_name)
        and all(
            _tensors(infos) == {item.key: (full(item.from_tensor),) for item in items}
            and all(_is_as_wanted(item, infos, existing) for item in items)
            for infos, items in ((existing.inputs, wanted.input), (existing.outputs, wanted.output))
        )
    )


def _is_as_wanted(
    item: protos.EndpointPatch,
    infos: Mapping[str, protos.TensorInfo],
    signature: protos.SignatureDef,
) -> bool:
    """Whether an endpoint that stands for the tensor wanted is otherwise as a patch wants it."""
    key = item.rename_to if item.HasField("rename_to") else item.key
    if item.drop:
        return True
    has_default = not item.HasField("default") or key in signature.defaults
    return is_of_type(infos[key], item) and has_default and not item.HasField("bind")


def _copied(
    infos: Mapping[str, protos.TensorInfo],
    original: Sequence[protos.EndpointPatch],
    wanted: Sequence[protos.EndpointPatch],
) -> dict[str, tuple[str, ...]] | None:
    """Returns the tensors that a copy has by key; None if the patch names keys that are not there.

    Args:
        infos: The endpoints of the original as they are.
        original: What the patch says of them.
        wanted: What the patch says of the copy's, by the keys of the unpatched original.
    """
    unpatched = {now: key for key, now in resolve_endpoints(original, infos).current.items()}
    tensors = {unpatched.get(key, key): names for key, names in _tensors(infos).items()}
    if any(item.key not in tensors for item in wanted):
        return None
    renames = {item.key: item.rename_to for item in wanted if item.HasField("rename_to")}
    dropped = {item.key for item in wanted if item.drop}
    return {renames.get(key, key): tensors[key] for key in tensors if key not in dropped}


def _tensors(infos: Mapping[str, protos.TensorInfo]) -> dict[str, tuple[str, ...]]:
    return {key: tensor_names(info) for key, info in infos.items()}
