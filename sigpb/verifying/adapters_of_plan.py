"""The adapters that a plan puts before and after signatures, as those who run them need them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from sigpb import protos
from sigpb.patching.graft_edits import PutAdapter, TakeOutAdapter
from sigpb.patching.plan import Plan
from sigpb.saved_model.model import open_model
from sigpb.verifying.mapping import AdapterMapping, suffixes_of

_Infos = Mapping[str, protos.TensorInfo]


def adapters_of(plan: Plan, index: int) -> dict[str, tuple[AdapterMapping, ...]]:
    """Returns the adapters that signatures get, by the keys that these have in the model.

    Args:
        plan: The plan.
        index: The position of the MetaGraph.

    Raises:
        ModelUnreadable: If an adapter cannot be read any more.
    """
    found: dict[str, tuple[AdapterMapping, ...]] = {}
    for meta_graph in plan.meta_graphs:
        if meta_graph.index == index:
            for edit in meta_graph.edits:
                if isinstance(edit, PutAdapter):
                    key = edit.signature.source
                    found[key] = (*found.get(key, ()), _adapter(edit))
    return found


def taken_out(plan: Plan, index: int) -> dict[str, str]:
    """Returns the adapters that signatures lose, by the keys that these have in the model.

    Args:
        plan: The plan.
        index: The position of the MetaGraph.
    """
    edits = (edit for graph in plan.meta_graphs if graph.index == index for edit in graph.edits)
    return {each.signature.source: each.name for each in edits if isinstance(each, TakeOutAdapter)}


def _adapter(edit: PutAdapter) -> AdapterMapping:
    with open_model(edit.model) as model:
        graph = next(each for each in model.meta_graphs if each.tags == edit.adapter_tags)
        signature = graph.signatures[edit.adapter_signature]
    inputs, outputs = signature.inputs, signature.outputs
    paired = tuple(edit.pairs)
    if edit.position == "before":
        takes = _tensors(((_outside(key, edit), key) for key in inputs), inputs, 1)
        gives = _tensors(((_inside(key, outputs, edit), to) for key, to in paired), outputs, 0)
    else:
        takes = _tensors(((key, _inside(to, inputs, edit)) for key, to in paired), inputs, 1)
        gives = _tensors(((key, _outside(key, edit)) for key in outputs), outputs, 0)
    return AdapterMapping(
        str(Path(edit.model).absolute()),
        edit.adapter_tags,
        edit.adapter_signature,
        edit.position,
        tuple(takes),
        tuple(gives),
    )


def _outside(key: str, edit: PutAdapter) -> str:
    return key if edit.endpoint is None else edit.endpoint


def _inside(key: str, infos: _Infos, edit: PutAdapter) -> str:
    """Returns the key that an endpoint has in the adapter, of which it may have one only."""
    return key if edit.endpoint is None else next(iter(infos))


def _tensors(
    keys: Iterator[tuple[str, str]], infos: _Infos, adapter: int
) -> Iterator[tuple[str, str]]:
    """Yields the names of the tensors of pairs of endpoints.

    Args:
        keys: The keys of both.
        infos: The endpoints of the adapter.
        adapter: Which one of a pair is that of the adapter.
    """
    for pair in sorted(keys):
        for suffix in suffixes_of(infos[pair[adapter]]):
            yield pair[0] + suffix, pair[1] + suffix
