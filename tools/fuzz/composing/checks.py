"""Compares composed models with what they are made of."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from sigpb import SavedModelPatch
from tools.fuzz.differential.case import Case, Fault, said
from tools.fuzz.differential.meaning import meanings
from tools.fuzz.differential.runs import Arrays
from tools.fuzz.differential.stated_checks import fingerprint
from tools.fuzz.differential.trials import trials
from tools.fuzz.differential.value_checks import difference
from tools.fuzz.differential.views import Endpoint, MetaGraph, Signature, read

from . import loaders
from .fresh import Failed, fresh
from .loaders import LOADERS, Place
from .reference import Adapter, Chain, chain


@dataclass(frozen=True)
class Wanted:
    """A signature that a composed model is to have: one of a model, between adapters.

    Attributes:
        place: The signature of the model.
        before: The adapters before it, in the order in which values pass.
        after: Those behind it, in the same order.
    """

    place: Place
    before: Sequence[Adapter] = ()
    after: Sequence[Adapter] = ()

    def chain(self, loader: str = "v1", *, optimized: bool = True) -> Chain:
        """Returns what it takes, returns and computes; see `reference.chain`."""
        return chain(self.place, self.before, self.after, loader, optimized=optimized)

    @property
    def places(self) -> list[Place]:
        """All signatures that it is made of."""
        return [self.place, *(adapter.place for adapter in (*self.before, *self.after))]


def made_up(inputs: Mapping[str, Endpoint]) -> list[Arrays]:
    """Makes up values for a signature: several feeds, of which the last is the first again."""
    signature = Signature("", inputs, {}, {})
    meaning = meanings(MetaGraph((), {"made": signature}, None), SavedModelPatch())["made"]
    feeds = [trial.fed for trial in trials(meaning)]
    return [*feeds, feeds[0]]


def faults(
    model: Path,
    wanted: Mapping[str, Wanted],
    scratch: Path,
    feeds: Mapping[str, Sequence[Arrays]] | None = None,
    which: Sequence[str] = LOADERS,
) -> Iterator[Fault]:
    """Says in what a model is not what it should be.

    Args:
        model: The composed model.
        wanted: Its signatures.
        scratch: A directory for what is saved again.
        feeds: Values for some signatures, by their key; what is missing is made up.
        which: The loaders.
    """
    (graph,) = read(model)
    tags = graph.tags
    if set(graph.signatures) != set(wanted):
        yield Fault("keys", f"{sorted(graph.signatures)}, not {sorted(wanted)}")
        return
    resaved = _Resaved(scratch)
    for key, one in wanted.items():
        whole = one.chain()
        yield from _stated(key, graph.signatures[key], whole)
        fed = feeds[key] if feeds and key in feeds else made_up(whole.inputs)
        for loader in which:
            yield from _values(Place(model, key, tags), one, fed, loader, resaved)
    yield from _files(model, wanted, scratch)


def _stated(key: str, stated: Signature, whole: Chain) -> Iterator[Fault]:
    for what in ("inputs", "outputs"):
        got, expected = (
            {name: (end.dtype, end.shape) for name, end in getattr(side, what).items()}
            for side in (stated, whole)
        )
        if got != expected:
            yield Fault("stated", f"{what} of {key}: {got}, not {expected}")


class _Resaved:
    """Models that were loaded and saved again, each once."""

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        self._made: dict[Path, Place | Failed] = {}

    def place(self, place: Place) -> Place:
        """Returns a signature in its model that was loaded and saved again.

        Raises:
            Failed: If TensorFlow cannot do that.
        """
        if place.model not in self._made:
            try:
                made: Place | Failed = loaders.resave(
                    place, self._scratch / f"resaved-{len(self._made)}"
                )
            except Failed as error:
                made = error
            self._made[place.model] = made
        found = self._made[place.model]
        if isinstance(found, Failed):
            raise found
        return replace(found, key=place.key)


def _values(
    place: Place, wanted: Wanted, feeds: Sequence[Arrays], loader: str, resaved: _Resaved
) -> Iterator[Fault]:
    base = loader.split()[-1]
    try:
        if base != loader:  # What TensorFlow cannot save again alone, it need not save composed.
            for each in wanted.places:
                loaders.run(base, resaved.place(each), made_up(each.signature.inputs)[:1])
        expected = wanted.chain(base).run(feeds)
    except Failed:
        return
    run = partial(loaders.run, loader)
    try:
        composed = resaved.place(place) if base != loader else place
        got = run(composed, feeds)
        problem = _first_difference(expected, got)
        if problem.endswith("other bits"):  # Perhaps TensorFlow put nodes together.
            exact = wanted.chain(base, optimized=False).run(feeds)
            got = run(composed, feeds, optimized=False)
            problem = _first_difference(exact, got)
    except Failed as error:
        yield Fault(loader, f"{place.key} fails: {said(error)}", {"fed": feeds})
        return
    if problem:
        yield Fault(
            loader, f"{place.key}: {problem}", {"fed": feeds, "wanted": expected, "got": got}
        )


def _first_difference(wanted: Sequence[Arrays], got: Sequence[Arrays]) -> str:
    for number, (one, other) in enumerate(zip(wanted, got, strict=True)):
        if one.keys() != other.keys():
            return f"outputs {sorted(other)}, not {sorted(one)}"
        for name, value in one.items():
            if problem := _unequal(value, other[name]):
                return f"run {number}, output {name!r}: {problem}"
    return ""


def _unequal(wanted: Any, got: Any) -> str:
    """Says in what two arrays differ, to the bit; "" if they do not."""
    wanted, got = np.asarray(wanted), np.asarray(got)
    problem = difference(wanted, got, rough=False)
    if problem or wanted.dtype.kind == "O" or wanted.tobytes() == got.tobytes():
        return problem
    return "other bits"


def _files(model: Path, wanted: Mapping[str, Wanted], scratch: Path) -> Iterator[Fault]:
    try:
        fresh(_read_checkpoint, model)
    except Failed as error:
        yield Fault("checkpoint", said(error))
    case = Case(model, model, SavedModelPatch(), scratch)
    if (model / "fingerprint.pb").exists():
        yield from fingerprint(case)
    models = {place.model for one in wanted.values() for place in one.places}
    if not _mlir(model) or any(_mlir(each) for each in models):
        return
    yield Fault("MLIR", _mlir(model))


def _mlir(model: Path) -> str:
    try:
        loaders.mlir(model)
    except Failed as error:
        return re.sub(r"__sm_node\d+\S*", "…", said(error))
    return ""


def _read_checkpoint(model: Path) -> int:
    """Reads all tensors of a checkpoint, and returns how many there are."""
    prefix = model / "variables" / "variables"
    if not prefix.with_suffix(".index").exists():
        return 0
    reader = tf.train.load_checkpoint(str(prefix))
    keys = reader.get_variable_to_shape_map()
    for key in keys:
        reader.get_tensor(key)
    return len(keys)
