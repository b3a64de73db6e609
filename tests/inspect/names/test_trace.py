from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from sigpb import protos
from sigpb.errors import UsageError
from sigpb.inspect.names.trace import Trace, trace
from sigpb.inspect.proto_source import ProtoSource, open_source
from sigpb.tf.tensor_types import tensor_names
from tests.conftest import REPOSITORY

ModelFactory = Callable[..., Path]

FIXTURES = sorted(path.parent.name for path in REPOSITORY.glob("proto_fixtures/*/*.pbtxt"))

HEAD = "meta_graphs[serve]."


def graph_source(graph: protos.GraphDef) -> ProtoSource:
    return ProtoSource(Path("graph.pb"), "GraphDef", graph.SerializeToString())


def meta_graph_source(meta_graph: protos.MetaGraphDef) -> ProtoSource:
    return ProtoSource(Path("m.meta"), "MetaGraphDef", meta_graph.SerializeToString())


def references(traced: Trace) -> list[tuple[str, str]]:
    return [(reference.role, str(reference.place)) for reference in traced.references]


def traced_one(source: ProtoSource, name: str, signature: str | None = None) -> Trace:
    (found,) = trace(source, name, signature)
    return found


class TestGraph:
    @pytest.fixture
    def source(self) -> ProtoSource:
        graph = protos.GraphDef()
        graph.node.add(name="x", op="Split", device="/cpu:0", input=["axis", "^init"])
        graph.node.add(name="a", op="Neg", input=["x"])
        graph.node.add(name="b", op="Add", input=["x:0", "x:1"])
        graph.node.add(name="c", op="NoOp", input=["^x"])
        graph.node.add(name="d", op="Neg", input=["xx"]).attr["_class"].list.s.append(b"loc:@x")
        return graph_source(graph)

    @pytest.mark.parametrize("name", ["x", "^x", "loc:@x"])
    def test_node(self, source: ProtoSource, name: str) -> None:
        found = traced_one(source, name)
        assert (found.kind, found.name, found.tensor, found.function) == ("node", "x", None, None)
        assert str(found.place) == 'node["x"]'
        assert found.node
        assert (found.node.op, found.node.device) == ("Split", "/cpu:0")
        assert references(found) == [
            ("input", 'node["a"].input[0]'),
            ("input", 'node["b"].input[0]'),
            ("input", 'node["b"].input[1]'),
            ("control_input", 'node["c"].input[0]'),
            ("colocation", 'node["d"].attr["_class"].list.s[0]'),
        ]

    def test_output_of_a_node(self, source: ProtoSource) -> None:
        found = traced_one(source, "x:1")
        assert found.tensor == "x:1"
        assert references(found) == [
            ("input", 'node["b"].input[1]'),
            ("control_input", 'node["c"].input[0]'),
            ("colocation", 'node["d"].attr["_class"].list.s[0]'),
        ]

    def test_first_output_has_two_names(self, source: ProtoSource) -> None:
        inputs = [place for role, place in references(traced_one(source, "x:0")) if role == "input"]
        assert inputs == ['node["a"].input[0]', 'node["b"].input[0]']

    @pytest.mark.parametrize("name", ["", ":", "y:0", "x:a:0", "\udcff", "Split"])
    def test_unknown(self, source: ProtoSource, name: str) -> None:
        with pytest.raises(UsageError, match="There is no node, tensor, function or endpoint"):
            trace(source, name)

    def test_unknown_but_close(self, source: ProtoSource) -> None:
        with pytest.raises(UsageError, match="did you mean 'x'"):
            trace(source, "xy")

    def test_unknown_among_many(self) -> None:
        graph = protos.GraphDef(node=[protos.NodeDef(name=f"node_{n}") for n in range(3000)])
        with pytest.raises(UsageError, match=r"did you mean 'node_77.*'sigpb grep' searches"):
            trace(graph_source(graph), "node_77x")


class TestFunctions:
    @pytest.fixture
    def source(self) -> ProtoSource:
        meta_graph = protos.MetaGraphDef()
        meta_graph.meta_info_def.tags.append("serve")
        graph = meta_graph.graph_def
        for name in ("f", "g"):
            function = graph.library.function.add()
            function.signature.name = name
            for argument in ("x", "captured"):
                function.signature.input_arg.add(name=argument)
            function.node_def.add(name="n", op="Split", input=["x", "captured"])
            function.node_def.add(name="m", op="Add", input=["n:output:0", "n:output:1"])
            function.ret["y"] = "n:output:1"
        graph.node.add(name="f", op="g", input=["f"])
        graph.node.add(name="call", op="PartitionedCall").attr["f"].func.name = "f"
        objects = meta_graph.object_graph_def
        objects.nodes.add().function.concrete_functions.append("f")
        objects.nodes.add().variable.name = "weights"
        objects.concrete_functions["f"].bound_inputs.append(1)
        return meta_graph_source(meta_graph)

    def test_argument_of_each_function_is_another(self, source: ProtoSource) -> None:
        found = trace(source, "x")
        assert [(one.kind, str(one.place)) for one in found] == [
            ("argument", f'graph_def.library.function["{name}"].signature.input_arg["x"]')
            for name in ("f", "g")
        ]
        assert [references(one) for one in found] == [
            [("input", f'graph_def.library.function["{name}"].node_def["n"].input[0]')]
            for name in ("f", "g")
        ]

    def test_function_that_a_node_is_in(self, source: ProtoSource) -> None:
        in_f, in_g = (one.function for one in trace(source, "n"))
        assert in_f
        assert in_g
        assert [(r.role, str(r.place)) for r in in_f.references] == [
            ("call", 'graph_def.node["call"].attr["f"].func.name'),
            ("concrete_function", "object_graph_def.nodes[0].function.concrete_functions[0]"),
            ("concrete_function", 'object_graph_def.concrete_functions["f"]'),
        ]
        assert [(r.role, str(r.place)) for r in in_g.references] == [
            ("op", 'graph_def.node["f"].op')
        ]
        (capture,) = in_f.captures
        assert (capture.argument, capture.kind, capture.name) == ("captured", "variable", "weights")
        assert str(capture.place) == "object_graph_def.nodes[1]"
        assert in_g.captures == ()

    def test_output_of_a_node_in_a_function(self, source: ProtoSource) -> None:
        for found in trace(source, "n:output:1"):
            assert [role for role, _ in references(found)] == ["input", "return"]

    def test_function_and_node_of_one_name(self, source: ProtoSource) -> None:
        node, function = trace(source, "f")
        assert (node.kind, node.function) == ("node", None)
        assert references(node) == [("input", 'graph_def.node["f"].input[0]')]
        assert function.kind == "function"
        assert function.function
        assert len(function.function.references) == 3


class TestEndpoints:
    def test_of_both_views(self, fixture_model: ModelFactory) -> None:
        source = open_source(fixture_model("tf2_linear"))
        in_graph, in_function = trace(source, "u", "single")
        assert in_graph.tensor == "StatefulPartitionedCall_2:0"
        assert [str(place) for place in in_graph.asked] == [
            f'{HEAD}signature_def["single"].outputs["u"]'
        ]
        assert in_function.function
        assert in_function.function.name.startswith("__inference_signature_wrapper_")
        assert [role for role, _ in references(in_function)] == ["return"]
        assert [str(place)[: len(HEAD) + 22] for place in in_function.asked] == [
            f"{HEAD}object_graph_def.nodes"
        ]

    def test_names_of_the_graph_are_no_keys(self, fixture_model: ModelFactory) -> None:
        source = open_source(fixture_model("tf2_linear"))
        with pytest.raises(UsageError, match="has no endpoint 'single_t'; there are 't', 'u'"):
            trace(source, "single_t", "single")

    def test_unknown_signature(self, fixture_model: ModelFactory) -> None:
        with pytest.raises(UsageError, match="There is no signature 'other_one'"):
            trace(open_source(fixture_model("tf2_linear")), "x", "other_one")

    def test_of_sparse_and_composite_tensors(self, fixture_model: ModelFactory) -> None:
        for name in ("tf1_sparse", "tf1_composite"):
            source = open_source(fixture_model(name))
            signatures = source.meta_graphs[0].signatures
            for signature_key, signature in signatures.items():
                for key, info in {**signature.inputs, **signature.outputs}.items():
                    found = trace(source, key, signature_key)
                    traced = {one.tensor for one in found if not one.function}
                    assert traced == set(tensor_names(info))

    def test_that_is_not_there(self) -> None:
        meta_graph = protos.MetaGraphDef()
        meta_graph.graph_def.node.add(name="x", op="Placeholder")
        meta_graph.signature_def["s"].inputs["in"].name = "gone:0"
        found = traced_one(meta_graph_source(meta_graph), "in")
        assert (found.kind, found.name, found.place) == ("missing", "gone", None)
        assert references(found) == [("endpoint_tensor", 'signature_def["s"].inputs["in"].name')]


def test_variables_assets_and_savers() -> None:
    meta_graph = protos.MetaGraphDef()
    handle = meta_graph.graph_def.node.add(name="v_1", op="VarHandleOp")
    handle.attr["shared_name"].s = b"v"
    meta_graph.graph_def.node.add(name="vocabulary", op="Const")
    meta_graph.saver_def.filename_tensor_name = "vocabulary:0"
    asset = meta_graph.asset_file_def.add(filename="words.txt")
    asset.tensor_info.name = "vocabulary:0"
    objects = meta_graph.object_graph_def
    objects.nodes.add().variable.name = "v"
    objects.nodes.add().asset.asset_file_def_index = 0
    objects.concrete_functions["f"].bound_inputs.extend([1, 0])
    source = meta_graph_source(meta_graph)

    assert references(traced_one(source, "v_1")) == [
        ("object", "object_graph_def.nodes[0].variable.name"),
        ("bound_input", 'object_graph_def.concrete_functions["f"].bound_inputs[1]'),
    ]
    assert references(traced_one(source, "vocabulary")) == [
        ("saver", "saver_def.filename_tensor_name"),
        ("asset_tensor", "asset_file_def[0].tensor_info.name"),
        ("object", "object_graph_def.nodes[1].asset.asset_file_def_index"),
        ("bound_input", 'object_graph_def.concrete_functions["f"].bound_inputs[0]'),
    ]


def named_in(meta_graph: protos.MetaGraphDef) -> Counter[tuple[str, str]]:
    """How often names of top-level nodes are in the places that name them, counted anew."""
    counts: Counter[tuple[str, str]] = Counter()
    for node in meta_graph.graph_def.node:
        for text in node.input:
            if text.startswith("^"):
                counts["control_input", text[1:]] += 1
            else:
                counts["input", text.split(":")[0]] += 1
        for raw in node.attr["_class"].list.s if "_class" in node.attr else ():
            if raw.startswith(b"loc:@"):
                counts["colocation", raw[5:].decode()] += 1
    for signature in meta_graph.signature_def.values():
        for info in (*signature.inputs.values(), *signature.outputs.values()):
            for name in tensor_names(info):
                counts["endpoint_tensor", name.split(":")[0]] += 1
    saver = meta_graph.saver_def
    for name in (saver.filename_tensor_name, saver.save_tensor_name, saver.restore_op_name):
        counts["saver", name.split(":")[0]] += 1
    for key, collection in meta_graph.collection_def.items():
        if key == "global_step":  # VariableDefs or names
            continue
        names = list(collection.node_list.value)
        if key.endswith("variables"):
            for value in collection.bytes_list.value:
                variable = protos.VariableDef.FromString(value)
                names += [variable.variable_name, variable.initializer_name]
                names += [variable.snapshot_name, variable.initial_value_name]
        for name in names:
            counts["collection_tensor", name.split(":")[0]] += 1
    return counts


def assert_all_references(model: Path) -> None:
    source = open_source(model)
    for number, meta_graph in enumerate(source.meta_graphs):
        parsed = protos.MetaGraphDef.FromString(meta_graph.message.content())
        counts = named_in(parsed)
        nodes = [node.name for node in parsed.graph_def.node]
        # Those that are named by something rare, and some others.
        rare = sorted({name for role, name in counts if role in ("saver", "colocation")})
        rare += sorted({name for role, name in counts if role == "collection_tensor"})
        sample = random.Random(number).sample(nodes, min(len(nodes), 3)) + rare[:2] + rare[-2:]
        for name in set(sample) & set(nodes):
            (found,) = (
                one
                for one in trace(source, name)
                if (one.kind, one.name, one.tensor, one.function) == ("node", name, None, None)
                and str(one.place).startswith(f"meta_graphs[{','.join(meta_graph.tags)}]")
            )
            roles = Counter(reference.role for reference in found.references)
            for role in ("input", "control_input", "colocation", "endpoint_tensor", "saver"):
                assert roles[role] == counts[role, name], (role, name)
            collected = [
                reference
                for reference in found.references
                if reference.role == "collection_tensor"
                and (".node_list." in str(reference.place) or '"].bytes' in str(reference.place))
                and "_context" not in str(reference.place)
                and "global_step" not in str(reference.place)
            ]
            assert len(collected) == counts["collection_tensor", name], name


@pytest.mark.parametrize("name", FIXTURES)
def test_every_reference_in_a_fixture(name: str) -> None:
    assert_all_references(REPOSITORY / "proto_fixtures" / name)


def test_every_reference_in_the_corpus(corpus: Path) -> None:
    for model in sorted(path for path in corpus.iterdir() if path.is_dir()):
        assert_all_references(model)
