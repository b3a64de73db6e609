"""What linting takes of memory where the model is large."""

from __future__ import annotations

import os
import resource
from pathlib import Path
from typing import TypeAlias

from sigpb import protos
from sigpb.wire import encode_varint, tag
from sigpb.wire.fields import WireType
from tests.cli.command_line import run_process
from tests.patches import ModelFactory, read


def test_a_gigabyte_is_not_read_into_memory(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf2_linear")
    add_constant(model, 1 << 30)

    outcome = run_process(
        "lint",
        model,
        "--ignore=newer-op",
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_DATA, (256 << 20, 256 << 20)),
    )

    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out == "1 model: 0 errors, 0 warnings, 0 info\n"


Pieces: TypeAlias = "list[bytes | int]"
"""Bytes, and numbers of zeros."""


def add_constant(model: Path, size: int) -> None:
    """Gives a model's graph a constant of zeros, which take no space on the disk."""
    saved_model = read(model)
    (meta_graph,) = saved_model.meta_graphs
    graph = meta_graph.graph_def.SerializeToString()
    meta_graph.ClearField("graph_def")
    tensor: Pieces = [
        protos.TensorProto(dtype=protos.DataType.Value("DT_UINT8")).SerializeToString(),
        *field(protos.TensorProto.TENSOR_CONTENT_FIELD_NUMBER, [size]),
    ]
    value = field(protos.AttrValue.TENSOR_FIELD_NUMBER, tensor)
    attribute = [*field(1, [b"value"]), *field(2, value)]
    node = [
        protos.NodeDef(name="large", op="Const").SerializeToString(),
        *field(protos.NodeDef.ATTR_FIELD_NUMBER, attribute),
    ]
    nodes = field(protos.GraphDef.NODE_FIELD_NUMBER, node)
    whole = [
        meta_graph.SerializeToString(),
        *field(protos.MetaGraphDef.GRAPH_DEF_FIELD_NUMBER, [*nodes, graph]),
    ]
    with (model / "saved_model.pb").open("wb") as file:
        for piece in field(protos.SavedModel.META_GRAPHS_FIELD_NUMBER, whole):
            if isinstance(piece, int):
                file.seek(piece, os.SEEK_CUR)
            else:
                file.write(piece)


def field(number: int, pieces: Pieces) -> Pieces:
    size = sum(piece if isinstance(piece, int) else len(piece) for piece in pieces)
    return [tag(number, WireType.LEN) + encode_varint(size), *pieces]
