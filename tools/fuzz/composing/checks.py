"""Compares composed models with what they are made of."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
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
    places = [place for one in wanted.values() for place in one.places]
    for key, one in wanted.items():
        whole = one.chain()
        yield from _stated(key, graph.signatures[key], whole)
        fed = feeds[key] if feeds and key in feeds else made_up(whole.inputs)
        compared = _Compared(Place(model, key, tags), one, places, fed, resaved)
        for loader in which:
            yield from compared.faults(loader)
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
            output = self._scratch / f"resaved-{len(self._made)}"
            try:
                self._made[place.model] = loaders.resave(place, output)
            except Failed as error:
                self._made[place.model] = error
        found = self._made[place.model]
        if isinstance(found, Failed):
            raise found
        return replace(found, key=place.key)


class _Compared:
    """A signature of a composed model, and what it is to compute."""

    def __init__(
        self,
        place: Place,
        wanted: Wanted,
        places: Sequence[Place],
        feeds: Sequence[Arrays],
        resaved: _Resaved,
    ) -> None:
        self._place, self._wanted, self._feeds, self._resaved = place, wanted, feeds, resaved
        self._places = places  # All signatures of which there is something in the model.
        self._expected: dict[tuple[str, bool], list[Arrays] | Failed] = {}

    def faults(self, loader: str) -> Iterator[Fault]:
        """Says in what the results under a loader are not those of the models in turn."""
        base = loader.split()[-1]
        if isinstance(self._results(base, optimized=True), Failed):
            return
        problem, evidence = self._problem(loader, base, optimized=True)
        # Perhaps TensorFlow put nodes together, or took a tensor that is fed for what it computes.
        if problem and evidence:
            problem, evidence = self._problem(loader, base, optimized=False)
        if problem and self._is_possible(loader, base, has_failed=not evidence):
            yield Fault(loader, f"{self._place.key}: {problem}", {"fed": self._feeds, **evidence})

    def _problem(self, loader: str, base: str, *, optimized: bool) -> tuple[str, dict[str, Any]]:
        expected = self._results(base, optimized=optimized)
        if isinstance(expected, Failed):
            return "", {}
        try:
            place = self._place if base == loader else self._resaved.place(self._place)
            got = loaders.run(loader, place, self._feeds, optimized=optimized)
        except Failed as error:
            return f"fails: {said(error)}", {}
        return _first_difference(expected, got), {"wanted": expected, "got": got}

    def _results(self, base: str, *, optimized: bool) -> list[Arrays] | Failed:
        """Returns what the models compute in turn, or why they cannot be run."""
        if (base, optimized) not in self._expected:
            whole = self._wanted.chain(base, optimized=optimized)
            try:
                self._expected[base, optimized] = whole.run(self._feeds)
            except Failed as error:
                self._expected[base, optimized] = error
        return self._expected[base, optimized]

    def _is_possible(self, loader: str, base: str, *, has_failed: bool) -> bool:
        """Whether TensorFlow can do with each of the models what it cannot do with the whole."""
        for place in self._places if has_failed else self._wanted.places:
            feeds = made_up(place.signature.inputs)[:1]
            try:
                before = loaders.run(base, place, feeds)
                if base != loader and _first_difference(
                    before, loaders.run(base, self._resaved.place(place), feeds)
                ):
                    return False
            except Failed:
                return False
        return True


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
