"""The patch that is inferred from two models leads from the one to the other."""

from __future__ import annotations

from pathlib import Path

import pytest

import sigpb
from sigpb import protos
from sigpb.patching.infer import infer_patch
from sigpb.patching.patch_file import parse_text
from tests.comparing.patched import outlines, patched
from tests.comparing.patches import PATCHES
from tests.comparing.test_endpoints import exported_again
from tests.patches import MAIN, ModelFactory, altered, apply
from tests.patching.chains import one_tensor


def inferred(
    before: Path, after: Path, tags: tuple[str, ...] | None = None
) -> sigpb.SavedModelPatch:
    with sigpb.open(before) as first, sigpb.open(after) as second:
        return infer_patch(first, second, tags)


def reasons(before: Path, after: Path) -> tuple[str, ...]:
    with pytest.raises(sigpb.PatchError) as caught:
        inferred(before, after)
    return caught.value.problems


def test_a_signature_that_is_created_takes_the_place_of_another(
    fixture_model: ModelFactory,
) -> None:
    model = fixture_model("tf1_no_variables")
    change = 'rename_to: "predict" input { key: "b" dtype: "int32" }'
    wanted = patched(model, f'signature {{ key: "default" {change} }}')

    found = inferred(model, wanted)

    assert [(item.key, item.create, item.drop) for item in found.signature] == [
        ("predict", True, False),
        ("default", False, True),
    ]
    assert outlines(patched(model, found)) == outlines(wanted)


@pytest.mark.parametrize(("name", "patch"), PATCHES)
def test_leads_to_the_same_signatures(fixture_model: ModelFactory, name: str, patch: str) -> None:
    model = fixture_model(name)
    wanted = patched(model, patch)

    again = patched(model, inferred(model, wanted))

    assert outlines(again) == outlines(wanted)


def test_repeated_row_of_a_bound_input_is_no_step(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf1_no_variables")
    bind = 'signature { key: "default" input { key: "b" bind: "[[1.0, 1.0, 1.0]]" } }'
    assert inferred(model, patched(model, bind)) == parse_text(bind)


def test_nothing_to_change(fixture_model: ModelFactory) -> None:
    assert inferred(fixture_model("tf2_linear"), fixture_model("tf2_linear")) == (
        sigpb.SavedModelPatch()
    )


def test_is_the_patch(fixture_model: ModelFactory) -> None:
    patch = """
      signature {
        key: "serving_default" rename_to: "predict" method_name: "m"
        input { key: "training" bind: "true" }
        input { key: "x" rename_to: "image" dtype: "uint8" shape: "[?,2,2,1]" }
        output { key: "label" rename_to: "class" }
        output { key: "scores" drop: true }
      }
      signature { key: "old" copy_of: "serving_default" }"""
    model = fixture_model("tf2_image")

    found = inferred(model, patched(model, patch))

    expected = parse_text(patch)
    for each in (found, expected):
        for signature in each.signature:
            signature.input.sort(key=lambda end: end.key)
    assert found == expected


def test_back_to_the_original(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf2_linear")
    after = patched(
        model,
        """signature { key: "serving_default" rename_to: "predict"
          input { key: "x" rename_to: "b" dtype: "float64" } input { key: "b" rename_to: "x" }
          output { key: "p" drop: true } output { key: "s" rename_to: "total" } }""",
    )

    back = patched(after, inferred(after, model))

    assert outlines(back) == outlines(model)


def test_of_another_export_of_the_same_model(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf2_image")
    wanted = altered(
        patched(
            model,
            """signature { key: "serving_default" input { key: "x" rename_to: "image" }
              input { key: "training" rename_to: "is_training" } }""",
        ),
        exported_again,
    )

    assert outlines(patched(model, inferred(model, wanted))) == outlines(wanted)


class TestRefused:
    def test_new_input(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_image")
        after = patched(
            model, 'signature { key: "serving_default" input { key: "training" bind: "true" } }'
        )

        assert reasons(after, model) == (
            "signature 'serving_default': input 'training' exists nowhere in the first model; "
            "state where it is fed with 'from_tensor' in a patch.",
        )

    def test_new_signature(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_linear")
        after = patched(model, 'signature { key: "single" drop: true }')

        assert reasons(after, model) == (
            "signature 'single' stands for tensors that no signature of the first model computes; "
            "a patch can only copy a signature, or create one of TensorFlow 1 from tensors that "
            "are in the graph.",
        )

    def test_default_that_is_gone(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_linear")
        after = patched(
            model, 'signature { key: "serving_default" input { key: "b" default: "[[1,2,3]]" } }'
        )

        assert reasons(after, model) == (
            "signature 'serving_default': input 'b' has no default any more; a patch cannot "
            "remove a default.",
        )

    def test_conversion_that_there_is_not(self, fixture_model: ModelFactory) -> None:
        def change(graph: protos.MetaGraphDef) -> None:
            info = graph.signature_def["serving_default"].inputs["x"]
            info.tensor_shape.dim[1].size = 5

        model = fixture_model("tf1_shared")

        (reason,) = reasons(model, altered(fixture_model("tf1_shared"), change))

        assert "[?,5] has 5 elements for each ?, and [?,3] has 3" in reason

    def test_steps_of_one_of_the_models(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_linear")
        stepped = patched(
            model,
            """signature { key: "serving_default"
              input { key: "x" rename_to: "z" step: "affine(2)" }
              output { key: "p" step: "argmax()" } }""",
        )
        said = (
            "signature 'serving_default': {} passes steps ({}) in one of the models, which cannot "
            "be inferred; state them with 'step' in a patch."
        )
        assert set(reasons(model, stepped)) == {
            said.format("input 'x'", "Mul, AddV2"),
            said.format("output 'p'", "ArgMax"),
        }
        assert set(reasons(stepped, model)) == {
            said.format("input 'z'", "Mul, AddV2"),
            said.format("output 'p'", "ArgMax"),
        }

    def test_steps_of_both_models(self, fixture_model: ModelFactory) -> None:
        steps = 'signature { key: "serving_default" input { key: "x" step: "affine(2)" } }'
        rename = 'signature { key: "serving_default" input { key: "x" rename_to: "z" } }'
        stepped = patched(fixture_model("tf2_linear"), steps)
        (found,) = inferred(stepped, patched(stepped, rename)).signature
        assert [(end.key, end.rename_to) for end in found.input] == [("x", "z")]

    def test_output_that_is_another_tensor(self, fixture_model: ModelFactory) -> None:
        def change(graph: protos.MetaGraphDef) -> None:
            graph.signature_def["serving_default"].outputs["sum"].name = "x:0"

        model = fixture_model("tf1_shared")

        (reason,) = reasons(model, altered(fixture_model("tf1_shared"), change))

        assert "output 'sum' stands for another tensor, 'x:0'" in reason

    def test_different_changes_of_meta_graphs(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf1_two_graphs")
        first = patched(
            model,
            'tags { tag: "serve" } signature { key: "serving_default" rename_to: "a" }',
        )
        both = patched(
            first,
            """tags { tag: "serve" tag: "gpu" }
            signature { key: "serving_default" rename_to: "b" }""",
        )

        assert "infer a patch for each, with --tags" in reasons(model, both)[0]
        one = inferred(model, both, ("serve",))
        assert outlines(patched(model, one)) == outlines(first)

    def test_meta_graph_that_is_missing(self, fixture_model: ModelFactory) -> None:
        model, one = fixture_model("tf1_two_graphs"), fixture_model("tf1_two_graphs")
        saved_model = protos.SavedModel.FromString((one / MAIN).read_bytes())
        del saved_model.meta_graphs[0]
        (one / MAIN).write_bytes(saved_model.SerializeToString())

        patch = inferred(model, one)
        assert patch == parse_text('tags { tag: "serve" } drop: true')
        assert outlines(patched(model, patch)) == outlines(one)
        assert reasons(one, model) == (
            f"only {model} has a MetaGraph {{serve}}, and a patch adds no MetaGraph and removes "
            "one at most; select one that both have with --tags.",
        )

        saved_model.meta_graphs.add().meta_info_def.tags.append("a")
        saved_model.meta_graphs.add().meta_info_def.tags.append("b")
        (more := one.with_name("more")).mkdir()
        (more / MAIN).write_bytes(saved_model.SerializeToString())
        assert len(reasons(model, more)) == 3

        apply(one, 'signature { key: "gpu_only" rename_to: "a" }')
        assert reasons(model, one) == (
            "MetaGraph {serve} is removed and another one changes, which takes two patches: "
            "infer the change with --tags, and remove the MetaGraph with --drop_meta_graph.",
        )


class TestKeysOfOneTensor:
    """`p` and `q` are one tensor, which each may be converted from."""

    FIRST = """signature { key: "serving_default"
        output { key: "p" dtype: "float64" } output { key: "q" dtype: "int64" } }"""

    def test_each_goes_by_its_own_steps(self, tmp_path: Path) -> None:
        first = patched(one_tensor(tmp_path / "model"), self.FIRST)
        patch = """signature { key: "serving_default"
            output { key: "p" rename_to: "q" }
            output { key: "q" rename_to: "p" dtype: "float32" } }"""

        (found,) = inferred(first, patched(first, patch)).signature

        assert [(end.key, end.rename_to, end.dtype) for end in found.output] == [
            ("p", "q", ""),
            ("q", "p", "float32"),
        ]

    def test_keys_stay_where_both_are_the_same(self, tmp_path: Path) -> None:
        model = one_tensor(tmp_path / "model")
        patch = 'signature { key: "serving_default" output { key: "p" dtype: "float64" } }'

        (found,) = inferred(model, patched(model, patch)).signature

        assert [(end.key, end.rename_to, end.dtype) for end in found.output] == [
            ("p", "", "float64")
        ]

    def test_values_that_only_one_of_the_models_loses_are_refused(self, tmp_path: Path) -> None:
        model = one_tensor(tmp_path / "model")
        first = patched(model, self.FIRST)
        back = """signature { key: "serving_default"
            output { key: "p" drop: true } output { key: "q" dtype: "float32" } }"""
        lossy = patched(first, back)
        reason = (
            "signature 'serving_default': output 'q' is float32 by way of int64 in one of the "
            "models, which loses values that a direct conversion keeps; a patch cannot state "
            "that."
        )

        without_p = 'signature { key: "serving_default" output { key: "p" drop: true } }'
        assert reasons(patched(model, without_p), lossy) == (reason,)
        assert reasons(lossy, patched(model, without_p)) == (reason,)
