"""One value for a whole batch, which becomes as many rows as the batch has."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sigpb
from sigpb.patching.patch_file import parse_text
from tests import model_runner
from tests.edits.before_after import planned, types_of
from tests.edits.built_models import SERVE, function_model, results
from tests.edits.test_add_output_of_in_tensorflow import MODELS, function, same
from tests.edits.test_read_examples import serialized
from tests.model_runner import Array
from tests.patches import ModelFactory, apply, refusals
from tests.verifying.mappings import signature_by

STEPS = 'step: "affine(3)" step: "broadcast()" step: "clip(-4, 50)"'


def serving(endpoints: str) -> str:
    return f'signature {{ key: "serving_default" {endpoints} }}'


def test_types(fixture_model: ModelFactory) -> None:
    patch = serving(
        f'input {{ key: "b" {STEPS} }} output {{ key: "a" from_input: "b" step: "broadcast()" }}'
    )
    assert planned(fixture_model("tf2_linear"), patch)[1].startswith(
        "input 'b' float32 [?,3] → float32 [3] (affine, broadcast, clip: "
    )
    assert types_of(apply(fixture_model("tf2_linear"), patch)) == (
        "b float32 [3], x float32 [?,3] -> a float32 [?,3], p float32 [?,3], s float32 [?,3]"
    )


def test_verified_by_the_rows_of_another_input(fixture_model: ModelFactory) -> None:
    patch = serving(
        'input { key: "x" step: "broadcast()" } '
        'output { key: "a" from_input: "x" step: "broadcast()" }'
    )
    found = signature_by(fixture_model("tf2_linear"), patch)
    assert {end.old: end.rows_of for end in found.inputs} == {"b": None, "x": "b"}
    assert [end.rows_of for end in found.added] == ["b"]
    assert [end.rows_of for end in found.outputs] == [None, None]


@pytest.mark.parametrize(
    ("endpoints", "said"),
    [
        (
            'input { key: "b" step: "broadcast()" } input { key: "x" step: "broadcast()" }',
            [
                "input 'b': broadcast cannot count rows, since no other input has an open number",
                "input 'x': broadcast cannot count rows, since no other input has an open number",
            ],
        ),
        (
            'input { key: "b" step: "broadcast()" } input { key: "x" shape: "[3,3]" }',
            ["input 'b': broadcast cannot count rows, since no other input has an open number"],
        ),
        (
            'output { key: "p" step: "broadcast()" }',
            ["output 'p': broadcast takes one row, of which all sizes are known, not [?,3]"],
        ),
        (
            'input { key: "b" shape: "[3]" step: "broadcast()" } '
            'output { key: "a" from_input: "b" step: "broadcast()" step: "transpose(1, 0)" }',
            [
                "output 'a': broadcast has to give an open number of rows of a fixed size, not "
                "[3,?]."
            ],
        ),
    ],
)
def test_refused(fixture_model: ModelFactory, endpoints: str, said: list[str]) -> None:
    found = refusals(fixture_model("tf2_linear"), serving(endpoints))
    for problem, start in zip(found, said, strict=True):
        assert problem.startswith(f"signature 'serving_default': {start}")


@pytest.mark.tensorflow
@pytest.mark.parametrize("name", MODELS)
def test_values(fixture_model: ModelFactory, tmp_path: Path, name: str) -> None:
    model, patched, saved = fixture_model(name), tmp_path / "patched", tmp_path / "saved"
    other, output, _ = MODELS[name]
    patch = serving(
        f'input {{ key: "{other}" rename_to: "zz" {STEPS} }} '
        f'input {{ key: "x" dtype: "float64" }} '
        f'output {{ key: "a" from_input: "{other}" step: "broadcast()" dtype: "float64" }}'
    )
    sigpb.patch(model, parse_text(patch), output_dir=patched)
    model_runner.resave(patched, SERVE, saved)
    before, loaded = function(model), [function(patched), function(saved)]
    row: Array = np.float32([-2.7, 0.1, 31])
    scale: dict[str, Array] = {"scale": np.float32(2)} if name == "tf1_shared" else {}
    for rows in (0, 1, 3):
        x: Array = np.arange(3 * rows, dtype=np.float64).reshape(rows, 3) - 1.75
        rest = np.tile(np.clip(row * np.float32(3), -4, 50), (rows, 1))
        wanted = before({"x": x.astype(np.float32), other: rest, **scale})[output]
        new = {"x": x, "zz": row, **scale}
        session = model_runner.run_v1(patched, SERVE, {"serving_default": new})["serving_default"]
        assert not isinstance(session, str), session
        for found in (dict(session), *(run(new) for run in loaded)):
            assert same(found[output], wanted)
            assert same(found["a"], np.tile(row.astype(np.float64), (rows, 1)))


@pytest.mark.tensorflow
def test_beside_bound_values_and_examples(tmp_path: Path) -> None:
    """The bound value has the rows of an input that is one row itself, whatever their order."""

    def both(a: Any, m: Any, z: Any) -> dict[str, Any]:
        import tensorflow as tf

        return {"y": tf.concat([a, m, z], 1), "k": tf.constant([3.0, 7.0])}

    model = function_model(tmp_path, both, a=[None, 1], m=[None, 1], z=[None, 1])
    binding = 'input { key: "a" bind: "8" } input { key: "m" step: "broadcast()" }'
    constant = 'output { key: "k" step: "broadcast()" }'
    patch = parse_text(serving(f"{binding} {constant}"))
    by_row, by_example = tmp_path / "by_row", tmp_path / "by_example"
    sigpb.patch(model, patch, output_dir=by_row)
    for rows in (0, 3):
        z: Array = np.arange(rows, dtype=np.float32)[:, None]
        wanted = {"y": [[8, 5, *row] for row in z.tolist()], "k": [[3, 7]] * rows}
        for found in results(by_row, {"m": np.float32([5]), "z": z}):
            assert found == wanted
    sigpb.patch(model, parse_text(serving(f'examples: "e" {constant}')), output_dir=by_example)
    for found in results(by_example, {"e": serialized(dict.fromkeys("amz", z))}):
        assert found == {"y": [[row] * 3 for row in range(3)], "k": [[3, 7]] * 3}
    # To verify it, the same is done to the rows, and some leave out what has a default.
    right, wrong = (
        parse_text(
            f'signature {{ key: "rows" copy_of: "serving_default" {binding} {constant} }} '
            + serving(f'examples: "e" input {{ key: "a" default: "[[{value}]]" }}')
        )
        for value in (7, 8)
    )
    sigpb.patch(model, right, output_dir=tmp_path / "two")
    report = sigpb.verify(model, tmp_path / "two", wrong, loaders=["v1"], batch_sizes=[2])
    statuses = {each.new: each.loaders[0].status for each in report.signatures}
    assert statuses == {"rows": "same", "serving_default": "different"}
