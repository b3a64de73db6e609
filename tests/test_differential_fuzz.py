"""What ``python -m tools.fuzz differential`` is made of, and that it finds a wrong value.

Its modules import TensorFlow, and so are imported where they are needed.
"""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import sigpb
from sigpb.patching.patch_file import parse_text
from tools.fuzz.differential.families import FAMILIES
from tools.fuzz.differential.program import Line, Program

RENAME = 'signature { key: "serving_default" output { key: "p" rename_to: "r" } }'

LINEAR = Program(
    "tf2",
    tuple(
        Line(*line) if isinstance(line, tuple) else Line(line)
        for line in (
            "@tf.function(input_signature=[tf.TensorSpec([None, 2], tf.float32, name='x')])",
            "def f(x):",
            "    if True:",
            ('        y = tf.identity(x * 2.0, name="y")', "y", "x", False, "f"),
            ("        z = y + 1.0", "z", "y", False, "f"),
            ("        return {", "", "", False, "f"),
            ("            'p': y,", "", "", True, "f"),
            ("            's': z,", "", "", True, "f"),
            ("        }", "", "", False, "f"),
            "",
            "",
            "def build(path):",
            "    tf.saved_model.save(tf.Module(), path, signatures={'serving_default': f})",
        )
    ),
    ("y",),
)


@pytest.fixture(scope="module")
def linear(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return LINEAR.build(tmp_path_factory.mktemp("linear") / "model")


@pytest.mark.parametrize("family", FAMILIES)
def test_a_seed_gives_one_program(family: str) -> None:
    sources = {FAMILIES[family](random.Random(f"{seed % 20}")).source for seed in range(40)}
    assert 10 < len(sources) <= 20
    for source in sources:
        compile(source, "program", "exec")


def test_programs_get_smaller() -> None:
    texts = ["\n".join(line.text for line in smaller.lines) for smaller in LINEAR.smaller()]
    assert any("'p': x," in text and "z = x + 1.0" in text for text in texts)  # without y
    assert any("'s': y," in text for text in texts)  # without z
    assert any("'p'" not in text and "'s'" in text for text in texts)


def test_a_program_returns_a_variable_of_a_function() -> None:
    assert '"probe": y,' in LINEAR.returning("y").source


def swap_outputs(before: Path, patch: Any, *, output_dir: Path) -> sigpb.PatchResult:
    """Patches a model, and then exchanges the tensors of two outputs."""
    from tools.fuzz.differential.views import read_message

    result = sigpb.patch(before, patch, output_dir=output_dir)
    message = read_message(output_dir)
    outputs = message.meta_graphs[0].signature_def["serving_default"].outputs
    first, second = sorted(outputs)
    outputs[first].name, outputs[second].name = outputs[second].name, outputs[first].name
    (output_dir / "saved_model.pb").write_bytes(message.SerializeToString(deterministic=True))
    return result


@pytest.mark.tensorflow
def test_a_right_patch_has_no_faults(linear: Path, tmp_path: Path) -> None:
    from tools.fuzz.differential.oracle import CHECKS, SLOW_CHECKS
    from tools.fuzz.differential.trial_run import try_patch

    text = RENAME.replace('rename_to: "r"', 'rename_to: "z" dtype: "float64"')
    outcome, _ = try_patch(linear, parse_text(text), tmp_path, LINEAR, (*CHECKS, *SLOW_CHECKS))
    assert (outcome.status, outcome.faults) == ("patched", ())


@pytest.mark.tensorflow
def test_exchanged_outputs_are_found_and_made_small(linear: Path, tmp_path: Path) -> None:
    from tools.fuzz.differential.script import script
    from tools.fuzz.differential.shrink import Example, shrunk
    from tools.fuzz.differential.trial_run import Reproducer, try_patch
    from tools.fuzz.differential.value_checks import values_v1, values_v2

    patch = parse_text(
        'signature { key: "serving_default" input { key: "x" rename_to: "a" dtype: "float64" } '
        'output { key: "p" rename_to: "r" dtype: "float64" } }'
    )
    outcome, _ = try_patch(
        linear, patch, tmp_path, LINEAR, [values_v1, values_v2], patcher=swap_outputs
    )
    faults = [fault for _, fault in outcome.faults]
    assert {fault.check for fault in faults} == {"v1"}

    reproducer = Reproducer(tmp_path, values_v1, patcher=swap_outputs)
    chain = Example(LINEAR, (parse_text(RENAME.replace('"r"', '"q"')), patch))
    chain = Example(LINEAR, (patch,)) if not reproducer(chain) else chain
    small, fault = shrunk(chain, faults[0], reproducer, seconds=20)
    assert len(small.patches) == 1
    assert len(str(small.patches[0])) < len(str(patch))

    file = tmp_path / "found.py"
    file.write_text(script(small.program, small.patches, fault, "outputs are exchanged"))
    done = subprocess.run(
        [sys.executable, str(file)], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr  # sigpb is not at fault, so nothing differs.
    assert "and should be" not in done.stdout
    assert "tools" not in file.read_text()


@pytest.mark.tensorflow
def test_other_tensors_of_old_are_found(linear: Path, tmp_path: Path) -> None:
    from tools.fuzz.differential.tensor_checks import old_names
    from tools.fuzz.differential.trial_run import try_patch
    from tools.fuzz.differential.views import read_message

    def renames_a_node(before: Path, patch: Any, *, output_dir: Path) -> sigpb.PatchResult:
        result = sigpb.patch(before, patch, output_dir=output_dir)
        message = read_message(output_dir)
        graph = message.meta_graphs[0]
        name = graph.signature_def["serving_default"].inputs["x"].name.removesuffix(":0")
        data = message.SerializeToString(deterministic=True)
        other = name[:-1] + "_"
        (output_dir / "saved_model.pb").write_bytes(data.replace(name.encode(), other.encode()))
        return result

    outcome, _ = try_patch(
        linear, parse_text(RENAME), tmp_path, LINEAR, [old_names], patcher=renames_a_node
    )
    assert [fault.check for _, fault in outcome.faults] == ["old names"]


@pytest.mark.tensorflow
@pytest.mark.parametrize(
    ("flags", "fed", "groups", "wanted"),
    [
        ('input { key: "x" dtype: "int32" }', (2, "int32"), 1, (2, "float32")),
        ('output { key: "p" dtype: "float64" }', (2, "float32"), 1, (2, "float64")),
        ('batch_size: "?"', (6, "float32"), 3, (6, "float32")),
    ],
)
def test_what_a_patch_means(
    flags: str, fed: tuple[int, str], groups: int, wanted: tuple[int, str]
) -> None:
    import numpy as np

    from tools.fuzz.differential.meaning import meanings
    from tools.fuzz.differential.trials import expected, trials
    from tools.fuzz.differential.views import Endpoint, MetaGraph, Signature

    endpoint = Endpoint("float32", (2, 3), {"x": "x:0"})
    output = Endpoint("float32", (2, 3), {"p": "p:0"})
    graph = MetaGraph(("serve",), {"s": Signature("", {"x": endpoint}, {"p": output}, {})}, None)
    meaning = meanings(graph, parse_text(f'signature {{ key: "s" {flags} }}'))["s"]
    trial = max(trials(meaning), key=lambda trial: trial.rows)
    assert (len(trial.fed["x"]), trial.fed["x"].dtype) == fed
    assert len(trial.groups) == groups
    results = [{"p": group["x"].astype("f4") * 2} for group in trial.groups]
    opened = Endpoint("float32", (None, 3), {"p": "p:0"})
    value = expected(meaning, results, trial, {"p": opened})["p"]
    assert (len(value), value.dtype) == wanted
    np.testing.assert_array_equal(value, trial.fed["x"].astype("f4") * 2)


@pytest.mark.tensorflow
def test_a_hunt_finds_exchanged_outputs() -> None:
    from tools.fuzz.differential.hunt import Hunt

    reports: list[tuple[str, Any]] = []

    def exchange(before: Path, patch: Any, *, output_dir: Path) -> sigpb.PatchResult:
        result = sigpb.patch(before, patch, output_dir=output_dir)
        if result.status == "patched":
            _exchange_all(output_dir)
        return result

    hunt = Hunt(
        0,
        lambda what, data: reports.append((what, data)),
        ["tf1"],
        exchange,
        patches=3,
        shrinking=0.5,
    )
    for number in range(3):
        hunt.round(number)
    names = [data[0] for what, data in reports if what == "found"]
    assert any(name.startswith("v1") for name in names), reports
    counted = [data for what, data in reports if what == "count"]
    assert ("patch", "patched") in counted
    assert ("model", "tf1") in counted


def _exchange_all(model: Path) -> None:
    """Exchanges the tensors of the first and the last output of every signature."""
    from tools.fuzz.differential.views import read_message

    message = read_message(model)
    for graph in message.meta_graphs:
        for key, signature in graph.signature_def.items():
            if not key.startswith("__"):
                first, last = min(signature.outputs), max(signature.outputs)
                names = signature.outputs[last].name, signature.outputs[first].name
                signature.outputs[first].name, signature.outputs[last].name = names
    (model / "saved_model.pb").write_bytes(message.SerializeToString(deterministic=True))
