from __future__ import annotations

from pathlib import Path

import pytest

from sigpb.errors import EnvironmentFailure
from sigpb.publishing.changes import WholeFile
from sigpb.publishing.staged import staged


@pytest.fixture
def model(tmp_path: Path) -> Path:
    model = tmp_path / "model"
    (model / "variables").mkdir(parents=True)
    (model / "saved_model.pb").write_bytes(b"old")
    (model / "fingerprint.pb").write_bytes(b"old fingerprint")
    (model / "variables" / "variables.index").write_bytes(b"index")
    (model / "link").symlink_to("variables/variables.index")
    return model


def test_staged(model: Path) -> None:
    changes = {"saved_model.pb": b"new", "fingerprint.pb": None, "added/file": b"more"}

    with staged(model, changes) as stage:
        assert stage.name == "model"
        found = {str(p.relative_to(stage)): p for p in stage.rglob("*") if p.is_file()}
        assert {name: path.read_bytes() for name, path in found.items()} == {
            "saved_model.pb": b"new",
            "added/file": b"more",
            "variables/variables.index": b"index",
            "link": b"index",
        }
        assert found["variables/variables.index"].is_symlink()

    assert not stage.exists()
    assert (model / "saved_model.pb").read_bytes() == b"old"
    assert (model / "variables" / "variables.index").read_bytes() == b"index"


def test_what_comes_whole_is_not_copied(model: Path, tmp_path: Path) -> None:
    (tmp_path / "shard").write_bytes(b"values")
    (tmp_path / "link").symlink_to("shard")
    changes = {
        "variables/new": WholeFile(tmp_path / "link"),
        "variables/renamed": WholeFile(model / "variables" / "variables.index"),
        "variables/variables.index": None,
    }
    with staged(model, changes) as stage:
        found = {each.name: each.read_bytes() for each in (stage / "variables").iterdir()}
        assert found == {"new": b"values", "renamed": b"index"}
        assert (stage / "variables" / "new").readlink() == tmp_path / "shard"


def test_nothing_is_left_after_an_error(model: Path) -> None:
    with pytest.raises(KeyError), staged(model, {}) as stage:
        raise KeyError
    assert not stage.parent.exists()


def test_what_cannot_be_copied(model: Path) -> None:
    (model / "nowhere").symlink_to("no/such/file")

    with pytest.raises(EnvironmentFailure, match="symbolic link"), staged(model, {}):
        pass
