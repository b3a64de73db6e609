from __future__ import annotations

import pytest

import sigpb
from sigpb import protos
from sigpb.edits.metadata_edits import CopySignature, RenameEndpoint, RenameSignature, SetMethodName
from sigpb.patching.compile import compile_patch
from sigpb.patching.patch_file import parse_text
from sigpb.patching.plan import Plan
from sigpb.rewrite.interface import SignatureRef
from sigpb.saved_model.model import open_model
from tests.patches import ModelFactory, altered, apply, missed, read, refusal, refusals, unknown
from tests.views import outline


def compiled(fixture_model: ModelFactory, name: str, patch: str) -> Plan:
    with open_model(fixture_model(name)) as model:
        return compile_patch(model, parse_text(patch))


class TestEdits:
    def test_an_empty_patch_is_an_empty_plan(self, fixture_model: ModelFactory) -> None:
        plan = compiled(fixture_model, "tf1_two_graphs", 'id: "x" reason: "none"')
        assert plan.is_empty

    def test_one_for_each_change(self, fixture_model: ModelFactory) -> None:
        plan = compiled(
            fixture_model,
            "tf2_linear",
            """
            signature {
                key: "serving_default"
                rename_to: "predict"
                method_name: "m"
                input { key: "x" rename_to: "b" }
                input { key: "b" rename_to: "x" }
                output { key: "p" rename_to: "p" }
            }
            signature { key: "legacy" copy_of: "serving_default" }
            """,
        )
        serving, legacy = SignatureRef("serving_default"), SignatureRef("legacy", "serving_default")
        (graph,) = plan.meta_graphs
        assert (graph.index, graph.tags) == (0, ("serve",))
        assert {f"warning: {each}" for each in graph.warnings} == {
            missed("serving_default"),
            unknown("predict", "m"),
        }
        assert set(graph.edits) == {
            RenameEndpoint(serving, "input", "x", "b"),
            RenameEndpoint(serving, "input", "b", "x"),
            RenameSignature(serving, "predict"),
            SetMethodName(serving, "tensorflow/serving/predict", "m"),
            CopySignature(legacy),
        }
        assert len(graph.edits) == 5

    def test_what_was_done_is_named_by_its_new_key(self, fixture_model: ModelFactory) -> None:
        """A patch of which a part was applied by other means."""
        model = fixture_model("tf2_linear")
        apply(model, 'signature { key: "serving_default" rename_to: "predict" }')
        patch = """
            signature {
                key: "serving_default"
                rename_to: "predict"
                input { key: "x" rename_to: "image" }
            }
            """
        (graph,) = sigpb.plan(model, parse_text(patch)).meta_graphs
        rename = RenameEndpoint(SignatureRef("predict"), "input", "x", "image")
        assert graph.edits == (rename,)


class TestSimultaneous:
    @pytest.mark.parametrize("reverse", [False, True], ids=["in order", "in reverse"])
    def test_order_does_not_matter(self, fixture_model: ModelFactory, reverse: bool) -> None:
        patch = parse_text(
            """
            signature {
                key: "serving_default"
                rename_to: "other"
                input { key: "x" rename_to: "b" }
                input { key: "b" rename_to: "c" }
                output { key: "p" rename_to: "s" }
                output { key: "s" rename_to: "p" }
            }
            signature { key: "serving_default" copy_of: "single" }
            signature { key: "other" rename_to: "single" }
            signature { key: "single" rename_to: "x" }
            """
        )
        if reverse:
            turned = protos.SavedModelPatch(signature=reversed(patch.signature))
            turned.signature[3].input.reverse()
            turned.signature[3].output.reverse()
            patch = turned
        model = fixture_model("tf2_linear")
        sigpb.patch(model, patch, in_place=True)
        (graph,) = read(model).meta_graphs
        assert outline(graph) == {
            "other": "b, c -> p, s",
            "serving_default": "t -> u",
            "single": "x, y -> q, r",
            "x": "t -> u",
        }
        outputs = graph.signature_def["other"].outputs
        assert outputs["s"].name == "StatefulPartitionedCall_1:0"

    def test_a_cycle_of_three(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_defaults")
        after = apply(
            model,
            """
            signature {
                key: "serving_default"
                input { key: "x" rename_to: "scale" }
                input { key: "scale" rename_to: "offset" }
                input { key: "offset" rename_to: "x" }
            }
            """,
        )
        signature = after.signature_def["serving_default"]
        assert {key: info.name for key, info in signature.inputs.items()} == {
            "scale": "serving_default_x:0",
            "offset": "serving_default_scale:0",
            "x": "serving_default_offset:0",
        }
        assert sorted(signature.defaults) == ["offset", "x"]


class TestMetaGraphs:
    RENAME = 'signature { key: "serving_default" input { key: "x" rename_to: "image" } }'

    def test_all_by_default(self, fixture_model: ModelFactory) -> None:
        plan = compiled(fixture_model, "tf1_two_graphs", self.RENAME)
        assert [(graph.index, graph.tags) for graph in plan.meta_graphs] == [
            (0, ("serve",)),
            (1, ("gpu", "serve")),
        ]

    @pytest.mark.parametrize("tags", ['tag: "gpu" tag: "serve"', 'tag: "serve" tag: "gpu"'])
    def test_the_one_with_exactly_these_tags(self, fixture_model: ModelFactory, tags: str) -> None:
        plan = compiled(fixture_model, "tf1_two_graphs", f"tags {{ {tags} }} {self.RENAME}")
        assert [graph.tags for graph in plan.meta_graphs] == [("gpu", "serve")]

    def test_the_one_without_tags(self, fixture_model: ModelFactory) -> None:
        patch = 'tags {} signature { key: "default" rename_to: "predict" }'
        (graph,) = compiled(fixture_model, "tf1_no_variables", patch).meta_graphs
        assert graph.tags == ()

    def test_unknown_tags(self, fixture_model: ModelFactory) -> None:
        assert (
            refusal(fixture_model("tf1_two_graphs"), f'tags {{ tag: "tpu" }} {self.RENAME}')
            == "no MetaGraph has the tag-set {tpu}; there are {serve}, {gpu, serve}."
        )
        assert (
            refusal(fixture_model("tf1_no_variables"), f'tags {{ tag: "serve" }} {self.RENAME}')
            == "no MetaGraph has the tag-set {serve}; there are {}."
        )

    def test_a_signature_has_to_be_in_one_of_them(self, fixture_model: ModelFactory) -> None:
        plan = compiled(
            fixture_model, "tf1_two_graphs", 'signature { key: "gpu_only" method_name: "m" }'
        )
        assert [graph.index for graph in plan.meta_graphs] == [1]
        assert (
            refusal(
                fixture_model("tf1_two_graphs"),
                'tags { tag: "serve" } signature { key: "gpu_only" method_name: "m" }',
            )
            == "there is no signature 'gpu_only'; there are 'serving_default'."
        )

    def test_an_endpoint_has_to_be_in_all_of_them(self, fixture_model: ModelFactory) -> None:
        def rename_input(graph: protos.MetaGraphDef) -> None:
            inputs = graph.signature_def["serving_default"].inputs
            inputs["image_0"].CopyFrom(inputs.pop("x"))

        model = altered(fixture_model("tf1_two_graphs"), rename_input)
        assert refusal(model, self.RENAME) == (
            "MetaGraph {serve}: signature 'serving_default' has no input 'x'; "
            "there are 'b', 'image_0'."
        )

    def test_one_that_is_done_already(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf1_two_graphs")
        apply(model, 'tags { tag: "serve" } ' + self.RENAME)
        (graph,) = sigpb.plan(model, parse_text(self.RENAME)).meta_graphs
        assert graph.tags == ("gpu", "serve")


class TestRefused:
    def test_all_problems_are_told_at_once(self, fixture_model: ModelFactory) -> None:
        problems = refusals(
            fixture_model("tf1_two_graphs"),
            """
            set_tags { tag: "serve" }
            signature { key: "predict" rename_to: "p" }
            signature { key: "serving_default" input { key: "y" rename_to: "z" } }
            signature { key: "gpu_only" input { key: "x" rename_to: "b" } }
            """,
        )
        assert problems == (
            "there is no signature 'predict'; there are 'gpu_only', 'serving_default'.",
            "2 MetaGraphs would have the tag-set {serve}, and a loader could not choose between "
            "them; select one by its tags.",
            "MetaGraph {serve}: signature 'serving_default' has no input 'y'; there are 'b', 'x'.",
            "MetaGraph {gpu, serve}: signature 'serving_default' has no input 'y'; "
            "there are 'b', 'x'.",
            "MetaGraph {gpu, serve}: signature 'gpu_only': two inputs would have the key 'b'; "
            "give one of them another key.",
        )

    def test_the_message_is_one_line_for_each_problem(self, fixture_model: ModelFactory) -> None:
        with pytest.raises(sigpb.PatchError) as caught:
            compiled(
                fixture_model,
                "tf2_linear",
                'signature { key: "single" input { key: "x" } output { key: "y" } }',
            )
        assert str(caught.value) == (
            "signature 'single' has no input 'x'; there are 't'.\n"
            "signature 'single' has no output 'y'; there are 'u'."
        )

    def test_a_model_without_signatures(self, fixture_model: ModelFactory) -> None:
        model = altered(
            fixture_model("tf1_no_variables"), lambda graph: graph.signature_def.clear()
        )
        assert (
            refusal(model, 'signature { key: "default" rename_to: "x" }')
            == "there is no signature 'default'; there are none."
        )
