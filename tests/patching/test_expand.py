"""Steps that stand for something else are written out before edits are made of them."""

from __future__ import annotations

from pathlib import Path

import pytest

import sigpb
from sigpb.errors import PatchError
from sigpb.patching.expand import expanded
from sigpb.patching.patch_file import parse_text
from tests.edits.before_after import planned, types_of
from tests.patches import ModelFactory, apply, assert_twice_is_once, refusal, refusals


def serving(endpoints: str) -> str:
    return f'signature {{ key: "serving_default" {endpoints} }}'


def with_labels(model: Path, content: bytes, name: str = "labels.txt") -> Path:
    (model / "assets").mkdir(exist_ok=True)
    (model / "assets" / name).write_bytes(content)
    return model


class TestTopK:
    @pytest.mark.parametrize(
        ("before", "after"),
        [
            (
                """output { key: "a" step: "softmax()" step: "top_k(2, indices_to='b')" }""",
                """output { key: "a" step: "softmax()" step: "top_k(2)" }
                   output { key: "b" from_output: "a" step: "softmax()"
                            step: "top_k(2, 'indices')" }""",
            ),
            (
                """output { key: "a" dtype: "float64" step: "top_k(2, values_to='c')" }""",
                """output { key: "a" rename_to: "c" dtype: "float64" step: "top_k(2)" }""",
            ),
            (
                """output { key: "a" step: "top_k(2, values_to='a', indices_to='b')" }""",
                """output { key: "a" step: "top_k(2)" }
                   output { key: "b" from_output: "a" step: "top_k(2, 'indices')" }""",
            ),
            (
                """output { key: "a" step: "top_k(2, 'indices')" }""",
                """output { key: "a" step: "top_k(2, 'indices')" }""",
            ),
        ],
    )
    def test_two_outputs(self, tmp_path: Path, before: str, after: str) -> None:
        assert expanded(parse_text(serving(before)), tmp_path) == parse_text(serving(after))

    def test_of_a_model(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_image")
        patch = serving(
            """output { key: "scores" step: "top_k(2, values_to='top', indices_to='at')" }"""
        )
        assert planned(model, patch) == [
            "output 'at' added from output 'scores' by top_k(2, 'indices')",
            "output 'scores' float32 [?,3] → float32 [?,2] "
            "(top k: keeps only the values of the 2 greatest)",
            "output 'scores' → 'top'",
        ]
        assert types_of(apply(model, patch)).endswith(
            " -> at int32 [?,2], label int64 [?], top float32 [?,2]"
        )

    def test_the_same_patch_again(self, fixture_model: ModelFactory) -> None:
        assert_twice_is_once(
            fixture_model("tf2_image"),
            serving("""output { key: "scores" step: "top_k(2, indices_to='at')" }"""),
        )

    @pytest.mark.parametrize(
        ("endpoint", "said"),
        [
            (
                """output { key: "scores" step: "top_k(2, indices_to='a')" step: "round()" }""",
                "values_to and indices_to go with the last step of an output",
            ),
            (
                """output { key: "a" from_output: "scores" step: "top_k(2, values_to='b')" }""",
                "values_to and indices_to go with the last step of an output",
            ),
            (
                """input { key: "x" step: "top_k(4, values_to='b')" }""",
                "values_to and indices_to go with the last step of an output",
            ),
            (
                """output { key: "scores" step: "top_k(2, 'indices', values_to='b')" }""",
                "part does not go with values_to and indices_to",
            ),
            (
                """output { key: "scores" rename_to: "a" step: "top_k(2, values_to='b')" }""",
                "has 'rename_to' and the values_to of top_k",
            ),
            (
                """output { key: "scores" step: "top_k(2, indices_to='label')" }""",
                "two outputs would have the key 'label'",
            ),
            (
                """output { key: "scores" step: "top_k(4)" }""",
                "top_k cannot take 4 of [?,3]",
            ),
        ],
    )
    def test_refused(self, fixture_model: ModelFactory, endpoint: str, said: str) -> None:
        assert said in refusal(fixture_model("tf2_image"), serving(endpoint))


BEST = """output { key: "best" from_output: "scores" step: "argmax()" step: "labels(%s)" }"""


class TestLabels:
    @pytest.mark.parametrize(
        ("content", "labels"),
        [
            (b"cat\ndog\ncow\n", "['cat', 'dog', 'cow']"),
            (b"cat\r\ndog\r\n cow", "['cat', 'dog', ' cow']"),
            (b"\xef\xbb\xbfcat\n\nH\xc3\xbchner\n", "['cat', '', 'Hühner']"),
        ],
    )
    def test_of_a_file(self, tmp_path: Path, content: bytes, labels: str) -> None:
        before, after = (
            parse_text(serving(BEST % each)) for each in ("'assets/labels.txt'", labels)
        )
        assert expanded(before, with_labels(tmp_path, content)) == after

    def test_of_a_model(self, fixture_model: ModelFactory) -> None:
        model = with_labels(fixture_model("tf2_image"), b"cat\ndog\ncow")
        patch = serving(BEST % "'assets/labels.txt'")
        assert planned(model, patch) == [
            "output 'best' added from output 'scores' by argmax(), labels(['cat', 'dog', 'cow'])"
        ]
        assert " -> best string [?], label" in types_of(apply(model, patch))

    def test_a_plan_shows_the_first_of_many(self, fixture_model: ModelFactory) -> None:
        names = [f"label {number}" for number in range(3)]
        names[0] *= 100
        model = fixture_model("tf2_image")
        plan = sigpb.plan(model, parse_text(serving(BEST % names)))
        assert names[0][:100] in str(plan)
        assert all(len(line) < 300 for line in str(plan).splitlines())

    def test_a_saved_plan_whose_labels_change(
        self, fixture_model: ModelFactory, tmp_path: Path
    ) -> None:
        model = with_labels(fixture_model("tf2_image"), b"cat\ndog\ncow")
        plan, patch = tmp_path / "plan.json", parse_text(serving(BEST % "'assets/labels.txt'"))
        sigpb.plan(model, patch, out=plan)
        with_labels(model, b"cow\ndog\ncat")
        with pytest.raises(PatchError, match=r"assets/labels\.txt changed since the plan was made"):
            sigpb.apply_plan(plan, model, in_place=True)

    @pytest.mark.parametrize(
        ("content", "name", "said"),
        [
            (b"cat\ndog\n", "assets/labels.txt", "labels has 2 labels, and there are 3 classes"),
            (b"a\nb\nc\nd", "assets/labels.txt", "labels has 4 labels, and there are 3 classes"),
            (b"", "assets/lables.txt", "did you mean 'assets/labels.txt'?"),
            (b"", "assets/../saved_model.pb", "is not the name of a file below assets/"),
            (b"", "assets//labels.txt", "is not the name of a file below assets/"),
            (b"\xff\xfe", "assets/labels.txt", "is not text in UTF-8"),
            (b"a\n" * 2**23 + b"a", "assets/labels.txt", "more than 16,777,216 bytes"),
        ],
    )
    def test_refused(
        self, fixture_model: ModelFactory, content: bytes, name: str, said: str
    ) -> None:
        model = with_labels(fixture_model("tf2_image"), content)
        assert said in refusal(model, serving(BEST % repr(name)))

    def test_all_that_cannot_be_read(self, fixture_model: ModelFactory) -> None:
        patch = serving(
            BEST % "'assets/a'" + """ output { key: "label" step: "labels('assets/b')" }"""
        )
        assert len(refusals(fixture_model("tf2_image"), patch)) == 2

    @pytest.mark.parametrize("labels", ["['cat', 'dog']", "['assets/', 'b', 'c', 'd']"])
    def test_a_list_of_another_length(self, fixture_model: ModelFactory, labels: str) -> None:
        for step in ("argmax()", "top_k(1, 'indices')"):
            patch = serving(BEST.replace("argmax()", step) % labels)
            assert "and there are 3 classes" in refusal(fixture_model("tf2_image"), patch)


def test_a_patch_without_steps_is_itself(tmp_path: Path) -> None:
    patch = parse_text(serving('output { key: "a" rename_to: "b" }'))
    assert expanded(patch, tmp_path) == patch


def test_all_problems_are_raised(tmp_path: Path) -> None:
    with pytest.raises(PatchError) as caught:
        expanded(parse_text(serving(BEST % "'assets/none.txt'")), tmp_path)
    assert caught.value.problems[0].startswith("signature 'serving_default': output 'best': ")
