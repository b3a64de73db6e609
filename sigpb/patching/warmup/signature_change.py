"""What a patch does to a signature, as those who send requests see it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sigpb import protos
from sigpb.rewrite.interface import Interface, Interfaces, Port


class Unfit(Exception):
    """A request cannot be rewritten. The message says why, as a clause."""


@dataclass(frozen=True)
class SignatureChange:
    """A signature before and after a patch.

    Attributes:
        key: The key it had.
        new_key: The key it has; None if it is deleted.
        before: What it was.
        after: What it is; empty if it is deleted.
        inputs: For each input that it still has, by the key it had, the key it has.
        outputs: The same for outputs.
    """

    key: str
    new_key: str | None
    before: protos.SignatureDef
    after: protos.SignatureDef
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]


def signature_changes(
    interfaces: Interfaces, after: Mapping[str, protos.SignatureDef]
) -> dict[str, SignatureChange]:
    """Returns what becomes of the signatures of a MetaGraph, by the keys they had.

    Args:
        interfaces: What the signatures are to be.
        after: The signatures that the MetaGraph has after it.
    """
    before = interfaces.meta_graph.signatures
    return {
        ref.key: _change(signature, before[ref.key], after)
        for ref, signature in interfaces.signatures.items()
        if ref.copy_of is None
    }


def _change(
    signature: Interface,
    before: protos.SignatureDef,
    after: Mapping[str, protos.SignatureDef],
) -> SignatureChange:
    return SignatureChange(
        signature.ref.key,
        None if signature.dropped else signature.key,
        before,
        protos.SignatureDef() if signature.dropped else after[signature.key],
        _kept(signature.inputs),
        _kept(signature.outputs),
    )


def _kept(endpoints: Mapping[str, Port]) -> dict[str, str]:
    return {key: end.key for key, end in endpoints.items() if not end.dropped}
