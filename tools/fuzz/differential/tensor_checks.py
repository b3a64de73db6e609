"""Checks of tensors: outputs that are added, names of old, inputs that can be left out."""

from __future__ import annotations

from collections.abc import Iterator

import sigpb
from sigpb import SavedModelPatch

from .case import Case, Fault, said
from .meaning import Change, Meaning, meanings
from .runs import Arrays, attempt, by_tensor, parts, run_tensors, run_v1
from .trials import Trial, expected
from .value_checks import difference, in_v1, in_v2, possible_trials
from .views import MetaGraph, read


def added(case: Case) -> Iterator[Fault]:
    """An added output is the tensor that was named."""
    for before, after, wanted in case.graphs:
        for key, meaning in wanted.items():
            tried = possible_trials(meaning)
            if meaning.opened_from is not None or key not in after.signatures or not tried:
                continue
            for name, change in meaning.outputs.items():
                if change.old is None:
                    yield from _added(case, (before, after), meaning, name, tried[-1])


def _added(
    case: Case, graphs: tuple[MetaGraph, MetaGraph], meaning: Meaning, name: str, trial: Trial
) -> Iterator[Fault]:
    before, after = graphs
    tensor = meaning.outputs[name].key
    (old_feed,) = trial.groups
    if not all(endpoint.tensor for endpoint in meaning.signature.inputs.values()):
        return
    feeds = [by_tensor(meaning.signature, old_feed)]
    results, error = attempt(run_tensors, case.before, before.tags, {"probe": tensor}, feeds)
    if error:
        results, error = attempt(_probed, case, meaning, tensor, old_feed)
    for check, run in (("added in v1", in_v1), ("added in v2", in_v2)):
        ran, _ = attempt(run, case.before, before.tags, before, meaning.source, [old_feed])
        if not ran:
            continue
        got, failed = attempt(run, case.after, after.tags, after, meaning.key, [trial.fed])
        evidence = {"key": meaning.key, "fed": trial.fed, "wanted": {}}
        if failed:
            yield Fault(check, f"{meaning.key} fails: {said(failed)}", evidence)
        elif results:
            problem = difference(results[0]["probe"], got[0][name], rough=False)
            if problem:
                evidence["wanted"] = {name: results[0]["probe"]}
                yield Fault(check, f"{meaning.key}: output {name!r}: {problem}", evidence)


def _probed(case: Case, meaning: Meaning, tensor: str, feed: Arrays) -> list[Arrays]:
    """Runs the model, built so that it returns a variable of its functions as well."""
    variable = tensor.removesuffix(":0")
    if case.program is None or variable not in case.program.named:
        return []
    probed = case.program.returning(variable).build(case.new_directory())
    (graph,) = read(probed)
    signature = graph.signatures[meaning.source]
    return run_v1(probed, graph.tags, signature, [feed]) if "probe" in signature.outputs else []


def old_names(case: Case) -> Iterator[Fault]:
    """The tensors of old, fed and fetched by their names, give the old values."""
    for before, after, _ in case.graphs:
        for key, meaning in meanings(before, SavedModelPatch()).items():
            signature = meaning.signature
            fetches = parts(signature.outputs)
            feeds = [by_tensor(signature, trial.fed) for trial in possible_trials(meaning)]
            wanted, error = attempt(run_tensors, case.before, before.tags, fetches, feeds)
            if error:
                continue
            got, error = attempt(run_tensors, case.after, after.tags, fetches, feeds)
            evidence = {"feeds": feeds[0], "fetches": fetches}
            if error:
                yield Fault("old names", f"{key} fails: {said(error)}", evidence)
                continue
            for old, new in zip(wanted, got, strict=True):
                for name, value in old.items():
                    problem = difference(value, new[name], rough=False)
                    if problem:
                        evidence |= {"wanted": old}
                        yield Fault("old names", f"{key}: {fetches[name]}: {problem}", evidence)


def unfed(case: Case) -> Iterator[Fault]:
    """An input that could be left out in a session still can be, or the plan says it cannot."""
    for before, after, wanted in case.graphs:
        for key, meaning in wanted.items():
            if meaning.opened_from is None and key in after.signatures:
                for name, change in meaning.inputs.items():
                    if _has_default(before, change):
                        yield from _unfed(case, (before, after), meaning, name)


def _unfed(
    case: Case, graphs: tuple[MetaGraph, MetaGraph], meaning: Meaning, name: str
) -> Iterator[Fault]:
    before, after = graphs
    signature = after.signatures[meaning.key]
    for trial in possible_trials(meaning)[:1]:
        (group,) = trial.groups
        less = {key: x for key, x in group.items() if key != meaning.inputs[name].key}
        old, error = attempt(run_v1, case.before, before.tags, meaning.signature, [less])
        if error:
            return
        try:
            values = expected(meaning, old, trial, signature.outputs)
        except Exception:  # The conversion fails for these values, or the default's shape.
            return
        fed = {key: x for key, x in trial.fed.items() if key != name}
        got, error = attempt(run_v1, case.after, after.tags, signature, [fed])
        evidence = {"key": meaning.key, "fed": fed, "wanted": values}
        where = f"{meaning.key} without {name!r}"
        if error:
            if "default" not in str(sigpb.plan(case.before, case.patch)):
                yield Fault("unfed", f"{where} fails: {said(error)}", evidence)
            return
        for output, value in values.items():
            if difference(value, got[0][output], rough=False):
                yield Fault("unfed", f"{where}: other values", evidence)


def _has_default(graph: MetaGraph, change: Change) -> bool:
    node = change.old.tensor.split(":")[0] if change.old else ""
    return any(
        made.name == node and made.op == "PlaceholderWithDefault"
        for made in graph.message.graph_def.node
    )
