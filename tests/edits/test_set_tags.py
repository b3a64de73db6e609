from __future__ import annotations

import pytest

from tests import model_runner
from tests.edits.in_tensorflow import assert_values_follow
from tests.parts import changed_parts
from tests.patches import (
    MAIN,
    ModelFactory,
    apply,
    assert_twice_is_once,
    assert_unchanged,
    read,
    refusal,
)

SET = 'set_tags { tag: "serve" tag: "gpu" }'


class TestChanged:
    def test_tags(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_linear")
        before = (model / MAIN).read_bytes()
        after = apply(model, SET)
        assert list(after.meta_info_def.tags) == ["gpu", "serve"]
        assert changed_parts(before, (model / MAIN).read_bytes()) == {
            "meta_info_def.tags[0]",
            "meta_info_def.tags[1]",
        }

    def test_no_tags_to_some_and_back(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf1_no_variables")
        before = (model / MAIN).read_bytes()
        after = apply(model, 'set_tags { tag: "serve" }')
        assert list(after.meta_info_def.tags) == ["serve"]
        after = apply(model, "set_tags {}")
        assert list(after.meta_info_def.tags) == []
        assert (model / MAIN).read_bytes() == before

    def test_one_of_several_meta_graphs(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf1_two_graphs")
        apply(model, 'tags { tag: "gpu" tag: "serve" } set_tags { tag: "gpu" }')
        tags = [list(graph.meta_info_def.tags) for graph in read(model).meta_graphs]
        assert tags == [["serve"], ["gpu"]]

    def test_together_with_a_signature(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf1_two_graphs")
        apply(
            model,
            """
            tags { tag: "serve" }
            set_tags { tag: "cpu" }
            signature { key: "serving_default" rename_to: "predict" }
            """,
        )
        assert [
            (list(graph.meta_info_def.tags), sorted(graph.signature_def))
            for graph in read(model).meta_graphs
        ] == [(["cpu"], ["predict"]), (["serve", "gpu"], ["gpu_only", "serving_default"])]


class TestUnchanged:
    def test_the_tags_it_has(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf1_two_graphs")
        assert_unchanged(
            model, 'tags { tag: "gpu" tag: "serve" } set_tags { tag: "gpu" tag: "serve" }'
        )
        assert_unchanged(fixture_model("tf1_no_variables"), "set_tags {}")
        assert_unchanged(fixture_model("tf2_linear"), 'set_tags { tag: "serve" tag: "serve" }')

    def test_the_same_patch_again(self, fixture_model: ModelFactory) -> None:
        assert_twice_is_once(fixture_model("tf2_linear"), SET)

    def test_a_meta_graph_that_has_them_already(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf1_two_graphs")
        patch = 'tags { tag: "serve" } set_tags { tag: "cpu" }'
        apply(model, patch)
        apply(model, 'signature { key: "gpu_only" method_name: "m" }')
        assert_unchanged(model, patch)


class TestRefused:
    def test_unknown_tags(self, fixture_model: ModelFactory) -> None:
        assert refusal(
            fixture_model("tf1_two_graphs"), 'tags { tag: "gpu" } set_tags { tag: "tpu" }'
        ) == ("no MetaGraph has the tag-set {gpu}; there are {serve}, {gpu, serve}.")

    def test_tags_of_another_meta_graph(self, fixture_model: ModelFactory) -> None:
        assert refusal(
            fixture_model("tf1_two_graphs"),
            'tags { tag: "gpu" tag: "serve" } set_tags { tag: "serve" }',
        ) == (
            "2 MetaGraphs would have the tag-set {serve}, and a loader could not choose between "
            "them; select one by its tags."
        )

    def test_the_same_tags_for_all(self, fixture_model: ModelFactory) -> None:
        assert refusal(fixture_model("tf1_two_graphs"), 'set_tags { tag: "tpu" }') == (
            "2 MetaGraphs would have the tag-set {tpu}, and a loader could not choose between "
            "them; select one by its tags."
        )


@pytest.mark.tensorflow
def test_in_tensorflow(fixture_model: ModelFactory) -> None:
    patch = """
        set_tags { tag: "tpu" tag: "a b" }
        signature { key: "serving_default" input { key: "x" rename_to: "a" } }
        """
    for name in ("tf2_linear", "tf1_shared"):
        patched = assert_values_follow(fixture_model(name), patch)
        with pytest.raises((ValueError, RuntimeError), match="serve"):
            model_runner.load_v2(patched, ["serve"])
