from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sigpb import protos
from sigpb.batch_size.refined_shapes import Followed, follow
from sigpb.tf.tensor_types import Shape, parse_shape
from tests.graphs.small_graphs import FLOAT, attr, by_name, call, output_shapes, placeholder, shape


class Library:
    """Functions by name."""

    def __init__(self, *functions: protos.FunctionDef) -> None:
        self._functions = {function.signature.name: function for function in functions}

    def get(self, name: str) -> protos.FunctionDef | None:
        return self._functions.get(name)

    def add_variant(self, function: protos.FunctionDef) -> str:
        raise AssertionError(f"{function.signature.name} is only looked at")


def followed(text: str, shapes: str, *functions: protos.FunctionDef) -> Followed:
    """Follows shapes, such as ``"x: [2,3]; b: [4]"``."""
    parts = (part.split(": ") for part in shapes.split("; "))
    refined = {(name, 0): parse_shape(stated) for name, stated in parts}
    return follow(by_name(text), refined, Library(*functions))


def constant(*sizes: int) -> str:
    return attr("value", f"tensor {{ dtype: DT_FLOAT tensor_shape {{ {shape(*sizes)} }} }}")


def integers(*values: int) -> str:
    numbers = " ".join(f"int_val: {value}" for value in values)
    stated = f"tensor_shape {{ {shape(len(values))} }}"
    return attr("value", f"tensor {{ dtype: DT_INT32 {stated} {numbers} }}")


X = f"x = Placeholder() {placeholder(-1, -1)}\n"
PRODUCT = f"""{X}
    w = Const() {constant(3, 2)}
    y = MatMul(x, w) {FLOAT}
    z = Neg(y) {FLOAT}
    """


class TestFollow:
    def test_what_fits(self) -> None:
        assert followed(PRODUCT, "x: [8,3]") == Followed()

    def test_what_contradicts(self) -> None:
        assert followed(PRODUCT, "x: [?,4]") == Followed(
            ["MatMul 'y' cannot take the shapes [?,4] and [3,2]"]
        )

    def test_behind_what_contradicts_nothing_is_known(self) -> None:
        graph = f"{PRODUCT}\nv = Const() {constant(5)}\ns = Add(z, v) {FLOAT}"
        assert len(followed(graph, "x: [?,4]").contradictions) == 1
        assert followed(graph, "x: [?,3]").contradictions == []

    def test_two_inputs(self) -> None:
        graph = f"{X} b = Placeholder() {placeholder(-1)}\ny = Add(x, b) {FLOAT}"
        assert followed(graph, "x: [2,?]; b: [3]") == Followed()
        assert followed(graph, "x: [2,3]; b: [3]") == Followed()
        assert followed(graph, "x: [?,2]; b: [3]") == Followed(
            ["Add 'y' cannot take the shapes [?,2] and [3]"]
        )

    def test_on_the_way(self) -> None:
        graph = f"""{X}
            to = Const() {integers(-1, 6)}
            folded = Reshape(x, to)
            b = Const() {constant(2, 1)}
            y = Add(folded, b) {FLOAT}
            """
        assert followed(graph, "x: [4,3]") == Followed()
        assert followed(graph, "x: [?,3]") == Followed()
        (said,) = followed(graph, "x: [6,3]").contradictions
        assert said == "Add 'y' cannot take the shapes [3,6] and [2,1]"
        (said,) = followed(graph, "x: [5,3]").contradictions
        assert said == "Reshape 'folded' cannot take the shapes [5,3] and [2]"

    def test_a_shape_that_is_stated(self) -> None:
        graph = f"{X} y = Neg(x) {FLOAT} {output_shapes((-1, 3))}"
        assert followed(graph, "x: [2,?]") == Followed()
        (said,) = followed(graph, "x: [2,4]").contradictions
        assert said == "Neg 'y' states the shape [?,3] of a result that would be of shape [2,4]"

    def test_what_is_stated_counts_on_the_way(self) -> None:
        graph = f"""{X}
            y = Neg(x) {FLOAT} {output_shapes((-1, 3))}
            b = Const() {constant(4)}
            z = Add(y, b) {FLOAT}
            """
        (said,) = followed(graph, "x: [2,?]").contradictions
        assert said == "Add 'z' cannot take the shapes [2,3] and [4]"

    def test_what_does_not_depend_on_it(self) -> None:
        graph = f"{X} b = Placeholder() {placeholder(-1)}\nc = NoOneKnows(b)\ny = Neg(x) {FLOAT}"
        assert followed(graph, "x: [2,2]") == Followed()

    def test_two_outputs_of_one_node(self) -> None:
        graph = f"x = NoOneKnows()\ny = Add(x, x:1) {FLOAT}"
        refined: dict[tuple[str, int], Shape] = {("x", 0): (2,), ("x", 1): (3,)}
        found = follow(by_name(graph), refined, Library())
        assert found.contradictions == ["Add 'y' cannot take the shapes [2] and [3]"]

    def test_a_tensor_that_is_not_there(self) -> None:
        assert followed(X, "gone: [2,2]") == Followed()


class TestUnchecked:
    def test_an_op_that_nobody_knows(self) -> None:
        graph = f"{X} y = NoOneKnows(x)\nb = Const() {constant(4)}\nz = Add(y, b) {FLOAT}"
        assert followed(graph, "x: [2,2]") == Followed(unchecked=["NoOneKnows 'y'"])

    def test_sizes_that_the_rule_does_not_check(self) -> None:
        graph = f"{X} b = Placeholder() {placeholder(-1, -1)}\ny = EluGrad(x, b) {FLOAT}"
        assert followed(graph, "x: [2,2]; b: [2,3]") == Followed(unchecked=["EluGrad 'y'"])

    def test_a_size_other_than_the_batch(self) -> None:
        """What the rules for the batch accept holds for first dimensions only."""
        graph = f"x = Placeholder() {placeholder(-1, -1, -1)}\ny = Cholesky(x) {FLOAT}"
        assert followed(graph, "x: [5,?,?]") == Followed()
        assert followed(graph, "x: [?,5,?]") == Followed(unchecked=["Cholesky 'y'"])

    def test_a_rank(self) -> None:
        unknown = attr("shape", "shape { unknown_rank: true }")
        graph = f"x = Placeholder() {attr('dtype', 'type: DT_FLOAT')} {unknown}\n"
        assert followed(f"{graph} y = Neg(x) {FLOAT}", "x: [2,?]") == Followed()
        axes = f"axes = Const() {integers(0)}\ny = Sum(x, axes)"
        assert followed(graph + axes, "x: [2,?]") == Followed(unchecked=["Sum 'y'"])

    def test_what_contradicted_before(self) -> None:
        """The rule for the op, or what the node states, is not right."""
        graph = f"x = Placeholder() {placeholder(-1, 4)}\ny = Neg(x) {FLOAT} {output_shapes((5,))}"
        assert followed(graph, "x: [2,4]") == Followed(unchecked=["Neg 'y'"])

    def test_what_a_list_holds(self) -> None:
        graph = f"""{X}
            size = Const() {integers(-1)}
            held = TensorListFromTensor(x, size) {attr("element_dtype", "type: DT_FLOAT")}
            y = TensorListStack(held, size) {attr("element_dtype", "type: DT_FLOAT")}
            """
        assert followed(graph, "x: [?,4]").unchecked == [
            "TensorListFromTensor 'held'",
            "TensorListStack 'y'",
        ]

    def test_the_end_of_a_loop(self) -> None:
        graph = f"""{X}
            start = Enter(x) {FLOAT}
            y = Merge(start, again) {FLOAT}
            again = NextIteration(y) {FLOAT}
            """
        assert followed(graph, "x: [2,2]") == Followed(unchecked=["Merge 'y'"])

    def test_the_end_of_a_loop_of_which_nothing_is_known(self) -> None:
        graph = f"""{X}
            start = Enter(x) {FLOAT}
            y = Merge(start, again) {FLOAT}
            computed = NoOneKnows(y)
            again = NextIteration(computed) {FLOAT}
            """
        assert followed(graph, "x: [2,?]") == Followed(unchecked=["Merge 'y'"])

    def test_a_branch(self) -> None:
        branches = " ".join(
            attr(name, 'func { name: "f" }') for name in ("then_branch", "else_branch")
        )
        graph = f"{X} c = Const() {constant()}\ny = If(c, x) {branches}"
        assert followed(graph, "x: [2,2]", product()).unchecked == ["If 'y'"]


def product(name: str = "f", *stated: int) -> protos.FunctionDef:
    """A function that multiplies with a matrix of three rows."""
    function = protos.FunctionDef()
    function.signature.name = name
    function.signature.input_arg.add(name="a", type=protos.DataType.Value("DT_FLOAT"))
    function.signature.output_arg.add(name="r", type=protos.DataType.Value("DT_FLOAT"))
    text = f"w = Const() {constant(3, 2)}\np = MatMul(a, w:output:0) {FLOAT}"
    function.node_def.extend(by_name(text).values())
    function.ret["r"] = "p:product:0"
    if stated:
        shapes = function.arg_attr[0].attr["_output_shapes"].list.shape.add()
        for size in stated:
            shapes.dim.add(size=size)
    return function


class TestFunctions:
    CALLED = f"{X} y = PartitionedCall(x) {call('f', 'DT_FLOAT')}"

    def test_the_shape_of_the_result(self) -> None:
        graph = f"{self.CALLED}\nb = Const() {constant(3)}\nz = Add(y, b) {FLOAT}"
        assert followed(self.CALLED, "x: [8,?]", product()) == Followed()
        (said,) = followed(graph, "x: [8,?]", product()).contradictions
        assert said == "Add 'z' cannot take the shapes [8,2] and [3]"

    def test_what_contradicts(self) -> None:
        (said,) = followed(self.CALLED, "x: [8,4]", product()).contradictions
        assert said == "MatMul 'p' of function 'f' cannot take the shapes [8,4] and [3,2]"

    def test_what_an_argument_states(self) -> None:
        assert followed(self.CALLED, "x: [8,?]", product("f", -1, 3)) == Followed()
        (said,) = followed(self.CALLED, "x: [8,?]", product("f", -1, 4)).contradictions
        assert "[8,4] and [3,2]" in said

    def test_a_function_as_an_op(self) -> None:
        (said,) = followed(f"{X} y = f(x)", "x: [8,4]", product()).contradictions
        assert "MatMul 'p' of function 'f'" in said

    def test_a_function_with_the_name_of_an_op(self) -> None:
        """TensorFlow loads an op that it knows by its own definition."""
        graph = f"{X} y = Neg(x) {FLOAT}"
        assert followed(graph, "x: [8,4]", product("Neg")) == Followed()

    def test_two_calls(self) -> None:
        graph = f"{self.CALLED}\nz = PartitionedCall(x) {call('f', 'DT_FLOAT')}"
        assert len(followed(graph, "x: [8,4]", product()).contradictions) == 1

    @pytest.mark.parametrize("more", [["b"], ["a"]])
    def test_another_number_of_arguments(self, more: list[str]) -> None:
        function = product()
        function.signature.input_arg.extend(protos.OpDef.ArgDef(name=each) for each in more)
        (said,) = followed(self.CALLED, "x: [8,3]", function).contradictions
        assert said == (
            "PartitionedCall 'y' gives 1 arguments to function 'f', which takes another number"
        )

    def test_two_arguments_of_one_name(self) -> None:
        function = product()
        function.signature.input_arg.add(name="a")
        graph = f"{X} y = PartitionedCall(x, x) {call('f', 'DT_FLOAT')}"
        (said,) = followed(graph, "x: [8,3]", function).contradictions
        assert "gives 2 arguments to function 'f'" in said

    def test_a_function_that_calls_itself(self) -> None:
        endless = product()
        endless.node_def.extend(
            by_name(f"again = PartitionedCall(a) {call('f', 'DT_FLOAT')}").values()
        )
        assert followed(self.CALLED, "x: [8,3]", endless) == Followed()


Build = Callable[[Any, Any], Any]

# What is computed of a tensor of the rank that is written before it.
COMPUTED: dict[str, tuple[int, Build]] = {
    "matmul": (2, lambda tf, x: tf.matmul(x, tf.ones([3, 2]))),
    "transposed": (2, lambda tf, x: tf.matmul(x, tf.ones([3, 2]), transpose_a=True)),
    "broadcast": (2, lambda tf, x: tf.nn.relu(x * 2) + tf.ones([2, 1])),
    "both ways": (2, lambda tf, x: x + tf.transpose(x)),
    "reshape": (2, lambda tf, x: tf.reshape(x, [-1, 6]) + tf.ones([2, 1])),
    "literal": (2, lambda tf, x: tf.reshape(x, [2, 6])),
    "computed": (2, lambda tf, x: tf.reshape(x, [tf.shape(x)[0], 4])),
    "fill": (2, lambda tf, x: tf.concat([x, tf.fill([tf.shape(x)[0], 2], 1.0)], 1) + tf.ones([5])),
    "concat": (2, lambda tf, x: tf.concat([x, tf.ones([1, 3])], 0)),
    "pack": (2, lambda tf, x: tf.stack([x, tf.ones([2, 3])])),
    "unpack": (2, lambda tf, x: tf.unstack(x, 3, axis=1)[1]),
    "split": (2, lambda tf, x: tf.split(x, 2, axis=1)[1]),
    "split at": (2, lambda tf, x: tf.split(x, [1, 2], axis=1)[1]),
    "squeeze": (2, lambda tf, x: tf.squeeze(x, [1])),
    "ensure": (2, lambda tf, x: tf.ensure_shape(x, [None, 3])),
    "slice": (2, lambda tf, x: tf.slice(x, [0, 1], [-1, 2])),
    "item": (2, lambda tf, x: x[:, 2]),
    "item from the end": (2, lambda tf, x: x[-3]),
    "item after dots": (2, lambda tf, x: x[..., 2]),
    "item after a new axis": (2, lambda tf, x: x[:, None, 2]),
    "range": (2, lambda tf, x: x[1:4, ::2] + tf.ones([2, 1])),
    "bias": (2, lambda tf, x: tf.nn.bias_add(x, tf.ones([3]))),
    "top k": (2, lambda tf, x: tf.math.top_k(x, 3)[0]),
    "select": (2, lambda tf, x: tf.compat.v1.where([True, False, True], x, tf.ones_like(x))),
    "sum": (2, lambda tf, x: tf.reduce_sum(x, 1) + tf.ones([3])),
    "pad": (2, lambda tf, x: tf.pad(x, [[1, 1], [0, 2]]) + tf.ones([5])),
    "tile": (2, lambda tf, x: tf.tile(x, [1, 2]) + tf.ones([6])),
    "gather": (2, lambda tf, x: tf.gather(x, [0], axis=1) + tf.ones([3, 1])),
    "einsum": (2, lambda tf, x: tf.einsum("ij,jk->ik", x, tf.ones([3, 2]))),
    "diagonal": (2, lambda tf, x: tf.einsum("ii->i", x)),
    "to a shape": (2, lambda tf, x: tf.broadcast_to(x, [2, 3])),
    "bitcast": (2, lambda tf, x: tf.bitcast(tf.cast(x, tf.uint8), tf.float32)),
    "cholesky": (2, lambda tf, x: tf.linalg.cholesky(x)),
    "cross entropy": (2, lambda tf, x: tf.nn.softmax_cross_entropy_with_logits(x, x[:, :3])),
    "cond": (2, lambda tf, x: tf.cond(x[0, 0] > 0, lambda: x, lambda: x + tf.ones([3]))),
    "call": (2, lambda tf, x: tf.function(lambda y: tf.matmul(y, tf.ones([3, 2])))(x)),
    "stacks": (3, lambda tf, x: tf.matmul(x, tf.ones([2, 3, 2]))),
    "a stack": (3, lambda tf, x: tf.matmul(x, x)),
    "transpose": (3, lambda tf, x: tf.transpose(x, [0, 2, 1]) + tf.ones([2, 1, 3])),
    "convolution": (4, lambda tf, x: tf.nn.conv2d(x, tf.ones([3, 3, 2, 4]), 1, "VALID")),
    "groups": (4, lambda tf, x: tf.nn.conv2d(x, tf.ones([1, 1, 1, 3]), 1, "SAME")),
    "depthwise": (
        4,
        lambda tf, x: tf.nn.depthwise_conv2d(x, tf.ones([3, 3, 2, 2]), [1] * 4, "SAME"),
    ),
    "pool": (4, lambda tf, x: tf.nn.max_pool2d(x, 4, 2, "VALID")),
    "space to depth": (4, lambda tf, x: tf.nn.space_to_depth(x, 2)),
    "any rank": (0, lambda tf, x: tf.nn.relu(x) + tf.ones([3])),
    "rank of a matrix": (0, lambda tf, x: tf.compat.v1.matmul(x, tf.ones([3, 2]))),
    "rank of images": (0, lambda tf, x: tf.nn.conv2d(x, tf.ones([3, 3, 2, 4]), 1, "SAME")),
    "rank of a sum": (0, lambda tf, x: tf.reduce_sum(x, 2)),
}


@pytest.mark.tensorflow
@pytest.mark.parametrize("with_shapes", [False, True])
@pytest.mark.parametrize("name", COMPUTED)
@settings(max_examples=12)
@given(data=st.data())
def test_what_is_accepted_without_remark_is_loaded(
    name: str, with_shapes: bool, data: st.DataObject
) -> None:
    """And what is refused is not loaded, or cannot run."""
    import tensorflow as tf

    rank, build = COMPUTED[name]
    with tf.Graph().as_default() as graph:
        x = tf.compat.v1.placeholder(tf.float32, [None] * rank if rank else None, name="x")
        tf.identity(build(tf, x), name="y")
    given = graph.as_graph_def(add_shapes=with_shapes)
    rank = rank or data.draw(st.integers(1, 4))
    sizes = st.sampled_from([None, 1, 2, 3, 4, 6])
    wanted = tuple(data.draw(st.lists(sizes, min_size=rank, max_size=rank)))
    ours = protos.GraphDef.FromString(given.SerializeToString())
    nodes = {node.name: node for node in ours.node}
    found = follow(nodes, {("x", 0): wanted}, Library(*ours.library.function))
    error = _load(given, wanted)
    if found == Followed():
        assert error is None
    if found.contradictions:
        filled = [size or 1 for size in wanted]
        assert error or _run(graph, filled), found.contradictions


def _load(graph: Any, wanted: Shape) -> str | None:
    """Returns what TensorFlow says of a graph whose placeholder has another shape."""
    import tensorflow as tf

    for node in graph.node:
        if node.name == "x":
            node.attr["shape"].shape.CopyFrom(tf.TensorShape(wanted).as_proto())
            node.attr.pop("_output_shapes", None)
    with tf.Graph().as_default():
        try:
            tf.import_graph_def(graph, name="")
        except ValueError as error:
            return str(error)
    return None


def _run(graph: Any, sizes: list[int]) -> str | None:
    """Returns what TensorFlow says when it runs a graph."""
    import numpy as np
    import tensorflow as tf

    with tf.compat.v1.Session(graph=graph) as session:
        try:
            session.run("y:0", {"x:0": np.ones(sizes, np.float32)})
        except tf.errors.OpError as error:
            return str(error)
    return None
