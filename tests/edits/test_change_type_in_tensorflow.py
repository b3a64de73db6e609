from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sigpb
from sigpb.errors import PatchError
from sigpb.patching.patch_file import parse_text
from tests import model_runner
from tests.edits.in_tensorflow import (
    SERVE,
    assert_each_row_alone,
    assert_fingerprinted,
    assert_values_are_converted,
)
from tests.model_runner import Array
from tests.patches import ModelFactory, apply, read

pytestmark = pytest.mark.tensorflow

DTYPES = [
    *("bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "int4"),
    *("uint4", "float16", "bfloat16", "float64", "float8_e5m2", "float8_e4m3fn", "complex64"),
    *("complex128", "string"),
]


def serving(endpoints: str) -> str:
    return f'signature {{ key: "serving_default" {endpoints} }}'


def saved(folder: Path, function: Callable[..., Any], *specs: Any) -> Path:
    """Saves a model of one function, which is passed a variable first."""
    import tensorflow as tf

    module = tf.Module()
    module.w = tf.Variable([1.0, 2.0, 3.0, 4.0])
    signature = tf.function(lambda *args: function(module.w, *args), input_signature=specs)
    tf.saved_model.save(module, str(folder / "saved"), signatures=signature)
    return folder / "saved"


class TestDtypes:
    @pytest.mark.parametrize(
        ("name", "output", "dtypes"),
        [("tf2_linear", "p", DTYPES), ("tf1_shared", "sum", DTYPES[::3])],
    )
    def test_float32_to_and_from_other_dtypes(
        self, fixture_model: ModelFactory, name: str, output: str, dtypes: list[str]
    ) -> None:
        """In copies beside each other and beside the original, which stays as it is."""
        copies = (
            f"""
            signature {{
                key: "{dtype}"
                copy_of: "serving_default"
                input {{ key: "x" dtype: "{dtype}" rename_to: "zz" }}
                output {{ key: "{output}" dtype: "{dtype}" rename_to: "zzz" }}
            }}
            """
            for dtype in dtypes
        )
        assert_values_are_converted(fixture_model(name), "".join(copies))

    @pytest.mark.parametrize(
        "endpoints",
        [
            """
            input { key: "b" dtype: "int32" }
            input { key: "c" dtype: "float32" }
            input { key: "u" dtype: "float16" }
            output { key: "b" dtype: "string" }
            output { key: "c" dtype: "float64" }
            output { key: "h" dtype: "string" }
            output { key: "q" dtype: "int4" }
            output { key: "u" dtype: "float16" }
            """,
            """
            input { key: "b" dtype: "complex64" }
            input { key: "c" dtype: "complex128" }
            input { key: "u" dtype: "bool" }
            output { key: "b" dtype: "bfloat16" }
            output { key: "c" dtype: "string" }
            output { key: "h" dtype: "bool" }
            output { key: "q" dtype: "float8_e4m3fn" }
            output { key: "u" dtype: "float8_e5m2" }
            """,
            """
            input { key: "b" dtype: "string" }
            input { key: "c" dtype: "string" }
            input { key: "u" dtype: "string" shape: "[?,2]" }
            output { key: "b" dtype: "complex128" shape: "[1,1]" }
            output { key: "c" dtype: "bool" shape: "[2,1]" }
            output { key: "h" dtype: "float64" }
            output { key: "q" dtype: "string" }
            output { key: "u" dtype: "complex64" shape: "[?,2]" }
            """,
        ],
    )
    def test_dtypes_of_other_tensors(self, tmp_path: Path, endpoints: str) -> None:
        import tensorflow as tf

        def mixed(_: Any, b: Any, c: Any, u: Any) -> dict[str, Any]:
            return {
                "b": tf.logical_not(b),
                "c": 2 * c,
                "h": tf.cast(u, tf.half),
                "q": tf.cast(7 * u, tf.uint8),
                "u": u - 1,
            }

        specs = (
            tf.TensorSpec([], tf.bool, name="b"),
            tf.TensorSpec([2], tf.complex64, name="c"),
            tf.TensorSpec(None, tf.float64, name="u"),
        )
        assert_values_are_converted(saved(tmp_path, mixed, *specs), serving(endpoints))

    def test_text_and_numbers(self, fixture_model: ModelFactory) -> None:
        assert_values_are_converted(
            fixture_model("tf2_image"),
            """
            signature {
                key: "serving_default"
                input { key: "training" dtype: "string" }
                output { key: "label" dtype: "string" }
            }
            signature {
                key: "echo"
                input { key: "text" dtype: "int32" }
                output { key: "length" dtype: "bool" }
                output { key: "echo" shape: "[?,1]" }
            }
            """,
        )

    def test_text_that_is_no_number(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf1_shared")
        apply(model, 'signature { key: "classify" input { key: "inputs" dtype: "string" } }')
        words = {"classify": {"inputs": np.array([[b"1", b"two", b"3"]], object)}}
        for run in (model_runner.run_v1, model_runner.run_v2):
            assert "StringToNumber" in str(run(model, SERVE, words)["classify"])


class TestShapes:
    def test_units_and_flattened(self, fixture_model: ModelFactory) -> None:
        assert_values_are_converted(
            fixture_model("tf2_linear"),
            """
            signature {
                key: "serving_default"
                input { key: "x" shape: "[?,3,1]" }
                input { key: "b" shape: "[?,1,3]" }
                output { key: "p" shape: "[?,1,3]" }
                output { key: "s" shape: "[?]" }
            }
            signature {
                key: "single"
                input { key: "t" shape: "[9]" }
                output { key: "u" shape: "[?]" }
            }
            """,
        )

    def test_refined_and_relaxed(self, fixture_model: ModelFactory) -> None:
        assert_values_are_converted(
            fixture_model("tf2_linear"),
            """
            signature {
                key: "serving_default"
                input { key: "x" shape: "[3,3]" }
                output { key: "p" shape: "<unknown>" }
                output { key: "s" shape: "[?,?]" }
            }
            """,
        )

    def test_a_reshape_that_is_insisted_on(self, tmp_path: Path) -> None:
        import tensorflow as tf

        def scaled(w: Any, x: Any) -> dict[str, Any]:
            return {"y": x * w[:3]}

        model = saved(tmp_path, scaled, tf.TensorSpec([None, 4, 6, 3], tf.float32, name="x"))
        text = serving(
            """
            input { key: "x" shape: "[?,3,4,6]" reshape: true rename_to: "zz" }
            output { key: "y" shape: "[?,9,8]" reshape: true }
            """
        )
        patched = assert_values_are_converted(model, text)
        undo = sigpb.invert(model, parse_text(text))
        assert all(end.reshape for end in (*undo.signature[0].input, *undo.signature[0].output))
        wanted = sigpb.infer(model, patched).signature[0]
        assert all(end.reshape for end in (*wanted.input, *wanted.output))
        sigpb.patch(patched, undo, in_place=True)
        assert read(patched) == read(model)

    def test_several_unknown_sizes(self, tmp_path: Path) -> None:
        import tensorflow as tf

        def scaled(w: Any, x: Any) -> dict[str, Any]:
            return {"y": x * w, "transposed": tf.transpose(x, [1, 0, 2])}

        model = saved(tmp_path, scaled, tf.TensorSpec([None, None, 4], tf.float32, name="x"))
        patched = assert_values_are_converted(
            model,
            """
            signature {
                key: "serving_default"
                input { key: "x" dtype: "uint8" shape: "[?,?,2,2]" }
                output { key: "y" shape: "[?,?,4,1]" }
                output { key: "transposed" dtype: "string" shape: "[?,?,2,2]" }
            }
            """,
        )
        for sizes in ([2, 5, 2, 2], [0, 5, 2, 2], [5, 0, 2, 2]):
            x: Array = np.arange(np.prod(sizes)).reshape(sizes).astype(np.uint8)
            y = x.reshape(*sizes[:2], 4) * np.array([1, 2, 3, 4], np.float32)
            for run in (model_runner.run_v1, model_runner.run_v2):
                results = run(patched, SERVE, {"serving_default": {"x": x}})["serving_default"]
                assert not isinstance(results, str), results
                assert np.array_equal(results["y"], y.reshape(*sizes[:2], 4, 1))

    @pytest.mark.parametrize("name", ["tf2_image", "tf2_fixed_batch", "tf1_fixed_batch"])
    def test_empty_batches(self, fixture_model: ModelFactory, name: str) -> None:
        model = fixture_model(name)
        apply(
            model,
            serving('input { key: "x" dtype: "uint8" shape: "[?,2,2]" }')
            if name != "tf2_image"
            else serving(
                'input { key: "x" dtype: "string" shape: "[?,2,2]" } input { key: "training" bind: '
                '"true" } output { key: "scores" dtype: "string" shape: "[?,3,1]" }'
            ),
        )
        x: Array = np.zeros((0, 2, 2), object if name == "tf2_image" else np.uint8)
        for run in (model_runner.run_v1, model_runner.run_v2):
            results = run(model, SERVE, {"serving_default": {"x": x}})["serving_default"]
            assert not isinstance(results, str), results
            sizes = {key: value.shape for key, value in results.items()}
            assert (
                sizes
                == {
                    "tf2_image": {"label": (0,), "scores": (0, 3, 1)},
                    "tf2_fixed_batch": {"total": (), "y": (0, 2)},
                    "tf1_fixed_batch": {"image": (0, 2, 2), "y": (0, 2)},
                }[name]
            )

    @pytest.mark.parametrize("name", ["tf2_fixed_batch", "tf1_fixed_batch"])
    def test_relaxed_and_reshaped(self, fixture_model: ModelFactory, name: str) -> None:
        assert_each_row_alone(
            fixture_model(name),
            serving(
                'input { key: "x" dtype: "uint8" shape: "[?,2,2]" } '
                'output { key: "y" dtype: "int64" shape: "[?,1,2]" }'
            ),
            whole={"total"},
        )


class TestRefined:
    """Where a plan says nothing, every loader loads; what a session computes shapes of is known."""

    @pytest.fixture
    def model(self, tmp_path: Path) -> Path:
        import tensorflow as tf

        def computed(w: Any, a: Any, r: Any) -> dict[str, Any]:
            return {"o": tf.matmul(a, tf.ones([3, 2])) * w[:2], "r": r + a[:, 0]}

        specs = (
            tf.TensorSpec([None, None], tf.float32, name="a"),
            tf.TensorSpec([None], tf.float32, name="r"),
        )
        return saved(tmp_path, computed, *specs)

    def test_what_fits(self, model: Path) -> None:
        text = serving('input { key: "a" shape: "[3,3]" } input { key: "r" shape: "[3]" }')
        assert sigpb.plan(model, parse_text(text)).meta_graphs[0].unchecked == ()
        patched = model.with_name("patched")
        sigpb.patch(model, parse_text(text), output_dir=patched)
        values = {"a": np.arange(9.0, dtype=np.float32).reshape(3, 3), "r": np.float32([1, 5, 7])}
        fed = {"serving_default": values}
        expected = model_runner.run_v1(model, SERVE, fed)
        resaved = model_runner.resave(patched, SERVE, model.with_name("resaved"))
        model_runner.assert_equal(expected, model_runner.run_v1(patched, SERVE, fed))
        for directory in (patched, resaved):
            model_runner.assert_equal(expected, model_runner.run_v2(directory, SERVE, fed))

    def test_a_session_refuses_another_size(self, model: Path) -> None:
        import tensorflow as tf

        apply(model, serving('input { key: "a" shape: "[3,3]" } input { key: "r" shape: "[3]" }'))
        with tf.compat.v1.Session(graph=tf.Graph()) as session:
            loaded = tf.compat.v1.saved_model.load(session, list(SERVE), str(model))
            signature = loaded.signature_def["serving_default"]
            fed = {signature.inputs["a"].name: np.ones([2, 3]), signature.inputs["r"].name: [1, 2]}
            with pytest.raises(ValueError, match="Cannot feed value of shape"):
                session.run(signature.outputs["r"].name, fed)

    @pytest.mark.parametrize(
        ("a", "r", "said"),
        [
            (
                "[?,4]",
                "[?]",
                "MatMul 'MatMul' of function .* the shapes [?,4] and [3,2], so",
            ),
            ("[2,?]", "[3]", "AddV2 'add' of function .* the shapes [3] and [2], so"),
        ],
    )
    def test_what_contradicts(self, model: Path, a: str, r: str, said: str) -> None:
        text = serving(f'input {{ key: "a" shape: "{a}" }} input {{ key: "r" shape: "{r}" }}')
        with pytest.raises(PatchError, match=re.escape(said).replace(r"\.\*", ".*")):
            sigpb.plan(model, parse_text(text))


class TestGraphs:
    def test_one_placeholder_of_several_signatures(self, fixture_model: ModelFactory) -> None:
        assert_values_are_converted(
            fixture_model("tf1_shared"),
            """
            signature {
                key: "serving_default"
                input { key: "x" dtype: "int32" }
                input { key: "y" dtype: "float16" rename_to: "a" }
            }
            signature {
                key: "classify"
                input { key: "inputs" dtype: "uint8" shape: "[?,3,1]" }
                output { key: "scores" dtype: "float64" rename_to: "a" }
                output { key: "classes" shape: "[?,3,1]" }
            }
            signature { key: "again" copy_of: "regress" input { key: "inputs" dtype: "int8" } }
            signature { key: "plain" copy_of: "regress" }
            """,
        )

    def test_one_placeholder_of_which_one_signature_is_retyped(
        self, fixture_model: ModelFactory
    ) -> None:
        assert_values_are_converted(
            fixture_model("tf1_shared"), serving('input { key: "x" dtype: "int64" }')
        )

    def test_functions_that_signatures_share(self, fixture_model: ModelFactory) -> None:
        assert_values_are_converted(
            fixture_model("tf2_shared"),
            """
            signature {
                key: "alias"
                input { key: "b" dtype: "int32" rename_to: "y" }
                output { key: "s" dtype: "int64" rename_to: "a" }
            }
            signature { key: "twin" input { key: "x" dtype: "uint8" shape: "[?,3,1]" } }
            """,
        )

    def test_inputs_that_another_signature_computes(self, fixture_model: ModelFactory) -> None:
        assert_values_are_converted(
            fixture_model("tf1_interior"),
            """
            signature {
                key: "serving_default"
                input { key: "x" dtype: "int64" shape: "[?,2,1]" rename_to: "zz" }
                output { key: "y" dtype: "float64" }
            }
            signature { key: "tail" input { key: "h" dtype: "float16" } }
            signature { key: "from_examples" output { key: "x" dtype: "string" } }
            """,
        )

    def test_only_the_input_that_another_signature_computes(
        self, fixture_model: ModelFactory
    ) -> None:
        assert_values_are_converted(
            fixture_model("tf1_interior"), serving('input { key: "x" dtype: "int64" }')
        )

    def test_an_input_that_is_an_output(self, fixture_model: ModelFactory, tmp_path: Path) -> None:
        assert_values_are_converted(
            fixture_model("tf1_no_variables"),
            """
            signature {
                key: "default"
                input { key: "a" dtype: "int32" rename_to: "b" }
                input { key: "b" dtype: "uint8" rename_to: "a" }
                output { key: "b" dtype: "float64" rename_to: "y" }
                output { key: "y" dtype: "string" rename_to: "b" }
            }
            """,
            tags=(),
        )
        import tensorflow as tf

        spec = tf.TensorSpec([None, 4], tf.float32, name="x")
        assert_values_are_converted(
            saved(tmp_path, lambda w, x: {"x": x, "y": x, "z": x * w}, spec),
            serving(
                'input { key: "x" dtype: "uint8" shape: "[?,2,2]" } '
                'output { key: "y" dtype: "int64" } output { key: "x" rename_to: "zz" }'
            ),
        )

    def test_sparse_and_composite_signatures(self, fixture_model: ModelFactory) -> None:
        assert_values_are_converted(
            fixture_model("tf1_sparse"),
            serving(
                """
                input { key: "s" dtype: "int32" rename_to: "a" }
                input { key: "d" shape: "[?,2,2]" }
                output { key: "doubled" dtype: "int64" rename_to: "a" }
                output { key: "dense" dtype: "float64" }
                """
            ),
            exportable=False,  # TensorFlow cannot save the model as it is either.
        )
        assert_values_are_converted(
            fixture_model("tf1_composite"),
            serving(
                """
                input { key: "d" dtype: "int32" shape: "[?,1]" rename_to: "z" }
                output { key: "sums" dtype: "int64" rename_to: "a" }
                """
            ),
        )

    def test_a_model_that_only_session_clients_can_load(self, fixture_model: ModelFactory) -> None:
        assert_values_are_converted(
            fixture_model("tf1_eval"),
            'signature { key: "eval" input { key: "features/x" dtype: "int32" } }'
            + serving('input { key: "x" dtype: "int64" } output { key: "p" dtype: "string" }'),
            tags=("eval",),
            loadable=False,  # One key of tf1_eval stands for the tensor of another.
        )

    @pytest.mark.parametrize("tags", [("serve",), ("serve", "gpu")])
    def test_several_meta_graphs(self, fixture_model: ModelFactory, tags: tuple[str, ...]) -> None:
        assert_values_are_converted(
            fixture_model("tf1_two_graphs"),
            serving('input { key: "x" dtype: "int32" } output { key: "y" dtype: "float64" }')
            + 'signature { key: "gpu_only" input { key: "b" dtype: "uint8" rename_to: "z" } }',
            tags=tags,
        )

    def test_everything_at_once(self, fixture_model: ModelFactory) -> None:
        assert_values_are_converted(
            fixture_model("tf2_many"),
            """
            signature {
                key: "serving_default"
                rename_to: "mix"
                method_name: "tensorflow/serving/predict"
                input { key: "a" dtype: "int32" rename_to: "c" }
                input { key: "b" bind: "[[1,2],[3,4],[5,6]]" }
                input { key: "c" shape: "[?,2,1]" rename_to: "a" default: "[[[1],[2]]]" }
                input { key: "d" dtype: "uint8" rename_to: "0" }
                output { key: "k" dtype: "string" rename_to: "m" }
                output { key: "m" drop: true }
                output { key: "z" shape: "[?,1,2]" rename_to: "k" }
                output { key: "a" from_tensor: "None_Lookup/LookupTableFindV2:0" dtype: "int64" }
            }
            signature { key: "serving_default" copy_of: "serving_default" }
            """,
        )
        assert_values_are_converted(
            fixture_model("tf2_image"),
            """
            signature {
                key: "serving_default"
                batch_size: "3"
                input { key: "x" dtype: "uint8" rename_to: "zz" }
                input { key: "training" bind: "true" }
                output { key: "label" dtype: "string" rename_to: "scores" }
                output { key: "scores" shape: "[?,1,3]" rename_to: "label" }
                output { key: "pooled" from_tensor: "pool/Mean:0" }
            }
            """,
        )


class TestStateful:
    PATCH = """
        signature {
            key: "add"
            input { key: "delta" dtype: "int32" }
            output { key: "after" dtype: "float32" rename_to: "zz" }
        }
        signature { key: "increment" output { key: "count" dtype: "string" } }
        """

    def test_values(self, fixture_model: ModelFactory) -> None:
        assert_values_are_converted(fixture_model("tf2_stateful"), self.PATCH)

    def test_a_call_counts_once_in_a_session(self, fixture_model: ModelFactory) -> None:
        import tensorflow as tf

        model = fixture_model("tf2_stateful")
        apply(model, self.PATCH)
        with tf.compat.v1.Session(graph=tf.Graph()) as session:
            signatures = tf.compat.v1.saved_model.load(session, ["serve"], str(model)).signature_def
            outputs = signatures["increment"].outputs["count"].name
            assert [session.run(outputs) for _ in range(3)] == [b"6", b"7", b"8"]
            add = signatures["add"]
            fetched = {key: info.name for key, info in add.outputs.items()}
            fed = {add.inputs["delta"].name: np.int32(10)}
            assert [session.run(fetched, fed) for _ in range(2)] == [
                {"before": 8, "zz": 18.0},
                {"before": 18, "zz": 28.0},
            ]
            assert session.run(signatures["get"].outputs["count"].name) == 28

    def test_a_call_counts_once_in_a_loaded_model(self, fixture_model: ModelFactory) -> None:
        import tensorflow as tf

        model = fixture_model("tf2_stateful")
        apply(model, self.PATCH)
        signatures = model_runner.load_v2(model, SERVE).signatures
        counts = [signatures["increment"]()["count"].numpy() for _ in range(3)]
        assert counts == [b"6", b"7", b"8"]
        sums = [signatures["add"](delta=tf.constant(10))["zz"].numpy() for _ in range(2)]
        assert sums == [18.0, 28.0]
        assert signatures["get"]()["count"].numpy() == 28


class TestAgain:
    """Patches of a model that is patched already; each is compared with the one before."""

    @pytest.mark.parametrize("name", ["tf2_linear", "tf1_shared"])
    def test_one_patch_after_the_other(self, fixture_model: ModelFactory, name: str) -> None:
        model, p = fixture_model(name), {"tf2_linear": "p", "tf1_shared": "sum"}[name]
        for endpoints in (
            'input { key: "x" dtype: "uint8" }',
            f'input {{ key: "x" dtype: "int64" shape: "[?,3,1]" }} '
            f'output {{ key: "{p}" dtype: "int32" }}',
            f'input {{ key: "x" rename_to: "zz" }} output {{ key: "{p}" rename_to: "z" }}',
            'input { key: "zz" dtype: "float32" shape: "[?,3]" } '
            'output { key: "z" dtype: "float32" }',
            f'input {{ key: "zz" rename_to: "x" }} output {{ key: "z" rename_to: "{p}" }}',
            f'input {{ key: "x" bind: "[[1,2,3],[4,5,6],[7,8,9]]" }} '
            f'output {{ key: "{p}" drop: true }}',
        ):
            model = assert_values_are_converted(model, serving(endpoints))

    @pytest.mark.parametrize("name", ["tf2_fixed_batch", "tf1_fixed_batch"])
    def test_relaxed_after_a_change_of_type(self, fixture_model: ModelFactory, name: str) -> None:
        model = assert_values_are_converted(
            fixture_model(name), serving('input { key: "x" dtype: "uint8" shape: "[1,2,2]" }')
        )
        assert_each_row_alone(model, serving('batch_size: "?"'), whole={"total"})

    @pytest.mark.parametrize("name", ["tf2_fixed_batch", "tf1_fixed_batch"])
    def test_a_change_of_type_after_relaxing(self, fixture_model: ModelFactory, name: str) -> None:
        model = fixture_model(name)
        for patch in (
            'batch_size: "?"',
            'input { key: "x" dtype: "uint8" shape: "[?,2,2]" }',
            'batch_size: "3"',
            'input { key: "x" dtype: "float32" shape: "[3,4]" } output { key: "y" dtype: "int8" }',
        ):
            model = assert_values_are_converted(model, serving(patch))

    def test_an_input_that_another_signature_computes(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf1_interior")
        for endpoints in (
            'input { key: "x" dtype: "int64" }',
            'input { key: "x" shape: "[?,2,1]" rename_to: "a" } output { key: "y" dtype: "int32" }',
        ):
            model = assert_values_are_converted(model, serving(endpoints))


@pytest.mark.parametrize(
    ("name", "output"),
    [("tf2_linear", "p"), ("tf2_fixed_batch", "y"), ("tf1_shared", "sum"), ("tf1_interior", "y")],
)
def test_fingerprint(fixture_model: ModelFactory, name: str, output: str) -> None:
    assert_fingerprinted(
        fixture_model(name),
        serving(
            f'input {{ key: "x" dtype: "uint8" }} output {{ key: "{output}" dtype: "string" }}'
        ),
    )
