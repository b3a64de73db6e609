from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import sigpb
from sigpb import protos
from sigpb.cli.commands import verify as command
from sigpb.errors import UsageError
from sigpb.saved_model.model import open_model
from sigpb.verifying.comparison import Tolerance
from sigpb.verifying.from_plan import identity_mapping
from sigpb.verifying.verify import Options, misstated_signatures, refuse_unsafe
from tests.linting.faults import graph_of, write
from tests.patches import ModelFactory, altered, apply
from tests.verifying.mappings import mapping_by


@pytest.mark.parametrize("wrong", [-1e-9, float("inf"), float("nan")])
def test_tolerances_are_finite(wrong: float) -> None:
    for tolerance in (Tolerance(rtol=wrong), Tolerance(atol=wrong)):
        with pytest.raises(UsageError, match="Tolerances are finite numbers from 0 on"):
            Options(tolerance=tolerance).check()
    Options(tolerance=Tolerance(1e300, 0.0)).check()


PATCHES = [
    ("tf2_linear", 'signature { key: "serving_default" rename_to: "predict" }'),
    ("tf2_linear", 'signature { key: "serving_default" input { key: "x" shape: "?,3,1" } }'),
    ("tf2_linear", 'signature { key: "serving_default" batch_size: "3" }'),
    ("tf1_fixed_batch", 'signature { key: "serving_default" batch_size: "?" }'),
    ("tf1_sparse", 'signature { key: "serving_default" input { key: "s" dtype: "int32" } }'),
    ("tf2_image", 'signature { key: "serving_default" input { key: "training" bind: "true" } }'),
    ("tf1_two_graphs", 'tags { tag: "serve" } set_tags { tag: "tpu" }'),
    (
        "tf2_image",
        'signature { key: "serving_default" '
        'output { key: "pooled" from_tensor: "pool/Mean:0" } '
        'output { key: "label" dtype: "bool" } }',
    ),
]


@pytest.mark.parametrize(("name", "patch"), PATCHES)
def test_patched_model_states_what_the_mapping_says(
    fixture_model: ModelFactory, name: str, patch: str
) -> None:
    model = fixture_model(name)
    mapping = mapping_by(model, patch)

    apply(model, patch)

    with open_model(model) as patched:
        assert list(misstated_signatures(mapping, patched)) == []


def found_after(model: Path, change: Callable[[protos.MetaGraphDef], object]) -> list[str]:
    with open_model(model) as opened:
        mapping = identity_mapping(opened)
    with open_model(altered(model, change)) as opened:
        return list(misstated_signatures(mapping, opened))


def change_key(graph: protos.MetaGraphDef) -> None:
    graph.signature_def["predict"].CopyFrom(graph.signature_def["serving_default"])
    del graph.signature_def["serving_default"]


def change_endpoints(graph: protos.MetaGraphDef) -> None:
    signature = graph.signature_def["serving_default"]
    signature.inputs["image"].CopyFrom(signature.inputs["x"])
    del signature.inputs["x"]
    signature.outputs["p"].dtype = protos.DataType.Value("DT_INT64")
    signature.outputs["s"].tensor_shape.dim[0].size = 7


def test_signatures(fixture_model: ModelFactory) -> None:
    assert found_after(fixture_model("tf2_linear"), change_key) == [
        "there is no signature 'serving_default'; there are 'other', 'predict', 'single'.",
        "there is a signature 'predict', which is not expected.",
    ]


def test_endpoints(fixture_model: ModelFactory) -> None:
    assert found_after(fixture_model("tf2_linear"), change_endpoints) == [
        "signature 'serving_default': there is no input 'x'; there are 'b', 'image'.",
        "signature 'serving_default': there is an input 'image', which is not expected.",
        "signature 'serving_default': output 'p' is int64 [?,3], and float32 [?,3] is expected.",
        "signature 'serving_default': output 's' is float32 [7,3], and float32 [?,3] is expected.",
    ]


def test_meta_graphs(fixture_model: ModelFactory) -> None:
    def change_tags(graph: protos.MetaGraphDef) -> None:
        graph.meta_info_def.tags[:] = ["tpu"]

    assert found_after(fixture_model("tf1_two_graphs"), change_tags) == [
        "there is no MetaGraph {serve}.",
        "there is a MetaGraph {tpu}, which is not expected.",
    ]


READS = 'graph_def { node { name: "n" op: "ReadFile" } }'


def refuse(model: Path, *allowed: str) -> None:
    with open_model(model) as opened:
        refuse_unsafe([opened, opened], allowed)


@pytest.mark.parametrize("name", ["tf2_many", "tf1_shared", "tf2_linear", "tf2_stateful"])
def test_ordinary_models_are_run(fixture_model: ModelFactory, name: str) -> None:
    refuse(fixture_model(name))


def test_op_that_reaches_outside(tmp_path: Path) -> None:
    with pytest.raises(sigpb.UnsafeModel) as caught:
        refuse(write(tmp_path, graph_of(READS)))
    assert str(caught.value) == (
        "The model is not run: it reaches outside of itself, with your rights. The op ReadFile "
        "reads any file that the process can read (node 'n'). Look at it with 'sigpb lint'. "
        "--allow_ops=ReadFile runs it all the same."
    )
    assert caught.value.exit_code == 2


def test_op_that_is_allowed(tmp_path: Path) -> None:
    model = write(tmp_path, graph_of(READS))
    refuse(model, "ReadFile")
    with pytest.raises(sigpb.UnsafeModel):
        refuse(model, "WriteFile")


def test_asset_that_leads_out(tmp_path: Path) -> None:
    model = write(tmp_path, graph_of('asset_file_def { filename: "../../etc/passwd" }'))
    with pytest.raises(sigpb.UnsafeModel, match=r"'\.\./\.\./etc/passwd' is no file of the model"):
        refuse(model)


def test_many(tmp_path: Path) -> None:
    nodes = " ".join(f'node {{ name: "n{i}" op: "ReadFile" }}' for i in range(7))
    with pytest.raises(sigpb.UnsafeModel, match=r"'n4'\)\. And 2 more\. Look"):
        refuse(write(tmp_path, graph_of(f"graph_def {{ {nodes} }}")))


@pytest.mark.parametrize("which", ["old", "new"])
def test_either_model_of_a_verification(
    fixture_model: ModelFactory, tmp_path: Path, which: str
) -> None:
    good, bad = fixture_model("tf1_no_variables"), write(tmp_path / "bad", graph_of(READS))
    with pytest.raises(sigpb.UnsafeModel):
        sigpb.verify(*((bad, good) if which == "old" else (good, bad)))


def test_help_says_that_models_are_run() -> None:
    assert "with your rights" in command.USAGE


@pytest.mark.parametrize(
    ("op", "hint"),
    [("ReadFiles", "did you mean 'ReadFile'?"), ("MatMul", "there are"), ("", "there are")],
)
def test_op_that_needs_not_be_allowed(fixture_model: ModelFactory, op: str, hint: str) -> None:
    model = fixture_model("tf1_no_variables")
    with pytest.raises(sigpb.UsageError) as caught:
        sigpb.verify(model, model, allow_ops=[op])
    assert str(caught.value).startswith(f"No op {op!r} would be refused; {hint} ")


def test_ops_are_allowed_for_verifying_only(fixture_model: ModelFactory) -> None:
    with pytest.raises(sigpb.UsageError, match="--allow_ops goes with --verify"):
        sigpb.patch(
            fixture_model("tf1_no_variables"),
            sigpb.SavedModelPatch(),
            dry_run=True,
            allow_ops=["ReadFile"],
        )
