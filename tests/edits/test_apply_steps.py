"""Steps between client and tensor: what a plan says, what is written, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

import sigpb
from sigpb import protos
from sigpb.errors import PatchError
from sigpb.patching.patch_file import parse_text
from sigpb.saved_model.deterministic_bytes import deterministic_bytes
from sigpb.wire import Message
from tests.edits.before_after import planned, types_of
from tests.patches import (
    MAIN,
    ModelFactory,
    altered,
    apply,
    assert_twice_is_once,
    only_graph,
    refusal,
    refusals,
)


def serving(endpoints: str, key: str = "serving_default") -> str:
    return f'signature {{ key: "{key}" {endpoints} }}'


IMAGES = serving(
    """
    input {
        key: "x" rename_to: "pixels" dtype: "uint8"
        step: "cast('float32')" step: "scale([1, 2, 3], 0.25)"
    }
    output { key: "p" rename_to: "best" step: "argmax()" }
    """
)


class TestChanged:
    @pytest.mark.parametrize("name", ["tf2_linear", "tf1_shared"])
    def test_both_sides(self, fixture_model: ModelFactory, name: str) -> None:
        patch = serving('input { key: "x" rename_to: "a" step: "affine(2)" }')
        model = fixture_model(name)
        before, after = types_of(only_graph(model)), types_of(apply(model, patch))
        assert after == before.replace("x float32", "a float32", 1) or "a float32" in after

    def test_plan(self, fixture_model: ModelFactory) -> None:
        assert planned(fixture_model("tf2_linear"), IMAGES) == [
            "input 'x' float32 [?,3] → uint8 [?,3] (cast, scale: rounds)",
            "output 'p' float32 [?,3] → int64 [?] (argmax: keeps only where the greatest value is)",
            "input 'x' → 'pixels'",
            "output 'p' → 'best'",
        ]

    def test_chains(self, fixture_model: ModelFactory) -> None:
        (meta_graph,) = sigpb.plan(fixture_model("tf2_linear"), parse_text(IMAGES)).meta_graphs
        assert meta_graph.chains == (
            "signature 'serving_default': input 'pixels' passes uint8 [?,3] → cast('float32') → "
            "float32 [?,3] → scale([1, 2, 3], 0.25) → float32 [?,3]",
            "signature 'serving_default': output 'best' passes "
            "float32 [?,3] → argmax() → int64 [?]",
        )

    def test_types(self, fixture_model: ModelFactory) -> None:
        after = apply(fixture_model("tf2_linear"), IMAGES)
        assert types_of(after) == (
            "b float32 [?,3], pixels uint8 [?,3] -> best int64 [?], s float32 [?,3]"
        )

    def test_other_signatures_stay(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_linear")
        before, after = only_graph(model), apply(model, IMAGES)
        for key in ("other", "single"):
            assert after.signature_def[key] == before.signature_def[key]
        kept = {node.name: node for node in after.graph_def.node}
        assert all(kept[node.name] == node for node in before.graph_def.node)

    @pytest.mark.parametrize(
        ("endpoint", "expected"),
        [
            ("input { key: 'x' step: 'transpose(1, 0)' }", "x float32 [4,?]"),
            ("input { key: 'x' step: 'expand_dims(0)' }", None),
            ("input { key: 'x' step: 'squeeze(1)' }", "x float32 [?,1,4]"),
            ("input { key: 'x' step: 'one_hot(4)' }", "x int64 [?]"),
            ("input { key: 'x' step: 'one_hot(4)' dtype: 'int32' }", "x int32 [?]"),
            ("input { key: 'x' step: 'string_to_number(\"float32\")' }", "x string [?,4]"),
            ("input { key: 'x' step: 'lookup([\"a\", \"b\"])' }", "x string [?,4]"),
            (
                "input { key: 'x' step: 'reshape([None, 4])' dtype: 'float32' shape: '[?,2,4]' }",
                "x float32 [?,2,4]",
            ),
            (
                "input { key: 'x' step: 'reshape([None, 4])' dtype: 'uint8' shape: '[?,2,2]' "
                "step: \"cast('float32')\" }",
                "x uint8 [?,2,2]",
            ),
        ],
    )
    def test_what_is_not_stated_follows(
        self, fixture_model: ModelFactory, endpoint: str, expected: str | None
    ) -> None:
        model = fixture_model("tf2_image")
        if expected is None:
            assert "squeeze removes" in refusal(model, serving(endpoint))
        else:
            assert expected in types_of(apply(model, serving(endpoint)))

    def test_a_cast_that_is_needed_besides_is_added(self, fixture_model: ModelFactory) -> None:
        patch = serving(
            'output { key: "scores" step: "round()" dtype: "int32" } '
            'input { key: "x" dtype: "float64" step: "affine(2)" }'
        )
        assert planned(fixture_model("tf2_image"), patch) == [
            "input 'x' float32 [?,4] → float64 [?,4] (affine, cast: rounds; rounds; values "
            "beyond ±3.4e+38 do not fit)",
            "output 'scores' float32 [?,3] → int32 [?,3] (round, cast: drops fractions; "
            "truncates toward zero; values out of range are undefined)",
        ]

    def test_an_added_output(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf1_interior")
        patch = serving('output { key: "top" from_tensor: "hidden:0" step: "argmax()" }', "default")
        graph = only_graph(model)
        key = min(graph.signature_def)
        tensor = next(iter(graph.signature_def[key].outputs.values())).name
        patch = serving(f'output {{ key: "top" from_tensor: "{tensor}" step: "round()" }}', key)
        after = apply(model, patch).signature_def[key].outputs["top"]
        assert after.name.startswith("sigpb/")


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ("shape: '[?]' step: 'one_hot(4)'", "x int64 [?]"),
        ("shape: '[4,?]' step: 'transpose(1, 0)'", "x float32 [4,?]"),
        ("shape: '[1,?,4]' step: 'squeeze(0)'", "x float32 [1,?,4]"),
        ("shape: '[?,2,2]' step: 'affine(2)'", "x float32 [?,2,2]"),
    ],
)
@pytest.mark.parametrize(
    ("name", "outputs"),
    [
        ("tf2_fixed_batch", "total float32 [], y float32 [?,2]"),
        ("tf1_fixed_batch", "image float32 [?,2,2], y float32 [?,2]"),
    ],
)
def test_a_batch_size_that_steps_open_is_followed(
    fixture_model: ModelFactory, name: str, outputs: str, steps: str, expected: str
) -> None:
    after = apply(fixture_model(name), serving(f'input {{ key: "x" {steps} }}'))
    assert types_of(after) == f"{expected} -> {outputs}"


def test_a_batch_size_that_steps_open_but_nodes_rely_on(fixture_model: ModelFactory) -> None:
    patch = serving('input { key: "x" shape: "[?]" step: "one_hot(4)" }', "class_token")
    assert "is made for the batch size 1" in refusal(fixture_model("tf2_fixed_batch"), patch)


def test_an_input_with_a_default_passes_no_steps(fixture_model: ModelFactory) -> None:
    said = refusal(
        fixture_model("tf2_defaults"), serving('input { key: "scale" step: "affine(2)" }')
    )
    assert "input 'scale' has a default value, which cannot pass steps" in said


class TestUnchanged:
    def test_steps_of_an_output_that_is_there_are_not_left_out(
        self, fixture_model: ModelFactory
    ) -> None:
        model = fixture_model("tf1_shared")
        tensor = only_graph(model).signature_def["serving_default"].outputs["sum"].name
        for change in ('step: "round()"', 'dtype: "float64"', 'shape: "[3,3]"'):
            patch = serving(f'output {{ key: "sum" from_tensor: "{tensor}" {change} }}')
            assert "two outputs would have the key 'sum'" in refusal(model, patch)

    @pytest.mark.parametrize(
        "change", ['step: "affine(2)"', 'dtype: "float64"', 'shape: "[3,3]"', 'bind: "[[1,2,3]]"']
    )
    def test_steps_of_a_copy_that_is_there_are_not_left_out(
        self, fixture_model: ModelFactory, change: str
    ) -> None:
        model = fixture_model("tf2_linear")
        copy = 'signature {{ key: "copy" copy_of: "serving_default" {} }}'.format
        apply(model, copy('input { key: "x" rename_to: "z" }'))
        with_change = copy(f'input {{ key: "x" rename_to: "z" }} input {{ key: "b" {change} }}')
        assert "two signatures would have the key 'copy'" in refusal(model, with_change)

    def test_the_second_time(self, fixture_model: ModelFactory) -> None:
        assert_twice_is_once(fixture_model("tf2_linear"), IMAGES)

    def test_the_second_time_without_a_record(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_linear")
        patch = parse_text(serving('input { key: "x" step: "affine(2)" }'))
        sigpb.patch(model, patch, in_place=True, history=False)
        before = (model / MAIN).read_bytes()
        with pytest.raises(PatchError, match="which an earlier patch added, perhaps with these"):
            sigpb.patch(model, patch, in_place=True, history=False)
        assert (model / MAIN).read_bytes() == before

    def test_all_else(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf1_shared")
        before = only_graph(model)
        after = apply(model, serving('output { key: "sum" step: "affine(2)" }'))
        assert after.signature_def["serving_default"].outputs["sum"].name.startswith("sigpb/")
        del after.graph_def.node[len(before.graph_def.node) :]
        after.signature_def["serving_default"].CopyFrom(before.signature_def["serving_default"])
        # Not by ==, which unpacks what a collection holds.
        assert deterministic_bytes(after) == deterministic_bytes(before)


def test_a_graph_without_functions_gets_those_of_a_loop(fixture_model: ModelFactory) -> None:
    def leave_only_nodes(graph: protos.MetaGraphDef) -> None:
        graph.graph_def.ClearField("versions")
        assert not graph.graph_def.HasField("library")

    model = altered(fixture_model("tf1_shared"), leave_only_nodes)
    steps = 'step: "decode_image(3)" step: "resize(1, 1)" step: "flatten()"'
    after = apply(model, serving(f'input {{ key: "x" dtype: "string" shape: "[?]" {steps} }}'))
    functions = [function.signature.name for function in after.graph_def.library.function]
    assert functions == ["DecodeImage_cond_1", "DecodeImage_body_2"]
    assert {"StatelessWhile", "DecodeImage", "GatherV2"} < {
        op.name for op in after.meta_info_def.stripped_op_list.op
    }
    graph = Message.root((model / MAIN).read_bytes())
    for number in (
        protos.SavedModel.META_GRAPHS_FIELD_NUMBER,
        protos.MetaGraphDef.GRAPH_DEF_FIELD_NUMBER,
    ):
        [field] = graph.fields(number)
        graph = graph.message(field)
    *nodes, last = (field.number for field in graph.fields())
    assert {*nodes} == {protos.GraphDef.NODE_FIELD_NUMBER}
    assert last == protos.GraphDef.LIBRARY_FIELD_NUMBER


@pytest.mark.parametrize(
    ("endpoint", "said"),
    [
        (
            "input { key: 'x' step: 'scael(1, 2)' }",
            "there is no step 'scael'; did you mean 'scale'?",
        ),
        ("input { key: 'x' step: 'scale(1)' }", "scale lacks its argument 'std'"),
        ("input { key: 'x' step: 'scale(1, 0)' }", "scale cannot divide by 0"),
        (
            "input { key: 'x' step: 'scale([1, 2], 1)' }",
            "2 numbers for the last dimension of [?,4]",
        ),
        ("input { key: 'x' step: 'affine(1e999)' }", "affine cannot have the numbers inf"),
        ("output { key: 'scores' step: 'cast(\"foo\")' }", "'foo' is not a dtype"),
        ("output { key: 'label' step: 'one_hot(2147483648)' }", "cannot have the depth"),
        ("output { key: 'label' step: 'squeeze(0x1%s)' }" % ("0" * 9000), "of 36001 bits"),
        ("input { key: 'x' step: 'transpose(0, 2)' }", "is no order of dimensions"),
        ("input { key: 'x' step: 'transpose(0, 2, 1)' }", "orders 3 dimensions, but there are 2"),
        ("input { key: 'x' step: 'squeeze(7)' }", "there is no dimension 7 among 3"),
        (
            "input { key: 'x' step: 'cast(\"float32\")' }",
            "takes several dtypes; state what clients",
        ),
        ("input { key: 'x' step: 'reshape([None, 4])' }", "does not follow from what it returns"),
        ("input { key: 'x' step: 'crop(0, 0, 1, 1)' }", "put a reshape or flatten behind it"),
        ("input { key: 'x' step: 'flatten()' }", "and not <unknown>; state the shape"),
        ("input { key: 'x' step: 'argmax()' }", "does not follow from what it returns"),
        ("input { key: 'training' step: 'round()' }", "put cast('float32') before it"),
        (
            "input { key: 'x' shape: '[?,2,4]' step: 'affine(2)' }",
            "the steps give [?,2,4], 8 elements for each ?, and the tensor takes [?,4]; if several",
        ),
        (
            "input { key: 'x' dtype: 'string' step: 'round()' }",
            "put string_to_number('float32') before it",
        ),
        ("output { key: 'label' step: 'argmax()' }", "takes a vector for each example"),
        ("output { key: 'label' step: 'clip(0.5, 1)' }", "int64 has no value 0.5"),
        ("output { key: 'scores' step: 'clip(3, 1)' }", "bounds in order"),
        ("output { key: 'scores' step: 'one_hot(3)' }", "one_hot takes int32, int64"),
        ("output { key: 'label' step: 'one_hot(0)' }", "cannot have the depth 0"),
        ("output { key: 'scores' step: 'labels([\"a\"])' }", "put argmax() before it"),
        ("output { key: 'label' step: 'softmax()' }", "softmax takes a vector for each example"),
        ("output { key: 'label' step: 'exp()' }", "put cast('float32') before it"),
        ("output { key: 'label' step: 'lookup([\"a\"])' }", "put as_string() before it"),
        (
            "output { key: 'scores' step: 'slice(1, 3)' }",
            "the last dimension of [?,3] has 3: 0 to 2",
        ),
        ("input { key: 'x' step: 'slice(0, 1)' }", "does not tell; state the shape that clients"),
        ("input { key: 'x' step: 'round()' bind: '0' }", "do not go with 'bind'"),
        ("input { key: 'x' step: 'round()' default: '0' }", "do not go with 'default'"),
        ("output { key: 'label' step: 'round()' drop: true }", "do not go with 'drop'"),
        ("batch_size: '?' input { key: 'x' step: 'round()' }", "batch_size does not go with steps"),
    ],
)
def test_refused(fixture_model: ModelFactory, endpoint: str, said: str) -> None:
    assert any(said in each for each in refusals(fixture_model("tf2_image"), serving(endpoint)))


def test_a_sparse_input_passes_no_steps(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf1_sparse")
    graph = only_graph(model)
    key, name = next(
        (key, name)
        for key, signature in sorted(graph.signature_def.items())
        for name, info in signature.inputs.items()
        if info.HasField("coo_sparse")
    )
    patch = serving(f'input {{ key: "{name}" step: "round()" }}', key)
    assert "is no dense tensor, but coo_sparse" in refusal(model, patch)


def test_no_patch_takes_steps_back(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf2_linear")
    with pytest.raises(PatchError, match="is converted by steps, which no patch takes back"):
        sigpb.invert(model, parse_text(IMAGES))


def test_warm_up_requests_are_not_sent_through_steps(
    fixture_model: ModelFactory, tmp_path: Path
) -> None:
    model = fixture_model("tf2_warmup")
    patch = serving('input { key: "x" step: "affine(2)" }')
    with pytest.raises(PatchError, match="input 'x' gets steps"):
        sigpb.patch(model, parse_text(patch), output_dir=tmp_path / "new")
    assert not (tmp_path / "new").exists()
