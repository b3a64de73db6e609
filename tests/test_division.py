"""Models with only some of the signatures of others: what is written, and what they compute."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import sigpb
from sigpb import protos
from sigpb.checkpoint.checkpoint import Checkpoint
from sigpb.errors import ModelUnreadable, PatchError, UsageError
from sigpb.saved_model import fingerprint
from tests import model_runner
from tests.cli.command_line import run


def files(directory: Path) -> list[str]:
    found = (each for each in directory.rglob("*") if each.is_file())
    return sorted(str(each.relative_to(directory)) for each in found)


def test_a_model_of_one_signature(fixture_model: Callable[..., Path], tmp_path: Path) -> None:
    model, output = fixture_model("ranking"), tmp_path / "new" / "embed"
    before = {name: (model / name).read_bytes() for name in files(model)}
    result = sigpb.split(model, "embed", output_dir=output)
    assert {name: (model / name).read_bytes() for name in files(model)} == before
    assert result.output == output
    assert result.split.left_out == ("serving_default",)
    assert result.split.amounts["variables"] == (2, 1)
    assert files(output) == [
        "fingerprint.pb",
        "saved_model.pb",
        "variables/variables.data-00000-of-00002",
        "variables/variables.data-00001-of-00002",
        "variables/variables.index",
    ]
    assert [*sigpb.show(output).meta_graphs[0].signatures] == ["__saved_model_init_op", "embed"]
    checkpoint = Checkpoint.of_model(output)
    assert checkpoint is not None
    assert checkpoint.keys == ("users/.ATTRIBUTES/VARIABLE_VALUE",)
    written = protos.SavedModel.FromString((output / "saved_model.pb").read_bytes())
    index = (output / "variables" / "variables.index").read_bytes()
    stated = fingerprint.read(output / "fingerprint.pb")
    old = fingerprint.read(model / "fingerprint.pb")
    assert stated == fingerprint.compute(written, index, old.uuid)


def test_the_fingerprint_of_a_large_model_has_what_is_cheap(
    fixture_model: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = fixture_model("ranking")
    whole = sigpb.split(model, "embed", dry_run=True).split.files["fingerprint.pb"]
    monkeypatch.setattr(fingerprint, "COMPUTE_LIMIT", 1000)
    refreshed = sigpb.split(model, "embed", dry_run=True).split.files["fingerprint.pb"]
    assert isinstance(whole, bytes)
    assert isinstance(refreshed, bytes)
    expected, found = map(protos.FingerprintDef.FromString, (whole, refreshed))
    for field in ("saved_model_checksum", "graph_def_program_hash", "uuid"):
        expected.ClearField(field)
    found.ClearField("uuid")
    assert found == expected


def test_what_stands_beside_the_model_is_left_out_and_named(
    fixture_model: Callable[..., Path], tmp_path: Path
) -> None:
    model = fixture_model("tf2_warmup")
    (model / "keras_metadata.pb").write_bytes(b"")
    result = sigpb.split(model, ["classify"], output_dir=tmp_path / "new")
    assert result.split.notes == (
        "left out, since they are about the whole model: assets.extra, keras_metadata.pb",
    )
    assert not (tmp_path / "new" / "assets.extra").exists()


def test_a_text_model_gets_a_binary_proto(
    fixture_model: Callable[..., Path], tmp_path: Path
) -> None:
    model = fixture_model("tf1_shared", as_text=True)
    sigpb.split(model, "classify", output_dir=tmp_path / "new")
    assert files(tmp_path / "new")[:2] == ["assets/classes.txt", "saved_model.pb"]
    sigpb.split(model, "regress", output_dir=tmp_path / "constants")
    assert files(tmp_path / "constants") == ["saved_model.pb"], "it needs no variable"


def test_dry_run_and_json(fixture_model: Callable[..., Path], tmp_path: Path) -> None:
    model = fixture_model("tf1_two_graphs")
    output = run("split", model, "--tags=gpu,serve", "--signature=gpu_only", "--dry_run")
    assert "left out: signature 'serving_default'\n" in output.out
    assert "left out: the MetaGraph '{serve}'\ndry run: would be split\n" in output.out
    new = tmp_path / "new"
    arguments = ("--signature=gpu_only", f"--output_dir={new}", "--format=json")
    told = run("split", model, *arguments).json
    assert told["tags"] == ["gpu", "serve"], "only one MetaGraph has the signature"
    assert told["amounts"]["nodes"] == {"before": 37, "after": 36}
    assert told["output"] == str(new)


@pytest.mark.parametrize(
    ("signatures", "tags", "problem"),
    [
        (["serving_defalt"], None, "no signature 'serving_defalt'; did you mean 'serving_default'"),
        (["serving_default"], None, r"\{serve\}, \{gpu, serve\} have these signatures; choose one"),
        (["serving_default"], ["eval"], r"No MetaGraph has the tag-set \{eval\}; there are"),
        (["__saved_model_init_op"], None, "no signature '__saved_model_init_op'"),
        (["gpu_only"], ["serve"], "no signature 'gpu_only'"),
    ],
)
def test_refused(
    fixture_model: Callable[..., Path],
    tmp_path: Path,
    signatures: list[str],
    tags: list[str] | None,
    problem: str,
) -> None:
    with pytest.raises(PatchError, match=problem):
        sigpb.split(
            fixture_model("tf1_two_graphs"), signatures, tags=tags, output_dir=tmp_path / "n"
        )
    assert not (tmp_path / "n").exists()


def test_no_meta_graph_has_all(fixture_model: Callable[..., Path]) -> None:
    model = fixture_model("tf1_two_graphs")
    proto = protos.SavedModel.FromString((model / "saved_model.pb").read_bytes())
    signatures = proto.meta_graphs[0].signature_def
    signatures["only"].CopyFrom(signatures["serving_default"])
    (model / "saved_model.pb").write_bytes(proto.SerializeToString())
    with pytest.raises(PatchError, match=r"None of \{serve\}, \{gpu, serve\} has all of"):
        sigpb.split(model, ["only", "gpu_only"], dry_run=True)


def test_an_asset_outside_of_the_model_is_refused(fixture_model: Callable[..., Path]) -> None:
    model = fixture_model("tf2_many")
    proto = protos.SavedModel.FromString((model / "saved_model.pb").read_bytes())
    proto.meta_graphs[0].asset_file_def[0].filename = "../../somebodys"
    (model / "saved_model.pb").write_bytes(proto.SerializeToString())
    with pytest.raises(ModelUnreadable, match="is no file in"):
        sigpb.split(model, "serving_default", dry_run=True)


def test_usage(fixture_model: Callable[..., Path]) -> None:
    model = fixture_model("ranking")
    with pytest.raises(UsageError, match="one of output_dir and dry_run"):
        sigpb.split(model, "embed")
    with pytest.raises(UsageError, match="Name the signatures"):
        sigpb.split(model, [], dry_run=True)
    with pytest.raises(UsageError, match="written to this machine"):
        sigpb.split(model, "embed", output_dir="s3://bucket/new")
    with pytest.raises(UsageError, match="is the model itself"):
        sigpb.split(model, "embed", output_dir=model)
    assert run("split", model, "--signature=embed").code == 2
    assert run("split", model, "--dry_run").code == 2


@pytest.mark.tensorflow
@pytest.mark.parametrize(
    ("name", "signature"),
    [("ranking", "embed"), ("tf1_shared", "classify"), ("tf2_many", "serving_default")],
)
def test_each_signature_computes_what_it_did(
    fixture_model: Callable[..., Path], tmp_path: Path, name: str, signature: str
) -> None:
    from tensorflow.python.saved_model.pywrap_saved_model import fingerprinting

    model, output, tags = fixture_model(name), tmp_path / "new", ["serve"]
    sigpb.split(model, signature, output_dir=output)
    inputs = {signature: model_runner.make_inputs(model, tags)[signature]}
    expected = model_runner.run_v1(model, tags, inputs)
    model_runner.assert_equal(expected, model_runner.run_v1(output, tags, inputs))
    model_runner.assert_equal(expected, model_runner.run_v2(output, tags, inputs))
    saved = model_runner.resave(output, tags, tmp_path / "again")
    model_runner.assert_equal(expected, model_runner.run_v1(saved, tags, inputs))
    if (output / "fingerprint.pb").exists():
        computed = fingerprinting.CreateFingerprintDef(str(output))
        stated = fingerprint.read(output / "fingerprint.pb")
        again = protos.FingerprintDef.FromString(computed)
        again.uuid = stated.uuid
        assert again == stated
