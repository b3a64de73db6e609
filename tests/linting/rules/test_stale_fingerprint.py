from __future__ import annotations

from pathlib import Path

import pytest

from sigpb import protos
from sigpb.saved_model import fingerprint
from tests.linting.faults import Fault, ModelFactory, find, repair
from tests.patches import altered, read

RULE = "stale-fingerprint"


def edit_signature(graph: protos.MetaGraphDef) -> None:
    graph.signature_def["single"].method_name = "other"


def edit_graph(graph: protos.MetaGraphDef) -> None:
    graph.graph_def.node.add(name="more", op="NoOp")


def set_fingerprint(model: Path, change: protos.FingerprintDef) -> None:
    file = model / "fingerprint.pb"
    found = fingerprint.read(file)
    found.MergeFrom(change)
    file.write_bytes(found.SerializeToString())


@pytest.mark.parametrize("name", ["tf2_linear", "tf1_shared"])
def test_fingerprint_fits_or_is_absent(fixture_model: ModelFactory, name: str) -> None:
    assert find(RULE, fixture_model(name)) == []


@pytest.mark.parametrize(
    ("fault", "differing"),
    [
        (edit_signature, "saved_model_checksum, signature_def_hash differ."),
        (edit_graph, "graph_def_program_hash, saved_model_checksum differ."),
    ],
)
def test_model_was_edited(fixture_model: ModelFactory, fault: Fault, differing: str) -> None:
    model = altered(fixture_model("tf2_linear"), fault)
    assert find(RULE, model) == [
        ("warning", "fingerprint.pb", f"It does not belong to this model: {differing}")
    ]


def test_other_checkpoint(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf2_linear")
    (model / "variables" / "variables.index").write_bytes(b"other")
    ((_, _, message),) = find(RULE, model)
    assert message == "It does not belong to this model: checkpoint_hash differs."


def test_older_version_hashed_signatures_otherwise(fixture_model: ModelFactory) -> None:
    model = altered(fixture_model("tf2_linear"), edit_signature)
    older = protos.FingerprintDef(version=protos.VersionDef(producer=1))
    set_fingerprint(model, older)
    assert find(RULE, model) == []

    altered(model, edit_graph)
    ((_, _, message),) = find(RULE, model)
    assert message == "It does not belong to this model: graph_def_program_hash differs."


def test_hash_that_is_left_out(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf2_linear")
    found = fingerprint.read(model / "fingerprint.pb")
    found.ClearField("saved_model_checksum")
    (model / "fingerprint.pb").write_bytes(found.SerializeToString())
    assert find(RULE, model) == []


def test_fix(fixture_model: ModelFactory) -> None:
    model = altered(fixture_model("tf2_linear"), edit_graph)
    before = (model / "saved_model.pb").read_bytes()

    backup = repair(RULE, model).backup

    assert (model / "saved_model.pb").read_bytes() == before
    assert backup is not None
    assert [file.name for file in backup.iterdir()] == ["fingerprint.pb"]
    index = (model / "variables" / "variables.index").read_bytes()
    wanted = fingerprint.compute(read(model), index)
    found = fingerprint.read(model / "fingerprint.pb")
    assert found.saved_model_checksum == wanted.saved_model_checksum
    assert found.graph_def_program_hash == wanted.graph_def_program_hash


def test_damaged_fingerprint(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf2_linear")
    (model / "fingerprint.pb").write_bytes(b"\xff")
    ((severity, _, message),) = find(RULE, model)
    assert severity == "warning"
    assert "not a fingerprint" in message
    repair(RULE, model)
