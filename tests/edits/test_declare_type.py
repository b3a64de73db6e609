from __future__ import annotations

import pytest

from tests.patches import ModelFactory, assert_unchanged, refusal, refusals


class TestUnchanged:
    def test_the_type_it_has(self, fixture_model: ModelFactory) -> None:
        assert_unchanged(
            fixture_model("tf2_linear"),
            """
            signature {
                key: "serving_default"
                input { key: "x" dtype: "float32" shape: "[?, 3]" }
                output { key: "p" shape: "[?,3]" }
            }
            """,
        )
        assert_unchanged(
            fixture_model("tf1_shared"),
            """
            signature {
                key: "serving_default"
                input { key: "scale" dtype: "float32" shape: "[]" }
            }
            signature { key: "classify" output { key: "classes" dtype: "string" } }
            """,
        )


class TestRefused:
    @pytest.mark.parametrize(
        ("wanted", "before", "to"),
        [('dtype: "uint8"', "float32", "uint8"), ('shape: "[8,3]"', "[?,3]", "[8,3]")],
        ids=["dtype", "shape"],
    )
    def test_another_type(
        self, fixture_model: ModelFactory, wanted: str, before: str, to: str
    ) -> None:
        """It would take more than names: nothing that a patch says is left out in silence."""
        assert refusal(
            fixture_model("tf2_linear"),
            f'signature {{ key: "other" input {{ key: "x" {wanted} }} }}',
        ) == (
            f"signature 'other': input 'x' is {before}, and this version of sigpb cannot make it "
            f"{to}."
        )

    def test_together_with_a_rename(self, fixture_model: ModelFactory) -> None:
        (problem,) = refusals(
            fixture_model("tf2_linear"),
            'signature { key: "other" input { key: "x" rename_to: "image" dtype: "uint8" } }',
        )
        assert "input 'x' is float32" in problem
