"""Fixtures that every test can ask for: the models of this repository and the corpus."""

from __future__ import annotations

import functools
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import text_format
from hypothesis import HealthCheck, settings

from sigpb import protos

# The machine may be busy; how long a test takes says nothing of the code. CI draws the same
# examples each time, so that a change is judged by what it changes; elsewhere they are new ones.
settings.register_profile(
    "untimed",
    deadline=None,
    derandomize="CI" in os.environ,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.load_profile("untimed")

_NOT_FAST = {"consumers", "corpus", "dask", "killed", "slow", "stores", "tensorflow"}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Marks tests that are fast or of models beside the repository, and leaves out some cases.

    Of a test marked ``sampled(n)`` every nth case is run, unless ``$SIGPB_ALL_CASES`` is set.
    """
    if "SIGPB_ALL_CASES" not in os.environ:
        seen = Counter[object]()
        left_out = dict[pytest.Item, None]()
        for item in items:
            for marker in item.iter_markers("sampled"):
                test = item.nodeid.partition("[")[0]
                if seen[test] % marker.args[0]:
                    left_out[item] = None
                seen[test] += 1
        config.hook.pytest_deselected(items=[*left_out])
        items[:] = [item for item in items if item not in left_out]
    for item in items:
        if {"corpus", "versions"} & set(getattr(item, "fixturenames", ())):
            item.add_marker("corpus")
        if not _NOT_FAST & {marker.name for marker in item.iter_markers()}:
            item.add_marker("fast")


REPOSITORY = Path(__file__).resolve().parent.parent


def _shared(name: str, variable: str, what: str) -> Path:
    """Returns a folder that an environment variable names, or that is beside the repository."""
    folder = Path(os.environ.get(variable, REPOSITORY.parent / "shared" / name))
    if not folder.is_dir():
        pytest.skip(f"There {what} at {folder}; set {variable} to its path.")
    return folder


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The folder of SavedModels of public projects: ``$SIGPB_CORPUS``, or beside the repository."""
    return _shared("corpus", "SIGPB_CORPUS", "is no corpus of SavedModels")


@pytest.fixture(scope="session")
def versions() -> Path:
    """The folder of models that TensorFlow 1.15 to 2.21 wrote: ``$SIGPB_VERSIONS``, or beside."""
    return _shared("versions", "SIGPB_VERSIONS", "are no models of other versions")


@functools.cache
def _binary(text: str) -> bytes:
    """Returns a model in binary form; most are asked for by many tests."""
    saved_model = protos.SavedModel()
    pool: Any = saved_model.DESCRIPTOR.file.pool
    text_format.Parse(text, saved_model, descriptor_pool=pool)
    return saved_model.SerializeToString(deterministic=True)


@pytest.fixture
def fixture_model(tmp_path: Path) -> Callable[..., Path]:
    """Returns ``fixture_model(name, as_text=False)``: a fresh copy of ``proto_fixtures/<name>``.

    The copy holds the model as saved_model.pb, or with ``as_text`` as saved_model.pbtxt.
    """

    def copy(name: str, as_text: bool = False) -> Path:
        target = Path(tempfile.mkdtemp(dir=tmp_path)) / name
        shutil.copytree(REPOSITORY / "proto_fixtures" / name, target)
        text = target / "saved_model.pbtxt"
        if not as_text and text.exists():
            (target / "saved_model.pb").write_bytes(_binary(text.read_text()))
            text.unlink()
        return target

    return copy


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory for temporary files of this process, which is empty before."""
    directory = tmp_path / "temporary"
    directory.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(directory))
    return directory
