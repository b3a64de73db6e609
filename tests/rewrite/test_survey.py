from __future__ import annotations

import pytest

from sigpb import protos
from sigpb.errors import PatchError
from sigpb.tf.tensor_types import dtype_of
from sigpb.tf.tensor_values import tensor_proto
from tests.graphs.small_graphs import FLOAT, attr, call, nodes, output_shapes, placeholder, shape

from .drafts import Change, add_output, all_of, bind, drop, rename, retype
from .small_models import Model, meta_graph_def, type_of

FLOAT32 = dtype_of("float32")
GRAPH = f"""
    x = Placeholder() {placeholder(-1, 4)}
    b = Placeholder() {placeholder(dtype="DT_INT64")}
    y = Neg(x) {FLOAT}
    """
SIGNATURE = "x: float32 [?,4]; b: int64 [] -> y: float32 [?,4]"


def problems(
    change: Change, signature: str = SIGNATURE, graph: str = GRAPH, producer: int = 1000
) -> list[str]:
    """What is in the way of a change of the signature ``s``."""
    model = Model(meta_graph_def(graph, {"s": signature}, producer=producer), change)
    with pytest.raises(PatchError) as caught:
        model.interface()
    assert all(problem.startswith("signature 's': ") for problem in caught.value.problems)
    return [problem.removeprefix("signature 's': ") for problem in caught.value.problems]


class TestConversions:
    def test_by_the_keys_in_the_model(self) -> None:
        change = all_of(
            rename("s", inputs={"x": "b", "b": "x"}, outputs={"y": "z"}),
            retype("s", "input", "x", "uint8", "[?,2,2]"),
            retype("s", "output", "y", "int64"),
        )
        interface = Model(meta_graph_def(GRAPH, {"s": SIGNATURE}), change).interface()
        assert list(interface.conversions("input")) == ["x"]
        assert interface.inputs["x"].outside == type_of("uint8 [?,2,2]")
        assert interface.inputs["x"].inside == type_of("float32 [?,4]")
        assert list(interface.conversions("output")) == ["y"]
        assert interface.outputs["y"].outside == type_of("int64 [?,4]")
        assert interface.added == ()

    def test_of_a_copy(self) -> None:
        change = retype("c", "input", "x", "uint8", copy_of="s")
        interface = Model(meta_graph_def(GRAPH, {"s": SIGNATURE}), change).interface("c", "s")
        assert interface.inputs["x"].outside == type_of("uint8 [?,4]")

    def test_what_is_dropped_is_not_converted(self) -> None:
        signature = f"{SIGNATURE}; z=x: float32 [?,4]"
        change = all_of(retype("s", "output", "y", "int64"), drop("s", output="y"))
        assert (
            Model(meta_graph_def(GRAPH, {"s": signature}), change).interface().conversions("output")
            == {}
        )


class TestContradictions:
    """The graph says something else than the signature of what is converted."""

    def test_a_missing_tensor(self) -> None:
        (problem,) = problems(
            retype("s", "input", "x", "uint8"), "x=gone:0: float32 [] -> y: float32 [?,4]"
        )
        assert problem == "input 'x' is the tensor 'gone:0', which the graph does not have."

    def test_a_missing_output_of_a_node(self) -> None:
        (problem,) = problems(
            retype("s", "output", "y", "int64"), "x: float32 [?,4] -> y=y:1: float32 []"
        )
        assert problem == "output 'y' is the tensor 'y:1', which the graph does not have."

    def test_another_dtype(self) -> None:
        said = (
            "{} is the tensor '{}:0', whose dtype is float32 in the graph, not int64 as the "
            "signature says; correct the signature first."
        )
        signature = "x: int64 [?,4] -> y: int64 [?,4]"
        change = all_of(retype("s", "input", "x", "uint8"), retype("s", "output", "y", "uint8"))
        assert problems(change, signature) == [
            said.format("input 'x'", "x"),
            said.format("output 'y'", "y"),
        ]

    @pytest.mark.parametrize("shape", ["[4]", "[?,5]", "[]", "[?,4,1]"])
    def test_another_shape(self, shape: str) -> None:
        (problem, *_) = problems(
            retype("s", "input", "x", "uint8"), f"x: float32 {shape} -> y: float32 [?,4]"
        )
        assert problem == (
            f"input 'x' is the tensor 'x:0', whose shape is [?,4] in the graph, not {shape} as "
            "the signature says; correct the signature first."
        )

    @pytest.mark.parametrize("shape", ["[8,4]", "[?,?]", "<unknown>"])
    def test_a_shape_that_says_more_or_less_is_none(self, shape: str) -> None:
        model = meta_graph_def(GRAPH, {"s": f"x: float32 {shape} -> y: float32 [?,4]"})
        change = retype("s", "input", "x", "uint8")
        assert Model(model, change).interface().inputs["x"].inside == type_of(f"float32 {shape}")

    def test_an_input_that_the_graph_cannot_take(self) -> None:
        said = problems(
            retype("s", "input", "x", shape="[8,5]"), "x: float32 [?,?] -> y: float32 [?,4]"
        )
        assert said == [
            "input 'x': the graph takes [?,4], so that it cannot be fed [8,5].",
        ]

    def test_of_an_input_that_is_bound(self) -> None:
        change = bind("s", "b", tensor_proto("3", FLOAT32, ()))
        (problem,) = problems(change, "b: float32 [] -> y: float32 [?,4]")
        assert problem.startswith("input 'b' is the tensor 'b:0', whose dtype is int64")

    def test_of_what_stays_do_not_matter(self) -> None:
        signature = "x: float32 [?,4]; b: string [9] -> y: float32 [?,4]"
        change = retype("s", "input", "x", "uint8")
        assert (
            Model(meta_graph_def(GRAPH, {"s": signature}), change).interface().conversions("input")
        )

    def test_an_op_that_nobody_knows_contradicts_nothing(self) -> None:
        graph = "x = NoOneKnows()\ny = Neg(x)"
        change = retype("s", "input", "x", "uint8")
        model = meta_graph_def(graph, {"s": "x: float32 [3] -> y: float32 [3]"})
        assert Model(model, change).interface().inputs["x"].inside == type_of("float32 [3]")

    @pytest.mark.parametrize(("producer", "refused"), [(21, False), (22, True)])
    def test_a_placeholder_of_an_old_graph(self, producer: int, refused: bool) -> None:
        graph = f"x = Placeholder() {placeholder()}\ny = Neg(x) {FLOAT}"
        signature, change = (
            "x: float32 [?,4] -> y: float32 [?,4]",
            retype("s", "input", "x", "int8"),
        )
        if refused:
            problem, *_ = problems(change, signature, graph, producer=producer)
            assert "whose shape is [] in the graph, not [?,4]" in problem
        else:
            model = meta_graph_def(graph, {"s": signature}, producer=producer)
            assert Model(model, change).interface().conversions("input")

    def test_a_refined_shape_that_the_graph_contradicts(self) -> None:
        graph = f"""
            x = Placeholder() {placeholder(-1, -1)}
            w = Const() {attr("value", "tensor { tensor_shape { dim { size: 3 } } }")}
            y = Add(x, w) {FLOAT}
            """
        model = meta_graph_def(graph, {"s": "x: float32 [?,?] -> y: float32 [?,?]"})
        assert Model(model, retype("s", "input", "x", shape="[2,3]")).interface().unchecked == ()
        with pytest.raises(PatchError, match=r"Add 'y' cannot take the shapes .* and \[3\], so"):
            Model(model, retype("s", "input", "x", shape="[?,4]")).interface()

    def test_a_reshape_refines_too(self) -> None:
        graph = f"""
            x = Placeholder() {placeholder(-1, 4)}
            w = Const() {attr("value", f"tensor {{ tensor_shape {{ {shape(3, 1)} }} }}")}
            y = Add(x, w) {FLOAT}
            """
        model = meta_graph_def(graph, {"s": "x: float32 [?,4] -> y: float32 [?,4]"})
        assert (
            Model(model, retype("s", "input", "x", shape="[3,2,2]"))
            .interface()
            .conversions("input")
        )
        with pytest.raises(PatchError, match=r"cannot take the shapes \[8,4\] and \[3,1\]"):
            Model(model, retype("s", "input", "x", shape="[8,2,2]")).interface()

    def test_what_is_not_known_of_a_refined_shape(self) -> None:
        graph = f"x = Placeholder() {placeholder(-1, 4)}\ny = NoOneKnows(x)\nz = AsWell(x)"
        given = meta_graph_def(graph, {"s": "x: float32 [?,4] -> y: float32 [?,4]; z: float32 [?]"})
        assert Model(given, retype("s", "input", "x", shape="[8,4]")).interface().unchecked == (
            "whether NoOneKnows 'y' and 1 more can take the shapes that inputs are to have",
        )
        assert Model(given, retype("s", "input", "x", "uint8")).interface().unchecked == ()

    def test_one_tensor_of_two_inputs(self) -> None:
        signature = "a=x:0: float32 [?,4]; b=x:0: float32 [?,4] -> y: float32 [?,4]"
        for change in (
            retype("s", "input", "a", "uint8"),
            all_of(retype("s", "input", "a", "uint8"), retype("s", "input", "b", "uint8")),
        ):
            said = problems(change, signature)
            assert all("are the same tensor, 'x:0'" in problem for problem in said)

    def test_all_at_once(self) -> None:
        change = all_of(
            retype("s", "input", "x", "uint8"),
            retype("s", "input", "b", shape="[4]"),
            retype("s", "output", "y", "resource"),
        )
        said = problems(change, "x=gone: float32 [?,4]; b: int64 [] -> y: float32 [?,4]")
        assert [problem.split(" ")[0:2] for problem in said] == [
            ["input", "'x'"],
            ["input", "'b':"],
            ["output", "'y':"],
        ]


def function(name: str, text: str, *results: str) -> protos.FunctionDef:
    """Makes a function with one argument, ``x``, that returns tensors of float32."""
    made = protos.FunctionDef(node_def=nodes(text))
    made.signature.name = name
    made.signature.input_arg.add(name="x", type=FLOAT32)
    for number, result in enumerate(results):
        made.signature.output_arg.add(name=f"r{number}", type=FLOAT32)
        made.ret[f"r{number}"] = result
    return made


FUNCTIONS = (
    function(
        "outer_1",
        f"""
        scaled = Mul(x, x) {FLOAT} {output_shapes((-1, 4))}
        inner = PartitionedCall(scaled:z:0) {call("inner_2", "DT_FLOAT")}
        """,
        "inner:output:0",
    ),
    function("inner_2", f"pool/Mean = Neg(x) {FLOAT}", "pool/Mean:y:0"),
)
CALLING = f"""
    x = Placeholder() {placeholder(-1, 4)}
    call = PartitionedCall(x) {call("outer_1", "DT_FLOAT")}
    y = Identity(call) {FLOAT}
    other = PartitionedCall(x) {call("outer_1", "DT_FLOAT")}
    """


class TestAdded:
    def model(
        self, change: Change, graph: str = GRAPH, signature: str = SIGNATURE, **options: bool
    ) -> Model:
        given = meta_graph_def(graph, {"s": signature}, FUNCTIONS)
        if options.get("has_object_graph"):
            given.object_graph_def.nodes.add()
        return Model(given, change)

    @pytest.mark.parametrize("tensor", ["y:0", "y"])
    def test_at_the_top_level(self, tensor: str) -> None:
        (added,) = self.model(add_output("s", "z", tensor)).interface().added
        assert (added.key, added.found) == ("z", tensor)
        assert added.outside == type_of("float32 <unknown>")

    def test_with_a_dtype(self) -> None:
        (added,) = self.model(add_output("s", "z", "y:0", "int64")).interface().added
        assert added.outside == type_of("int64 <unknown>")
        assert added.conversion
        assert added.conversion.kinds == ("cast",)

    def test_in_functions(self) -> None:
        model = self.model(
            all_of(
                add_output("s", "a", "scaled:0"),
                add_output("s", "b", "pool/Mean:0"),
                add_output("s", "c", "scaled"),
            ),
            CALLING,
            "x: float32 [?,4] -> y: float32 [?,4]",
        )
        interface = model.interface()
        assert [(each.key, each.found) for each in interface.added] == [
            ("a", "call:1"),
            ("b", "call:2"),
            ("c", "call:3"),
        ]
        assert [each.outside for each in interface.added] == [
            type_of("float32 [?,4]"),
            type_of("float32 <unknown>"),
            type_of("float32 [?,4]"),
        ]
        assert list(interface.changed_nodes) == ["call"]
        changed = model.library.get(interface.changed_nodes["call"].attr["f"].func.name)
        assert changed is not None
        nodes = {node.name: node for node in changed.node_def}
        first, *more = (changed.ret[each.name] for each in changed.signature.output_arg)
        assert first == "inner:output:0"
        assert [nodes[tensor.removesuffix(":output:0")].input[0] for tensor in more] == [
            "scaled:z:0",
            "inner:output:1",
            "scaled:z:0",
        ]

    def test_what_a_graph_and_a_function_have_is_that_of_the_graph(self) -> None:
        graph = f"{CALLING}scaled = Neg(x) {FLOAT}"
        model = self.model(
            add_output("s", "a", "scaled:0"), graph, "x: float32 [?,4] -> y: float32 [?,4]"
        )
        interface = model.interface()
        assert [each.found for each in interface.added] == ["scaled:0"]
        assert interface.changed_nodes == {}

    def test_a_model_with_objects_calls_functions(self) -> None:
        model = self.model(
            add_output("s", "a", "x:0"),
            CALLING,
            "x: float32 [?,4] -> y: float32 [?,4]",
            has_object_graph=True,
        )
        with pytest.raises(PatchError, match="'x:0' is outside of the function"):
            model.interface()

    def test_tensors_inside_of_a_branch_of_a_function(self) -> None:
        branching = function(
            "outer_1",
            f"""
            switch = Switch(x, x) {FLOAT}
            scaled = Neg(switch:output_true:0) {FLOAT}
            merge = Merge(scaled:y:0, switch:output_false:0) {FLOAT}
            """,
            "merge:output:0",
        )
        signature = "x: float32 [?,4] -> y: float32 [?,4]"
        given = meta_graph_def(CALLING, {"s": signature}, [branching])
        with pytest.raises(PatchError, match="'scaled' is inside of a branch"):
            Model(given, add_output("s", "a", "scaled")).interface()
        assert Model(given, add_output("s", "a", "merge")).interface().added

    def test_there_are_several(self) -> None:
        signature = "x: float32 [?,4] -> y: float32 [?,4]; z=other:0: float32 [?,4]"
        model = self.model(add_output("s", "a", "pool/Mean:0"), CALLING, signature)
        with pytest.raises(PatchError) as caught:
            model.interface()
        assert caught.value.problems == (
            "signature 's': output 'a' cannot be added: there are 2 tensors 'pool/Mean:0', in the "
            "functions that are called by call/inner, other/inner.",
        )

    def test_there_are_none(self) -> None:
        change = all_of(add_output("s", "a", "pool/Maen:0"), add_output("s", "b", "scaled:1"))
        model = self.model(change, CALLING, "x: float32 [?,4] -> y: float32 [?,4]")
        with pytest.raises(PatchError) as caught:
            model.interface()
        first, second = caught.value.problems
        assert first.startswith(
            "signature 's': output 'a' cannot be added: the signature computes no tensor "
            "'pool/Maen:0'; did you mean 'pool/Mean'?"
        )
        assert second.startswith(
            "signature 's': output 'b' cannot be added: the node 'scaled' has no output 1"
        )

    def test_of_an_unknown_op(self) -> None:
        model = self.model(add_output("s", "a", "z:0"), f"{GRAPH}z = NoOneKnows(y)")
        with pytest.raises(PatchError, match=r"does not know the op of 'z:0'"):
            model.interface()


class TestBatchSize:
    GRAPH = f"""
        x = Placeholder() {placeholder(1, 4)}
        m = Placeholder() {placeholder(1)}
        y = Neg(x) {FLOAT} {output_shapes((1, 4))}
        w = Const() {FLOAT} {output_shapes((4,))}
        """
    SIGNATURE = "x: float32 [1,4]; m: float32 [1] -> y: float32 [1,4]; w: float32 [4]"

    def test_is_relaxed_and_outputs_follow(self) -> None:
        change = retype("s", "input", "x", shape="[?,4]")
        interface = Model(meta_graph_def(self.GRAPH, {"s": self.SIGNATURE}), change).interface()
        assert interface.batch.relaxed == ("x",)
        assert (interface.batch.before, interface.batch.after) == (1, None)
        assert {key: end.outside for key, end in interface.conversions("output").items()} == {
            "y": type_of("float32 [?,4]")
        }

    def test_what_the_graph_leaves_open_is_not_relaxed(self) -> None:
        signature = "x: float32 [1,4] -> y: float32 [1,4]"
        change = retype("s", "input", "x", shape="[?,4]")
        interface = Model(meta_graph_def(GRAPH, {"s": signature}), change).interface()
        assert interface.batch.relaxed == ()
        assert interface.outputs["y"].outside == type_of("float32 [?,4]")

    def test_is_fixed_and_outputs_follow(self) -> None:
        change = retype("s", "input", "x", shape="[8,4]")
        interface = Model(meta_graph_def(GRAPH, {"s": SIGNATURE}), change).interface()
        assert interface.outputs["y"].outside == type_of("float32 [8,4]")

    def test_an_output_whose_type_is_stated_has_that(self) -> None:
        change = all_of(
            retype("s", "input", "x", shape="[8,4]"), retype("s", "output", "y", shape="[32]")
        )
        interface = Model(meta_graph_def(GRAPH, {"s": SIGNATURE}), change).interface()
        assert interface.outputs["y"].outside == type_of("float32 [32]")
        assert interface.outputs["y"].inside == type_of("float32 [8,4]")

    @pytest.mark.parametrize("size", [4, 2000])
    def test_constants_of_different_values_are_in_the_way(self, size: int) -> None:
        graph = f"""
            x = Placeholder() {placeholder(1, size)}
            w = Const() {attr("dtype", "type: DT_FLOAT")}
            axis = Const() {attr("value", "tensor { dtype: DT_INT32 int_val: 1 }")}
            y = ConcatV2(x, w, axis) {FLOAT} {attr("N", "i: 2")}
            """
        given = meta_graph_def(graph, {"s": f"x: float32 [1,{size}] -> y: float32 [1,{2 * size}]"})
        value = given.graph_def.node[1].attr["value"].tensor
        value.CopyFrom(tensor_proto(str([[*range(size)]]), FLOAT32, (1, size)))
        with pytest.raises(PatchError, match="'w'"):
            Model(given, retype("s", "input", "x", shape=f"[?,{size}]")).interface()

    def test_there_can_only_be_one(self) -> None:
        graph = self.GRAPH.replace("size: 1 }", "size: 2 }", 1)
        signature = self.SIGNATURE.replace("[1,4];", "[2,4];")
        change = all_of(
            retype("s", "input", "x", shape="[?,4]"), retype("s", "input", "m", shape="[?]")
        )
        (problem,) = problems(change, signature, graph)
        assert problem == (
            "the inputs 'm', 'x' have the batch sizes 1, 2; only one can be relaxed at a time."
        )
