"""Compares a patched model with the model as it was, under every loader of TensorFlow."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import sigpb
from sigpb.patching.patch_file import parse_text
from tests import model_runner
from tests.model_runner import Array, SomeResults, Values
from tests.views import View, relabelled

SERVE = ("serve",)


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

    inputs = model_runner.make_inputs(model, tags)
    v1 = relabelled(_view(inputs, model_runner.run_v1(model, tags, inputs)), patch)
    v2 = relabelled(_view(inputs, model_runner.run_v2(model, tags, inputs)), patch)
    new_inputs = {key: arguments for key, (arguments, _) in v1.items()}

    assert model_runner.signature_keys_v1(patched, new_tags) == _keys(v1)
    assert model_runner.signature_keys_v2(patched, new_tags) == _keys(v1)
    model_runner.assert_equal(_results(v1), model_runner.run_v1(patched, new_tags, new_inputs))
    model_runner.assert_equal(_results(v2), model_runner.run_v2(patched, new_tags, new_inputs))
    if exportable:
        saved = model_runner.resave(patched, new_tags, model.with_name("saved"))
        model_runner.assert_equal(_results(v2), model_runner.run_v2(saved, SERVE, new_inputs))
    return patched


def _view(inputs: Values, results: SomeResults) -> View[Array]:
    view: View[Array] = {}
    for key, values in results.items():
        assert not isinstance(values, str), f"{key} did not run: {values}"
        view[key] = (inputs[key], dict(values))
    return view


def _keys(view: View[Array]) -> model_runner.Keys:
    return {key: (sorted(inputs), sorted(outputs)) for key, (inputs, outputs) in view.items()}


def _results(view: View[Array]) -> Values:
    return {key: outputs for key, (_, outputs) in view.items()}
