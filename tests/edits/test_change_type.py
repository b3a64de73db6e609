from __future__ import annotations

import pytest

import sigpb
from sigpb import protos
from sigpb.patching.patch_file import parse_text
from sigpb.tf.tensor_types import dtype_of
from tests.edits.before_after import planned, types_of
from tests.parts import changed_parts
from tests.patches import (
    MAIN,
    ModelFactory,
    altered,
    apply,
    assert_twice_is_once,
    assert_unchanged,
    only_graph,
    read,
    refusal,
    refusals,
)

IMAGES = """
    signature {
        key: "serving_default"
        input { key: "x" dtype: "uint8" shape: "[?,2,2,1]" }
        output { key: "label" dtype: "float32" }
    }
    """
UNDEFINED = "truncates toward zero; values out of range are undefined"


def serving(endpoints: str) -> str:
    return f'signature {{ key: "serving_default" {endpoints} }}'


class TestChanged:
    @pytest.mark.parametrize("op", ["Placeholder", "Cast"])
    def test_what_a_model_says_of_tensorflows_own_ops_does_not_count(
        self, fixture_model: ModelFactory, op: str
    ) -> None:
        patch = serving('input { key: "x" dtype: "int64" }')
        outputs = [protos.OpDef.ArgDef(name=name, type=dtype_of("string")) for name in "ab"]

        def change(graph: protos.MetaGraphDef) -> None:
            ops = graph.meta_info_def.stripped_op_list.op
            del ops[:]
            ops.add(name=op, output_arg=outputs)

        as_it_is = apply(fixture_model("tf2_image"), patch)
        after = apply(altered(fixture_model("tf2_image"), change), patch)
        assert after.graph_def == as_it_is.graph_def
        assert after.signature_def == as_it_is.signature_def

    def test_a_reshape_of_fixed_sizes_fixes_no_batch_size(
        self, fixture_model: ModelFactory
    ) -> None:
        patch = """signature { key: "single"
            input { key: "t" shape: "[9]" } output { key: "u" shape: "[?]" } }"""
        after = apply(fixture_model("tf2_linear"), patch)
        assert types_of(after, "single") == "t float32 [9] -> u float32 [?]"

    def test_dtype_and_shape_of_tf2(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_image")
        before = only_graph(model)
        after = apply(model, IMAGES)
        assert types_of(before) == (
            "training bool [], x float32 [?,4] -> label int64 [?], scores float32 [?,3]"
        )
        assert types_of(after) == (
            "training bool [], x uint8 [?,2,2,1] -> label float32 [?], scores float32 [?,3]"
        )
        assert types_of(after, "echo") == types_of(before, "echo")

    def test_dtype_and_shape_of_tf1(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf1_shared")
        before = only_graph(model)
        after = apply(
            model,
            """
            signature {
                key: "classify"
                input { key: "inputs" dtype: "uint8" shape: "[?,3,1]" }
                output { key: "scores" dtype: "float64" }
            }
            """,
        )
        assert types_of(before, "classify") == (
            "inputs float32 [?,3] -> classes string [?,3], scores float32 [?,3]"
        )
        assert types_of(after, "classify") == (
            "inputs uint8 [?,3,1] -> classes string [?,3], scores float64 [?,3]"
        )
        for key in ("serving_default", "regress"):
            assert after.signature_def[key] == before.signature_def[key]

    def test_nothing_but_what_is_named(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_linear")
        before = (model / MAIN).read_bytes()
        apply(model, serving('input { key: "x" dtype: "uint8" }'))
        changed = changed_parts(before, (model / MAIN).read_bytes())
        old = only_graph(fixture_model("tf2_linear")).graph_def
        nodes, functions = len(old.node), len(old.library.function)
        added = {part for part in changed if part.startswith("graph_def.")}
        assert {part for part in added if ".node[" in part} == {
            f"graph_def.node[{nodes + i}]" for i in range(len(added) - 1)
        }
        assert changed - added == {
            "signature_def[serving_default]",
            "object_graph_def.nodes[4]",
            "object_graph_def.concrete_functions[__inference_signature_wrapper_sigpb_138]",
            "meta_info_def.stripped_op_list",
        }
        assert f"graph_def.library.function[{functions}]" in added

    @pytest.mark.parametrize("name", ["tf2_linear", "tf1_shared"])
    def test_nodes_keep_their_names(self, fixture_model: ModelFactory, name: str) -> None:
        model = fixture_model(name)
        before = {node.name for node in only_graph(model).graph_def.node}
        after = apply(model, serving('input { key: "x" dtype: "int64" shape: "[?,3,1]" }'))
        assert before < {node.name for node in after.graph_def.node}

    @pytest.mark.parametrize("name", ["tf2_linear", "tf1_shared"])
    def test_ops_are_listed(self, fixture_model: ModelFactory, name: str) -> None:
        after = apply(
            fixture_model(name), serving('input { key: "x" dtype: "string" shape: "[?,3,1]" }')
        )
        ops = [op.name for op in after.meta_info_def.stripped_op_list.op]
        assert {"Placeholder", "Reshape", "StringToNumber"} <= set(ops)
        assert ops == sorted(set(ops))

    def test_values_of_a_sparse_tensor(self, fixture_model: ModelFactory) -> None:
        after = apply(
            fixture_model("tf1_sparse"),
            serving('input { key: "s" dtype: "int32" } output { key: "doubled" dtype: "int64" }'),
        )
        signature = after.signature_def["serving_default"]
        s, doubled = signature.inputs["s"], signature.outputs["doubled"]
        assert (s.dtype, doubled.dtype) == (dtype_of("int32"), dtype_of("int64"))
        assert s.coo_sparse.indices_tensor_name == "s/indices:0"
        assert s.coo_sparse.values_tensor_name != "s/values:0"

    def test_every_meta_graph_that_holds_the_signature(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf1_two_graphs")
        apply(model, serving('input { key: "x" dtype: "int32" }'))
        apply(model, 'signature { key: "gpu_only" output { key: "z" dtype: "float64" } }')
        serve, gpu = read(model).meta_graphs
        assert types_of(serve) == "b float32 [?,3], x int32 [?,3] -> y float32 [?,3]"
        assert types_of(gpu) == "b float32 [?,3], x int32 [?,3] -> y float32 [?,3]"
        assert types_of(gpu, "gpu_only") == "b float32 [?,3], x float32 [?,3] -> z float64 [?,3]"

    def test_one_meta_graph(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf1_two_graphs")
        before = read(model).meta_graphs[0]
        apply(model, 'tags { tag: ["gpu", "serve"] }' + serving('input { key: "x" dtype: "int8" }'))
        serve, gpu = read(model).meta_graphs
        assert serve == before
        assert types_of(gpu) == "b float32 [?,3], x int8 [?,3] -> y float32 [?,3]"

    def test_a_refined_output_is_not_checked(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_linear")
        (output, *_) = only_graph(model).signature_def["serving_default"].outputs
        text = f'signature {{ key: "serving_default" output {{ key: "{output}" shape: "[5,3]" }} }}'
        assert (
            f"not checked without --verify: whether output '{output}' of signature "
            "'serving_default' is always of the shape [5,3]"
        ) in str(sigpb.plan(model, parse_text(text)))

    @pytest.mark.parametrize(("name", "p"), [("tf2_linear", "p"), ("tf1_shared", "sum")])
    def test_outputs_follow_a_batch_that_is_refined(
        self, fixture_model: ModelFactory, name: str, p: str
    ) -> None:
        after = apply(fixture_model(name), serving('input { key: "x" shape: "[2,3,1]" }'))
        assert f"{p} float32 [2,3]" in types_of(after)

    @pytest.mark.parametrize(("name", "p"), [("tf2_linear", "p"), ("tf1_shared", "sum")])
    def test_outputs_do_not_follow_what_is_no_batch(
        self, fixture_model: ModelFactory, name: str, p: str
    ) -> None:
        """Nine elements are three rows."""
        after = apply(fixture_model(name), serving('input { key: "x" shape: "[9]" }'))
        assert f"{p} float32 [9,3]" not in types_of(after)

    def test_model_as_text(self, fixture_model: ModelFactory) -> None:
        binary, text = fixture_model("tf2_image"), fixture_model("tf2_image", as_text=True)
        after = apply(binary, IMAGES)
        sigpb.patch(text, parse_text(IMAGES), in_place=True, backup=False)
        summary = sigpb.plan(text, parse_text(IMAGES))
        assert summary.is_empty
        assert types_of(after).startswith("training bool [], x uint8 [?,2,2,1]")

    def test_an_input_that_is_an_output(self, fixture_model: ModelFactory) -> None:
        after = apply(
            fixture_model("tf1_no_variables"),
            'signature { key: "default" input { key: "b" dtype: "uint8" } }',
        )
        assert types_of(after, "default") == (
            "a float32 [?,3], b uint8 [?,3] -> b float32 [?,3], y float32 [?,3]"
        )


class TestPlanned:
    @pytest.mark.parametrize(
        ("dtype", "how"),
        [
            ("float64", "cast: rounds; values beyond ±3.4e+38 do not fit"),
            ("float16", "cast"),
            ("uint8", "cast"),
            ("int64", "cast: rounds beyond 2^24"),
            ("complex64", "cast: drops the imaginary part"),
            ("string", "string to number: text that does not read as float32 fails"),
        ],
    )
    def test_losses_of_an_input(self, fixture_model: ModelFactory, dtype: str, how: str) -> None:
        patch = serving(f'input {{ key: "x" dtype: "{dtype}" }}')
        assert planned(fixture_model("tf2_linear"), patch) == [
            f"input 'x' float32 [?,3] → {dtype} [?,3] ({how})"
        ]

    @pytest.mark.parametrize(
        ("dtype", "how"),
        [
            ("float64", "cast"),
            ("float16", "cast: rounds; values beyond ±65504 do not fit"),
            ("bfloat16", "cast: rounds"),
            ("int64", f"cast: {UNDEFINED}"),
            ("bool", "cast: keeps only whether a value is 0"),
            ("complex64", "cast"),
            ("string", "as string: keeps six decimals"),
        ],
    )
    def test_losses_of_an_output(self, fixture_model: ModelFactory, dtype: str, how: str) -> None:
        patch = serving(f'output {{ key: "p" dtype: "{dtype}" }}')
        assert planned(fixture_model("tf2_linear"), patch) == [
            f"output 'p' float32 [?,3] → {dtype} [?,3] ({how})"
        ]

    @pytest.mark.parametrize(
        ("name", "endpoint", "change"),
        [
            (
                "tf2_linear",
                'input { key: "x" shape: "[8,3]" }',
                "input 'x' float32 [?,3] → float32 [8,3] (refine)",
            ),
            (
                "tf2_linear",
                'input { key: "x" shape: "[None, 3, 1]" }',
                "input 'x' float32 [?,3] → float32 [?,3,1] (reshape)",
            ),
            (
                "tf2_linear",
                'output { key: "p" shape: "[-1,?]" }',
                "output 'p' float32 [?,3] → float32 [?,?] (relax)",
            ),
            (
                "tf2_linear",
                'output { key: "p" shape: "<unknown>" }',
                "output 'p' float32 [?,3] → float32 <unknown> (relax)",
            ),
            (
                "tf2_fixed_batch",
                'input { key: "x" shape: "[?,4]" }',
                "input 'x' float32 [1,4] → float32 [?,4] (relax)",
            ),
            (
                "tf2_fixed_batch",
                'input { key: "x" dtype: "uint8" shape: "[?,2,2]" }',
                "input 'x' float32 [1,4] → uint8 [?,2,2] (relax, reshape, cast)",
            ),
            (
                "tf2_image",
                'input { key: "training" dtype: "string" }',
                "input 'training' bool [] → string [] (string to number, cast: text that does not "
                "read as int32 fails; keeps only whether a value is 0)",
            ),
        ],
    )
    def test_how(self, fixture_model: ModelFactory, name: str, endpoint: str, change: str) -> None:
        assert planned(fixture_model(name), serving(endpoint)) == [change]

    def test_two_casts_are_one_change(self, fixture_model: ModelFactory) -> None:
        patch = serving('input { key: "x" dtype: "int4" }')
        assert planned(fixture_model("tf2_linear"), patch) == [
            "input 'x' float32 [?,3] → int4 [?,3] (cast)"
        ]

    def test_the_value_of_a_reference(self, fixture_model: ModelFactory) -> None:
        def retype(meta_graph: protos.MetaGraphDef) -> None:
            meta_graph.signature_def["serving_default"].outputs["sum"].dtype = 101  # float32_ref

        model = altered(fixture_model("tf1_shared"), retype)
        assert planned(model, serving('output { key: "sum" dtype: "int32" }')) == [
            f"output 'sum' float32 [?,3] → int32 [?,3] (cast: {UNDEFINED})"
        ]


class TestUnchanged:
    @pytest.mark.parametrize("shape", ["[?,3]", "[-1,3]", "(None, 3)", "?,3"])
    def test_the_type_it_has(self, fixture_model: ModelFactory, shape: str) -> None:
        assert_unchanged(
            fixture_model("tf2_linear"),
            serving(f'input {{ key: "x" dtype: "DT_FLOAT" shape: "{shape}" }}'),
        )

    @pytest.mark.parametrize("name", ["tf2_linear", "tf1_shared"])
    def test_the_same_patch_again(self, fixture_model: ModelFactory, name: str) -> None:
        assert_twice_is_once(
            fixture_model(name),
            serving('input { key: "x" dtype: "uint8" shape: "[?,3,1]" rename_to: "image" }'),
        )

    def test_a_swap_of_two_types(self, fixture_model: ModelFactory) -> None:
        assert_twice_is_once(
            fixture_model("tf2_linear"),
            serving(
                """
                input { key: "x" dtype: "uint8" rename_to: "b" }
                input { key: "b" dtype: "int64" rename_to: "x" }
                """
            ),
        )

    def test_a_copy_that_is_there(self, fixture_model: ModelFactory) -> None:
        assert_twice_is_once(
            fixture_model("tf2_linear"),
            """
            signature {
                key: "rounded" copy_of: "serving_default" output { key: "p" dtype: "int64" }
            }
            """,
        )

    def test_what_another_patch_left(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf1_shared")
        apply(model, serving('input { key: "x" dtype: "uint8" }'))
        apply(model, serving('output { key: "sum" dtype: "int64" }'))
        assert_unchanged(model, serving('input { key: "x" dtype: "uint8" }'))


class TestAgain:
    """A second patch of a model that is patched already."""

    @pytest.mark.parametrize("name", ["tf2_linear", "tf1_shared"])
    def test_another_type(self, fixture_model: ModelFactory, name: str) -> None:
        model = fixture_model(name)
        apply(model, serving('input { key: "x" dtype: "uint8" }'))
        second = serving('input { key: "x" dtype: "int64" shape: "[?,3,1]" }')
        assert planned(model, second) == [
            "input 'x' uint8 [?,3] → int64 [?,3,1] (reshape, cast: values outside 0…255 do not fit)"
        ]
        assert ", x int64 [?,3,1]" in types_of(apply(model, second)).replace(", y", " , y")

    @pytest.mark.parametrize("name", ["tf2_linear", "tf1_shared"])
    def test_the_first_type(self, fixture_model: ModelFactory, name: str) -> None:
        model = fixture_model(name)
        before = types_of(only_graph(model))
        apply(model, serving('input { key: "x" dtype: "uint8" shape: "[?,3,1]" }'))
        back = serving('input { key: "x" dtype: "float32" shape: "[?,3]" }')
        assert planned(model, back) == [
            f"input 'x' uint8 [?,3,1] → float32 [?,3] (reshape, cast: {UNDEFINED})"
        ]
        assert types_of(apply(model, back)) == before

    def test_another_key(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_linear")
        apply(model, serving('input { key: "x" dtype: "uint8" }'))
        after = apply(model, serving('input { key: "x" rename_to: "a" }'))
        assert types_of(after) == (
            "a uint8 [?,3], b float32 [?,3] -> p float32 [?,3], s float32 [?,3]"
        )


class TestRefused:
    @pytest.mark.parametrize(
        ("dtype", "why"),
        [
            ("resource", "is a handle, not numbers; leave this dtype as it is"),
            ("variant", "is a handle, not numbers; leave this dtype as it is"),
            (
                "qint8",
                "means nothing without its scale; quantise or dequantise in the model itself",
            ),
            (
                "quint16",
                "means nothing without its scale; quantise or dequantise in the model itself",
            ),
            ("float8_e4m3b11fnuz", "has no Cast kernels in TensorFlow; choose another dtype"),
        ],
    )
    def test_dtypes_that_cannot_be_cast(
        self, fixture_model: ModelFactory, dtype: str, why: str
    ) -> None:
        model = fixture_model("tf2_linear")
        assert refusals(
            model,
            serving(
                f'input {{ key: "x" dtype: "{dtype}" }} output {{ key: "p" dtype: "{dtype}" }}'
            ),
        ) == (
            f"signature 'serving_default': input 'x': A dtype of {dtype} cannot be converted: it "
            f"{why}.",
            f"signature 'serving_default': output 'p': A dtype of {dtype} cannot be converted: it "
            f"{why}.",
        )

    @pytest.mark.parametrize(
        ("dtype", "name", "why"),
        [
            (dtype_of("resource"), "resource", "is a handle"),
            (dtype_of("qint8"), "qint8", "means nothing without its scale"),
        ],
    )
    def test_dtypes_of_the_model_that_cannot_be_cast(
        self, fixture_model: ModelFactory, dtype: int, name: str, why: str
    ) -> None:
        def retype(meta_graph: protos.MetaGraphDef) -> None:
            meta_graph.signature_def["serving_default"].outputs["sum"].dtype = dtype

        model = altered(fixture_model("tf1_shared"), retype)
        problem = refusal(model, serving('output { key: "sum" dtype: "int32" }'))
        assert problem.startswith(
            "signature 'serving_default': output 'sum': A dtype of "
            f"{name} cannot be converted: it {why}"
        )

    def test_a_shape_that_the_graph_contradicts(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_linear")
        inputs = 'input { key: "x" shape: "[2,3]" } input { key: "b" shape: "[5,3]" }'
        said, *_ = refusals(model, serving(inputs))
        assert said.startswith("signature 'serving_default': Add")
        assert "[2,3] and [5,3], so sessions could not load or run the model" in said

    def test_a_transpose(self, fixture_model: ModelFactory) -> None:
        """It cannot be insisted on either: the batch would be another dimension."""
        model = fixture_model("tf2_image")
        scores = 'output { key: "scores" shape: "[3,?]"'
        said = refusal(model, serving(scores + " }"))
        assert "use a transpose: the step transpose(1, 0) in place of the shape" in said
        said = refusal(model, serving(scores + " reshape: true }"))
        assert "a reshape would mix the examples of a batch" in said

    def test_a_reference(self, fixture_model: ModelFactory) -> None:
        problem = refusal(
            fixture_model("tf1_shared"), serving('output { key: "sum" dtype: "float32_ref" }')
        )
        assert problem.startswith(
            "signature 'serving_default': output 'sum' has a wrong dtype: 'float32_ref' is not a "
            "dtype; did you mean 'float32'?"
        )

    def test_a_dtype_or_shape_that_is_none(self, fixture_model: ModelFactory) -> None:
        dtype, shape = refusals(
            fixture_model("tf2_linear"),
            serving('input { key: "x" dtype: "unit8" } output { key: "p" shape: "[?,3,x]" }'),
        )
        assert dtype == (
            "signature 'serving_default': input 'x' has a wrong dtype: 'unit8' is not a dtype; did "
            f"you mean 'uint8'?{dtype.partition('?')[2]}"
        )
        assert shape.startswith(
            "signature 'serving_default': output 'p' has a wrong shape: '[?,3,x]' is not a shape: "
            "'x' is not a size."
        )

    def test_another_number_of_elements(self, fixture_model: ModelFactory) -> None:
        assert refusal(
            fixture_model("tf2_fixed_batch"), serving('input { key: "x" shape: "[1,15]" }')
        ) == (
            "signature 'serving_default': input 'x': [1,15] has 15 elements and [1,4] has 4 "
            "elements, but a reshape keeps the number of elements. State a shape that has as many "
            "as the model's; to drop elements or to pad them, change the model itself and export "
            "it again."
        )

    def test_another_number_of_elements_in_each_row(self, fixture_model: ModelFactory) -> None:
        problem = refusal(
            fixture_model("tf2_linear"), serving('output { key: "p" shape: "[?,5]" }')
        )
        assert problem.startswith(
            "signature 'serving_default': output 'p': [?,3] has 3 elements for each ?, and [?,5] "
            "has 5: a reshape would move elements from one example of a batch to another."
        )

    @pytest.mark.parametrize("shape", ["<unknown>", "[4,?]"])
    def test_an_input_that_is_open_where_the_graph_is_not(
        self, fixture_model: ModelFactory, shape: str
    ) -> None:
        assert refusal(
            fixture_model("tf2_linear"), serving(f'input {{ key: "x" shape: "{shape}" }}')
        ) == (
            f"signature 'serving_default': input 'x': {shape} leaves open what [?,3] fixes, and "
            "differs in other dimensions too; state the same rank and the same other sizes"
        )

    def test_unknown_sizes_that_cannot_be_told(self, fixture_model: ModelFactory) -> None:
        assert refusal(
            fixture_model("tf2_linear"), serving('output { key: "p" shape: "[?,?,3]" }')
        ) == (
            "signature 'serving_default': output 'p': A reshape cannot tell every ? of [?,?,3]: it "
            "has 2, and [?,3] has 1. State numbers, all but one, in place of ?."
        )

    def test_sparse_and_composite_tensors(self, fixture_model: ModelFactory) -> None:
        assert refusal(
            fixture_model("tf1_sparse"), serving('input { key: "s" shape: "[?,2,2]" }')
        ) == (
            "signature 'serving_default': input 's' is a sparse tensor: the dtype of its values "
            "can be changed, its shape cannot."
        )
        assert refusal(
            fixture_model("tf1_composite"), serving('output { key: "doubled" dtype: "int32" }')
        ) == (
            "signature 'serving_default': output 'doubled' is a composite tensor, such as a ragged "
            "one, of several tensors; its type cannot be changed."
        )

    def test_an_input_with_a_default(self, fixture_model: ModelFactory) -> None:
        assert refusal(
            fixture_model("tf1_shared"), serving('input { key: "scale" dtype: "float64" }')
        ) == (
            "signature 'serving_default': input 'scale' has a default value, of its present "
            "type; state a default of the new type."
        )

    def test_two_keys_of_one_tensor(self, fixture_model: ModelFactory) -> None:
        assert refusal(
            fixture_model("tf1_eval"),
            'signature { key: "eval" input { key: "labels" dtype: "int32" } }',
        ).startswith(
            "signature 'eval': inputs 'labels' and 'features/label' are the same tensor, "
            "'label:0', so neither can be converted"
        )

    @pytest.mark.parametrize(
        ("name", "tensor"), [("tf2_linear", "serving_default_x:0"), ("tf1_shared", "x:0")]
    )
    def test_a_signature_that_contradicts_its_graph(
        self, fixture_model: ModelFactory, name: str, tensor: str
    ) -> None:
        def alter(meta_graph: protos.MetaGraphDef) -> None:
            x = meta_graph.signature_def["serving_default"].inputs["x"]
            x.dtype = dtype_of("int32")
            x.tensor_shape.dim[1].size = 4

        model = altered(fixture_model(name), alter)
        where = f"signature 'serving_default': input 'x' is the tensor '{tensor}', whose"
        end = "as the signature says; correct the signature first."
        assert refusals(model, serving('input { key: "x" dtype: "uint8" }'))[:2] == (
            f"{where} dtype is float32 in the graph, not int32 {end}",
            f"{where} shape is [?,3] in the graph, not [?,4] {end}",
        )

    @pytest.mark.parametrize("name", ["tf2_linear", "tf1_shared"])
    def test_a_shape_that_the_graph_does_not_take(
        self, fixture_model: ModelFactory, name: str
    ) -> None:
        """The signature says nothing of the shape; the graph does."""

        def alter(meta_graph: protos.MetaGraphDef) -> None:
            x = meta_graph.signature_def["serving_default"].inputs["x"]
            x.tensor_shape.CopyFrom(protos.TensorShapeProto(unknown_rank=True))

        model = altered(fixture_model(name), alter)
        problem = refusal(model, serving('input { key: "x" shape: "[?,4]" }'))
        assert "[?,3]" in problem
        assert "[?,4]" in problem

    def test_warm_up_requests(self, fixture_model: ModelFactory) -> None:
        patch = parse_text(serving('input { key: "x" dtype: "int32" }'))
        with pytest.raises(sigpb.PatchError) as caught:
            sigpb.patch(fixture_model("tf2_warmup"), patch, in_place=True, warmup="refuse")
        assert caught.value.problems[0] == (
            "warm-up requests 1, 2 in assets.extra/tf_serving_warmup_requests would have to follow "
            "the patch."
        )

    def test_on_a_dropped_output(self, fixture_model: ModelFactory) -> None:
        assert refusal(
            fixture_model("tf2_linear"), serving('output { key: "p" drop: true dtype: "int8" }')
        ) == (
            "signature 'serving_default': output 'p' has 'dtype', which does not go with 'drop': "
            "it leaves the signature."
        )
