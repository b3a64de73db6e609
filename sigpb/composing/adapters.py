"""Adapters: models whose signatures are put before and after those of others, each read once.

What was read is kept for the process, so that a batch reads, cuts out and scopes an adapter once.
It is found by the adapter's path, and by the states of its files: one that changes is read again.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar, cast

from sigpb.composing.part import Part
from sigpb.errors import EnvironmentFailure, PatchError, did_you_mean, listed
from sigpb.rewrite.commit import commit_model
from sigpb.rewrite.draft import MetaGraphDraft, interfaces_of
from sigpb.rewrite.interface import SignatureRef
from sigpb.saved_model.files import CHECKPOINT_INDEX, FileState, locate, sha256_of
from sigpb.saved_model.model import MetaGraph, SavedModel, open_model, tag_set_text
from sigpb.tf.serving import DEFAULT_SIGNATURE
from sigpb.wire import assemble

_KEPT = 64
"""How many parts of adapters are kept, those that were used last."""


@dataclass(frozen=True, eq=False)
class Adapter:
    """An adapter as it is in its files. As long as these are the same, there is one of it.

    Attributes:
        directory: Its directory.
        files: The path of each of its files, relative to that, and what tells whether it changed.
    """

    directory: Path
    files: tuple[tuple[str, FileState], ...]

    @property
    def digest(self) -> str:
        """The SHA-256 of its proto, its assets, the index of its checkpoint and sizes of shards."""
        return remembered((self, "digest"), self._digest)

    def _digest(self) -> str:
        digest = hashlib.sha256()
        for name, state in self.files:
            is_shard = name.startswith("variables/") and name != CHECKPOINT_INDEX
            what = state.size if is_shard else sha256_of(self.directory / name)
            digest.update(json.dumps([name, what]).encode())
        return digest.hexdigest()


@dataclass(frozen=True)
class AdapterSignature:
    """A signature of an adapter.

    Attributes:
        adapter: The adapter.
        index: The position of its MetaGraph.
        tags: The tag-set of that, sorted.
        key: Its key.
        endpoint: The key that its only input and its only output are to have; None to leave theirs.
        freeze: Whether its variables are to be constants.
    """

    adapter: Adapter
    index: int
    tags: tuple[str, ...]
    key: str
    endpoint: str | None = None
    freeze: bool = False

    def part(self) -> Part:
        """Returns what of the adapter the signature needs.

        Raises:
            PatchError: If that cannot be cut out, or its variables cannot be constants.
            ModelUnreadable: If the adapter is damaged.
        """
        return remembered((self, "part"), self._part)

    def scoped(self, scope: str, number: int) -> Part:
        """Returns the same with names that are kept apart: see `sigpb.composing.scoped`."""
        from sigpb.composing.scoped import scoped

        return remembered((self, scope, number), lambda: scoped(self.part(), scope, number))

    def _part(self) -> Part:
        from sigpb.composing.extract import extracted

        with open_model(self.adapter.directory) as model:
            if self.endpoint is not None:
                model = _with_endpoint(model, self.index, self.key, self.endpoint)
            whole = Part.of(model, self.index)
            _require_values(whole)
            part = extracted(whole, [self.key])
        if self.freeze:
            from sigpb.composing.frozen import frozen

            part = frozen(part)
        return part


def _require_values(part: Part) -> None:
    """Makes sure that the checkpoint has all that is restored: else no loader takes the model."""
    from sigpb.composing.extracting.saver import restored_keys

    if missing := sorted(restored_keys(part.meta_graph) - part.variables.keys()):
        raise PatchError(
            f"its checkpoint does not have {listed(missing)}, which loaders restore; bring "
            f"{part.directory / 'variables'} here whole."
        )


def adapter_at(directory: Path) -> Adapter:
    """Returns the adapter in a directory.

    Raises:
        ModelUnreadable: If there is no model.
        EnvironmentFailure: If its files cannot be listed.
    """
    proto = locate(directory)
    home = proto.parent
    try:
        found = [(proto.name, FileState.of(proto))]
        for folder in ("assets", "variables"):
            found += sorted(_files(home, folder))
        files = tuple(found)
        return remembered((str(home), files), lambda: Adapter(home, files))
    except OSError as error:
        raise EnvironmentFailure(f"{home}: {error.strerror}.") from error


def _files(home: Path, folder: str) -> Iterator[tuple[str, FileState]]:
    """Yields the files in a folder of a directory, by their paths in the directory."""
    try:
        entries = list(os.scandir(home / folder))
    except FileNotFoundError:
        return
    for entry in entries:
        name = f"{folder}/{entry.name}"
        if entry.is_dir():
            yield from _files(home, name)
        else:
            yield name, FileState.of(home / name)


def chosen(
    adapter: Adapter,
    tags: Sequence[str] | None,
    target: Sequence[str],
    key: str,
    *,
    endpoint: str | None = None,
    freeze: bool = False,
) -> AdapterSignature:
    """Returns the signature of an adapter that is meant.

    Args:
        adapter: The adapter.
        tags: The tag-set of its MetaGraph, sorted; None for that of the model, or the only one.
        target: The tag-set of the MetaGraph that it is for.
        key: The key of the signature; empty for the only one, or the one that servers take.
        endpoint: See `AdapterSignature`.
        freeze: See `AdapterSignature`.

    Raises:
        PatchError: If there is no such MetaGraph or signature.
        ModelUnreadable: If the adapter is damaged.
    """
    asked = (adapter, None if tags is None else (*tags,), (*target,), key, endpoint)

    def found() -> AdapterSignature:
        with open_model(adapter.directory) as model:
            index, graph = _meta_graph(model, tags, target)
            signature = _key(graph, key)
            if endpoint is not None:
                _check_one_to_one(graph, signature)
            return AdapterSignature(adapter, index, graph.tags, signature, endpoint)

    return replace(remembered(asked, found), freeze=freeze)


def _meta_graph(
    model: SavedModel, tags: Sequence[str] | None, target: Sequence[str]
) -> tuple[int, MetaGraph]:
    graphs = list(enumerate(model.meta_graphs))
    wanted = tuple(target if tags is None else tags)
    for index, graph in graphs:
        if graph.tags == wanted:
            return index, graph
    if tags is None and len(graphs) == 1:
        return graphs[0]
    existing = ", ".join(tag_set_text(graph.tags) for _, graph in graphs)
    raise PatchError(
        f"it has no MetaGraph with the tag-set {tag_set_text(wanted)}; there are {existing}. State "
        "one with 'tags'."
    )


def _key(graph: MetaGraph, key: str) -> str:
    keys = graph.user_signatures
    if key in keys:
        return key
    if not key and len(keys) == 1:
        return keys[0]
    if not key and DEFAULT_SIGNATURE in keys:
        return DEFAULT_SIGNATURE
    if not key:
        raise PatchError(f"it has several signatures; state one: {', '.join(map(repr, keys))}.")
    raise PatchError(f"it has no signature {key!r}; {did_you_mean(key, keys)}.")


def _check_one_to_one(graph: MetaGraph, key: str) -> None:
    signature = graph.signatures[key]
    counts = len(signature.inputs), len(signature.outputs)
    if counts != (1, 1):
        raise PatchError(
            f"a step has one input and one output, and its signature {key!r} has {counts[0]} and "
            f"{counts[1]}; put it before or after the signature instead, with 'before' or 'after'."
        )


def _with_endpoint(model: SavedModel, index: int, key: str, endpoint: str) -> SavedModel:
    """Returns a model in memory whose signature has one input and one output of a given key."""
    draft = MetaGraphDraft.of(model.meta_graphs[index])
    signature = draft.signature(SignatureRef(key))
    for side in ("input", "output"):
        ports = signature.endpoints(side)
        for source, port in ports.items():
            ports[source] = replace(port, key=endpoint)
    made = commit_model(model, {index: interfaces_of(draft)})
    return SavedModel(model.file, model.state, assemble(made.pieces, model.buffer))


_Value = TypeVar("_Value")
_known: OrderedDict[Hashable, Any] = OrderedDict()
_lock = threading.RLock()


def remembered(key: Hashable, find: Callable[[], _Value]) -> _Value:
    """Returns what was found out under a key, which is found out the first time."""
    with _lock:
        if key in _known:
            _known.move_to_end(key)
        else:
            _known[key] = find()
            if len(_known) > _KEPT:
                _known.popitem(last=False)
        return cast(_Value, _known[key])
