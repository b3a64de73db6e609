from __future__ import annotations

import pytest

from tests.edits.in_tensorflow import assert_values_follow
from tests.parts import changed_parts, parts
from tests.patches import (
    MAIN,
    ModelFactory,
    apply,
    assert_twice_is_once,
    assert_unchanged,
    only_graph,
    read,
    refusal,
    refusals,
)
from tests.views import outline, session_view, signature_map

COPY = 'signature { key: "legacy" copy_of: "serving_default" }'


class TestChanged:
    def test_signature_of_tf2(self, fixture_model: ModelFactory) -> None:
        after = apply(fixture_model("tf2_linear"), COPY)
        assert outline(after) == {
            "serving_default": "b, x -> p, s",
            "legacy": "b, x -> p, s",
            "other": "x, y -> q, r",
            "single": "t -> u",
        }
        assert after.signature_def["legacy"] == after.signature_def["serving_default"]

    def test_nothing_but_two_entries(self, fixture_model: ModelFactory) -> None:
        """A copy under the same keys is a second name for the same node of the object graph."""
        model = fixture_model("tf2_linear")
        before = (model / MAIN).read_bytes()
        after = apply(model, COPY)
        names = list(parts((model / MAIN).read_bytes()))
        assert changed_parts(before, (model / MAIN).read_bytes()) == {
            "signature_def[legacy]",
            "object_graph_def.nodes[3]",
        }
        place = names.index("signature_def[serving_default]")
        assert names[place + 1] == "signature_def[legacy]"
        assert [(child.local_name, child.node_id) for child in signature_map(after).children] == [
            ("serving_default", 4),
            ("legacy", 4),
            ("other", 5),
            ("single", 6),
        ]

    def test_with_keys_and_a_method_of_its_own(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_linear")
        before = only_graph(model)
        after = apply(
            model,
            """
            signature {
                key: "legacy"
                copy_of: "serving_default"
                method_name: "my/own"
                input { key: "x" rename_to: "a" }
                output { key: "s" drop: true }
            }
            """,
        )
        assert outline(after) == {**outline(before), "legacy": "a, b -> p"}
        assert after.signature_def["legacy"].method_name == "my/own"
        assert after.signature_def["serving_default"] == before.signature_def["serving_default"]

    def test_of_a_signature_that_changes(self, fixture_model: ModelFactory) -> None:
        """The copy is one of the model as it is now, and names the keys of that."""
        after = apply(
            fixture_model("tf2_linear"),
            """
            signature {
                key: "serving_default"
                rename_to: "predict"
                input { key: "x" rename_to: "image" }
                output { key: "p" rename_to: "z" }
            }
            signature {
                key: "serving_default_v1"
                copy_of: "serving_default"
                input { key: "x" rename_to: "a" }
            }
            """,
        )
        assert outline(after) == {
            "predict": "b, image -> s, z",
            "serving_default_v1": "a, b -> p, s",
            "other": "x, y -> q, r",
            "single": "t -> u",
        }

    def test_onto_a_key_that_becomes_free(self, fixture_model: ModelFactory) -> None:
        after = apply(
            fixture_model("tf2_linear"),
            """
            signature { key: "serving_default" rename_to: "first" }
            signature { key: "serving_default" copy_of: "other" }
            signature { key: "single" drop: true }
            signature { key: "single" copy_of: "serving_default" }
            """,
        )
        assert outline(after) == {
            "first": "b, x -> p, s",
            "single": "b, x -> p, s",
            "serving_default": "x, y -> q, r",
            "other": "x, y -> q, r",
        }

    def test_onto_a_key_that_becomes_free_and_looks_the_same(
        self, fixture_model: ModelFactory
    ) -> None:
        after = apply(
            fixture_model("tf2_shared"),
            """
            signature { key: "alias" rename_to: "second" }
            signature { key: "alias" copy_of: "serving_default" }
            """,
        )
        assert sorted(outline(after)) == ["alias", "second", "serving_default", "twin"]

    def test_of_a_signature_that_goes(self, fixture_model: ModelFactory) -> None:
        after = apply(
            fixture_model("tf2_linear"), COPY + 'signature { key: "serving_default" drop: true }'
        )
        assert outline(after) == {
            "legacy": "b, x -> p, s",
            "other": "x, y -> q, r",
            "single": "t -> u",
        }

    def test_several_copies(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf1_shared")
        apply(model, COPY + 'signature { key: "a" copy_of: "serving_default" }')
        names = list(parts((model / MAIN).read_bytes()))
        place = names.index("signature_def[serving_default]")
        assert names[place + 1 : place + 3] == ["signature_def[legacy]", "signature_def[a]"]

    def test_of_tf1_with_defaults(self, fixture_model: ModelFactory) -> None:
        after = apply(
            fixture_model("tf1_shared"),
            """
            signature {
                key: "legacy"
                copy_of: "serving_default"
                input { key: "scale" rename_to: "zoom" }
            }
            """,
        )
        assert session_view(after)["legacy"] == (
            {"x": ("x:0",), "y": ("y:0",), "zoom": ("scale:0",)},
            {"sum": ("sum_1:0",), "difference": ("difference:0",)},
        )
        assert list(after.signature_def["legacy"].defaults) == ["zoom"]
        assert list(after.signature_def["serving_default"].defaults) == ["scale"]

    def test_in_every_meta_graph_that_holds_the_original(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf1_two_graphs")
        apply(model, 'signature { key: "a" copy_of: "gpu_only" }' + COPY)
        assert [outline(graph) for graph in read(model).meta_graphs] == [
            {"serving_default": "b, x -> y", "legacy": "b, x -> y"},
            {
                "serving_default": "b, x -> y",
                "legacy": "b, x -> y",
                "gpu_only": "b, x -> z",
                "a": "b, x -> z",
            },
        ]


class TestUnchanged:
    def test_the_same_patch_again(self, fixture_model: ModelFactory) -> None:
        assert_twice_is_once(fixture_model("tf2_linear"), COPY)

    def test_a_copy_that_is_there(self, fixture_model: ModelFactory) -> None:
        assert_unchanged(
            fixture_model("tf2_shared"), 'signature { key: "alias" copy_of: "serving_default" }'
        )

    def test_a_copy_that_is_there_with_keys_of_its_own(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_linear")
        copy = """
            signature {
                key: "legacy"
                copy_of: "serving_default"
                method_name: "my/own"
                input { key: "x" rename_to: "b" }
                input { key: "b" rename_to: "x" }
                output { key: "s" drop: true }
            }
            """
        apply(model, copy)
        apply(model, 'signature { key: "other" rename_to: "second" }')
        assert_unchanged(model, copy)

    def test_a_copy_of_a_signature_whose_keys_moved_on(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_linear")
        both = """
            signature { key: "legacy" copy_of: "serving_default" }
            signature {
                key: "serving_default"
                input { key: "x" rename_to: "b" }
                input { key: "b" rename_to: "c" }
            }
            """
        apply(model, both)
        apply(model, 'signature { key: "other" rename_to: "second" }')
        assert_unchanged(model, both)

    def test_a_copy_of_a_signature_that_was_renamed_with_it(
        self, fixture_model: ModelFactory
    ) -> None:
        model = fixture_model("tf2_linear")
        both = """
            signature { key: "legacy" copy_of: "serving_default" }
            signature {
                key: "serving_default"
                rename_to: "new"
                input { key: "x" rename_to: "a" }
            }
            """
        apply(model, both)
        apply(model, 'signature { key: "other" rename_to: "second" }')
        assert_unchanged(model, both)


class TestRefused:
    def test_unknown_original(self, fixture_model: ModelFactory) -> None:
        assert refusal(
            fixture_model("tf2_linear"), 'signature { key: "legacy" copy_of: "serving_defalt" }'
        ) == (
            "there is no signature 'serving_defalt'; did you mean 'serving_default'? "
            "There are 'other', 'serving_default', 'single'."
        )

    def test_unknown_endpoint(self, fixture_model: ModelFactory) -> None:
        assert (
            refusal(
                fixture_model("tf2_linear"),
                """
                signature {
                    key: "legacy"
                    copy_of: "single"
                    input { key: "x" rename_to: "a" }
                }
                """,
            )
            == "signature 'legacy' has no input 'x'; there are 't'."
        )

    @pytest.mark.parametrize("original", ["serving_default", "single"])
    def test_a_key_that_exists(self, fixture_model: ModelFactory, original: str) -> None:
        assert (
            refusal(
                fixture_model("tf2_linear"),
                f'signature {{ key: "other" copy_of: "{original}" }}',
            )
            == "two signatures would have the key 'other'; rename or delete one of them."
        )

    def test_a_copy_that_is_there_under_other_keys(self, fixture_model: ModelFactory) -> None:
        """Keys and tensors are the same ones, but they belong together in another way."""
        assert (
            refusal(
                fixture_model("tf2_shared"),
                """
                signature {
                    key: "alias"
                    copy_of: "serving_default"
                    input { key: "x" rename_to: "b" }
                    input { key: "b" rename_to: "x" }
                }
                """,
            )
            == "two signatures would have the key 'alias'; rename or delete one of them."
        )

    def test_a_copy_that_is_there_with_another_method(self, fixture_model: ModelFactory) -> None:
        for method in ("my/own", ""):
            copy = f'copy_of: "serving_default" method_name: "{method}"'
            assert (
                refusal(fixture_model("tf2_shared"), f'signature {{ key: "alias" {copy} }}')
                == "two signatures would have the key 'alias'; rename or delete one of them."
            )

    def test_a_copy_that_is_there_with_another_batch_size(
        self, fixture_model: ModelFactory
    ) -> None:
        model = fixture_model("tf2_fixed_batch")
        apply(model, COPY)
        opened = COPY.replace("copy_of", 'batch_size: "?" copy_of')
        assert (
            refusal(model, opened)
            == "two signatures would have the key 'legacy'; rename or delete one of them."
        )
        assert_unchanged(model, COPY.replace("copy_of", 'batch_size: "1" copy_of'))

    def test_unknown_endpoint_of_a_copy_that_is_there(self, fixture_model: ModelFactory) -> None:
        problems = refusals(
            fixture_model("tf2_shared"),
            """
            signature {
                key: "alias"
                copy_of: "serving_default"
                input { key: "image" rename_to: "a" }
            }
            """,
        )
        assert "signature 'alias' has no input 'image'; there are 'b', 'x'." in problems

    def test_itself(self, fixture_model: ModelFactory) -> None:
        assert "'other'" in refusal(
            fixture_model("tf2_linear"),
            """
            signature {
                key: "other"
                copy_of: "other"
                input { key: "x" rename_to: "a" }
            }
            """,
        )

    def test_together_with_a_new_key(self, fixture_model: ModelFactory) -> None:
        assert refusals(
            fixture_model("tf2_linear"),
            """
            signature { key: "a" copy_of: "other" rename_to: "b" }
            signature { key: "c" copy_of: "other" drop: true }
            """,
        ) == (
            "signature 'a': copy_of goes with neither drop nor rename_to.",
            "signature 'c': copy_of goes with neither drop nor rename_to.",
        )

    def test_signatures_of_tensorflow(self, fixture_model: ModelFactory) -> None:
        assert refusals(
            fixture_model("tf2_linear"),
            """
            signature { key: "a" copy_of: "__saved_model_init_op" }
            signature { key: "__saved_model_train_op" copy_of: "other" }
            """,
        ) == (
            "signature 'a': keys that start with '__saved_model_' are TensorFlow's own.",
            "signature '__saved_model_train_op': "
            "keys that start with '__saved_model_' are TensorFlow's own.",
        )


@pytest.mark.tensorflow
class TestInTensorFlow:
    def test_beside_its_original(self, fixture_model: ModelFactory) -> None:
        assert_values_follow(
            fixture_model("tf2_linear"),
            """
            signature { key: "a" copy_of: "serving_default" }
            signature {
                key: "z"
                copy_of: "serving_default"
                input { key: "x" rename_to: "a" }
                output { key: "p" rename_to: "z" }
            }
            signature {
                key: "serving_default"
                rename_to: "predict"
                input { key: "b" rename_to: "y" }
                output { key: "s" rename_to: "a" }
            }
            """,
        )

    def test_of_signatures_that_share_a_function(self, fixture_model: ModelFactory) -> None:
        assert_values_follow(
            fixture_model("tf2_shared"),
            """
            signature { key: "a" copy_of: "twin" input { key: "x" rename_to: "a" } }
            signature { key: "b" copy_of: "alias" output { key: "p" rename_to: "z" } }
            signature { key: "alias" output { key: "s" rename_to: "a" } }
            """,
        )

    def test_of_a_signature_with_side_effects(self, fixture_model: ModelFactory) -> None:
        assert_values_follow(
            fixture_model("tf2_stateful"),
            """
            signature { key: "sub" copy_of: "add" output { key: "before" rename_to: "a" } }
            signature { key: "clear" copy_of: "reset" }
            """,
        )

    def test_of_tf1(self, fixture_model: ModelFactory) -> None:
        assert_values_follow(
            fixture_model("tf1_shared"),
            """
            signature {
                key: "legacy"
                copy_of: "serving_default"
                input { key: "x" rename_to: "y" }
                input { key: "y" rename_to: "x" }
                output { key: "sum" rename_to: "a" }
            }
            signature { key: "serving_default" rename_to: "classify" }
            signature { key: "classify" rename_to: "serving_default" }
            """,
        )
