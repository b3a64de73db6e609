"""The adapters that were put before and after a model's signatures, as the model itself says it.

Nothing in a graph tells a graft from what the model had, so each leaves a line in a collection of
its MetaGraph. Loaders of TensorFlow read collections that they do not know as lists of bytes, and
do nothing with them (``import_scoped_meta_graph`` in tensorflow/python/framework/meta_graph.py).
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping
from typing import Literal, get_type_hints

from sigpb import protos
from sigpb.field_types import fits
from sigpb.parsers import parse_json_value
from sigpb.saved_model.deterministic_bytes import deterministic_bytes
from sigpb.saved_model.model import MetaGraph, parse
from sigpb.wire import Edits, map_entry

COLLECTION = "sigpb_grafts"

Position = Literal["before", "after"]

_NUMBER = protos.MetaGraphDef.COLLECTION_DEF_FIELD_NUMBER


@dataclasses.dataclass(frozen=True, slots=True)
class Graft:
    """An adapter in a model.

    Attributes:
        name: What it is called in this model: see `scope` and `child`.
        signature: The key that the signature had which it was put before or after.
        position: Whether it comes before or after that.
        adapter: The name of the adapter's directory.
        adapter_signature: The key of the adapter's signature.
        digest: The SHA-256 of the adapter.
        pairs: Which outputs feed which inputs: the keys of outputs by those of inputs.
    """

    name: str
    signature: str
    position: Position
    adapter: str
    adapter_signature: str
    digest: str
    pairs: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @property
    def scope(self) -> str:
        """What the names of its nodes begin with, up to a slash."""
        return scope_of(self.name)

    @property
    def child(self) -> str:
        """The name by which the root of the object graph has its objects."""
        return child_of(self.name)

    def describe(self) -> str:
        """Returns for instance ``'tokenize' before 'serving_default'``."""
        return f"{self.name!r} {self.position} {self.signature!r}"

    def explain(self) -> str:
        """Returns for instance ``'serve' of tokenize, sha256:0123456789ab, ids → ids``."""
        fed = (f"{output} → {input_}" for input_, output in sorted(self.pairs.items()))
        adapter = f"{self.adapter_signature!r} of {self.adapter}"
        return ", ".join((adapter, f"sha256:{self.digest[:12]}", *fed))


def scope_of(name: str) -> str:
    """Returns what the names of a graft's nodes begin with, up to a slash.

    That is not the scope of what patches splice, which later patches look through and take back.
    """
    return f"sigpb_{name}"


def child_of(name: str) -> str:
    """Returns the name by which the root of an object graph has a graft's objects."""
    return f"sigpb_{name}"


def grafts(meta_graph: MetaGraph) -> tuple[Graft, ...]:
    """Returns the adapters in a MetaGraph, in the order in which they were put there.

    Lines that something else wrote are left out.
    """
    found = (_read(line) for line in _lines(meta_graph))
    return tuple(graft for graft in found if graft is not None)


def write_grafts(edits: Edits, meta_graph: MetaGraph, wanted: Iterable[Graft]) -> None:
    """Has a MetaGraph say which adapters are in it.

    Args:
        edits: Receives what changes.
        meta_graph: The MetaGraph.
        wanted: The adapters; without any, there is no collection.
    """
    lines = [json.dumps(dataclasses.asdict(each)).encode() for each in wanted]
    message, key = meta_graph.message, COLLECTION.encode()
    found = dict(message.entries(_NUMBER)).get(key)
    if not lines:
        if found is not None:
            edits.delete(message, found)
        return
    collection = protos.CollectionDef(bytes_list=protos.CollectionDef.BytesList(value=lines))
    encoded = map_entry(_NUMBER, key, deterministic_bytes(collection))
    if found is not None:
        edits.replace(message, found, encoded)
        return
    before = [field for field in message.fields() if field.number <= _NUMBER]
    edits.insert(message, before[-1].end if before else message.start, encoded)


def _lines(meta_graph: MetaGraph) -> Iterable[bytes]:
    field = dict(meta_graph.message.entries(_NUMBER)).get(COLLECTION.encode())
    value = meta_graph.message.entry_value(field) if field is not None else None
    return parse(protos.CollectionDef, value).bytes_list.value if value is not None else ()


def _read(line: bytes) -> Graft | None:
    try:
        values = parse_json_value(line)
    except ValueError:
        return None
    hints = get_type_hints(Graft)
    if not isinstance(values, dict) or set(values) != set(hints):
        return None
    return Graft(**values) if all(fits(values[key], hints[key]) for key in hints) else None
