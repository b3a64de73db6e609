from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from sigpb import protos
from sigpb.errors import PatchError
from sigpb.graphs import redirection
from sigpb.rewrite.session_graph import splice
from sigpb.tf.tensor_types import TensorType, dtype_of, shape_of
from sigpb.tf.tensor_values import tensor_proto
from tests.graphs.small_graphs import FLOAT, attr, call, graph_def, lines, nodes, placeholder
from tests.patches import only_graph

from .drafts import Change, add_output, all_of, bind, drop, rename, retype
from .small_models import Model, meta_graph_def, tensors, type_of

GRAPH = f"""
    x = Placeholder() {placeholder(-1, 4)}
    b = Placeholder() {placeholder()}
    sum = Add(x, b) {FLOAT}
    y = Neg(sum) {FLOAT}
    """
ONE = {"s": "x: float32 [?,4]; b: float32 [] -> y: float32 [?,4]"}
TWO = {**ONE, "other": "x: float32 [?,4]; b: float32 [] -> sum: float32 [?,4]"}
TO_INT64 = retype("s", "input", "x", "int64")


@pytest.fixture(autouse=True)
def _every_graph_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small ones always have nodes copied."""
    monkeypatch.setattr(redirection, "_MANY_NODES", 0)


def spliced(
    change: Change,
    graph: str = GRAPH,
    signatures: Mapping[str, str] = ONE,
    producer: int = 1000,
) -> Model:
    """A model in which the signature ``s`` was spliced."""
    model = Model(meta_graph_def(graph, signatures, producer=producer), change)
    model.splice()
    return model


class TestWithDefault:
    """The old placeholder takes what the steps compute when nothing is fed."""

    def test_an_input(self) -> None:
        model = Model(meta_graph_def(GRAPH, ONE), TO_INT64)
        endpoints = model.splice()
        assert model.added == [
            "x = PlaceholderWithDefault(sigpb/s/x/Cast)",
            "sigpb/s/x = Placeholder()",
            "sigpb/s/x/Cast = Cast(sigpb/s/x)",
        ]
        assert tensors(endpoints.inputs) == {"x": "sigpb/s/x:0"}
        assert endpoints.inputs["x"].dtype == dtype_of("int64")
        assert tensors(endpoints.outputs) == {"y": "y:0"}

    def test_the_rest_of_the_graph_stays(self) -> None:
        before = graph_def(GRAPH)
        after = spliced(TO_INT64).rewritten().graph_def
        assert after.node[0].name == "x"
        assert after.node[1:4] == before.node[1:4]
        assert after.versions == before.versions

    def test_what_was_fed_can_be_fed_as_before(self) -> None:
        (node, *_) = spliced(TO_INT64).graph.changed_nodes
        assert node.attr["dtype"].type == dtype_of("float32")
        assert shape_of(node.attr["shape"].shape) == (None, 4)

    def test_a_placeholder_of_an_old_graph_takes_any_shape(self) -> None:
        graph = GRAPH.replace(placeholder(-1, 4), placeholder())
        (node, *_) = spliced(TO_INT64, graph, producer=21).graph.changed_nodes
        assert shape_of(node.attr["shape"].shape) is None

    def test_several_inputs(self) -> None:
        change = all_of(TO_INT64, retype("s", "input", "b", "string"))
        assert spliced(change).added == [
            "b = PlaceholderWithDefault(sigpb/s/b/StringToNumber)",
            "x = PlaceholderWithDefault(sigpb/s/x/Cast)",
            "sigpb/s/b = Placeholder()",
            "sigpb/s/b/StringToNumber = StringToNumber(sigpb/s/b)",
            "sigpb/s/x = Placeholder()",
            "sigpb/s/x/Cast = Cast(sigpb/s/x)",
        ]

    def test_an_input_that_is_bound(self) -> None:
        value = tensor_proto("3", dtype_of("float32"), ())
        model = Model(meta_graph_def(GRAPH, ONE), bind("s", "b", value))
        endpoints = model.splice()
        assert model.added == ["b = PlaceholderWithDefault(sigpb/s/b)", "sigpb/s/b = Const()"]
        assert model.graph.changed_nodes[1].attr["value"].tensor == value
        assert tensors(endpoints.inputs) == {}

    def test_another_signature_that_is_dropped_or_feeds_something_else(self) -> None:
        for change, signatures in (
            (all_of(TO_INT64, drop("other")), TWO),
            (TO_INT64, {**ONE, "other": "b: float32 [] -> y: float32 [?,4]"}),
        ):
            assert "sigpb/s/copy" not in str(spliced(change, signatures=signatures).added)


class TestCopies:
    """What lies between is computed twice."""

    def test_in_a_small_graph(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(redirection, "_MANY_NODES", 4)
        assert spliced(TO_INT64).added == [
            "sigpb/s/x = Placeholder()",
            "sigpb/s/x/Cast = Cast(sigpb/s/x)",
            "sigpb/s/copy/sum = Add(sigpb/s/x/Cast, b)",
            "sigpb/s/copy/y = Neg(sigpb/s/copy/sum)",
        ]

    COPIED = [
        "sigpb/s/x = Placeholder()",
        "sigpb/s/x/Cast = Cast(sigpb/s/x)",
        "sigpb/s/copy/sum = Add(sigpb/s/x/Cast, b)",
        "sigpb/s/copy/y = Neg(sigpb/s/copy/sum)",
    ]

    def test_if_another_signature_feeds_the_same(self) -> None:
        model = Model(meta_graph_def(GRAPH, TWO), TO_INT64)
        endpoints = model.splice()
        assert model.added == self.COPIED
        assert tensors(endpoints.inputs) == {"x": "sigpb/s/x:0"}
        assert tensors(endpoints.outputs) == {"y": "sigpb/s/copy/y:0"}

    def test_if_the_graph_calls_functions(self) -> None:
        graph = f"{GRAPH}c = PartitionedCall(b) {call('f', 'DT_FLOAT')}"
        assert spliced(TO_INT64, graph).added == self.COPIED

    def test_if_what_is_fed_is_computed(self) -> None:
        graph = GRAPH.replace(f"x = Placeholder() {placeholder(-1, 4)}", f"x = Abs(w) {FLOAT}")
        assert spliced(TO_INT64, graph).added == self.COPIED

    def test_of_the_original_of_a_copied_signature(self) -> None:
        model = Model(meta_graph_def(GRAPH, ONE), retype("c", "input", "x", "int64", copy_of="s"))
        endpoints = model.splice("c", "s")
        assert model.added == [line.replace("sigpb/s/", "sigpb/c/") for line in self.COPIED]
        assert tensors(endpoints.outputs) == {"y": "sigpb/c/copy/y:0"}

    def test_for_the_second_of_two_signatures_that_change(self) -> None:
        change = all_of(TO_INT64, retype("other", "input", "x", "uint8"))
        model = Model(meta_graph_def(GRAPH, TWO), change)
        first, second = model.splice("s"), model.splice("other")
        assert model.added == [
            "x = PlaceholderWithDefault(sigpb/s/x/Cast)",
            "sigpb/s/x = Placeholder()",
            "sigpb/s/x/Cast = Cast(sigpb/s/x)",
            "sigpb/other/x = Placeholder()",
            "sigpb/other/x/Cast = Cast(sigpb/other/x)",
            "sigpb/other/copy/sum = Add(sigpb/other/x/Cast, b)",
        ]
        assert tensors(first.outputs) == {"y": "y:0"}
        assert tensors(second.outputs) == {"sum": "sigpb/other/copy/sum:0"}

    def test_outputs_that_do_not_depend_on_the_input_stay(self) -> None:
        signatures = {"s": f"{ONE['s']}; b: float32 []", "other": TWO["other"]}
        model = Model(meta_graph_def(GRAPH, signatures), TO_INT64)
        assert tensors(model.splice().outputs) == {"y": "sigpb/s/copy/y:0", "b": "b:0"}

    def test_an_output_that_is_the_input_itself(self) -> None:
        signatures = {"s": f"{ONE['s']}; same=x:0: float32 [?,4]", "other": TWO["other"]}
        model = Model(meta_graph_def(GRAPH, signatures), TO_INT64)
        assert tensors(model.splice().outputs) == {
            "y": "sigpb/s/copy/y:0",
            "same": "sigpb/s/x/Cast:0",
        }

    def test_large_constants_are_whole(self) -> None:
        graph = meta_graph_def(f"{GRAPH}large = Const(^sum) {attr('dtype', 'type: DT_FLOAT')}", TWO)
        graph.graph_def.node[4].attr["value"].tensor.tensor_content = bytes(5000)
        model = Model(graph, all_of(TO_INT64, add_output("s", "large", "large:0")))
        assert tensors(model.splice().added) == {"large": "sigpb/s/copy/large:0"}
        copied = model.graph.node("sigpb/s/copy/large")
        assert copied is not None
        assert copied.attr == graph.graph_def.node[4].attr

    def test_other_large_attributes_stay(self) -> None:
        graph = meta_graph_def(GRAPH, TWO)
        graph.graph_def.node[3].attr["boundaries"].list.f.extend(range(2000))
        model = Model(graph, TO_INT64)
        model.splice()
        copied = model.graph.node("sigpb/s/copy/y")
        assert copied is not None
        assert copied.attr == graph.graph_def.node[3].attr

    def test_nodes_that_wait_for_a_placeholder_wait_for_what_is_fed_now(self) -> None:
        # Feeding a placeholder satisfies those that have it as a control input; a placeholder that
        # is not fed fails, whoever asks for it.
        graph = GRAPH.replace("Neg(sum)", "Add(sum, c, ^x)") + "c = Const(^x)"
        copies = spliced(TO_INT64, graph, TWO).added
        assert "sigpb/s/copy/c = Const(^sigpb/s/x/Cast)" in copies
        assert "sigpb/s/copy/y = Add(sigpb/s/copy/sum, sigpb/s/copy/c, ^sigpb/s/x/Cast)" in copies

    @pytest.mark.parametrize("op", ["VarHandleOp", "VariableV2", "HashTableV2"])
    def test_of_what_holds_state_there_are_none(self, op: str) -> None:
        graph = f"{GRAPH}state = {op}(^sum)\nread = Read(state)\nz = Add(y, read) {FLOAT}"
        signatures = {"s": f"{ONE['s']}; z: float32 []", "other": TWO["other"]}
        with pytest.raises(PatchError, match="the nodes 'state' depend on an input"):
            spliced(TO_INT64, graph, signatures)

    def test_of_a_loop(self, fixture_model: Callable[..., Path]) -> None:
        given = only_graph(fixture_model("tf1_interior"))
        model = Model(given, retype("tail", "input", "h", "int32"))
        endpoints = model.splice("tail")
        assert tensors(endpoints.inputs) == {"h": "sigpb/tail/h:0"}
        assert tensors(endpoints.outputs) == {"y": "sigpb/tail/copy/y:0"}
        enter = model.graph.node("sigpb/tail/copy/loop/Enter_1")
        assert enter is not None
        assert lines([enter]) == ["sigpb/tail/copy/loop/Enter_1 = Enter(sigpb/tail/h/Cast)"]
        assert enter.attr["frame_name"].s == b"sigpb/tail/copy/loop/while_context"
        after = model.rewritten().graph_def
        assert list(after.node)[: len(given.graph_def.node)] == list(given.graph_def.node)


class TestInteriorInputs:
    """The signature feeds sum, which the graph computes from x and b."""

    SIGNATURES = {"s": f"{ONE['s'].replace('b: float32 []', 'sum: float32 [?,4]')}; b: float32 []"}
    GRAPH = f"{GRAPH}far = Add(y, x) {FLOAT}"

    @pytest.fixture(autouse=True)
    def _nothing_is_in_place(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(redirection, "_MANY_NODES", 1000)

    def test_nothing_before_what_is_fed_is_copied(self) -> None:
        assert spliced(TO_INT64, self.GRAPH, self.SIGNATURES).added == [
            "sigpb/s/x = Placeholder()",
            "sigpb/s/x/Cast = Cast(sigpb/s/x)",
        ]
        change = all_of(TO_INT64, add_output("s", "far", "far:0"))
        assert spliced(change, self.GRAPH, self.SIGNATURES).added[2:] == [
            "sigpb/s/copy/far = Add(y, sigpb/s/x/Cast)",
        ]

    def test_what_waits_for_the_node_waits_for_a_copy(self) -> None:
        """Feeding an output of a node does not keep it from running for those who wait for it."""
        graph = self.GRAPH.replace("Neg(sum)", "Neg(sum, ^sum)")
        assert spliced(TO_INT64, graph, self.SIGNATURES).added[2:] == [
            "sigpb/s/copy/sum = Add(sigpb/s/x/Cast, b)",
            "sigpb/s/copy/y = Neg(sum, ^sigpb/s/copy/sum)",
        ]

    def test_the_parts_of_a_sparse_input(self) -> None:
        given = meta_graph_def(self.GRAPH, self.SIGNATURES)
        sparse = given.signature_def["s"].inputs["sum"].coo_sparse
        sparse.values_tensor_name, sparse.indices_tensor_name = "b:0", "sum:0"
        sparse.dense_shape_tensor_name = "b:0"
        model = Model(given, TO_INT64)
        model.splice()
        assert model.added[2:] == []


class TestChangedNodes:
    def spliced(self, *changed: protos.NodeDef) -> Model:
        """Splices a signature of which nothing is converted, but of which nodes change."""
        model = Model(meta_graph_def(GRAPH, ONE), rename("s"))
        interface = replace(model.interface(), changed_nodes={node.name: node for node in changed})
        endpoints = splice(model.interfaces(), interface, model.graph)
        assert tensors(endpoints.outputs) == {"y": "sigpb/s/copy/y:0"}
        return model

    def test_are_copied_with_all_that_depends_on_them(self) -> None:
        (node,) = nodes(f"sum = Sub(b, x) {FLOAT}")
        assert self.spliced(node).added == [
            "sigpb/s/copy/sum = Sub(b, x)",
            "sigpb/s/copy/y = Neg(sigpb/s/copy/sum)",
        ]

    def test_may_be_new(self) -> None:
        changed = nodes(f"sum = Sub(b, extra) {FLOAT}\nextra = Shape(x)")
        assert self.spliced(*changed).added == [
            "sigpb/s/copy/extra = Shape(x)",
            "sigpb/s/copy/sum = Sub(b, sigpb/s/copy/extra)",
            "sigpb/s/copy/y = Neg(sigpb/s/copy/sum)",
        ]

    def test_may_be_constants(self) -> None:
        graph = GRAPH.replace(f"b = Placeholder() {placeholder()}", "b = Const()")
        signatures = {"s": "x: float32 [?,4] -> y: float32 [?,4]"}
        model = Model(meta_graph_def(graph, signatures), rename("s"))
        changed = protos.NodeDef(name="b", op="Const")
        changed.attr["value"].tensor.float_val.append(3)
        interface = replace(model.interface(), changed_nodes={"b": changed})
        splice(model.interfaces(), interface, model.graph)
        copied = model.graph.node("sigpb/s/copy/b")
        assert copied is not None
        assert list(copied.attr["value"].tensor.float_val) == [3]


class TestOutputs:
    def test_are_converted_after_the_graph(self) -> None:
        change = all_of(rename("s", outputs={"y": "z"}), retype("s", "output", "y", "int64"))
        model = Model(meta_graph_def(GRAPH, ONE), change)
        endpoints = model.splice()
        assert model.added == ["sigpb/s/z/Cast = Cast(y)"]
        assert tensors(endpoints.outputs) == {"y": "sigpb/s/z/Cast:0"}
        assert endpoints.outputs["y"].dtype == dtype_of("int64")

    def test_of_which_only_the_shape_is_refined_keep_their_tensor(self) -> None:
        model = Model(meta_graph_def(GRAPH, ONE), retype("s", "output", "y", shape="[8,4]"))
        endpoints = model.splice()
        assert model.added == []
        assert tensors(endpoints.outputs) == {"y": "y:0"}
        assert shape_of(endpoints.outputs["y"].tensor_shape) == (8, 4)

    def test_of_copies(self) -> None:
        change = all_of(TO_INT64, retype("s", "output", "y", "int64"))
        model = Model(meta_graph_def(GRAPH, TWO), change)
        endpoints = model.splice()
        assert model.added[-1] == "sigpb/s/y/Cast = Cast(sigpb/s/copy/y)"
        assert tensors(endpoints.outputs) == {"y": "sigpb/s/y/Cast:0"}

    @pytest.mark.parametrize(
        ("dtype", "tensor", "type_"),
        [(None, "sum:0", "float32 <unknown>"), ("int64", "sigpb/s/z/Cast:0", "int64 <unknown>")],
    )
    def test_that_are_added(self, dtype: str | None, tensor: str, type_: str) -> None:
        model = Model(meta_graph_def(GRAPH, ONE), add_output("s", "z", "sum", dtype))
        info = model.splice().added["z"]
        assert info.name == tensor
        assert TensorType(info.dtype, shape_of(info.tensor_shape)) == type_of(type_)

    def test_that_are_added_to_copies(self) -> None:
        model = Model(meta_graph_def(GRAPH, TWO), all_of(TO_INT64, add_output("s", "z", "sum:0")))
        assert tensors(model.splice().added) == {"z": "sigpb/s/copy/sum:0"}

    def test_that_are_dropped_are_not_copied(self) -> None:
        signatures = {"s": f"{ONE['s']}; sum: float32 [?,4]", "other": TWO["other"]}
        model = spliced(all_of(TO_INT64, drop("s", output="y")), signatures=signatures)
        assert model.added[-1] == "sigpb/s/copy/sum = Add(sigpb/s/x/Cast, b)"


class TestSeveralTensors:
    """Endpoints that are made of several tensors follow the copies, each tensor on its own."""

    def test_a_sparse_output(self) -> None:
        given = meta_graph_def(GRAPH, TWO)
        sparse = given.signature_def["s"].outputs["sparse"].coo_sparse
        sparse.values_tensor_name, sparse.indices_tensor_name = "sum:0", "b:0"
        sparse.dense_shape_tensor_name = "y:0"
        after = Model(given, TO_INT64).splice().outputs["sparse"].coo_sparse
        assert after.values_tensor_name == "sigpb/s/copy/sum:0"
        assert after.indices_tensor_name == "b:0"
        assert after.dense_shape_tensor_name == "sigpb/s/copy/y:0"

    def test_a_composite_output(self) -> None:
        given = meta_graph_def(GRAPH, TWO)
        parts = given.signature_def["s"].outputs["ragged"].composite_tensor.components
        parts.add(name="sum:0")
        parts.add(name="b:0")
        after = Model(given, TO_INT64).splice().outputs["ragged"].composite_tensor.components
        assert [part.name for part in after] == ["sigpb/s/copy/sum:0", "b:0"]

    def test_the_values_of_a_sparse_input_are_converted(self) -> None:
        given = meta_graph_def(GRAPH, {"s": "b: float32 [] -> y: float32 [?,4]"})
        info = given.signature_def["s"].inputs["x"]
        info.dtype = dtype_of("float32")
        info.tensor_shape.dim.add(size=4)
        info.coo_sparse.values_tensor_name, info.coo_sparse.indices_tensor_name = "x:0", "i:0"
        given.graph_def.node[0].CopyFrom(nodes(f"x = Placeholder() {placeholder(-1)}")[0])
        after = Model(given, TO_INT64).splice().inputs["x"]
        assert after.coo_sparse.values_tensor_name == "sigpb/s/x:0"
        assert after.coo_sparse.indices_tensor_name == "i:0"
        assert after.dtype == dtype_of("int64")
        assert shape_of(after.tensor_shape) == (4,)
        assert not after.name

    def test_a_sparse_output_is_converted(self) -> None:
        given = meta_graph_def(GRAPH, ONE)
        info = given.signature_def["s"].outputs["y"]
        info.coo_sparse.values_tensor_name, info.coo_sparse.indices_tensor_name = "y:0", "i:0"
        after = Model(given, retype("s", "output", "y", "int64")).splice().outputs["y"]
        assert after.coo_sparse.values_tensor_name == "sigpb/s/y/Cast:0"
        assert after.coo_sparse.indices_tensor_name == "i:0"


class TestNames:
    def test_a_scope_that_is_taken_gets_a_number(self) -> None:
        graph = f"{GRAPH}sigpb/s/x = Neg(y) {FLOAT}"
        assert spliced(TO_INT64, graph).added[1] == "sigpb/s_1/x = Placeholder()"

    def test_the_scope_is_that_of_the_new_key(self) -> None:
        change = all_of(TO_INT64, rename("s", "new key", inputs={"x": "in:0"}))
        assert spliced(change).added[1:] == [
            "sigpb/new_key/in_0 = Placeholder()",
            "sigpb/new_key/in_0/Cast = Cast(sigpb/new_key/in_0)",
        ]

    def test_keys_that_make_the_same_name(self) -> None:
        change = all_of(
            rename("s", inputs={"x": "a:b", "b": "a_b"}),
            TO_INT64,
            retype("s", "input", "b", "int64"),
        )
        model = Model(meta_graph_def(GRAPH, ONE), change)
        assert set(tensors(model.splice().inputs).values()) == {
            "sigpb/s/a_b:0",
            "sigpb/s/a_b_1:0",
        }
        assert len(model.rewritten().graph_def.node) == 4 + 4


def test_a_signature_that_changes_nothing_in_the_graph() -> None:
    model = Model(meta_graph_def(GRAPH, ONE), rename("s", "t"))
    assert tensors(model.splice().outputs) == {"y": "y:0"}
    assert model.added == []


def test_locations_and_attributes_of_copies() -> None:
    located = attr("_class", "list { s: 'loc:@sum' }")
    graph = GRAPH.replace(f"y = Neg(sum) {FLOAT}", f"y = Neg(sum) {FLOAT} {located}")
    model = spliced(TO_INT64, graph, TWO)
    copied = model.graph.node("sigpb/s/copy/y")
    assert copied is not None
    assert list(copied.attr["_class"].list.s) == [b"loc:@sigpb/s/copy/sum"]
