from __future__ import annotations

import pytest

from tests.edits.in_tensorflow import assert_values_follow
from tests.parts import changed_parts, parts
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
from tests.views import outline, signature_map

RENAME = 'signature { key: "serving_default" rename_to: "predict" }'
SWAP = """
    signature { key: "serving_default" rename_to: "other" }
    signature { key: "other" rename_to: "serving_default" }
    """


class TestChanged:
    def test_signature_of_tf2(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_linear")
        before = only_graph(model)
        after = apply(model, RENAME)
        assert outline(after) == {
            "predict": "b, x -> p, s",
            "other": "x, y -> q, r",
            "single": "t -> u",
        }
        assert after.signature_def["predict"] == before.signature_def["serving_default"]
        assert [(child.local_name, child.node_id) for child in signature_map(after).children] == [
            ("predict", 4),
            ("other", 5),
            ("single", 6),
        ]

    def test_nothing_but_its_key(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_linear")
        before = (model / MAIN).read_bytes()
        apply(model, RENAME)
        after = (model / MAIN).read_bytes()
        assert changed_parts(before, after) == {
            "signature_def[serving_default]",
            "signature_def[predict]",
            "object_graph_def.nodes[3]",
        }
        before_names, after_names = list(parts(before)), list(parts(after))
        assert before_names.index("signature_def[serving_default]") == after_names.index(
            "signature_def[predict]"
        )

    def test_swap_and_cycle(self, fixture_model: ModelFactory) -> None:
        assert outline(apply(fixture_model("tf2_linear"), SWAP)) == {
            "serving_default": "x, y -> q, r",
            "other": "b, x -> p, s",
            "single": "t -> u",
        }
        cycle = """
            signature { key: "serving_default" rename_to: "other" }
            signature { key: "other" rename_to: "single" }
            signature { key: "single" rename_to: "serving_default" }
            """
        assert outline(apply(fixture_model("tf2_linear"), cycle)) == {
            "serving_default": "t -> u",
            "other": "b, x -> p, s",
            "single": "x, y -> q, r",
        }

    def test_every_meta_graph_that_holds_it(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf1_two_graphs")
        apply(model, RENAME)
        assert [outline(graph) for graph in read(model).meta_graphs] == [
            {"predict": "b, x -> y"},
            {"predict": "b, x -> y", "gpu_only": "b, x -> z"},
        ]

    def test_only_the_meta_graph_that_holds_it(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf1_two_graphs")
        apply(model, 'signature { key: "gpu_only" rename_to: "predict" }')
        assert [outline(graph) for graph in read(model).meta_graphs] == [
            {"serving_default": "b, x -> y"},
            {"serving_default": "b, x -> y", "predict": "b, x -> z"},
        ]


class TestUnchanged:
    def test_a_key_that_stays(self, fixture_model: ModelFactory) -> None:
        assert_unchanged(
            fixture_model("tf2_linear"), 'signature { key: "other" rename_to: "other" }'
        )

    def test_the_same_patch_again(self, fixture_model: ModelFactory) -> None:
        assert_twice_is_once(fixture_model("tf2_linear"), RENAME)

    def test_a_key_that_is_renamed_already(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_linear")
        apply(model, RENAME)
        apply(model, 'signature { key: "other" rename_to: "second" }')
        assert_unchanged(model, RENAME)

    def test_a_swap_that_was_made(self, fixture_model: ModelFactory) -> None:
        assert_twice_is_once(fixture_model("tf2_linear"), SWAP)


class TestRefused:
    def test_unknown_key(self, fixture_model: ModelFactory) -> None:
        assert refusal(
            fixture_model("tf2_linear"),
            'signature { key: "serving_defualt" rename_to: "predict" }',
        ) == (
            "there is no signature 'serving_defualt'; did you mean 'serving_default'? "
            "There are 'other', 'serving_default', 'single'."
        )

    def test_a_key_that_exists(self, fixture_model: ModelFactory) -> None:
        assert (
            refusal(fixture_model("tf2_linear"), 'signature { key: "other" rename_to: "single" }')
            == "two signatures would have the key 'single'; rename or delete one of them."
        )

    def test_two_to_one(self, fixture_model: ModelFactory) -> None:
        both = """
            signature { key: "other" rename_to: "predict" }
            signature { key: "single" rename_to: "predict" }
            """
        assert "'predict'" in refusal(fixture_model("tf2_linear"), both)

    def test_two_to_one_that_exists(self, fixture_model: ModelFactory) -> None:
        both = """
            signature { key: "first" rename_to: "single" }
            signature { key: "second" rename_to: "single" }
            """
        assert "'single'" in refusal(fixture_model("tf2_linear"), both)

    def test_an_empty_key(self, fixture_model: ModelFactory) -> None:
        assert (
            refusal(fixture_model("tf2_linear"), 'signature { key: "other" rename_to: "" }')
            == "signature 'other': a signature cannot have an empty key."
        )

    def test_keys_of_tensorflow(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_linear")
        assert refusals(
            model,
            """
            signature { key: "__saved_model_init_op" rename_to: "init" }
            signature { key: "other" rename_to: "__saved_model_train_op" }
            """,
        ) == (
            "signature '__saved_model_init_op': "
            "keys that start with '__saved_model_' are TensorFlow's own.",
        )
        assert (
            refusal(model, 'signature { key: "other" rename_to: "__saved_model_train_op" }')
            == "signature 'other': keys that start with '__saved_model_' are TensorFlow's own."
        )

    def test_a_key_that_only_the_object_graph_has(self, fixture_model: ModelFactory) -> None:
        """It would be in the signature map twice, and the loader would take the last."""
        model = fixture_model("tf2_linear")
        altered(model, lambda graph: graph.signature_def.pop("other"))
        assert "'other'" in refusal(model, 'signature { key: "single" rename_to: "other" }')


@pytest.mark.tensorflow
class TestInTensorFlow:
    def test_reversed_order(self, fixture_model: ModelFactory) -> None:
        assert_values_follow(
            fixture_model("tf2_linear"),
            """
            signature { key: "serving_default" rename_to: "a b" }
            signature { key: "other" rename_to: "zz" }
            signature { key: "single" rename_to: "other" }
            """,
        )

    def test_signatures_that_share_a_node_and_a_function(self, fixture_model: ModelFactory) -> None:
        assert_values_follow(
            fixture_model("tf2_shared"),
            """
            signature { key: "alias" rename_to: "twin" }
            signature { key: "serving_default" rename_to: "alias" }
            signature { key: "twin" rename_to: "serving_default" }
            """,
        )

    def test_signatures_without_inputs_and_outputs(self, fixture_model: ModelFactory) -> None:
        assert_values_follow(
            fixture_model("tf2_stateful"),
            """
            signature { key: "get" rename_to: "z" }
            signature { key: "increment" rename_to: "get" }
            signature { key: "reset" rename_to: "a" }
            """,
        )

    def test_signatures_of_tf1(self, fixture_model: ModelFactory) -> None:
        assert_values_follow(
            fixture_model("tf1_shared"),
            """
            signature { key: "serving_default" rename_to: "classify" }
            signature { key: "classify" rename_to: "serving_default" }
            signature { key: "regress" rename_to: "0" }
            """,
        )

    def test_one_of_several_meta_graphs(self, fixture_model: ModelFactory) -> None:
        assert_values_follow(
            fixture_model("tf1_two_graphs"),
            'tags { tag: "serve" } ' + RENAME,
        )
