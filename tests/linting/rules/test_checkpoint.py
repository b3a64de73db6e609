from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from sigpb import protos
from tests.checkpoint.test_index import entry, table
from tests.linting.faults import ModelFactory, find, graph_of, write
from tests.patches import altered
from tests.test_bad_input import LFS_POINTER

RULE = "checkpoint"
INDEX = "variables/variables.index"
SHARD = "variables/variables.data-00000-of-00001"

WITH_VARIABLES = ["tf2_linear", "tf2_many", "tf1_shared", "tf1_two_graphs", "tf1_interior"]


@pytest.mark.parametrize("name", [*WITH_VARIABLES, "tf1_no_variables", "tf1_sparse"])
def test_checkpoints_fit(fixture_model: ModelFactory, name: str) -> None:
    assert find(RULE, fixture_model(name)) == []


@pytest.mark.parametrize("name", WITH_VARIABLES)
def test_files_are_missing(fixture_model: ModelFactory, name: str) -> None:
    model = fixture_model(name)
    (model / SHARD).unlink()
    assert find(RULE, model) == [("error", SHARD, "The index names this file, which is not there.")]
    shutil.rmtree(model / "variables")
    assert find(RULE, model) == [("error", INDEX, "There is no index of the checkpoint.")]


def test_files_of_another_number_are_named(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf2_linear")
    (model / SHARD).rename(model / "variables" / "variables.data-00000-of-00002")
    ((_, where, message),) = find(RULE, model)
    assert where == SHARD
    assert message.endswith(" There are 'variables.data-00000-of-00002'.")


def cut(content: bytes) -> bytes:
    return content[:-1]


def altered_byte(content: bytes) -> bytes:
    return content[:20] + bytes([content[20] ^ 1]) + content[21:]


def pointer(content: bytes) -> bytes:
    return LFS_POINTER


@pytest.mark.parametrize(
    ("name", "damage", "problem"),
    [
        (INDEX, cut, "It is not the index of a checkpoint: it has no footer."),
        (
            INDEX,
            altered_byte,
            "It is not the index of a checkpoint: the block at byte 0 does not have the checksum "
            "that the file states.",
        ),
        (
            INDEX,
            pointer,
            "It is a pointer of Git LFS to a file that was not downloaded. Fetch it with 'git lfs "
            "pull'.",
        ),
        (
            SHARD,
            pointer,
            "It is a pointer of Git LFS to a file that was not downloaded. Fetch it with 'git lfs "
            "pull'.",
        ),
    ],
)
def test_files_are_damaged(
    fixture_model: ModelFactory, name: str, damage: Callable[[bytes], bytes], problem: str
) -> None:
    model = fixture_model("tf2_linear")
    (model / name).write_bytes(damage((model / name).read_bytes()))
    assert find(RULE, model) == [("error", name, problem)]


def test_a_file_is_too_short(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf2_linear")
    content = (model / SHARD).read_bytes()
    (model / SHARD).write_bytes(content[:-1])
    assert find(RULE, model) == [
        ("error", SHARD, f"It has {len(content) - 1:,} bytes; the index tells of {len(content):,}.")
    ]
    (model / SHARD).write_bytes(content + b"more")
    assert find(RULE, model) == []


def test_checkpoint_of_another_model(fixture_model: ModelFactory) -> None:
    model, other = fixture_model("tf2_linear"), fixture_model("tf1_shared")
    shutil.rmtree(model / "variables")
    shutil.copytree(other / "variables", model / "variables")
    ((severity, where, message),) = find(RULE, model)
    assert (severity, where) == ("error", "")
    assert message.startswith("The graph restores '")
    assert message.endswith(", which the checkpoint does not have.")


def all_nodes(graph: protos.MetaGraphDef) -> list[protos.NodeDef]:
    functions = graph.graph_def.library.function
    return [*graph.graph_def.node, *(node for each in functions for node in each.node_def)]


@pytest.mark.parametrize("name", ["tf2_linear", "tf1_shared"])
def test_another_dtype(fixture_model: ModelFactory, name: str) -> None:
    def fault(graph: protos.MetaGraphDef) -> None:
        for node in all_nodes(graph):
            if node.op == "RestoreV2":
                types = node.attr["dtypes"].list.type
                types[:] = [2 if dtype == 1 else dtype for dtype in types]  # float64

    found = find(RULE, altered(fixture_model(name), fault))
    assert found
    for _, _, message in found:
        assert message.endswith(" as float64, but the checkpoint holds float32.")


@pytest.mark.parametrize("name", ["tf2_linear", "tf1_shared"])
def test_another_shape(fixture_model: ModelFactory, name: str) -> None:
    def fault(graph: protos.MetaGraphDef) -> None:
        for node in all_nodes(graph):
            if node.op in ("VarHandleOp", "VariableV2"):
                node.attr["shape"].shape.dim.add(size=7)

    found = find(RULE, altered(fixture_model(name), fault))
    assert found
    for _, _, message in found:
        assert "7], but the checkpoint holds [" in message


def test_a_part_of_a_tensor_has_another_shape(fixture_model: ModelFactory) -> None:
    def fault(graph: protos.MetaGraphDef) -> None:
        for node in graph.graph_def.node:
            if node.op in ("VarHandleOp", "VariableV2"):
                node.attr["shape"].shape.dim.add(size=7)
            if node.name.endswith("/shape_and_slices"):
                node.attr["value"].tensor.string_val[:] = [b"14 0,7"]

    assert find(RULE, altered(fixture_model("tf1_shared"), fault)) == []


@pytest.mark.parametrize(("slices", "problems"), [(b"", 1), (b"\x3a\x00", 0)])
def test_what_is_stored_in_slices_takes_no_place_of_its_own(
    tmp_path: Path, slices: bytes, problems: int
) -> None:
    graph = graph_of("object_graph_def { nodes {} }")
    index = table({b"": b"\x08\x01", b"a": entry(offset=1) + slices}, kind=0)
    model = write(tmp_path, graph, {INDEX: index, SHARD: b"1234"})
    assert len(find(RULE, model)) == problems


def test_nobody_restores_anything(tmp_path: Path) -> None:
    graph = graph_of('graph_def { node { name: "v" op: "VarHandleOp" } }')
    assert find(RULE, write(tmp_path, graph, {INDEX: b"x"})) == []


def test_models_that_do_not_load(corpus: Path) -> None:
    # TensorFlow: "The passed save_path is not a valid checkpoint", "Graph execution error".
    for name in ("tfnet_example1", "triton_vnet_no_batch"):
        assert [where for _, where, _ in find(RULE, corpus / name)] == [INDEX]
