"""Random patches over the whole language of patches, and smaller ones."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sigpb import SavedModelPatch

from .keys import SIGNATURES, endpoint_key
from .views import Endpoint, MetaGraph, Shape, Signature

_NUMBERS = ("float32", "float64", "float16", "bfloat16", "int32", "int64", "int8", "uint8", "bool")
_METHODS = ("predict", "classify", "regress")


@dataclass(frozen=True)
class _Maker:
    """Draws what a patch says of one signature."""

    chance: random.Random
    signature: Signature
    tensors: Sequence[str]
    item: Any

    def input(self, key: str) -> Any:
        """Returns what is said of an input, which may be nothing yet."""
        return _entry(self.item.input, key)

    def output(self, key: str) -> Any:
        """Returns what is said of an output."""
        return _entry(self.item.output, key)

    def rename(self) -> None:
        """Renames one endpoint or several."""
        for entry, endpoints in (
            (self.input, self.signature.inputs),
            (self.output, self.signature.outputs),
        ):
            for key in endpoints:
                if self.chance.random() < 0.5:
                    entry(key).rename_to = endpoint_key(self.chance)

    def swap(self) -> None:
        """Exchanges two keys."""
        for entry, endpoints in (
            (self.input, self.signature.inputs),
            (self.output, self.signature.outputs),
        ):
            if len(endpoints) > 1:
                first, second = self.chance.sample(sorted(endpoints), 2)
                entry(first).rename_to, entry(second).rename_to = second, first

    def dtype(self) -> None:
        """Converts an input or an output, or both."""
        dtypes = (*_NUMBERS, "string")
        if self.signature.inputs and self.chance.random() < 0.7:
            self.input(self._input()).dtype = self.chance.choice(dtypes)
        if self.chance.random() < 0.6:
            self.output(self._output()).dtype = self.chance.choice(dtypes)

    def shape(self) -> None:
        """Refines, relaxes or reshapes an input or an output."""
        if self.signature.inputs and self.chance.random() < 0.7:
            key = self._input()
            self.input(key).shape = _new_shape(self.chance, self.signature.inputs[key].shape)
        else:
            key = self._output()
            self.output(key).shape = _new_shape(self.chance, self.signature.outputs[key].shape)

    def batch_size(self) -> None:
        """Opens the batch, or fixes it."""
        self.item.batch_size = self.chance.choice(("?", "?", "1", "3"))

    def bind(self) -> None:
        """Binds an input to a constant."""
        if len(self.signature.inputs) > 1 or self.chance.random() < 0.1:
            key = self._input()
            self.input(key).bind = _constant(self.chance, self.signature.inputs[key])

    def default(self) -> None:
        """Gives an input a default."""
        if self.signature.inputs:
            key = self._input()
            self.input(key).default = _constant(self.chance, self.signature.inputs[key])

    def drop(self) -> None:
        """Drops an output, or all but one."""
        keys = sorted(self.signature.outputs)
        for key in keys if self.chance.random() < 0.2 else [self.chance.choice(keys)]:
            self.output(key).drop = True

    def add(self) -> None:
        """Adds an output."""
        if self.tensors:
            entry = self.output(endpoint_key(self.chance))
            entry.from_tensor = self.chance.choice(self.tensors)

    def method(self) -> None:
        """Sets the method name."""
        self.item.method_name = f"tensorflow/serving/{self.chance.choice(_METHODS)}"

    def _input(self) -> str:
        return self.chance.choice(sorted(self.signature.inputs))

    def _output(self) -> str:
        return self.chance.choice(sorted(self.signature.outputs))


_EDITS = (
    *(_Maker.rename, _Maker.rename, _Maker.swap, _Maker.dtype, _Maker.dtype, _Maker.shape),
    *(_Maker.shape, _Maker.batch_size, _Maker.batch_size, _Maker.bind, _Maker.default),
    *(_Maker.drop, _Maker.add, _Maker.method),
)


def draw_patch(
    chance: random.Random, graphs: Sequence[MetaGraph], named: Sequence[str]
) -> SavedModelPatch:
    """Draws a patch for a model.

    Args:
        chance: What decides.
        graphs: The MetaGraphs of the model.
        named: Names of tensors that computations have, beside those that signatures name.
    """
    patch = SavedModelPatch()
    graph = chance.choice(graphs)
    if len(graphs) > 1 and chance.random() < 0.5:
        patch.tags.tag.extend(graph.tags)
        if chance.random() < 0.3:
            patch.set_tags.tag.extend(["serve", chance.choice(("tpu", "xla"))])
    keys = sorted(graph.signatures)
    for key in chance.sample(keys, min(len(keys), 1 if chance.random() < 0.7 else 9)):
        signature = graph.signatures[key]
        item = patch.signature.add(key=key)
        _change_signature(chance, patch, item, keys)
        tensors = [f"{name}:0" for name in named] + _known_tensors(graph)
        maker = _Maker(chance, signature, tensors, item)
        for edit in chance.sample(_EDITS, chance.choice((1, 1, 1, 2, 2, 3))):
            if not item.drop and signature.outputs:
                edit(maker)
    return patch


def _known_tensors(graph: MetaGraph) -> list[str]:
    return sorted(
        {
            endpoint.tensor
            for signature in graph.signatures.values()
            for endpoint in (*signature.outputs.values(), *signature.inputs.values())
            if endpoint.tensor
        }
    )


def _change_signature(
    chance: random.Random, patch: SavedModelPatch, item: Any, keys: Sequence[str]
) -> None:
    kind = chance.random()
    new = chance.choice(SIGNATURES)
    if kind < 0.12:
        item.copy_of, item.key = item.key, new
    elif kind < 0.2:
        item.rename_to = new
    elif kind < 0.24:
        item.drop = True
    elif kind < 0.28 and len(keys) > 1:
        other = next(key for key in keys if key != item.key)
        item.rename_to = other
        patch.signature.add(key=other, rename_to=item.key)


def _entry(entries: Any, key: str) -> Any:
    return next((entry for entry in entries if entry.key == key), None) or entries.add(key=key)


def _new_shape(chance: random.Random, shape: Shape) -> str:
    """Draws a shape that has some relation to the one there is."""
    if shape is None:
        return chance.choice(("[?,2]", "[?]", "[]", "<unknown>"))
    sizes = list(shape)
    kind = chance.random()
    inner = 1
    for size in sizes[1:]:
        inner *= size or 1
    if kind < 0.2 and sizes:  # Refine or relax the batch.
        sizes[0] = None if sizes[0] is not None else chance.choice((1, 2, 3))
    elif kind < 0.35:
        sizes.insert(chance.randint(min(1, len(sizes)), len(sizes)), 1)
    elif kind < 0.55 and len(sizes) > 1:
        sizes = [sizes[0], inner]
    elif kind < 0.65 and len(sizes) > 1:
        sizes = [sizes[0], 2, inner // 2]
    elif kind < 0.75 and len(sizes) > 2:  # The dimensions change places.
        chance.shuffle(sizes)
    elif kind < 0.85 and len(sizes) > 1:  # Something behind the batch is open.
        sizes[chance.randrange(1, len(sizes))] = None
    elif kind < 0.9 and sizes:
        sizes = [None, *sizes]
    elif kind < 0.95:
        return "<unknown>"
    else:
        sizes = [chance.choice((None, 1, 2, 0)) for _ in range(chance.randint(0, 3))]
    return "[" + ",".join("?" if size is None else str(size) for size in sizes) + "]"


def _constant(chance: random.Random, endpoint: Endpoint) -> str:
    """Draws a value for an input, for one example, for several, or a single number."""

    def element() -> Any:
        if endpoint.dtype == "string":
            return chance.choice(("hello", "1", ""))
        if endpoint.dtype == "bool":
            return chance.random() < 0.5
        return chance.randint(0, 3) + (0.5 if endpoint.dtype.startswith("float") else 0)

    def array(sizes: Sequence[int]) -> Any:
        return [array(sizes[1:]) for _ in range(sizes[0])] if sizes else element()

    shape = endpoint.shape
    if shape is None or chance.random() < 0.25:
        return json.dumps(element())
    batch = chance.choice((1, 1, 1, 2))
    return json.dumps(array([batch if size is None else size for size in shape]))


def smaller(patch: SavedModelPatch) -> Iterator[SavedModelPatch]:
    """Yields patches that say less, or less that is unusual."""
    for field in ("tags", "set_tags"):
        if patch.HasField(field):
            yield _without(patch, lambda made, field=field: made.ClearField(field))
    for number, signature in enumerate(patch.signature):
        yield _without(patch, lambda made, number=number: made.signature.__delitem__(number))
        for name in ("rename_to", "method_name", "batch_size", "drop"):
            if name in {field.name for field, _ in signature.ListFields()}:
                yield _without(
                    patch, lambda made, n=number, name=name: made.signature[n].ClearField(name)
                )
        if signature.HasField("copy_of"):
            yield _without(patch, lambda made, n=number: _changed_itself(made.signature[n]))
        for side in ("input", "output"):
            for index, endpoint in enumerate(getattr(signature, side)):
                yield from _smaller_endpoint(patch, number, side, index, endpoint)


def _smaller_endpoint(
    patch: SavedModelPatch, number: int, side: str, index: int, endpoint: Any
) -> Iterator[SavedModelPatch]:
    def entries(made: Any) -> Any:
        return getattr(made.signature[number], side)

    yield _without(patch, lambda made: entries(made).__delitem__(index))
    present = {field.name for field, _ in endpoint.ListFields()}
    if len(present) > 2:
        for name in present - {"key"}:
            yield _without(patch, lambda made, name=name: entries(made)[index].ClearField(name))
    if "rename_to" in present and endpoint.rename_to not in ("r", "zz"):
        for name in ("r", "zz"):
            yield _without(
                patch, lambda made, name=name: setattr(entries(made)[index], "rename_to", name)
            )


def _changed_itself(signature: Any) -> None:
    signature.key = signature.copy_of
    signature.ClearField("copy_of")


def _without(patch: SavedModelPatch, change: Any) -> SavedModelPatch:
    made = SavedModelPatch()
    made.CopyFrom(patch)
    change(made)
    return made


def edits_of(patch: SavedModelPatch) -> tuple[str, ...]:
    """Names what a patch says, without saying of what."""
    found = {field.name for field, _ in patch.ListFields()} & {"tags", "set_tags"}
    for signature in patch.signature:
        present = {field.name for field, _ in signature.ListFields()}
        found |= {f"signature.{name}" for name in present - {"key", "input", "output"}}
        for side in ("input", "output"):
            for endpoint in getattr(signature, side):
                found |= {f"{side}.{field.name}" for field, _ in endpoint.ListFields()} - {
                    f"{side}.key"
                }
    return tuple(sorted(found))
