"""Checks of what signatures compute, under both loaders and after a re-save."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .case import Case, Fault, said
from .meaning import Meaning
from .runs import Arrays, attempt, resave, run_v1, run_v2
from .trials import Trial, expected, fits, trials
from .views import Endpoint, MetaGraph, same_arrays


def possible_trials(meaning: Meaning) -> list[Trial]:
    """Makes up values; none if there are none of the shapes stated."""
    try:
        return trials(meaning)
    except ValueError:
        return []


Runner = Callable[[Path, tuple[str, ...], MetaGraph, str, Sequence[Arrays]], list[Arrays]]


def in_v1(
    path: Path, tags: tuple[str, ...], graph: MetaGraph, key: str, feeds: Sequence[Arrays]
) -> list[Arrays]:
    """Runs a signature of a MetaGraph under the v1 loader."""
    return run_v1(path, tags, graph.signatures[key], feeds)


def in_v2(
    path: Path, tags: tuple[str, ...], graph: MetaGraph, key: str, feeds: Sequence[Arrays]
) -> list[Arrays]:
    """Runs a signature of a MetaGraph under the v2 loader."""
    return run_v2(path, tags, key, feeds)


def values_v1(case: Case) -> Iterator[Fault]:
    """Each signature computes under the v1 loader what it did, with values converted."""
    yield from _values(case, "v1", in_v1, case.before, case.after)


def values_v2(case: Case) -> Iterator[Fault]:
    """The same under the v2 loader."""
    yield from _values(case, "v2", in_v2, case.before, case.after)


def values_resaved(case: Case) -> Iterator[Fault]:
    """The same once both models were loaded and saved again."""
    (before, after, _), *others = case.graphs
    if others or not before.message.HasField("object_graph_def"):
        return
    try:
        old = resave(case.before, before.tags, case.new_directory())
    except Exception:  # TensorFlow cannot save the model either.
        return
    try:
        new = resave(case.after, after.tags, case.new_directory())
    except Exception as error:
        if not _has_unsavable_keys(case):
            yield Fault("re-save", f"fails: {said(error)}")
        return
    yield from _values(case, "re-save", in_v2, old, new)


def _has_unsavable_keys(case: Case) -> bool:
    """Whether a key is one that the plan says ``tf.saved_model.save`` refuses to export."""
    keys = [
        key
        for _, after, _ in case.graphs
        for signature in after.signatures.values()
        for key in (*signature.inputs, *signature.outputs)
    ]
    return not all(re.fullmatch(r"[A-Za-z0-9.][A-Za-z0-9_.\\/>-]*", key) for key in keys)


def _values(case: Case, check: str, run: Runner, old: Path, new: Path) -> Iterator[Fault]:
    for before, after, wanted in case.graphs:
        for key, meaning in wanted.items():
            if key not in after.signatures:
                continue
            tried = possible_trials(meaning)
            if not tried:  # The patch should be refused.
                yield Fault(check, f"{key}: no value fits the shapes")
                continue
            for trial in tried if meaning.opened_from is not None else [None]:
                some = [trial] if trial is not None else tried
                yield from _compare(check, run, (old, before), (new, after), meaning, some)


def _compare(
    check: str,
    run: Runner,
    old: tuple[Path, MetaGraph],
    new: tuple[Path, MetaGraph],
    meaning: Meaning,
    tried: Sequence[Trial],
) -> Iterator[Fault]:
    groups = [group for trial in tried for group in trial.groups]
    # Once more at the end: what counts its runs cannot be compared in groups.
    arguments = old[0], old[1].tags, old[1], meaning.source
    results, error = attempt(run, *arguments, [*groups, groups[0]])
    if error or (len(groups) > len(tried) and not _same_results(results[0], results[-1])):
        return
    arguments = new[0], new[1].tags, new[1], meaning.key
    got, error = attempt(run, *arguments, [trial.fed for trial in tried])
    by_group = iter(results)
    for index, trial in enumerate(tried):
        mine = [next(by_group) for _ in trial.groups]
        try:
            wanted = expected(meaning, mine, trial, new[1].signatures[meaning.key].outputs)
        except Exception:  # The conversion fails for these values, and the patched model may.
            return
        if error:
            evidence = {"key": meaning.key, "fed": trial.fed, "wanted": wanted}
            yield Fault(check, f"{meaning.key} fails: {said(error)}", evidence)
            return
        if all(_fit_stated(result, meaning.signature.outputs) for result in mine):
            yield from _unlike_stated(check, new[1], meaning, got[index], trial)
        for name, value in wanted.items():
            rough = meaning.opened_from is not None
            if name not in got[index]:
                problem = f"no output {name!r}"
            else:
                problem = difference(value, got[index][name], rough=rough)
            if problem:
                evidence = {"key": meaning.key, "fed": trial.fed, "wanted": wanted}
                yield Fault(check, f"{meaning.key}: output {name!r}: {problem}", evidence)


def _fit_stated(results: Arrays, outputs: Mapping[str, Endpoint]) -> bool:
    """Whether results have the shapes that are stated for them."""
    return all(
        fits(np.shape(results.get(name)), endpoint.shape)
        for name, endpoint in outputs.items()
        if endpoint.tensor and endpoint.shape is not None
    )


def _unlike_stated(
    check: str, after: MetaGraph, meaning: Meaning, got: Arrays, trial: Trial
) -> Iterator[Fault]:
    """Yields the outputs whose shapes are not those that the patched signature states."""
    if not meaning.is_named:
        return
    for name, endpoint in after.signatures[meaning.key].outputs.items():
        value = np.shape(got.get(name))
        if endpoint.tensor and endpoint.shape is not None and not fits(value, endpoint.shape):
            yield Fault(
                check,
                f"{meaning.key}: output {name!r} states {endpoint.shape} and has {value}",
                {"key": meaning.key, "fed": trial.fed, "wanted": {}},
            )


def _same_results(first: Arrays, second: Arrays) -> bool:
    return all(same_arrays(first[key], second[key]) for key in first)


def difference(wanted: Any, got: Any, *, rough: bool) -> str:
    """Says in what two arrays differ; "" if they are equal, but for rounding."""
    wanted, got = np.asarray(wanted), np.asarray(got)
    if wanted.dtype != got.dtype and "O" not in (wanted.dtype.kind, got.dtype.kind):
        return f"dtype {got.dtype}, not {wanted.dtype}"
    if wanted.shape != got.shape:
        return f"shape {list(got.shape)}, not {list(wanted.shape)}"
    if wanted.dtype.kind in "OSU" or got.dtype.kind in "OSU":
        same = wanted.astype(object) == got.astype(object)
        return "" if np.all(same) else "other text"
    if wanted.dtype.kind in "biu":
        off = np.abs(wanted.astype(np.float64) - got.astype(np.float64))
        # What was rounded before it was cast can be the next number.
        return "" if np.all(off <= (1 if rough else 0)) else "other values"
    tolerance = 1e-3 if rough or wanted.dtype.itemsize < 4 else 1e-5
    close = np.isclose(
        wanted.astype(np.float64), got.astype(np.float64), tolerance, tolerance, equal_nan=True
    )
    return "" if np.all(close) else "other values"
