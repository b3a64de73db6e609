"""What Python asks of models: the same that commands print, as data, and for notebooks."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import sigpb
from tests import user_script
from tests.cli.command_line import run
from tests.test_html_text import Elements

ModelFactory = Callable[..., Path]

HOSTILE = "</pre><script>alert(1)</script>$x$<img src=x onerror=alert(2)>"
RENAMED = {"signature": [{"key": "serving_default", "input": [{"key": "x", "rename_to": HOSTILE}]}]}
S = "serving_default"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with an input whose name is HTML."""
    fixture = Path(__file__).parents[1] / "proto_fixtures" / "tf2_linear"
    output = tmp_path_factory.mktemp("models") / "hostile"
    sigpb.patch(fixture, RENAMED, output_dir=output)
    return output


def asked(model: Path, before: Path) -> list[tuple[Any, list[str]]]:
    """What each function returns, and the command that asks the same."""
    file = model.parent / "patch.json"
    file.write_text(json.dumps(RENAMED))
    return [
        (sigpb.show(model), ["show", str(model)]),
        (sigpb.diff(before, model), ["diff", str(before), str(model)]),
        (sigpb.diff(model, model), ["diff", str(model), str(model)]),
        (sigpb.lint(model, select=["no-*"]), ["lint", str(model), "--select=no-*"]),
        (sigpb.graph(model, signature=S, depth=9), ["graph", str(model), f"--signature={S}"]),
        (
            sigpb.graph(model, signature=S, depth=0, start="b", end="p"),
            ["graph", str(model), f"--signature={S}", "--depth=0", "--from=b", "--to=p"],
        ),
        (sigpb.trace(model, "b"), ["trace", str(model), "b"]),
        (sigpb.plan(model, {}), ["plan", str(model)]),
        (sigpb.plan(before, RENAMED), ["plan", str(before), f"--patch={file}"]),
        (
            sigpb.patch(before, RENAMED, dry_run=True),
            ["patch", str(before), f"--patch={file}", "--dry_run"],
        ),
    ]


def test_results_are_printed_as_commands_print_them(
    model: Path, fixture_model: ModelFactory
) -> None:
    for result, command in asked(model, fixture_model("tf2_linear")):
        assert f"{result}\n" == run(*command).out, command
        found = json.loads(json.dumps(result.to_json()))
        assert found == run(*command, "--format=json").json, command


def test_results_show_themselves_in_notebooks(model: Path, fixture_model: ModelFactory) -> None:
    for result, command in asked(model, fixture_model("tf2_linear")):
        short = repr(result)
        assert short.startswith(f"<{type(result).__name__} "), command
        assert short.isprintable()
        assert len(short) < 250, short

        found = Elements(result._repr_html_())
        assert found.open == []
        assert not {"script", "img", "link", "style"} & set(found.tags), command
        assert set(found.attributes) <= {"style", "class", "title", "sandbox", "srcdoc"}
        assert not any("url" in style for style in found.attributes["style"]), "nothing is loaded"
        for inner in found.attributes.get("srcdoc", []):
            assert inner.count("<script") == 2, "the data and the page's own"
        if HOSTILE in str(result):
            assert HOSTILE in found.text


def test_lint_names_what_it_found(fixture_model: ModelFactory) -> None:
    report = sigpb.lint(fixture_model("tf1_sparse"))
    assert [repr(each) for each in report.findings] == [
        f"<Finding warning sparse-endpoint: signature '{S}', input 's'>",
        f"<Finding warning sparse-endpoint: signature '{S}', output 'doubled'>",
    ]
    assert "background:rgba" in report._repr_html_()


def test_lint_of_several_models(fixture_model: ModelFactory, tmp_path: Path) -> None:
    models = fixture_model("tf2_linear").parent
    broken = models / "broken"
    broken.mkdir()
    (broken / "saved_model.pb").write_bytes(b"no model")
    report = sigpb.lint(models, select=["missing-fingerprint"])
    assert [Path(path).name for path in report.models] == ["tf2_linear"]
    assert len(report.unreadable) == 1
    assert str(broken) in report._repr_html_()
    with pytest.raises(sigpb.ModelUnreadable, match="not a SavedModel") as caught:
        sigpb.lint(broken)
    assert caught.value.path == str(broken)
    with pytest.raises(sigpb.UsageError, match="no rule 'no-such'"):
        sigpb.lint(models, ignore=["no-such"])


def test_lint_with_a_policy(fixture_model: ModelFactory, tmp_path: Path) -> None:
    policy = tmp_path / "policy.txtpb"
    policy.write_text('signature { key: "score" }')
    (finding,) = sigpb.lint(
        fixture_model("tf2_linear"), select=["policy-*"], policy=policy
    ).findings
    assert (finding.rule, finding.severity) == ("policy-signature", "error")


def test_show_is_data(fixture_model: ModelFactory) -> None:
    summary = sigpb.show(fixture_model("tf2_defaults"))
    (graph,) = summary.meta_graphs
    assert graph.tags == ("serve",)
    assert graph.object_graph
    signature = graph.signatures[S]
    assert (signature.key, signature.method_name) == (S, "tensorflow/serving/predict")
    for key, tensor in (*signature.inputs.items(), *signature.outputs.items()):
        assert (tensor.key, tensor.encoding, tensor.components) == (key, "dense", ())
    with_default = [each for each in signature.inputs.values() if each.default is not None]
    assert with_default
    assert repr(signature.inputs["x"]) == "<'x': float32 [?,3]>"
    (function, *_) = sigpb.show(fixture_model("tf2_functions")).meta_graphs[0].functions
    assert function.problem is None
    assert repr(function.arguments) == "(<'end': string []>,)"


def test_show_of_parts(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf1_two_graphs")
    assert [graph.tags for graph in sigpb.show(model).meta_graphs] == [
        ("serve",),
        ("gpu", "serve"),
    ]
    (graph,) = sigpb.show(model, tags=["serve", "gpu"]).meta_graphs
    assert graph.tags == ("gpu", "serve")
    with pytest.raises(sigpb.PatchError, match=r"tag-set \{tpu\}; there are \{serve\}"):
        sigpb.show(model, tags=["tpu"])
    with pytest.raises(sigpb.PatchError, match="no signature 'nope'"):
        sigpb.show(model, signature="nope")
    sparse = sigpb.show(fixture_model("tf1_sparse")).meta_graphs[0].signatures[S].inputs["s"]
    assert (sparse.tensor, sparse.encoding, len(sparse.components)) == (None, "coo_sparse", 3)


def test_graphs_in_files_of_their_own(tmp_path: Path) -> None:
    file = tmp_path / "graph.pbtxt"
    file.write_text('node { name: "x" op: "Placeholder" attr { key: "dtype" value { type: 1 } } }')
    with pytest.raises(sigpb.UsageError, match=r"no signatures to show\. sigpb\.graph draws it"):
        sigpb.show(file)
    assert "x" in str(sigpb.graph(file))


def test_diff_is_data(model: Path, fixture_model: ModelFactory) -> None:
    before = fixture_model("tf2_linear")
    difference = sigpb.diff(before, model)
    assert not difference.is_same
    assert difference.is_breaking
    assert [each.level for each in difference.verdicts] == ["compatible", "breaking", "compatible"]
    assert "rgba(46,160,67" in difference._repr_html_()
    assert repr(difference).endswith(": differ in 1 signature>")
    same = sigpb.diff(before, before, tags=["serve"])
    assert (same.is_same, same.is_breaking) == (True, False)
    assert repr(same).endswith(": the same>")


def test_graph_in_every_format(model: Path) -> None:
    view = sigpb.graph(model, signature=S)
    assert view.render("tree") == f"{view}\n"
    assert view.render("dot").startswith("digraph {")
    assert view.render("mermaid").startswith("flowchart")
    assert view.render("html").startswith("<!DOCTYPE html>")
    assert json.loads(view.render("json"))["title"] == view.picture.title
    closed = sigpb.graph(model, signature=S, depth=0)
    assert closed.picture.hidden > 0
    assert closed.whole.nodes == view.whole.nodes


def test_trace_refuses_what_no_name_is(model: Path) -> None:
    with pytest.raises(sigpb.UsageError, match="is not UTF-8 text"):
        sigpb.trace(model, "\udcff")


def test_errors_name_the_model(tmp_path: Path, fixture_model: ModelFactory) -> None:
    missing, model = tmp_path / "missing", fixture_model("tf2_linear")
    functions: list[Callable[[Path], object]] = [
        sigpb.show,
        sigpb.lint,
        sigpb.graph,
        lambda path: sigpb.trace(path=path, name="x"),
        lambda path: sigpb.plan(patch={}, path=path),
        lambda path: sigpb.patch(path, {}, dry_run=True),
        lambda path: sigpb.invert(path, {}),
        lambda path: sigpb.diff(model, path),
        lambda path: sigpb.diff(path, model),
        lambda path: sigpb.infer(model, path),
        lambda path: sigpb.verify(path, model),
    ]
    for function in functions:
        with pytest.raises(sigpb.ModelUnreadable) as caught:
            function(missing)
        assert caught.value.path == str(missing)
    with pytest.raises(sigpb.PatchError) as refused:
        sigpb.plan(model, {"signature": [{"key": "serving_defalut"}]})
    assert (refused.value.path, refused.value.suggestions) == (str(model), (S,))
    assert refused.value.exit_code == 2
    saved = tmp_path / "plan.json"
    sigpb.plan(model, {}, out=saved)
    with pytest.raises(sigpb.UsageError) as elsewhere:
        sigpb.apply_plan(saved, output_dir=model / "inside")
    assert elsewhere.value.path == str(model)


def test_user_script(
    fixture_model: ModelFactory, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = fixture_model("tf2_linear")
    assert user_script.main(model, tmp_path / "out") == 0
    assert capsys.readouterr().out.splitlines() == [
        f"b: float32, image: float32 ['{S}'] 1 model: 0 errors, 0 warnings, 0 info",
        "True node True",
    ]
    assert user_script.main(fixture_model("tf2_many"), tmp_path / "other") == 2
    assert "has no input 'x'" in capsys.readouterr().out
