"""Compares a patched model with the model as it was, under every loader of TensorFlow."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

import numpy as np

import sigpb
from sigpb import protos
from sigpb.patching.patch_file import parse_text
from sigpb.saved_model import fingerprint
from sigpb.saved_model.fingerprint import FILE_NAME
from sigpb.saved_model.model import open_model
from tests import model_runner
from tests.conversions import Arrays, Case, cases
from tests.model_runner import Array, Results, SomeResults, Values
from tests.patches import MAIN, apply, read
from tests.views import View, relabelled, session_view

SERVE = ("serve",)

Loader = Callable[[Path, Collection[str], Values], Results]

_LOADERS: tuple[Loader, ...] = (model_runner.run_v1, model_runner.run_v2)

Components = dict[str, Array]
"""The value of an endpoint: its parts by what follows the key in their names, "" if dense."""


def assert_values_follow(
    model: Path, text: str, tags: Collection[str] = SERVE, *, exportable: bool = True
) -> Path:
    """Asserts that a patch changes what values are called and nothing else about them.

    Every signature runs under v1, under v2 and, if `exportable`, under v2 after the patched model
    was loaded and saved again.

    Returns:
        The directory of the patched model.
    """
    patched = model.with_name("patched")
    # With the keys that patterns stand for.
    patch = sigpb.patch(model, parse_text(text), output_dir=patched).plan.patch
    new_tags = list(patch.set_tags.tag) or tags

    keys = _keys(model, tags)
    inputs = model_runner.make_inputs(model, tags)
    v1 = relabelled(_view(keys, inputs, model_runner.run_v1(model, tags, inputs)), patch)
    v2 = relabelled(_view(keys, inputs, model_runner.run_v2(model, tags, inputs)), patch)
    new_inputs = {key: _flat(arguments) for key, (arguments, _) in v1.items()}

    assert set(model_runner.signature_keys_v1(patched, new_tags)) == set(v1)
    assert set(model_runner.signature_keys_v2(patched, new_tags)) == set(v1)
    model_runner.assert_equal(_results(v1), model_runner.run_v1(patched, new_tags, new_inputs))
    model_runner.assert_equal(_results(v2), model_runner.run_v2(patched, new_tags, new_inputs))
    if exportable:
        saved = model_runner.resave(patched, new_tags, model.with_name("saved"))
        model_runner.assert_equal(_results(v2), model_runner.run_v2(saved, SERVE, new_inputs))
    return patched


def assert_values_are_converted(
    model: Path,
    text: str,
    tags: Collection[str] = SERVE,
    *,
    loadable: bool = True,
    exportable: bool = True,
) -> Path:
    """Asserts that a patch converts the values that it says, and changes nothing else about them.

    Every signature, also one that the patch does not name, runs under v1, if `loadable` under v2
    and, if `exportable` too, under v2 after the patched model was loaded and saved again. The
    tensors of the signatures as they were can still be fed and fetched with the same results. The
    patch finds nothing to do when it is applied again.

    Returns:
        The directory of the patched model.
    """
    patch = parse_text(text)
    patched = model.with_name(f"{model.name}_patched")
    assert sigpb.patch(model, patch, output_dir=patched).status == "patched"
    assert sigpb.patch(patched, patch, dry_run=True).status == "unchanged"
    new_tags = list(patch.set_tags.tag) or tags

    inputs = model_runner.make_inputs(model, tags)
    graph = next(g for g in open_model(model).meta_graphs if {*g.tags} == {*tags})
    wanted = cases(graph, patch, inputs)
    fed = {case.key: case.fed for case in wanted}
    for run in _LOADERS if loadable else _LOADERS[:1]:
        expected = _run_cases(run, model, tags, wanted)
        _assert_results(expected, wanted, run(patched, new_tags, fed))
    if loadable and exportable:
        saved = model_runner.resave(patched, new_tags, model.with_name(f"{model.name}_saved"))
        _assert_results(expected, wanted, model_runner.run_v2(saved, SERVE, fed))
    restored = _with_signatures(patched, new_tags, graph.signatures)
    model_runner.assert_equal(
        model_runner.run_v1(model, tags, inputs), model_runner.run_v1(restored, new_tags, inputs)
    )
    return patched


def assert_each_row_alone(
    model: Path, text: str, key: str = "serving_default", whole: Collection[str] = ()
) -> None:
    """Asserts that a signature of one row, once patched, takes none, one and three.

    It returns what the model returns for each row alone, under v1, v2 and v2 after a re-save.

    Args:
        model: The model whose signature takes one row.
        text: What makes it take any number.
        key: The signature, which keeps its key.
        whole: The outputs that have no rows; they are compared for a batch of one only.
    """
    patch = parse_text(text)
    patched = model.with_name(f"{model.name}_patched")
    sigpb.patch(model, patch, output_dir=patched)
    saved = model_runner.resave(patched, SERVE, model.with_name(f"{model.name}_saved"))
    (graph,) = open_model(model).meta_graphs
    inputs = model_runner.make_inputs(model, SERVE)
    rows = []
    for row in range(3):
        values = {name: value + row for name, value in inputs[key].items()}
        rows += [c for c in cases(graph, patch, {**inputs, key: values}) if c.source == key]
    for run, directory in (*((run, patched) for run in _LOADERS), (model_runner.run_v2, saved)):
        alone = [_run_cases(run, model, SERVE, [row])[row.key] for row in rows]
        for count in (0, 1, 3):
            fed = _stacked([row.fed for row in rows], count)
            results = _only(run(directory, SERVE, {key: fed})[key])
            skipped = () if count == 1 else whole
            wanted = {name: value for name, value in alone[0].items() if name not in skipped}
            if count != 1:
                wanted = _stacked([{name: row[name] for name in wanted} for row in alone], count)
            kept = {name: value for name, value in results.items() if name not in skipped}
            model_runner.assert_equal({key: wanted}, {key: kept})


def assert_fingerprinted(model: Path, text: str) -> None:
    """Asserts that a patched model has the fingerprint that TensorFlow would give it."""
    from tensorflow.python.saved_model.pywrap_saved_model import fingerprinting

    def tensorflows(directory: Path) -> protos.FingerprintDef:
        created = fingerprinting.CreateFingerprintDef(str(directory))
        return protos.FingerprintDef.FromString(created)

    file = model / FILE_NAME
    file.write_bytes(tensorflows(model).SerializeToString())
    before = fingerprint.read(file)
    apply(model, text)
    after, wanted = fingerprint.read(file), tensorflows(model)
    wanted.uuid = after.uuid  # It is random.
    assert after == wanted
    assert after.saved_model_checksum != before.saved_model_checksum


def _stacked(rows: Sequence[Arrays], count: int) -> Arrays:
    """Returns the first rows as one batch, which may be empty."""
    return {
        name: np.concatenate([value[:0], *(row[name] for row in rows[:count])])
        for name, value in rows[0].items()
    }


def _run_cases(
    run: Loader, model: Path, tags: Collection[str], wanted: Sequence[Case]
) -> dict[str, Arrays]:
    """Runs the signatures of the model as it was, for what those of the patched one return."""
    results = {}
    for case in wanted:
        outputs = _only(run(model, tags, {case.source: case.fed_to_source})[case.source])
        results[case.key] = case.expected(outputs)
    return results


def _only(results: Mapping[str, Array] | str) -> Mapping[str, Array]:
    assert not isinstance(results, str), results
    return results


def _assert_results(
    expected: Mapping[str, Arrays], wanted: Sequence[Case], results: SomeResults
) -> None:
    """Asserts what patched signatures returned; of outputs that were added, that they are there."""
    added = {case.key: case.added for case in wanted}
    kept: dict[str, Mapping[str, Array] | str] = {}
    for key, outputs in results.items():
        if not isinstance(outputs, str):
            assert added[key] <= outputs.keys()
            outputs = {name: value for name, value in outputs.items() if name not in added[key]}
        kept[key] = outputs
    model_runner.assert_equal(expected, kept)


def _with_signatures(
    model: Path, tags: Collection[str], signatures: Mapping[str, protos.SignatureDef]
) -> Path:
    """Copies a model, with other signatures over the same graph for session clients."""
    copied = model.with_name(f"{model.name}_restored")
    shutil.copytree(model, copied)
    saved_model = read(model)
    for meta_graph in saved_model.meta_graphs:
        if {*meta_graph.meta_info_def.tags} == {*tags}:
            meta_graph.signature_def.clear()
            for key, signature in signatures.items():
                meta_graph.signature_def[key].CopyFrom(signature)
    (copied / MAIN).write_bytes(saved_model.SerializeToString(deterministic=True))
    return copied


def _keys(model: Path, tags: Collection[str]) -> View[tuple[str, ...]]:
    graphs = read(model).meta_graphs
    return session_view(next(graph for graph in graphs if {*graph.meta_info_def.tags} == {*tags}))


def _view(keys: View[tuple[str, ...]], arguments: Values, results: SomeResults) -> View[Components]:
    view: View[Components] = {}
    for signature, values in results.items():
        assert not isinstance(values, str), f"{signature} did not run: {values}"
        inputs, outputs = keys[signature]
        view[signature] = _grouped(arguments[signature], inputs), _grouped(values, outputs)
    return view


def _grouped(values: Mapping[str, Array], keys: Collection[str]) -> dict[str, Components]:
    """Puts components such as ``s_indices`` and ``s_values`` under their endpoint ``s``."""
    return {
        key: {
            name.removeprefix(key): value
            for name, value in values.items()
            if name == key or (name.startswith(f"{key}_") and name not in keys)
        }
        for key in keys
    }


def _flat(endpoints: Mapping[str, Components]) -> dict[str, Array]:
    return {key + name: value for key, parts in endpoints.items() for name, value in parts.items()}


def _results(view: View[Components]) -> Values:
    return {key: _flat(outputs) for key, (_, outputs) in view.items()}
