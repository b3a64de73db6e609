from __future__ import annotations

import pytest

from sigpb import protos
from sigpb.saved_model import fingerprint
from tests.linting.faults import ModelFactory, find, repair
from tests.patches import altered, read

RULE = "missing-fingerprint"


@pytest.mark.parametrize("name", ["tf2_linear", "tf1_shared", "tf1_no_variables"])
def test_it_is_there_or_was_never_written(fixture_model: ModelFactory, name: str) -> None:
    assert find(RULE, fixture_model(name)) == []


def test_it_was_lost(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf2_linear")
    original = fingerprint.read(model / "fingerprint.pb")
    (model / "fingerprint.pb").unlink()
    version = read(model).meta_graphs[0].meta_info_def.tensorflow_version
    assert find(RULE, model) == [
        ("info", "fingerprint.pb", f"TensorFlow {version} writes one, and there is none.")
    ]

    repair(RULE, model)

    again = fingerprint.read(model / "fingerprint.pb")
    assert again.saved_model_checksum == original.saved_model_checksum
    assert again.checkpoint_hash == original.checkpoint_hash


def test_older_versions_wrote_none(fixture_model: ModelFactory) -> None:
    def fault(graph: protos.MetaGraphDef) -> None:
        graph.meta_info_def.tensorflow_version = "2.9.1"

    model = altered(fixture_model("tf2_linear"), fault)
    (model / "fingerprint.pb").unlink()
    assert find(RULE, model) == []
