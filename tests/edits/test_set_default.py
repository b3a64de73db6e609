from __future__ import annotations

from typing import Any

import pytest

from sigpb import protos
from sigpb.tf.tensor_types import dtype_name, shape_of
from tests.edits.before_after import planned, types_of
from tests.edits.in_tensorflow import SERVE, assert_fingerprinted, assert_values_are_converted
from tests.parts import changed_parts
from tests.patches import (
    MAIN,
    ModelFactory,
    altered,
    apply,
    assert_twice_is_once,
    assert_unchanged,
    only_graph,
    refusal,
    refusals,
)


def serving(endpoints: str) -> str:
    return f'signature {{ key: "serving_default" {endpoints} }}'


def defaults(meta_graph: protos.MetaGraphDef) -> dict[str, tuple[str, Any, list[float]]]:
    """The dtype, the shape and the elements of each default of `serving_default`."""
    return {
        key: (dtype_name(value.dtype), shape_of(value.tensor_shape), _elements(value))
        for key, value in meta_graph.signature_def["serving_default"].defaults.items()
    }


def _elements(value: protos.TensorProto) -> list[float]:
    return [*value.float_val, *value.double_val, *value.int_val, *value.int64_val]


class TestChanged:
    def test_a_new_default(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_linear")
        patch = serving('input { key: "x" default: "[[1, 2.5, -3]]" }')
        assert planned(model, patch) == ["input 'x' default [[1, 2.5, -3]]"]
        assert defaults(only_graph(model)) == {}
        assert defaults(apply(model, patch)) == {"x": ("float32", (1, 3), [1, 2.5, -3])}

    def test_nothing_else(self, fixture_model: ModelFactory) -> None:
        for name in ("tf2_linear", "tf1_shared"):
            model = fixture_model(name)
            before = (model / MAIN).read_bytes()
            apply(model, serving('input { key: "x" default: "[[1,2,3]]" }'))
            changed = changed_parts(before, (model / MAIN).read_bytes())
            assert changed == {"signature_def[serving_default]"}

    def test_another_default(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf1_shared")
        assert defaults(only_graph(model)) == {"scale": ("float32", (), [10])}
        after = apply(model, serving('input { key: "scale" default: "-2" }'))
        assert defaults(after) == {"scale": ("float32", (), [-2])}

    def test_one_value_for_all_elements(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_defaults")
        assert [shape for _, shape, _ in defaults(only_graph(model)).values()] == [(3,), (3,)]
        after = apply(model, serving('input { key: "scale" default: "4" }'))
        assert defaults(after)["scale"] == ("float32", (3,), [4])

    def test_with_a_new_key_and_type(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_defaults")
        after = apply(
            model,
            serving(
                """
                input { key: "scale" rename_to: "a" dtype: "int32" default: "[1,2,3]" }
                input { key: "offset" rename_to: "zz" shape: "[3,1]" default: "[[1],[2],[3]]" }
                """
            ),
        )
        assert types_of(after).startswith("a int32 [3], x float32 [?,3], zz float32 [3,1] ->")
        assert defaults(after) == {
            "a": ("int32", (3,), [1, 2, 3]),
            "zz": ("float32", (3, 1), [1, 2, 3]),
        }

    def test_a_default_goes_with_an_input_that_is_bound(self, fixture_model: ModelFactory) -> None:
        after = apply(
            fixture_model("tf2_defaults"),
            serving('input { key: "scale" bind: "2" } input { key: "offset" default: "3" }'),
        )
        assert defaults(after) == {"offset": ("float32", (3,), [3])}

    def test_in_a_copy_alone(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf1_shared")
        after = apply(
            model,
            """
            signature {
                key: "twice" copy_of: "serving_default" input { key: "scale" default: "2" }
            }
            """,
        )
        assert defaults(after) == {"scale": ("float32", (), [10])}
        assert list(after.signature_def["twice"].defaults["scale"].float_val) == [2]

    @pytest.mark.parametrize(
        "patch",
        [
            'batch_size: "1" input { key: "x" default: "[[1,2,3]]" }',
            'input { key: "x" shape: "[1,3]" default: "[[1,2,3]]" }',
        ],
    )
    def test_the_default_it_has_for_the_type_it_gets(
        self, fixture_model: ModelFactory, patch: str
    ) -> None:
        """A default is of one type, so that it has to be stated with another type."""
        model = fixture_model("tf2_linear")
        apply(model, serving('input { key: "x" default: "[[1,2,3]]" }'))
        after = apply(model, serving(patch))
        assert "x float32 [1,3]" in types_of(after)
        assert defaults(after) == {"x": ("float32", (1, 3), [1, 2, 3])}
        assert_unchanged(model, serving(patch))


class TestUnchanged:
    def test_the_default_it_has(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf1_shared")
        assert_unchanged(model, serving('input { key: "scale" default: "10.0" }'))

    def test_the_default_it_has_in_other_bytes(self, fixture_model: ModelFactory) -> None:
        """TensorFlow writes several elements as `tensor_content`."""
        model = fixture_model("tf2_defaults")
        value = only_graph(model).signature_def["serving_default"].defaults["scale"]
        assert value.tensor_content
        assert_unchanged(model, serving('input { key: "scale" default: "[2,3,5]" }'))

    @pytest.mark.parametrize(
        "endpoint",
        [
            'input { key: "scale" default: "[1,2,3]" }',
            'input { key: "scale" dtype: "int32" default: "7" }',
            'input { key: "scale" default: "NaN" }',
            'input { key: "scale" rename_to: "a" shape: "[3,1]" default: "7" }',
        ],
    )
    def test_the_same_patch_again(self, fixture_model: ModelFactory, endpoint: str) -> None:
        assert_twice_is_once(fixture_model("tf2_defaults"), serving(endpoint))

    def test_without_the_record(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf1_shared")
        apply(model, serving('input { key: "x" default: "[[1,2,3]]" }'))
        apply(model, serving('output { key: "sum" dtype: "int64" }'))
        assert_unchanged(model, serving('input { key: "x" default: "[[1.0,2.0,3.0]]" }'))


class TestRefused:
    def test_another_dtype_or_shape(self, fixture_model: ModelFactory) -> None:
        assert refusals(
            fixture_model("tf2_image"),
            serving(
                'input { key: "training" default: "1" } input { key: "x" default: "[[1,2,3]]" }'
            ),
        ) == (
            "signature 'serving_default': input 'training' cannot have this default: 1 is not a "
            "bool: true or false.",
            "signature 'serving_default': input 'x' cannot have this default: '[[1,2,3]]' has the "
            "shape [1,3], but [?,4] is wanted.",
        )

    def test_the_dtype_it_has_now(self, fixture_model: ModelFactory) -> None:
        assert refusal(
            fixture_model("tf1_shared"),
            serving('input { key: "scale" dtype: "int32" default: "2.5" }'),
        ) == (
            "signature 'serving_default': input 'scale' cannot have this default: 2.5 is not an "
            "integer, which int32 holds."
        )

    @pytest.mark.parametrize(("name", "key"), [("tf1_sparse", "s"), ("tf1_composite", "r")])
    def test_several_tensors(self, fixture_model: ModelFactory, name: str, key: str) -> None:
        """TensorFlow Serving feeds one tensor for each default."""
        problem = refusal(
            fixture_model(name), serving(f'input {{ key: "{key}" default: "[[1,2,3,4]]" }}')
        )
        assert problem.startswith(
            f"signature 'serving_default': input '{key}' cannot have this default"
        )
        assert "several tensors" in problem

    def test_an_output(self, fixture_model: ModelFactory) -> None:
        assert refusal(
            fixture_model("tf2_linear"), serving('output { key: "p" default: "[[1,2,3]]" }')
        ) == (
            "signature 'serving_default': output 'p' has 'default', which only an input can have."
        )

    def test_unknown_key(self, fixture_model: ModelFactory) -> None:
        assert refusal(
            fixture_model("tf1_shared"), serving('input { key: "scalé" default: "1" }')
        ).startswith("signature 'serving_default' has no input 'scalé'; ")

    def test_a_signature_that_contradicts_its_graph(self, fixture_model: ModelFactory) -> None:
        """TensorFlow Serving would feed integers to a placeholder of floats."""

        def alter(meta_graph: protos.MetaGraphDef) -> None:
            meta_graph.signature_def["serving_default"].inputs["x"].dtype = 3

        model = altered(fixture_model("tf1_shared"), alter)
        assert "whose dtype is float32 in the graph, not int32 as the signature says" in refusal(
            model, serving('input { key: "x" default: "[[1,2,3]]" }')
        )

    def test_a_batch_size_that_leaves_it_behind(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_linear")
        apply(model, serving('input { key: "x" default: "[[1,2,3]]" }'))
        assert refusal(model, serving('batch_size: "3"')) == (
            "signature 'serving_default': input 'x' has a default value, of its present type; "
            "state a default of the new type."
        )


@pytest.mark.tensorflow
class TestInTensorFlow:
    @pytest.mark.parametrize("name", ["tf2_defaults", "tf1_shared"])
    def test_values(self, fixture_model: ModelFactory, name: str) -> None:
        assert_values_are_converted(
            fixture_model(name),
            serving(
                'input { key: "scale" dtype: "int32" default: "7" rename_to: "zz" } '
                'input { key: "x" default: "[[1,2,3]]" }'
            ),
        )

    def test_what_the_session_loader_sees(self, fixture_model: ModelFactory) -> None:
        import tensorflow as tf

        model = fixture_model("tf2_defaults")
        apply(model, serving('input { key: "scale" dtype: "int64" default: "[4,5,6]" }'))
        with tf.compat.v1.Session(graph=tf.Graph()) as session:
            loaded = tf.compat.v1.saved_model.load(session, list(SERVE), str(model))
            signature = loaded.signature_def["serving_default"]
            value = tf.make_ndarray(signature.defaults["scale"])
            assert (str(value.dtype), value.tolist()) == ("int64", [4, 5, 6])
            values = {"scale": value, "x": [[10.0, 20.0, 30.0]], "offset": [1.0, 1.0, 1.0]}
            fed = {info.name: values[key] for key, info in signature.inputs.items()}
            y = session.run(signature.outputs["y"].name, fed)
            assert y.tolist() == [[41, 101, 181]]

    def test_every_dtype(self, fixture_model: ModelFactory) -> None:
        """TensorFlow reads the value that was written."""
        import tensorflow as tf
        from tensorflow.core.framework import tensor_pb2

        for dtype in ("int8", "uint16", "uint64", "float16", "bfloat16", "float64", "bool"):
            model = fixture_model("tf1_shared")
            value = "true" if dtype == "bool" else "1"
            after = apply(
                model, serving(f'input {{ key: "scale" dtype: "{dtype}" default: "{value}" }}')
            )
            proto = after.signature_def["serving_default"].defaults["scale"]
            array = tf.make_ndarray(tensor_pb2.TensorProto.FromString(proto.SerializeToString()))
            assert (array.dtype.name, float(array), array.shape) == (dtype, 1.0, ())

    def test_fingerprint(self, fixture_model: ModelFactory) -> None:
        for name in ("tf2_defaults", "tf1_shared"):
            assert_fingerprinted(
                fixture_model(name), serving('input { key: "scale" default: "7" }')
            )
