from __future__ import annotations

from pathlib import Path

import pytest

from sigpb import protos
from sigpb.rewrite import metadata
from sigpb.tf.op_defs import tensorflow_op_def
from sigpb.wire import Edits, Message, assemble, length_delimited

META_INFO = protos.MetaGraphDef.META_INFO_DEF_FIELD_NUMBER
OP_LIST = protos.MetaGraphDef.MetaInfoDef.STRIPPED_OP_LIST_FIELD_NUMBER
OP = protos.OpList.OP_FIELD_NUMBER
TAGS = protos.MetaGraphDef.MetaInfoDef(tags=["serve"]).SerializeToString()
GRAPH = protos.MetaGraphDef(graph_def=protos.GraphDef()).SerializeToString()

# As no encoder would write it: a field twice, of which the last counts.
ODD_CAST = length_delimited(OP, protos.OpDef(name="A").SerializeToString() + b"\x0a\x04Cast")


def op(name: str) -> bytes:
    op_def = tensorflow_op_def(name)
    assert op_def is not None
    return length_delimited(OP, op_def.SerializeToString())


def meta_graph(*ops: bytes) -> bytes:
    op_list = length_delimited(OP_LIST, b"".join(ops))
    return GRAPH + length_delimited(META_INFO, TAGS + op_list + TAGS) + GRAPH


def rewritten(before: bytes, *ops: str) -> bytes:
    edits = Edits(before)
    metadata.rewrite_ops(edits, Message.root(before), ops)
    return assemble(edits.pieces(), before)


def test_new_ops_are_sorted_in() -> None:
    before = meta_graph(op("Const"), op("Placeholder"))
    assert rewritten(before, "Shape", "Reshape", "Pack", "Cast") == meta_graph(
        *map(op, ("Cast", "Const", "Pack", "Placeholder", "Reshape", "Shape"))
    )


def test_ops_of_the_list_stay_as_they_are() -> None:
    before = meta_graph(ODD_CAST, op("Placeholder"))
    assert rewritten(before, "Placeholder", "Cast") == before
    assert rewritten(before, "Cast", "Const") == meta_graph(
        ODD_CAST, op("Const"), op("Placeholder")
    )


def test_an_op_that_is_used_twice() -> None:
    assert rewritten(meta_graph(), "Cast", "Cast") == meta_graph(op("Cast"))


def test_functions_have_no_place() -> None:
    before = meta_graph(op("Cast"))
    assert rewritten(before, "__inference_f_1") == before


@pytest.mark.parametrize("before", [GRAPH, length_delimited(META_INFO, TAGS) + GRAPH])
def test_a_meta_graph_without_a_list(before: bytes) -> None:
    assert rewritten(before, "Cast") == before


@pytest.mark.tensorflow
def test_definitions_are_those_that_tensorflow_writes(tmp_path: Path) -> None:
    import tensorflow as tf

    class Model(tf.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.v = tf.Variable(1.0)

        @tf.function(input_signature=[tf.TensorSpec([None, 2])])  # type: ignore[untyped-decorator]
        def f(self, x: tf.Tensor) -> tf.Tensor:
            x = tf.compat.v1.placeholder_with_default(x, [None, 2])
            text = tf.strings.as_string(tf.reshape(x, [tf.reduce_prod(tf.shape(x)[1:]), -1]))
            number = tf.cast(tf.strings.to_number(text), tf.float64)
            return self.pure(tf.stack([number, number]))

        @tf.function  # type: ignore[untyped-decorator]
        def pure(self, x: tf.Tensor) -> tf.Tensor:
            return x + 1

    tf.saved_model.save(Model(), tmp_path)
    before = (tmp_path / "saved_model.pb").read_bytes()
    op_list = protos.SavedModel.FromString(before).meta_graphs[0].meta_info_def.stripped_op_list
    names = {op_def.name for op_def in op_list.op}
    assert names >= {
        *("AsString", "Cast", "Pack", "PartitionedCall", "PlaceholderWithDefault", "Prod"),
        *("Reshape", "Shape", "StatefulPartitionedCall", "StridedSlice", "StringToNumber"),
    }
    assert b"".join(map(op, sorted(names))) in before
