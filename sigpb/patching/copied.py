"""Whether a copy of a signature that a patch asks for is there already."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sigpb import protos
from sigpb.edits import SignatureTarget
from sigpb.patching.resolve import resolve_endpoints
from sigpb.tf.tensor_types import tensor_names


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
    )


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
