"""Models with a part of another one compute what both did: as loaded, saved again, restored."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests import model_runner
from tests.composing.absorbed_models import publish_absorbed
from tests.model_runner import Results, Values, make_inputs, resave, run_v1, run_v2

pytestmark = pytest.mark.tensorflow
SERVE = ["serve"]


def _all_signatures(models: list[Path], run: Callable[[Path], Any]) -> dict[str, Any]:
    """What signatures have, by the keys that they get."""
    first, *others = (run(model) for model in models)
    more = ((f"{number}_", each) for number, each in enumerate(others, 1))
    return {**first, **{prefix + key: each[key] for prefix, each in more for key in each}}


@pytest.mark.parametrize(
    "names",
    [
        ["tf2_many", "tf2_many"],  # Assets and tables; one model twice.
        ["tf1_shared", "tf2_many"],  # Reference variables, and one of TensorFlow 2.
    ],
    ids="+".join,
)
def test_each_signature_computes_what_it_did(
    fixture_model: Callable[..., Path], tmp_path: Path, names: list[str]
) -> None:
    models = [fixture_model(name) for name in names]
    model = publish_absorbed(*models, output=tmp_path / "merged")
    inputs = _all_signatures(models, lambda model: make_inputs(model, SERVE))
    saved_again = resave(model, SERVE, tmp_path / "again")
    from_session = _saved_by_session(model, tmp_path / "session")
    for run, loaded in ((run_v1, (model, from_session)), (run_v2, (model, saved_again))):
        expected = _all_signatures(models, partial(_run, run))
        for each in loaded:
            model_runner.assert_equal(expected, run(each, SERVE, inputs))


def _run(run: Callable[[Path, list[str], Values], Results], model: Path) -> Results:
    return run(model, SERVE, make_inputs(model, SERVE))


def _saved_by_session(model: Path, output: Path) -> Path:
    """A copy of a model with the checkpoint that a session saves."""
    import tensorflow as tf

    shutil.copytree(model, output)
    with tf.compat.v1.Session(graph=tf.Graph()) as session:
        loaded = tf.compat.v1.saved_model.load(session, SERVE, str(model))
        saver = tf.compat.v1.train.Saver(saver_def=loaded.saver_def)
        shutil.rmtree(output / "variables")
        (output / "variables").mkdir()
        prefix = str(output / "variables" / "variables")
        saver.save(session, prefix, write_meta_graph=False, write_state=False)
    before, after = (
        tf.train.list_variables(str(each / "variables" / "variables")) for each in (model, output)
    )
    assert before == after
    names = {file.name.partition(".")[0] for file in (output / "variables").iterdir()}
    assert names == {"variables"}, "what is merged is left beside"
    return output
