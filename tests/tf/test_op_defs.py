from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import text_format

import sigpb
from sigpb import protos
from sigpb.saved_model.model import parse
from sigpb.tf import op_defs
from sigpb.tf.op_defs import OpDefs, tensorflow_op_def

REPOSITORY = Path(__file__).resolve().parents[2]
FLOAT, INT32, STRING, INT64 = (
    protos.DataType.Value(name) for name in ("DT_FLOAT", "DT_INT32", "DT_STRING", "DT_INT64")
)


def parsed(kind: Any, text: str) -> Any:
    message = kind()
    return text_format.Parse(text, message, descriptor_pool=protos.POOL)


def node(op: str, attributes: str = "") -> protos.NodeDef:
    """Makes a node ``n``; attributes as in ``N: i: 2``, one a line."""
    text = "".join(
        f'attr {{ key: "{name.strip()}" value {{ {value} }} }}'
        for name, _, value in (line.partition(":") for line in attributes.splitlines())
    )
    found: protos.NodeDef = parsed(protos.NodeDef, f'name: "n" op: "{op}" {text}')
    return found


class TestTensorflowOpDef:
    def test_known(self) -> None:
        assert tensorflow_op_def("Cast") == parsed(
            protos.OpDef,
            """
            name: "Cast"
            input_arg { name: "x" type_attr: "SrcT" }
            output_arg { name: "y" type_attr: "DstT" }
            attr { name: "SrcT" type: "type" }
            attr { name: "DstT" type: "type" }
            attr { name: "Truncate" type: "bool" default_value { b: false } }
            """,
        )

    @pytest.mark.parametrize("op", ["", "Abort ", "Casts", "zzz", "é"])
    def test_unknown(self, op: str) -> None:
        assert tensorflow_op_def(op) is None

    def test_every_op_is_found(self) -> None:
        ops = protos.OpList.FromString(
            Path(op_defs.__file__).with_name("op_defs.binpb").read_bytes()
        ).op
        assert len(ops) > 1500
        assert all(tensorflow_op_def(op.name) == op for op in ops)

    def test_no_texts(self) -> None:
        sharding = tensorflow_op_def("XlaSharding")  # One of those that carry some.
        assert sharding is not None
        assert sharding.summary == sharding.description == ""
        assert [arg.description for arg in sharding.input_arg] == [""]


class TestGet:
    FUNCTION = protos.OpDef(name="__inference_f_1")

    def test_tensorflow_goes_before_the_model(self) -> None:
        ops = OpDefs([protos.OpDef(name="Cast"), self.FUNCTION])
        assert ops.get("Cast") == tensorflow_op_def("Cast") != protos.OpDef(name="Cast")
        assert ops.get("__inference_f_1") == self.FUNCTION
        assert ops.get("__inference_g_2") is None

    def test_nothing_is_read_before_it_is_needed(self) -> None:
        calls = []

        def model_ops() -> Iterator[protos.OpDef]:
            calls.append("model")
            yield self.FUNCTION

        ops = OpDefs(model_ops)
        assert ops.get("Cast") is not None
        assert calls == []
        assert ops.get("__inference_f_1") == ops.get("__inference_f_1") == self.FUNCTION
        assert calls == ["model"]


@pytest.mark.parametrize(
    ("of", "dtypes", "names"),
    [
        (node("NoOp"), [], []),
        (node("AsString", "T: type: DT_INT32"), [STRING], ["n:output:0"]),
        (node("Cast", "DstT: type: DT_INT32"), [INT32], ["n:y:0"]),
        (node("Variable", "dtype: type: DT_FLOAT"), [100 + FLOAT], ["n:ref:0"]),
        (
            node("Split", "num_split: i: 2\nT: type: DT_FLOAT"),
            [FLOAT, FLOAT],
            ["n:output:0", "n:output:1"],
        ),
        (node("ConcatOffset", "N: i: 2"), [INT32, INT32], ["n:offset:0", "n:offset:1"]),
        (
            node("IdentityN", "T: list { type: [DT_FLOAT, DT_INT64] }"),
            [FLOAT, INT64],
            ["n:output:0", "n:output:1"],
        ),
        (node("PartitionedCall", "Tout: list { }"), [], []),
        (node("TopKV2", "T: type: DT_FLOAT"), [FLOAT, INT32], ["n:values:0", "n:indices:0"]),
        (
            node(
                "ParseExample",
                "Nsparse: i: 2\nNdense: i: 1\nsparse_types: list { type: [DT_FLOAT, DT_STRING] }\n"
                "Tdense: list { type: DT_INT64 }",
            ),
            [INT64, INT64, FLOAT, STRING, INT64, INT64, INT64],
            [
                *("n:sparse_indices:0", "n:sparse_indices:1"),
                *("n:sparse_values:0", "n:sparse_values:1"),
                *("n:sparse_shapes:0", "n:sparse_shapes:1"),
                "n:dense_values:0",
            ],
        ),
    ],
    ids=lambda value: value.op if isinstance(value, protos.NodeDef) else "",
)
def test_outputs(of: protos.NodeDef, dtypes: list[int], names: list[str]) -> None:
    ops = OpDefs()
    count = len(dtypes)
    assert ops.output_dtypes(of) == dtypes
    assert [ops.output_name(of, index) for index in range(count)] == names
    assert ops.output_name(of, count) is ops.output_name(of, -1) is None
    assert [ops.output_index(of, name) for name in names] == list(range(count))


def test_attributes_may_be_left_at_their_defaults() -> None:
    ops = OpDefs()
    assert ops.output_dtypes(node("Shape")) == [INT32]
    assert ops.output_dtypes(node("Shape", "out_type: type: DT_INT64")) == [INT64]
    untouched = node("Shape")
    ops.output_dtypes(untouched)
    assert untouched == node("Shape")


@pytest.mark.parametrize(
    "of",
    [
        node("NoSuchOp"),
        node("Cast"),
        node("Split", "T: type: DT_FLOAT"),
        node("IdentityN"),
        node("Cast", 'DstT: placeholder: "T"'),
    ],
    ids=lambda value: value.op,
)
def test_outputs_that_cannot_be_told(of: protos.NodeDef) -> None:
    ops = OpDefs()
    assert ops.output_dtypes(of) is None
    assert ops.output_name(of, 0) is None
    assert ops.output_index(of, "n:y:0") is None


def test_function_as_op() -> None:
    signature = parsed(
        protos.OpDef,
        """
        name: "f"
        input_arg { name: "x" type: DT_INT64 }
        output_arg { name: "p" type: DT_FLOAT }
        output_arg { name: "s" type_attr: "T" }
        attr { name: "T" type: "type" }
        """,
    )
    ops, call = OpDefs([signature]), node("f", "T: type: DT_STRING")
    assert ops.output_dtypes(call) == [FLOAT, STRING]
    assert ops.output_name(call, 1) == "n:s:0"


class TestOutputIndex:
    SPLIT = node("Split", "num_split: i: 2\nT: type: DT_FLOAT")

    def test_first_tensor_of_an_output(self) -> None:
        assert OpDefs().output_index(self.SPLIT, "n:output") == 0
        assert OpDefs().output_index(node("TopKV2", "T: type: DT_FLOAT"), "n:indices") == 1

    @pytest.mark.parametrize(
        "spelled",
        [
            *("n:output:2", "n:value:0", "other:output:0", "n", "n:0", "^n", ""),
            *("n:output:-1", "n:output:x", "n:output:0:0"),
        ],
    )
    def test_no_such_output(self, spelled: str) -> None:
        assert OpDefs().output_index(self.SPLIT, spelled) is None


def meta_graphs_of(corpus: Path) -> Iterator[protos.MetaGraphDef]:
    for folder in corpus.glob("*/"):
        for meta_graph in sigpb.open(folder).meta_graphs:
            yield parse(protos.MetaGraphDef, meta_graph.message)


def ops_of(meta_graph: protos.MetaGraphDef, *, with_op_list: bool) -> OpDefs:
    functions = [function.signature for function in meta_graph.graph_def.library.function]
    op_list = meta_graph.meta_info_def.stripped_op_list.op if with_op_list else []
    return OpDefs([*functions, *op_list])


def assert_as_in_tensorflow(meta_graph: protos.MetaGraphDef, ops: OpDefs) -> None:
    """Compares the outputs of every node, in functions too, with those that TensorFlow makes."""
    import tensorflow as tf
    from tensorflow.core.protobuf import meta_graph_pb2
    from tensorflow.python.framework.function_def_to_graph import function_def_to_graph_def

    def outputs(node_name: str) -> list[int]:
        operation = tf.compat.v1.get_default_graph().get_operation_by_name(node_name)
        return [output.dtype.as_datatype_enum for output in operation.outputs]

    theirs = meta_graph_pb2.MetaGraphDef.FromString(meta_graph.SerializeToString())
    op_list = theirs.meta_info_def.stripped_op_list
    with tf.Graph().as_default():
        tf.import_graph_def(theirs.graph_def, name="", producer_op_list=op_list)
        for each in meta_graph.graph_def.node:
            assert ops.output_dtypes(each) == outputs(each.name), each

        for number, function in enumerate(theirs.graph_def.library.function):
            body, flat_names = function_def_to_graph_def(function)
            for their_node in body.node:
                their_node.attr.pop("_class", None)  # May name nodes of the caller.
            tf.import_graph_def(body, name=f"function_{number}", producer_op_list=op_list)
            nodes = {
                each.name: each for each in meta_graph.graph_def.library.function[number].node_def
            }
            for each in nodes.values():
                assert ops.output_dtypes(each) == outputs(f"function_{number}/{each.name}"), each
            for spelled, flat_name in flat_names.items():
                if ":" in spelled:
                    name, _, index = flat_name.partition(":")
                    assert ops.output_index(nodes[name], spelled) == int(index)
                    assert ops.output_name(nodes[name], int(index)) == spelled


@pytest.mark.tensorflow
@pytest.mark.parametrize("with_op_list", [True, False])
def test_outputs_are_those_of_tensorflow(with_op_list: bool) -> None:
    for file in sorted((REPOSITORY / "proto_fixtures").glob("*/saved_model.pbtxt")):
        for meta_graph in parsed(protos.SavedModel, file.read_text()).meta_graphs:
            ops = ops_of(meta_graph, with_op_list=with_op_list)
            assert_as_in_tensorflow(meta_graph, ops)


@pytest.mark.tensorflow
@pytest.mark.parametrize("with_op_list", [True, False])
def test_outputs_in_real_models(corpus: Path, with_op_list: bool) -> None:
    from tensorflow.python.framework import op_def_registry

    compared = 0
    for meta_graph in meta_graphs_of(corpus):
        op_list = meta_graph.meta_info_def.stripped_op_list
        if all(op_def_registry.get(op_def.name) for op_def in op_list.op):
            assert_as_in_tensorflow(meta_graph, ops_of(meta_graph, with_op_list=with_op_list))
            compared += 1
    assert compared > 20


def test_ops_of_other_libraries(corpus: Path) -> None:
    """Models that need one can say themselves what their nodes give."""
    unknown = 0
    for meta_graph in meta_graphs_of(corpus):
        ops = ops_of(meta_graph, with_op_list=True)
        library = meta_graph.graph_def.library.function
        for nodes in (meta_graph.graph_def.node, *(each.node_def for each in library)):
            assert [each.op for each in nodes if ops.output_dtypes(each) is None] == []
            unknown += sum(tensorflow_op_def(each.op) is None for each in nodes)
    assert unknown
