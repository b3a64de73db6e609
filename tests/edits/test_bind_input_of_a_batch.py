"""A bound value of one example goes with every batch of the inputs that are left."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sigpb
from sigpb import protos
from sigpb.graphs import redirection
from sigpb.patching.patch_file import parse_text
from tests.edits.before_after import planned
from tests.edits.built_models import Signature, function_model, patched, results, session_model
from tests.model_runner import Array
from tests.patches import ModelFactory, altered, apply, refusal

B, X = 'input { key: "b"', 'input { key: "x"'


def serving(endpoints: str) -> str:
    return f'signature {{ key: "serving_default" {endpoints} }}'


class TestPlan:
    """The inputs b and x of tf2_linear, and those of tf1_shared, are [?,3]."""

    @pytest.mark.parametrize("value", ["[[1, 2, 3]]", "[1, 2, 3]", "5"])
    def test_one_example(self, fixture_model: ModelFactory, value: str) -> None:
        for name in ("tf2_linear", "tf1_shared"):
            patch = serving(f'{X} bind: "{value}" }}')
            other = {"tf2_linear": "b", "tf1_shared": "y"}[name]
            assert planned(fixture_model(name), patch) == [
                f"input 'x' bound to {value} for each row of input '{other}'"
            ]

    def test_several_examples(self, fixture_model: ModelFactory) -> None:
        patch = serving(f'{X} bind: "[[1,2,3],[4,5,6]]" }}')
        assert planned(fixture_model("tf2_linear"), patch) == [
            "input 'x' bound to [[1,2,3],[4,5,6]], 2 rows however many input 'b' has"
        ]

    def test_no_other_input_is_left(self, fixture_model: ModelFactory) -> None:
        patch = serving(f'{X} bind: "[[1,2,3]]" }} {B} bind: "[[4,5,6]]" }}')
        assert planned(fixture_model("tf2_linear"), patch) == [
            "input 'x' bound to [[1,2,3]]",
            "input 'b' bound to [[4,5,6]]",
        ]
        assert "'[1,2,3]' has the shape [3], but [?,3] is wanted" in refusal(
            fixture_model("tf2_linear"), patch.replace("[[1,2,3]]", "[1,2,3]")
        )

    def test_an_input_that_has_no_batch(self, fixture_model: ModelFactory) -> None:
        for name, key, value in (("tf2_image", "training", "true"), ("tf1_shared", "scale", "2")):
            patch = serving(f'input {{ key: "{key}" bind: "{value}" }}')
            assert planned(fixture_model(name), patch) == [f"input '{key}' bound to {value}"]

    def test_a_sparse_input_is_no_batch_to_follow(self, fixture_model: ModelFactory) -> None:
        def alter(meta_graph: protos.MetaGraphDef) -> None:
            info = meta_graph.signature_def["serving_default"].inputs["y"]
            info.coo_sparse.values_tensor_name = "y:0"

        model = altered(fixture_model("tf1_shared"), alter)
        patch = serving(f'{X} bind: "[[1,2,3]]" }}')
        assert planned(model, patch) == ["input 'x' bound to [[1,2,3]]"]

    def test_it_recommends_to_verify(self, fixture_model: ModelFactory) -> None:
        plan = sigpb.plan(fixture_model("tf2_linear"), parse_text(serving(f'{X} bind: "5" }}')))
        line = "what the graph computes with input 'x' bound"
        assert f"\n    not checked without --verify: {line}" in str(plan)
        assert plan.to_json()["meta_graphs"][0]["unchecked"] == [line]
        renamed = parse_text(serving(f'{X} rename_to: "z" }}'))
        assert "not checked" not in str(sigpb.plan(fixture_model("tf2_linear"), renamed))

    @pytest.mark.parametrize("name", ["tf2_linear", "tf1_shared"])
    def test_infer_finds_the_value(self, fixture_model: ModelFactory, name: str) -> None:
        model, bound = fixture_model(name), fixture_model(name)
        apply(bound, serving(f'{X} bind: "[1, 2, 3]" }}'))
        (item,) = sigpb.infer(model, bound).signature[0].input
        assert (item.key, item.bind) == ("x", "[[1.0, 2.0, 3.0]]")


def concatenated(x: Any, w: Any) -> dict[str, Any]:
    import tensorflow as tf

    return {"y": tf.concat([x, w], 1)}


@pytest.mark.tensorflow
class TestInTensorFlow:
    @pytest.mark.parametrize("rows", [0, 1, 3])
    @pytest.mark.parametrize("left", ["", f'{X} dtype: "int64" rename_to: "a" }}'])
    def test_of_a_function(self, tmp_path: Path, rows: int, left: str) -> None:
        model = function_model(tmp_path, concatenated, x=[None, 2], w=[None, 2])
        after = patched(model, f'input {{ key: "w" bind: "[8, 9]" }} {left}')
        x: Array = np.arange(2 * rows).reshape(rows, 2).astype("int64" if left else "float32")
        expected = [[*row, 8, 9] for row in x.tolist()]
        for outputs in results(after, {"a" if left else "x": x}):
            assert outputs == {"y": expected}

    @pytest.mark.parametrize("many_nodes", [0, 10_000])
    @pytest.mark.parametrize("left", ["", f'{X} dtype: "int64" }}'])
    def test_of_a_graph(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, many_nodes: int, left: str
    ) -> None:
        def build(v1: Any) -> Signature:
            x = v1.placeholder("float32", [None, 2], name="x")
            w = v1.placeholder("float32", [None, 2], name="w")
            return {"x": x, "w": w}, concatenated(x, w)

        monkeypatch.setattr(redirection, "_MANY_NODES", many_nodes)
        after = patched(
            session_model(tmp_path, build), f'input {{ key: "w" bind: "[8, 9]" }} {left}'
        )
        x = np.array([[1, 2], [3, 4], [5, 6]], "int64" if left else "float32")
        for outputs in results(after, {"x": x}):
            assert outputs == {"y": [[1, 2, 8, 9], [3, 4, 8, 9], [5, 6, 8, 9]]}

    def test_the_rows_of_what_is_computed_from_it(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The constant may not take the place of the placeholder that its own rows come from."""

        def build(v1: Any) -> Signature:
            w = v1.placeholder("float32", [None, 2], name="w")
            h = v1.multiply(w, 2.0, name="h")
            return {"h": h, "w": w}, concatenated(h, w)

        monkeypatch.setattr(redirection, "_MANY_NODES", 0)
        after = patched(session_model(tmp_path, build), 'input { key: "w" bind: "[8, 9]" }')
        for outputs in results(after, {"h": np.array([[1, 2], [3, 4]], "float32")}):
            assert outputs == {"y": [[1, 2, 8, 9], [3, 4, 8, 9]]}

    @pytest.mark.parametrize(
        ("shape", "value", "row"),
        [
            ([None], "0.5", 0.5),
            ([None, 1], "0.5", [0.5]),
            ([None, None], "[[1, 2]]", [1, 2]),
            ([None, None], "[1, 2]", [1, 2]),
            ([None, 2, 2], "[[1, 2], [3, 4]]", [[1, 2], [3, 4]]),
        ],
    )
    def test_shapes(
        self, tmp_path: Path, shape: Sequence[int | None], value: str, row: Any
    ) -> None:
        def both(w: Any, x: Any) -> dict[str, Any]:
            return {"w_again": w + 0.0, "y": x * 2.0}

        model = function_model(tmp_path, both, w=shape, x=[None, 2])
        after = patched(model, f'input {{ key: "w" bind: "{value}" }}')
        x: Array = np.ones([3, 2], "float32")
        for outputs in results(after, {"x": x}):
            assert outputs == {"w_again": [row] * 3, "y": (x * 2).tolist()}

    def test_text_and_a_fixed_batch(self, tmp_path: Path) -> None:
        import tensorflow as tf

        def joined(t: Any, u: Any) -> dict[str, Any]:
            return {"y": tf.strings.join([t, u])}

        module, model = tf.Module(), tmp_path / "model"
        specs = [tf.TensorSpec([None], tf.string, name=name) for name in "tu"]
        module.function = tf.function(joined, input_signature=specs)
        tf.saved_model.save(module, str(model), signatures=module.function)
        after = patched(model, 'batch_size: "2" input { key: "u" bind: "\\"!\\"" }')
        for outputs in results(after, {"t": np.array([b"one", b"two"], dtype=object)}):
            assert outputs == {"y": [b"one!", b"two!"]}

    def test_several_rows_stay_as_they_are(self, tmp_path: Path) -> None:
        def product(w: Any, x: Any) -> dict[str, Any]:
            import tensorflow as tf

            return {"y": tf.matmul(x, w, transpose_b=True)}

        model = function_model(tmp_path, product, w=[None, 2], x=[None, 2])
        after = patched(model, 'input { key: "w" bind: "[[1, 0], [0, 1], [1, 1]]" }')
        for outputs in results(after, {"x": np.array([[1, 2]], "float32")}):
            assert outputs == {"y": [[1, 2, 3]]}

    def test_renamed_and_wrapped_before(self, tmp_path: Path) -> None:
        model = function_model(tmp_path, concatenated, x=[None, 2], w=[None, 2])
        first = patched(model, 'input { key: "x" rename_to: "a" }')
        second = patched(first.rename(tmp_path / "first"), 'input { key: "w" bind: "[8, 9]" }')
        for outputs in results(second, {"a": np.array([[1, 2], [3, 4]], "float32")}):
            assert outputs == {"y": [[1, 2, 8, 9], [3, 4, 8, 9]]}

    @pytest.mark.parametrize("old", [True, False])
    def test_verify_repeats_it_too(self, tmp_path: Path, old: bool) -> None:
        def build(v1: Any) -> Signature:
            x = v1.placeholder("float32", [None, 2], name="x")
            w = v1.placeholder("float32", [None, 2], name="w")
            return {"x": x, "w": w}, concatenated(x, w)

        model = (
            session_model(tmp_path, build)
            if old
            else function_model(tmp_path, concatenated, x=[None, 2], w=[None, 2])
        )
        patch = parse_text(serving('input { key: "w" bind: "[8, 9]" }'))
        after = tmp_path / "after"
        sigpb.patch(model, patch, output_dir=after)
        report = sigpb.verify(model, after, patch=patch, batch_sizes=(1, 3))
        assert report.verdict == "equivalent", report
        assert "not run" not in str(report)
