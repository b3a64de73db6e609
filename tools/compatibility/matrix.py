"""Patches one model in the ways that are compared, and counts what runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import tensorflow as tf

from sigpb import SavedModelPatch
from tools.fuzz.differential.case import Check
from tools.fuzz.differential.meaning import meanings
from tools.fuzz.differential.runs import attempt, run_v1, run_v2
from tools.fuzz.differential.stated_checks import fingerprint, mlir
from tools.fuzz.differential.tensor_checks import old_names
from tools.fuzz.differential.trial_run import try_patch
from tools.fuzz.differential.trials import trials
from tools.fuzz.differential.value_checks import values_resaved, values_v1, values_v2
from tools.fuzz.differential.views import Endpoint, read

_CHECKS: tuple[Check, ...] = (values_v1, values_v2, values_resaved, old_names)

# How these are called in Python has changed since older versions.
_CHECKS_OF_NEW: tuple[Check, ...] = (fingerprint, mlir)
_NEW = (2, 16)


@dataclass(frozen=True)
class Row:
    """What was found of some models.

    Attributes:
        models: How many there are.
        v1: How many signatures run under the v1 loader, before and after each patch.
        v2: How many run under the v2 loader.
        refused: How many patches were refused.
        faults: What is wrong.
    """

    models: int = 0
    v1: int = 0
    v2: int = 0
    refused: int = 0
    faults: tuple[str, ...] = ()

    def __add__(self, other: Row) -> Row:
        """Returns the sum."""
        return Row(
            self.models + other.models,
            self.v1 + other.v1,
            self.v2 + other.v2,
            self.refused + other.refused,
            self.faults + other.faults,
        )

    def __str__(self) -> str:
        """Returns the row as a line."""
        return (
            f"{self.models} models; compared: {self.v1} signatures under v1, {self.v2} under v2; "
            f"{self.refused} patches refused; {len(self.faults)} faults"
        )


def patched_and_compared(model: Path, scratch: Path) -> Row:
    """Patches a model in each way, and compares what it computes with what it did."""
    v1, v2 = _running(model)
    row = Row(models=1)
    is_new = tuple(map(int, tf.__version__.split(".")[:2])) >= _NEW
    checks = (*_CHECKS, *_CHECKS_OF_NEW) if is_new else _CHECKS
    for name, patch in _patches(model):
        outcome, _ = try_patch(model, patch, scratch, None, checks)
        where = f"{model.parent.name}/{model.name}, {name}"
        if outcome.status == "refused":
            row = replace(row, refused=row.refused + 1)
        else:
            row = replace(row, v1=row.v1 + v1, v2=row.v2 + v2)
        faults = tuple(f"{where}: {fault.check}: {fault.what}" for _, fault in outcome.faults)
        row = replace(row, faults=row.faults + faults)
    return row


def _running(model: Path) -> tuple[int, int]:
    """Returns how many signatures of a model run under either loader."""
    v1 = v2 = 0
    for graph in read(model):
        for key, meaning in meanings(graph, SavedModelPatch()).items():
            feeds = [trial.fed for trial in trials(meaning)[:1]]
            signature = graph.signatures[key]
            v1 += not attempt(run_v1, model, graph.tags, signature, feeds)[1]
            v2 += not attempt(run_v2, model, graph.tags, key, feeds)[1]
    return v1, v2


def _patches(model: Path) -> Iterator[tuple[str, SavedModelPatch]]:
    """Yields patches that change everything there is of a kind, with their names."""
    renamed, converted, batch = SavedModelPatch(), SavedModelPatch(), SavedModelPatch()
    keys = dict.fromkeys(key for graph in read(model) for key in graph.signatures)
    for index, key in enumerate(keys):
        signature = next(graph.signatures[key] for graph in read(model) if key in graph.signatures)
        item = renamed.signature.add(key=key, rename_to=f"renamed_{index}")
        typed = converted.signature.add(key=key)
        for entries, types, endpoints in (
            (item.input, typed.input, signature.inputs),
            (item.output, typed.output, signature.outputs),
        ):
            for old, new in _reversed_names(endpoints).items():
                entries.add(key=old, rename_to=new)
            for old, endpoint in endpoints.items():
                if endpoint.dtype == "float32":
                    types.add(key=old, dtype="float64")
        shapes = [endpoint.shape for endpoint in signature.inputs.values() if endpoint.shape]
        if shapes:
            size = "3" if shapes[0][0] is None else "?"
            batch.signature.add(key=key, batch_size=size)
    yield "renamed", renamed
    yield "converted", converted
    if batch.signature:
        yield "batch size", batch


def _reversed_names(endpoints: Mapping[str, Endpoint]) -> dict[str, str]:
    """Returns new keys, whose sorted order is that of the old ones reversed."""
    keys = sorted(endpoints)
    return {key: f"k{len(keys) - index:02d}" for index, key in enumerate(keys)}
