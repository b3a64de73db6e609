from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sigpb import protos
from sigpb.inspect.summary import summarize
from sigpb.saved_model.model import open_model

ModelFactory = Callable[..., Path]


def summary_of(
    directory: Path, tags: tuple[str, ...] | None = None, signature: str | None = None
) -> Any:
    with open_model(directory) as model:
        graphs = [g for g in model.meta_graphs if tags is None or g.tags == tags]
        return summarize(model, graphs, signature)


@pytest.fixture
def write(tmp_path: Path) -> Callable[[protos.MetaGraphDef], Path]:
    def write(meta_graph: protos.MetaGraphDef) -> Path:
        saved_model = protos.SavedModel(meta_graphs=[meta_graph])
        (tmp_path / "saved_model.pb").write_bytes(saved_model.SerializeToString())
        return tmp_path

    return write


def test_meta_graphs_are_in_the_order_of_the_file(fixture_model: ModelFactory) -> None:
    graphs = summary_of(fixture_model("tf1_two_graphs"))["meta_graphs"]
    assert [graph["tags"] for graph in graphs] == [["serve"], ["gpu", "serve"]]


@pytest.mark.parametrize(
    ("tags", "signature", "expected"),
    [
        (None, None, [["serving_default"], ["gpu_only", "serving_default"]]),
        (("serve",), None, [["serving_default"]]),
        (("gpu", "serve"), "gpu_only", [["gpu_only"]]),
        (None, "gpu_only", [[], ["gpu_only"]]),
        (("gpu",), None, []),
        ((), None, []),
        (None, "nope", [[], []]),
    ],
)
def test_selection(
    fixture_model: ModelFactory,
    tags: tuple[str, ...] | None,
    signature: str | None,
    expected: list[list[str]],
) -> None:
    graphs = summary_of(fixture_model("tf1_two_graphs"), tags, signature)["meta_graphs"]
    assert [[*graph["signatures"]] for graph in graphs] == expected


def test_meta_graph_with_nothing_in_it(write: Callable[..., Path]) -> None:
    (graph,) = summary_of(write(protos.MetaGraphDef()))["meta_graphs"]
    assert graph == {
        "tags": [],
        "object_graph": False,
        "tensorflow_version": "",
        "bytes": 0,
        "signatures": {},
    }


def test_dtypes_and_shapes(write: Callable[..., Path]) -> None:
    meta_graph = protos.MetaGraphDef()
    inputs = meta_graph.signature_def["s"].inputs
    inputs["bfloat16"].dtype = protos.DataType.Value("DT_BFLOAT16")
    inputs["bfloat16"].tensor_shape.dim.add(size=-1)
    inputs["bfloat16"].tensor_shape.dim.add(size=0)
    inputs["unknown"].dtype = 98
    inputs["unknown"].tensor_shape.unknown_rank = True

    (graph,) = summary_of(write(meta_graph))["meta_graphs"]

    shown = graph["signatures"]["s"]["inputs"]
    assert (shown["bfloat16"]["dtype"], shown["bfloat16"]["shape"]) == ("bfloat16", [None, 0])
    assert (shown["unknown"]["dtype"], shown["unknown"]["shape"]) == ("dtype_98", None)


@pytest.mark.parametrize(
    ("default", "values", "size"),
    [
        (protos.TensorProto(float_val=[1.5, 2]), [1.5, 2.0], 0),
        (protos.TensorProto(int64_val=[-1]), [-1], 0),
        (protos.TensorProto(bool_val=[True]), [True], 0),
        (protos.TensorProto(string_val=["größe".encode(), b"\xff"]), ["größe", "\ufffd"], 0),
        (protos.TensorProto(tensor_content=bytes(12)), [], 12),
        (protos.TensorProto(), [], 0),
    ],
)
def test_defaults(
    write: Callable[..., Path], default: protos.TensorProto, values: list[Any], size: int
) -> None:
    meta_graph = protos.MetaGraphDef()
    signature = meta_graph.signature_def["s"]
    signature.inputs["x"].name = "x:0"
    signature.defaults["x"].CopyFrom(default)
    signature.defaults["no_input"].CopyFrom(default)

    (graph,) = summary_of(write(meta_graph))["meta_graphs"]

    inputs = graph["signatures"]["s"]["inputs"]
    assert inputs.keys() == {"x"}
    assert (inputs["x"]["default"]["values"], inputs["x"]["default"]["bytes"]) == (values, size)


def test_real_models(corpus: Path) -> None:
    endpoints = [
        endpoint
        for directory in sorted(path for path in corpus.iterdir() if path.is_dir())
        for graph in summary_of(directory)["meta_graphs"]
        for signature in graph["signatures"].values()
        if not signature["internal"]
        for endpoint in (*signature["inputs"].values(), *signature["outputs"].values())
    ]
    assert len(endpoints) > 100
    for endpoint in endpoints:
        assert (endpoint["tensor"] is None) == (endpoint["encoding"] != "dense")
        assert ("components" in endpoint) == (endpoint["encoding"] != "dense")
        assert not endpoint["dtype"].startswith("dtype_")
