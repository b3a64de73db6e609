"""What `sigpb show` tells of a model."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from sigpb import protos
from sigpb.inspect.summary import rich_text, summarize, summary_text
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


def test_functions(fixture_model: ModelFactory) -> None:
    """Those that can be signatures in text, all others only in JSON, with the reason."""
    summary = summary_of(fixture_model("tf2_functions"))
    (graph,) = summary["meta_graphs"]
    by_name = {each["function"]: each for each in graph["functions"]}
    assert by_name["predict"] == {
        "function": "predict",
        "arguments": [
            {"key": "zz", "dtype": "float32", "shape": [None, 2]},
            {"key": "words", "dtype": "string", "shape": [None]},
        ],
        "fixed": [],
        "results": [
            {"key": "a", "dtype": "int64", "shape": [None]},
            {"key": "m", "dtype": "float32", "shape": [None, 2]},
            {"key": "z", "dtype": "float32", "shape": [None, 2]},
        ],
        "problem": None,
    }
    assert "SparseTensorSpec" in by_name["total"]["problem"]
    text = summary_text(summary)
    assert "'lines' (end: string []) -> (output_0: string [])\n" in text
    assert "(b: float32 [1], a_q: float32 [1], training=True) ->" in text
    assert "'total'" not in text
    assert "2 more with --all, with why if one cannot be a signature" in text
    (graph,) = summary_of(fixture_model("tf2_functions"), signature="nope")["meta_graphs"]
    assert graph["functions"] == []


def test_a_function_of_many_tensors_takes_a_short_line() -> None:
    tensors = [{"key": f"t{number}", "dtype": "int64", "shape": []} for number in range(150)]
    function = {"function": "f", "arguments": tensors, "fixed": [], "results": tensors}
    made = made_up(functions=[{**function, "problem": None}])
    assert "t7: int64 [], … 142 more) -> (t0: int64 []," in summary_text(made)
    assert "t149: int64 []) -> (t0" in summary_text(made, everything=True)


def test_one_long_cell_does_not_move_the_others_far() -> None:
    inputs = {"k" * 300: endpoint(), "short": endpoint()}
    lines = summary_text(made_up(("s", signature(inputs=inputs)))).splitlines()
    assert "    input  short  int64  []     x:0" in lines
    assert any("k" * 300 + "  int64" in line for line in lines)


def test_everything(fixture_model: ModelFactory) -> None:
    """TensorFlow's own signatures, and all functions, with what keeps them from being one."""
    summary = summary_of(fixture_model("tf2_functions"))
    text = summary_text(summary, everything=True)
    assert "output  __saved_model_init_op  invalid  <unknown>  NoOp" in text
    assert "'total'" in text
    assert "; it cannot be a signature: its argument " in text
    assert "more with" not in text


def test_most_functions_are_counted_only() -> None:
    function: dict[str, Any] = {
        "function": "f",
        "arguments": [],
        "fixed": [],
        "results": [],
        "problem": None,
    }
    text = rendered(functions=[function] * 23)
    assert text.count("'f' () -> ()") == 20
    assert "3 more with --all" in text


def test_meta_graph_with_nothing_in_it(write: Callable[..., Path]) -> None:
    (graph,) = summary_of(write(protos.MetaGraphDef()))["meta_graphs"]
    assert graph == {
        "tags": [],
        "object_graph": False,
        "tensorflow_version": "",
        "bytes": 0,
        "signatures": {},
        "functions": [],
        "unsigned": {"placeholders": [], "results": [], "command": None},
        "grafts": [],
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


def rendered(*signatures: tuple[str, dict[str, Any]], **graph: Any) -> str:
    """The text of a summary, with lines in which runs of spaces are one space."""
    text = summary_text(made_up(*signatures, **graph))
    return "\n".join(" ".join(line.split()) for line in text.splitlines()) + "\n"


def made_up(*signatures: tuple[str, dict[str, Any]], **graph: Any) -> dict[str, Any]:
    return {
        "model": "models/[1]",
        "file": "saved_model.pb",
        "bytes": 1234567,
        "fingerprint": None,
        "meta_graphs": [
            {
                "tags": ["serve"],
                "object_graph": True,
                "tensorflow_version": "2.16.1",
                "signatures": dict(signatures),
                "functions": [],
                "unsigned": None,
                "grafts": [],
                **graph,
            }
        ],
    }


def signature(**summary_parts: Any) -> dict[str, Any]:
    return {"method_name": "m", "inputs": {}, "outputs": {}, "internal": False, **summary_parts}


def endpoint(**summary_parts: Any) -> dict[str, Any]:
    return {"tensor": "x:0", "dtype": "int64", "shape": [], "encoding": "dense", **summary_parts}


def test_first_line_tells_of_the_file() -> None:
    first = rendered().splitlines()[0]
    assert first == "models/[1]: saved_model.pb, 1,234,567 bytes, without a fingerprint"


def test_meta_graph() -> None:
    text = rendered()
    assert "MetaGraph {serve}: TF2, with an object graph, written by TensorFlow 2.16.1\n" in text
    assert "\nno signatures\n" in text
    text = rendered(tags=[], object_graph=False, tensorflow_version="")
    assert "MetaGraph {}: TF1, session style, written by TensorFlow an unknown version\n" in text


def test_signature() -> None:
    text = rendered(
        (
            "s",
            signature(
                inputs={"a": endpoint(shape=[None, 28]), "b": endpoint(shape=None)},
                outputs={"c": endpoint(dtype="string")},
            ),
        )
    )
    assert "\nsignature 's', method 'm'\n" in text
    assert "\nkey dtype shape tensor\n" in text
    assert (
        "\ninput a int64 [?,28] x:0\ninput b int64 <unknown> x:0\noutput c string [] x:0\n" in text
    )


def test_signature_without_anything() -> None:
    assert "\nsignature 's', method 'm'\nno inputs, no outputs\n" in rendered(("s", signature()))


def test_internal_signature_takes_one_line() -> None:
    text = rendered(("__saved_model_init_op", signature(internal=True, inputs={"a": endpoint()})))
    assert "\n'__saved_model_init_op': TensorFlow's own\n" in text
    assert "x:0" not in text


def test_components_and_defaults() -> None:
    sparse = endpoint(tensor=None, encoding="coo_sparse", components=["v:0", "i:0", "s:0"])
    values = endpoint(default={"values": ["a"], "bytes": 0})
    packed = endpoint(default={"values": [], "bytes": 12})
    text = rendered(("s", signature(inputs={"a": sparse, "b": values, "c": packed})))
    assert "\ninput a int64 [] coo_sparse: v:0, i:0, s:0\n" in text
    assert "\ninput b int64 [] x:0 (default ['a'])\n" in text
    assert "\ninput c int64 [] x:0 (default 12 bytes)\n" in text


def test_keys_are_neither_markup_nor_control_characters() -> None:
    text = rendered(("[red]", signature(inputs={"[b]k[/b]\n\x1b[1m": endpoint(tensor="[i]:0")})))
    assert "\nsignature '[red]', method 'm'\n" in text
    assert "\ninput [b]k[/b]\\n\\x1b[1m int64 [] [i]:0\n" in text


def test_columns_are_aligned() -> None:
    text = summary_text(
        made_up(
            (
                "s",
                signature(
                    inputs={"a": endpoint(tensor="a:0"), "longer": endpoint(tensor="b:0")},
                    outputs={"c": endpoint(dtype="string", tensor="c:0")},
                ),
            )
        )
    )
    assert text.endswith(
        """
  signature 's', method 'm'
            key     dtype   shape  tensor
    input   a       int64   []     a:0
    input   longer  int64   []     b:0
    output  c       string  []     c:0
"""
    )


def on_a_console(width: int = 100, color: bool = False) -> str:
    summary = made_up(
        ("[red]", signature(inputs={"[b]k[/b]": endpoint(tensor="i:0", shape=[None, 28])})),
        ("__saved_model_init_op", signature(internal=True)),
    )
    out = io.StringIO()
    Console(
        file=out,
        width=width,
        highlight=False,
        force_terminal=color,
        color_system="standard" if color else None,
    ).print(rich_text(summary))
    return out.getvalue()


def test_tells_the_same_as_the_text() -> None:
    lines = [" ".join(line.split()) for line in on_a_console().splitlines()]
    assert "models/[1]: saved_model.pb, 1,234,567 bytes, without a fingerprint" in lines
    assert "signature '[red]', method 'm'" in lines
    assert "key dtype shape tensor" in lines
    assert "input [b]k[/b] int64 [?,28] i:0" in lines
    assert "'__saved_model_init_op': TensorFlow's own" in lines


def test_headings_stand_out_where_there_are_colours() -> None:
    assert "\x1b[1mMetaGraph {serve}" in on_a_console(color=True)
    assert "\x1b" not in on_a_console()


def test_a_command_is_not_broken() -> None:
    command = "sigpb patch " + "--add_output=y=y:0 " * 10
    unsigned = {"placeholders": [], "results": [], "command": command.strip()}
    out = io.StringIO()
    console = Console(file=out, width=40, highlight=False)
    console.print(rich_text(made_up(unsigned=unsigned)), crop=False)
    assert f"\n  to make a signature: {command.strip()}\n" in out.getvalue()


def test_folds_on_a_narrow_terminal() -> None:
    assert all(len(line) <= 40 for line in on_a_console(width=40).splitlines())
