"""What ``python -m tools.compatibility`` does with one model, and without any."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.test_differential_fuzz import LINEAR

pytestmark = pytest.mark.tensorflow


def test_a_model_is_patched_in_each_way_and_run(tmp_path: Path) -> None:
    from tools.compatibility.matrix import Row, patched_and_compared

    model = LINEAR.build(tmp_path / "tf221" / "model")
    row = patched_and_compared(model, tmp_path)
    assert (row.models, row.v1, row.v2, row.refused) == (1, 3, 3, 0)
    assert row.faults == ()
    assert str(Row() + row) == str(row)
    assert str(row).startswith("1 models; compared: 3 signatures under v1, 3 under v2;")


def test_without_models_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from tools.compatibility.__main__ import main

    monkeypatch.setattr("sys.argv", ["compatibility", f"--models={tmp_path}"])
    assert main() == 0
    assert capsys.readouterr().out == f"skipped: there are no models in {tmp_path}\n"
