"""Compares a patched model with the model as it was, under every loader of TensorFlow."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

import sigpb
from sigpb.patching.patch_file import parse_text
from tests import model_runner
from tests.model_runner import Array, SomeResults, Values
from tests.patches import read
from tests.views import View, relabelled, session_view

SERVE = ("serve",)

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
    patch = parse_text(text)
    patched = model.with_name("patched")
    sigpb.patch(model, patch, output_dir=patched)
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
