from __future__ import annotations

import pytest

from tests.edits.in_tensorflow import assert_values_follow
from tests.parts import changed_parts
from tests.patches import (
    MAIN,
    ModelFactory,
    apply,
    assert_twice_is_once,
    read,
    refusal,
    refusals,
)
from tests.views import outline, signature_map

DELETE = 'signature { key: "other" drop: true }'


class TestChanged:
    def test_signature_of_tf2(self, fixture_model: ModelFactory) -> None:
        after = apply(fixture_model("tf2_linear"), DELETE)
        assert outline(after) == {"serving_default": "b, x -> p, s", "single": "t -> u"}
        assert "__saved_model_init_op" in after.signature_def

    def test_nothing_but_its_entries(self, fixture_model: ModelFactory) -> None:
        """The nodes and functions behind it stay: others may use them, and positions count."""
        model = fixture_model("tf2_linear")
        before = (model / MAIN).read_bytes()
        apply(model, DELETE)
        after = (model / MAIN).read_bytes()
        assert changed_parts(before, after) == {
            "signature_def[other]",
            "object_graph_def.nodes[3]",
        }

    def test_one_of_two_that_share_a_node(self, fixture_model: ModelFactory) -> None:
        after = apply(
            fixture_model("tf2_shared"),
            """
            signature { key: "serving_default" drop: true }
            signature { key: "alias" input { key: "x" rename_to: "a" } }
            """,
        )
        assert outline(after) == {"alias": "a, b -> p, s", "twin": "b, x -> p, s"}

    def test_all_signatures(self, fixture_model: ModelFactory) -> None:
        every = "".join(
            f'signature {{ key: "{key}" drop: true }}'
            for key in ("serving_default", "other", "single")
        )
        after = apply(fixture_model("tf2_linear"), every)
        assert list(after.signature_def) == ["__saved_model_init_op"]
        assert not signature_map(after).children

    def test_room_for_another(self, fixture_model: ModelFactory) -> None:
        after = apply(
            fixture_model("tf1_shared"),
            """
            signature { key: "serving_default" drop: true }
            signature { key: "classify" rename_to: "serving_default" }
            """,
        )
        assert outline(after) == {
            "serving_default": "inputs -> classes, scores",
            "regress": "inputs -> outputs",
        }

    def test_every_meta_graph_that_holds_it(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf1_two_graphs")
        apply(model, 'signature { key: "serving_default" drop: true }')
        assert [outline(graph) for graph in read(model).meta_graphs] == [
            {},
            {"gpu_only": "b, x -> z"},
        ]


class TestUnchanged:
    def test_the_same_patch_again(self, fixture_model: ModelFactory) -> None:
        assert_twice_is_once(fixture_model("tf2_linear"), DELETE)


class TestRefused:
    def test_unknown_key(self, fixture_model: ModelFactory) -> None:
        assert (
            refusal(fixture_model("tf2_linear"), 'signature { key: "lite" drop: true }')
            == "there is no signature 'lite'; there are 'other', 'serving_default', 'single'."
        )

    def test_a_key_that_is_gone_already_as_far_as_the_record_does_not_say(
        self, fixture_model: ModelFactory
    ) -> None:
        model = fixture_model("tf2_linear")
        apply(model, DELETE)
        apply(model, 'signature { key: "single" rename_to: "last" }')
        assert refusal(model, DELETE) == (
            "there is no signature 'other'; there are 'last', 'serving_default'."
        )

    def test_signatures_of_tensorflow(self, fixture_model: ModelFactory) -> None:
        assert (
            refusal(
                fixture_model("tf2_linear"),
                'signature { key: "__saved_model_init_op" drop: true }',
            )
            == "signature '__saved_model_init_op': "
            "keys that start with '__saved_model_' are TensorFlow's own."
        )

    def test_together_with_other_changes(self, fixture_model: ModelFactory) -> None:
        assert refusals(
            fixture_model("tf2_linear"),
            """
            signature { key: "other" drop: true rename_to: "x" }
            signature { key: "single" drop: true input { key: "t" rename_to: "x" } }
            """,
        ) == (
            "signature 'other': drop goes with no other change.",
            "signature 'single': drop goes with no other change.",
        )


@pytest.mark.tensorflow
class TestInTensorFlow:
    def test_signature_of_tf2(self, fixture_model: ModelFactory) -> None:
        assert_values_follow(
            fixture_model("tf2_shared"),
            """
            signature { key: "serving_default" drop: true }
            signature { key: "alias" input { key: "x" rename_to: "a" } }
            """,
        )

    def test_all_signatures(self, fixture_model: ModelFactory) -> None:
        assert_values_follow(
            fixture_model("tf2_defaults"), 'signature { key: "serving_default" drop: true }'
        )

    def test_signature_of_tf1(self, fixture_model: ModelFactory) -> None:
        assert_values_follow(
            fixture_model("tf1_shared"),
            """
            signature { key: "serving_default" drop: true }
            signature { key: "regress" rename_to: "serving_default" }
            """,
        )
