"""Somebody loads versions over and over while a batch runs, as a server does."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from tests.cli.command_line import run_process

from .repositories import RENAME, ModelFactory, repository, versions
from .test_killed_batch import start

COUNT = 400


@pytest.mark.tensorflow
@pytest.mark.parametrize("mode", ["--in_place", "--new_version"])
def test_no_load_fails(fixture_model: ModelFactory, tmp_path: Path, mode: str) -> None:
    import tensorflow as tf

    names = [f"m{number:02}" for number in range(COUNT)]
    root = repository(fixture_model("tf2_linear"), tmp_path / "r", *versions(names))
    patch = tmp_path / "patch.txtpb"
    patch.write_text(RENAME)

    def inputs(name: str) -> set[str]:
        """Loads the latest version, and runs it."""
        latest = max(path for path in (root / name).iterdir() if path.name.isdigit())
        with tf.Graph().as_default(), tf.compat.v1.Session() as session:
            loaded = tf.compat.v1.saved_model.load(session, ["serve"], str(latest))
            signature = loaded.signature_def["serving_default"]
            feed = {info.name: [[1.0, 2.0, 3.0]] for info in signature.inputs.values()}
            session.run([info.name for info in signature.outputs.values()], feed)
        return set(signature.inputs)

    old, new = {"x", "b"}, {"image", "b"}
    assert inputs(names[0]) == old
    seen: list[set[str]] = []
    for attempt in itertools.count():  # Once more, if all is done before much has been loaded.
        journal = tmp_path / f"{attempt}.jsonl"
        flags = (f"--patch={patch}", mode, "--jobs=1", f"--journal={journal}")
        process = start("batch", root, *flags)
        while process.poll() is None:
            seen += [inputs(name) for name in names[:: COUNT // 8]]
        assert process.wait() == 0
        if len(seen) > 30:
            break
        assert run_process("rollback", journal).code == 0

    assert all(keys in (old, new) for keys in seen)
    assert old in seen
    assert inputs(names[0]) == new
