"""The process with TensorFlow, with other modules in the place of TensorFlow."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

import sigpb
from tests.patches import ModelFactory

Module = Callable[[str], None]


@pytest.fixture
def tensorflow_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Module:
    """Returns a function that takes the code of a module ``tensorflow``."""

    def put(code: str) -> None:
        folder = tmp_path / "modules"
        folder.mkdir()
        (folder / "tensorflow.py").write_text(code)
        monkeypatch.syspath_prepend(folder)

    return put


def failure(model: Path, timeout: float = 60) -> str:
    with pytest.raises(sigpb.EnvironmentFailure) as caught:
        sigpb.verify(model, model, timeout=timeout)
    assert caught.value.exit_code == 4
    return str(caught.value)


def test_missing(fixture_model: ModelFactory, tensorflow_is: Module) -> None:
    tensorflow_is("raise ModuleNotFoundError('No module', name='tensorflow')")

    message = failure(fixture_model("tf1_no_variables"))

    assert message.startswith("TensorFlow (tensorflow) is not installed for ")
    assert message.endswith("pip install tensorflow.")


def test_part_of_it_is_missing(fixture_model: ModelFactory, tensorflow_is: Module) -> None:
    tensorflow_is("import no_such_module_of_tensorflow")

    message = failure(fixture_model("tf1_no_variables"))

    assert message.startswith("A module of TensorFlow's (no_such_module_of_tensorflow) is not inst")


def test_broken(fixture_model: ModelFactory, tensorflow_is: Module) -> None:
    tensorflow_is("raise ImportError('numpy is too new')")

    message = failure(fixture_model("tf1_no_variables"))

    assert message == "TensorFlow cannot be imported: ImportError: numpy is too new."


def test_time_limit(fixture_model: ModelFactory, tensorflow_is: Module) -> None:
    tensorflow_is("import time; time.sleep(60)")
    started = time.monotonic()

    message = failure(fixture_model("tf1_no_variables"), timeout=3)

    assert time.monotonic() - started < 30
    assert message == (
        "TensorFlow was not done after 3 seconds. It was about to import TensorFlow. Nothing is "
        "known of the models; allow it more with --timeout=SECONDS."
    )


def test_crash(fixture_model: ModelFactory, tensorflow_is: Module) -> None:
    tensorflow_is(
        "import os, sys; sys.stderr.write('terminate called'); sys.stderr.flush(); os.abort()"
    )

    message = failure(fixture_model("tf1_no_variables"))

    assert message == (
        "The process with TensorFlow ended with signal 6 when it was about to import TensorFlow. "
        "Its last message was: terminate called"
    )


def test_what_it_prints_is_no_answer(fixture_model: ModelFactory, tensorflow_is: Module) -> None:
    tensorflow_is("print('{\"done\": true}'); import os; os._exit(3)")

    assert "ended with exit code 3" in failure(fixture_model("tf1_no_variables"))


def test_modules_of_the_current_directory_do_not_count(
    fixture_model: ModelFactory,
    tensorflow_is: Module,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tensorflow_is("raise ImportError('the right one')")
    (tmp_path / "pickle.py").write_text("raise SystemExit('the wrong one')")
    (tmp_path / "tensorflow.py").write_text("raise ImportError('the wrong one')")
    monkeypatch.chdir(tmp_path)

    assert "the right one" in failure(fixture_model("tf1_no_variables"))
