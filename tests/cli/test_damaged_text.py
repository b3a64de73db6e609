"""Text that is nested too deep, or holds a number of thousands of digits, is refused like other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sigpb import protos
from sigpb.saved_model.model import open_model
from tests.cli.command_line import run
from tests.patches import altered

ModelFactory = Callable[..., Path]

DIGITS = "9" * 5000
DEEP = "[" * 100_000
FUNCTIONS = 'func { attr { key: "a" value { '

RENAME = "signature { key: 'serving_default' input { key: 'x' rename_to: 'image' } }"


@pytest.mark.parametrize("depth", [60, 200, 5000])
@pytest.mark.parametrize(
    "command", ["show", "lint", "dump", "size", "wire", "graph", "patch", "plan", "diff"]
)
def test_models(tmp_path: Path, command: str, depth: int) -> None:
    text = 'meta_graphs { graph_def { node { name: "n" attr { key: "a" value { '
    closed = " } } }" * depth + " } } } } }"
    (tmp_path / "saved_model.pbtxt").write_text(f"{text}{FUNCTIONS * depth}{closed}")

    more = {"diff": str(tmp_path), "patch": "--dry_run"}
    said = run(command, tmp_path, *filter(None, [more.get(command)]))

    assert said.code in (0, 1, 2, 3)
    assert said.err or said.code < 2


@pytest.mark.parametrize(
    "content",
    [
        DEEP,
        '{"signature": ' + DEEP,
        '{"signature": [{"key": "x", "input": ' + DEEP[:500] + "]" * 500 + "}]}",
        '{"signature": ' + DIGITS + "}",
        '{"id": ' + DIGITS + "}",
        '{"id": "\\ud800"}',
    ],
    ids=range(6),
)
def test_patches_in_json(tmp_path: Path, fixture_model: ModelFactory, content: str) -> None:
    (tmp_path / "patch.json").write_text(content)
    said = run("patch", fixture_model("tf2_linear"), "--dry_run", f"--patch={tmp_path}/patch.json")
    assert (said.code, said.out) == (2, "")
    assert f"{tmp_path}/patch.json:" in said.err


@pytest.mark.parametrize(
    "content", ["a { " * 5000, f"id: {DIGITS}", f"signature {{ key: {DIGITS}"], ids=range(3)
)
def test_patches_and_policies(tmp_path: Path, fixture_model: ModelFactory, content: str) -> None:
    file = tmp_path / "text"
    file.write_text(content)
    for command in ("patch", "lint"):
        flags = [f"--patch={file}", "--dry_run"] if command == "patch" else [f"--policy={file}"]
        assert run(command, fixture_model("tf2_linear"), *flags).code == 2


@pytest.mark.parametrize(
    "content", [DEEP, '{"sigpb_plan": ' + DEEP, '{"sigpb_plan": ' + DIGITS + "}"]
)
def test_plans(tmp_path: Path, content: str) -> None:
    (tmp_path / "plan").write_text(f"{content}\n{content}\n")
    assert "not a plan" in run("apply", tmp_path / "plan", "--dry_run").err
    assert "not a plan" in run("batch", f"--apply_plan={tmp_path}/plan").err


@pytest.mark.parametrize("line", [DEEP, f'{{"step": {DIGITS}}}'], ids=range(2))
def test_a_line_of_a_journal_is_passed_over(
    tmp_path: Path, fixture_model: ModelFactory, line: str
) -> None:
    journal = tmp_path / "journal"
    (tmp_path / "p.textproto").write_text(RENAME)
    batch = ("batch", fixture_model("tf2_linear").parent, f"--patch={tmp_path}/p.textproto")
    assert run(*batch, "--in_place", f"--journal={journal}").code == 0
    with journal.open("a") as opened:
        opened.write(f"{line}\n")

    assert run("batch", "--resume", f"--journal={journal}").code == 0
    done = run("rollback", journal)

    assert (done.code, done.out.splitlines()[-1]) == (0, "1 rolled back")


def test_a_line_of_the_history_is_passed_over(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf2_linear")
    (model / "sigpb.history.jsonl").write_text(f'{DEEP}\n{{"sigpb": {DIGITS}}}\n{{"sigpb": "1"}}\n')
    told = run("show", model, "--history").out
    assert told.startswith(f"{model}: 1 patch\n")
    assert "1. by sigpb 1\n" in told
    assert run("patch", model, "--dry_run", "--rename_input=x=image").code == 0


@pytest.mark.parametrize(
    "arguments",
    [
        f"patch MODEL --dry_run --input_shape=x=[{DIGITS}]",
        f"patch MODEL --dry_run --output_shape=y={DIGITS}",
        f"patch MODEL --dry_run --batch_size={DIGITS}",
        f"patch MODEL --dry_run --bind_input=x={DIGITS}",
        f"patch MODEL --dry_run --default_input=x={DIGITS}",
        f"patch MODEL --dry_run --default_input=x={'[' * 700}1{']' * 700}",
        f"patch MODEL --dry_run --default_input=x=1e{DIGITS}",
        f"patch MODEL --dry_run --input_dtype=x=int{DIGITS}",
        "patch MODEL --dry_run --input_dtype=x=invalid",
        "patch MODEL --dry_run --output_dtype=y=invalid",
        f"patch MODEL --dry_run --add_output=z=x:{DIGITS}",
        "patch MODEL --dry_run --add_output=z=x:",
        "patch MODEL --dry_run --add_output=z=:",
        "patch MODEL --dry_run --add_output=z=serving_default_x:",
        f"patch MODEL --dry_run --add_output=z=serving_default_x:{DIGITS}",
        "patch MODEL --dry_run --add_output=z=serving_default_x:²",
        f"dump MODEL meta_graphs[{DIGITS}]",
        "graph MODEL --from=serving_default_x:",
        f"graph MODEL --from=serving_default_x:{DIGITS}",
        f"graph MODEL --depth={DIGITS}",
        f"size MODEL --limit={DIGITS}",
        f"size MODEL --by=scope --depth={DIGITS}",
        f"wire MODEL --offset={DIGITS}",
        f"batch MODEL --patch=P --in_place --versions={DIGITS}",
        f"batch MODEL --patch=P --in_place --versions=latest:{DIGITS}",
        f"batch MODEL --patch=P --in_place --jobs={DIGITS}",
        f"batch MODEL --patch=P --in_place --canary={DIGITS}",
        f"batch MODEL --patch=P --in_place --max_failures={DIGITS}",
        f"batch MODEL --patch=P --dry_run --in_place --has_input=x:float32:[{DIGITS}]",
        f"batch MODEL --patch=P --dry_run --in_place --tensorflow_version=>={DIGITS}",
        f"verify MODEL MODEL --batch_sizes={DIGITS}",
    ],
    ids=lambda text: text.replace("9" * 4999, "…")[:60],
)
def test_flags(fixture_model: ModelFactory, tmp_path: Path, arguments: str) -> None:
    model = fixture_model("tf2_linear")
    patch = tmp_path / "p.textproto"
    patch.write_text(RENAME)
    words = arguments.replace("MODEL", str(model)).replace("P ", f"{patch} ").split()
    said = run(*words)
    assert said.code in (1, 2), said
    assert said.err or said.code == 1


@pytest.mark.parametrize("tensor", ["{}:", "{}:²", "{}:1", "{}:00", f"{{}}:{DIGITS}", "^{}", ""])
def test_tensors_that_are_none(fixture_model: ModelFactory, tensor: str) -> None:
    model = fixture_model("tf2_shared")

    def rename(graph: protos.MetaGraphDef) -> None:
        info = graph.signature_def["twin"].inputs["x"]
        info.name = tensor.format(info.name.removesuffix(":0"))

    altered(model, rename)
    for flag in ("--input_dtype=x=string", "--input_shape=x=[?,2]", "--default_input=x=1"):
        said = run("patch", model, "--dry_run", "--signature=twin", flag)
        assert (said.code, said.out) == (2, ""), flag
    for command in (("lint",), ("show",), ("size",), ("graph", "--signature=twin")):
        run(command[0], model, *command[1:])


@pytest.mark.parametrize("dtype", [0, 77, 1000])
def test_dtypes_that_are_none(fixture_model: ModelFactory, dtype: int) -> None:
    model, other = fixture_model("tf2_linear"), fixture_model("tf2_linear")

    def retype(graph: protos.MetaGraphDef) -> None:
        graph.signature_def["serving_default"].inputs["x"].dtype = dtype

    altered(model, retype)
    for flag in ("--input_dtype=x=string", "--input_shape=x=[?,2]", "--bind_input=x=1"):
        said = run("patch", model, "--dry_run", flag)
        assert (said.code, said.out) == (2, ""), flag
    assert run("infer", model, other).code == 2
    assert run("infer", other, model).code == 2
    assert run("diff", model, other).code == 1


def without_keys(graph: protos.MetaGraphDef) -> None:
    for node in graph.graph_def.node:
        if node.op == "RestoreV2":
            del node.input[1:]


def with_numbers_for_keys(graph: protos.MetaGraphDef) -> None:
    nodes = {node.name: node for node in graph.graph_def.node}
    restores = [node for node in nodes.values() if node.op == "RestoreV2"]
    for node in restores:
        tensor = nodes[node.input[1].partition(":")[0]].attr["value"].tensor
        tensor.Clear()
        tensor.dtype = 1
        tensor.float_val.append(1)


def with_a_huge_shape(graph: protos.MetaGraphDef) -> None:
    for node in graph.graph_def.node:
        if node.op == "Const":
            shape = node.attr["value"].tensor.tensor_shape
            shape.Clear()
            shape.dim.add(size=2**62)


def with_constants_cut_off(graph: protos.MetaGraphDef) -> None:
    for node in graph.graph_def.node:
        if node.op == "Const":
            node.attr["value"].tensor.tensor_shape.dim.add(size=3)


def with_a_function_of_many_digits(graph: protos.MetaGraphDef) -> None:
    graph.graph_def.library.function.add().signature.name = f"f{DIGITS}"


@pytest.mark.parametrize(
    "damage",
    [
        without_keys,
        with_numbers_for_keys,
        with_a_huge_shape,
        with_constants_cut_off,
        with_a_function_of_many_digits,
    ],
)
@pytest.mark.parametrize("fixture", ["tf1_two_graphs", "tf1_fixed_batch", "tf2_wrapped"])
def test_graphs_that_do_not_fit(
    fixture_model: ModelFactory, fixture: str, damage: Callable[[protos.MetaGraphDef], None]
) -> None:
    model = altered(fixture_model(fixture), damage)
    assert run("lint", model).code in (0, 1)
    assert run("patch", model, "--dry_run", "--batch_size=?").code in (0, 2)
    with open_model(model) as opened:
        signatures = dict(opened.meta_graphs[0].signatures)
    for key, signature in signatures.items():
        for name in signature.inputs:
            only = ("--dry_run", f"--signature={key}", f"--input_dtype={name}=string")
            assert run("patch", model, *only).code in (0, 2)
