"""What a patch means: which signatures there are to be, and what becomes of each endpoint."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sigpb import SavedModelPatch

from .views import Endpoint, MetaGraph, Shape, Signature


@dataclass(frozen=True)
class Change:
    """An endpoint of the model, and what it is to be.

    Attributes:
        key: The key it has; of an added output its tensor.
        old: What it was; None for an added output.
        dtype: The dtype it is to have.
        shape: The shape it is to have.
        is_shape_stated: Whether the patch says the shape, or its first dimension.
        is_batch: Whether it says the batch size of all inputs alone.
    """

    key: str
    old: Endpoint | None
    dtype: str
    shape: Shape
    is_shape_stated: bool = False
    is_batch: bool = False

    @property
    def is_opened(self) -> bool:
        """Whether its batch is fixed, and open from then on; examples may be reshaped as well."""
        old = self.old.shape if self.old else None
        if not old or not self.shape or not self.is_shape_stated:
            return False
        is_opened = old[0] is not None and self.shape[0] is None
        return is_opened and _elements(old[1:]) == _elements(self.shape[1:]) is not None


def _elements(sizes: tuple[int | None, ...]) -> int | None:
    return None if None in sizes else math.prod(size or 0 for size in sizes)


@dataclass(frozen=True)
class Meaning:
    """A signature that a patched model is to have.

    Attributes:
        key: The key it is to have.
        source: The key of the signature that it comes from.
        signature: That signature.
        inputs: Its inputs by their new keys.
        outputs: Its outputs by their new keys.
        bound: The values of bound inputs, in JSON, by their old keys.
        defaults: The defaults that the patch states, in JSON, by the new keys.
        method: The method name.
        is_named: Whether the patch says anything of its endpoints.
    """

    key: str
    source: str
    signature: Signature
    inputs: Mapping[str, Change]
    outputs: Mapping[str, Change]
    bound: Mapping[str, str]
    defaults: Mapping[str, str]
    method: str
    is_named: bool

    @property
    def opened_from(self) -> int | None:
        """The batch size that is opened, if one is."""
        sizes = [
            change.old.shape[0]
            for change in self.inputs.values()
            if change.is_opened and change.old and change.old.shape
        ]
        return max((size for size in sizes if size is not None), default=None)


def meanings(
    graph: MetaGraph, patch: SavedModelPatch, after: MetaGraph | None = None
) -> dict[str, Meaning]:
    """Returns the signatures that a MetaGraph is to have, by key.

    Args:
        graph: The MetaGraph.
        patch: The patch.
        after: The patched one: of several inputs it says which have the batch size.
    """
    found = _meanings(graph, patch)
    if after is None:
        return found
    return {
        key: _without_others(meaning, after.signatures[key].inputs)
        if key in after.signatures
        else meaning
        for key, meaning in found.items()
    }


def _without_others(meaning: Meaning, stated: Mapping[str, Endpoint]) -> Meaning:
    """Leaves inputs as they were that have a first dimension which is no batch."""
    inputs = {
        key: replace(change, shape=change.old.shape, is_shape_stated=False)
        if change.is_batch
        and change.old
        and key in stated
        and stated[key].shape == change.old.shape
        else change
        for key, change in meaning.inputs.items()
    }
    return replace(meaning, inputs=inputs)


def _meanings(graph: MetaGraph, patch: SavedModelPatch) -> dict[str, Meaning]:
    if patch.HasField("tags") and set(patch.tags.tag) != set(graph.tags):
        return {key: _unpatched(key, signature) for key, signature in graph.signatures.items()}
    named = {item.key: item for item in patch.signature if not item.HasField("copy_of")}
    found = []
    for key, signature in graph.signatures.items():
        item = named.get(key)
        if item is None:
            found.append(_unpatched(key, signature))
        elif not item.drop:
            found.append(_patched(item, key, signature))
    for item in patch.signature:
        if item.HasField("copy_of") and item.copy_of in graph.signatures:
            found.append(_patched(item, item.copy_of, graph.signatures[item.copy_of]))
    return {meaning.key: meaning for meaning in found}


def _unpatched(key: str, signature: Signature) -> Meaning:
    return Meaning(
        key,
        key,
        signature,
        {name: _same(name, endpoint) for name, endpoint in signature.inputs.items()},
        {name: _same(name, endpoint) for name, endpoint in signature.outputs.items()},
        {},
        {},
        signature.method,
        is_named=False,
    )


def _same(key: str, endpoint: Endpoint) -> Change:
    return Change(key, endpoint, endpoint.dtype, endpoint.shape)


def _patched(item: Any, source: str, signature: Signature) -> Meaning:
    inputs, bound, defaults = {}, {}, {}
    asked = {endpoint.key: endpoint for endpoint in item.input}
    batch = item.batch_size if item.HasField("batch_size") else None
    for key, endpoint in signature.inputs.items():
        wanted = asked.get(key)
        change = _with_batch(_same(key, endpoint), batch)
        if wanted is None:
            inputs[key] = change
        elif wanted.HasField("bind"):
            bound[key] = wanted.bind
        else:
            new = wanted.rename_to or key
            inputs[new] = _converted(change, wanted)
            if wanted.HasField("default"):
                defaults[new] = wanted.default
    outputs = {}
    asked = {endpoint.key: endpoint for endpoint in item.output}
    for key, endpoint in signature.outputs.items():
        wanted = asked.get(key)
        if wanted is None:
            outputs[key] = _same(key, endpoint)
        elif not wanted.drop and not wanted.HasField("from_tensor"):
            outputs[wanted.rename_to or key] = _converted(_same(key, endpoint), wanted)
    for wanted in item.output:
        if wanted.HasField("from_tensor"):
            outputs[wanted.key] = Change(wanted.from_tensor, None, "", None)
    return Meaning(
        item.rename_to or item.key,
        source,
        signature,
        inputs,
        outputs,
        bound,
        defaults,
        item.method_name if item.HasField("method_name") else signature.method,
        bool(item.input or item.output or batch),
    )


def _with_batch(change: Change, batch: str | None) -> Change:
    if batch is None or not change.shape:
        return change
    size = None if batch == "?" else int(batch)
    return replace(change, shape=(size, *change.shape[1:]), is_shape_stated=True, is_batch=True)


def _converted(change: Change, wanted: Any) -> Change:
    if wanted.HasField("dtype"):
        change = replace(change, dtype=wanted.dtype)
    if wanted.HasField("shape"):
        change = replace(
            change, shape=parse_shape(wanted.shape), is_shape_stated=True, is_batch=False
        )
    return change


def parse_shape(text: str) -> Shape:
    """Reads a shape such as ``[?,3]`` or ``<unknown>``."""
    if text == "<unknown>":
        return None
    sizes = [part.strip() for part in text.strip("[]").split(",") if part.strip()]
    return tuple(None if size == "?" else int(size) for size in sizes)
