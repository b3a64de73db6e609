"""Adapters come before and after signatures, once, and go again: the files are what they were."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import text_format

import sigpb
from sigpb import protos
from sigpb.patching.graft_edits import PutAdapter
from sigpb.patching.patch_file import parse_text
from sigpb.patching.plan import Plan
from sigpb.saved_model import history
from sigpb.saved_model.grafts import COLLECTION
from sigpb.saved_model.history import FILE_NAME
from tests.patches import MAIN, RECORD, ModelFactory, altered, contents, only_graph, read

Patch = Callable[[str], protos.SavedModelPatch]

BOTH = 'before { model: "tokenize" } after { model: "calibrate" }'


@pytest.fixture
def reviews(fixture_model: ModelFactory) -> Path:
    return fixture_model("reviews")


@pytest.fixture
def of(fixture_model: ModelFactory, monkeypatch: pytest.MonkeyPatch) -> Patch:
    """Makes patches of what they say of the default signature, beside adapters to name."""
    home = fixture_model("tokenize").parent
    shutil.copytree(fixture_model("calibrate"), home / "calibrate")
    monkeypatch.chdir(home)
    return lambda text: parse_text(f'signature {{ key: "serving_default" {text} }}')


def patched(model: Path, patch: protos.SavedModelPatch, **options: Any) -> Plan:
    result = sigpb.patch(model, patch, in_place=True, **{"backup": False, **options})
    assert result.status == "patched"
    return result.plan


def refusal(model: Path, patch: protos.SavedModelPatch) -> list[str]:
    before = contents(model)
    with pytest.raises(sigpb.PatchError) as caught:
        sigpb.patch(model, patch, in_place=True)
    assert contents(model) == before
    return [*caught.value.problems]


def ends(model: Path, key: str = "serving_default") -> str:
    signature = only_graph(model).signature_def[key]
    return f"{', '.join(sorted(signature.inputs))} -> {', '.join(sorted(signature.outputs))}"


def without_fingerprint(model: Path) -> dict[str, bytes]:
    """The bytes of all files but the fingerprint, whose uuid tells one artefact from another."""
    return {name: each for name, each in contents(model).items() if name != "fingerprint.pb"}


class TestPlan:
    def test_it_says_what_comes(self, reviews: Path, of: Patch) -> None:
        plan = sigpb.plan(reviews, of(BOTH))
        before, after = plan.meta_graphs[0].edits
        assert isinstance(before, PutAdapter)
        assert isinstance(after, PutAdapter)
        assert (before.pairs, after.pairs) == ((("ids", "ids"),), (("logits", "logits"),))
        assert before.describe().startswith(
            "signature 'serving_default': adapter 'tokenize' (its 'serving_default', "
            f"sha256:{before.digest[:12]}) put before it (ids → ids), with "
        )
        assert "1 table, 1 asset (vocabulary.txt)" in before.describe()
        assert "2 variables of 8 bytes" in after.describe()
        values = json.loads(json.dumps(plan.to_json()))["meta_graphs"][0]["edits"][1]
        assert (values["edit"], values["name"], values["position"]) == (
            "PutAdapter",
            "calibrate",
            "after",
        )
        assert values["variables"] == 2
        assert plan.warnings == ()

    def test_an_output_that_feeds_nothing_is_named(self, of: Patch) -> None:
        shutil.copytree("calibrate", "again")
        text = 'before { model: "again" map { from: "scores" to: "logits" } }'
        assert sigpb.plan("calibrate", of(text)).warnings == (
            "signature 'serving_default': the output 'is_sure' of the adapter 'again' feeds "
            "nothing and cannot be fetched.",
        )

    def test_keys_that_the_whole_has_twice_are_named(self, reviews: Path, of: Patch) -> None:
        patched(Path("tokenize"), of('input { key: "text" rename_to: "logits" }'))
        (warning,) = sigpb.plan(reviews, of('before { model: "tokenize" }')).warnings
        assert "an input and an output have the key 'logits'" in warning

    def test_all_that_does_not_fit_is_refused(self, reviews: Path, of: Patch) -> None:
        text = """before { model: "tokenize" map { from: "ids" to: "x" } }
                  after { model: "calibrate" map { from: "ids" to: "logits" } }"""
        calibrate, tokenize = refusal(reviews, of(text))[::-1]
        assert tokenize.startswith("signature 'serving_default': before 'tokenize': ")
        assert calibrate.startswith("signature 'serving_default': after 'calibrate': ")

    def test_a_saved_plan_holds_the_adapter(self, reviews: Path, of: Patch, tmp_path: Path) -> None:
        plan = tmp_path / "plan.json"
        sigpb.plan(reviews, of(BOTH), out=plan)
        (tmp_path / "elsewhere").mkdir()
        with (Path("tokenize/assets/vocabulary.txt")).open("a") as file:
            file.write("new\n")
        with pytest.raises(sigpb.PatchError, match="It was changed since then; make a new plan"):
            sigpb.apply_plan(plan, in_place=True)
        shutil.rmtree("calibrate")
        with pytest.raises(sigpb.PatchError) as caught:
            sigpb.apply_plan(plan, in_place=True)
        assert len(caught.value.problems) == 2

    def test_it_is_carried_out_from_anywhere(
        self, reviews: Path, of: Patch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        plan = tmp_path / "plan.json"
        sigpb.plan(reviews, of(BOTH), out=plan)
        monkeypatch.chdir(tmp_path)
        assert sigpb.apply_plan(plan, in_place=True).status == "patched"
        assert ends(reviews) == "text -> is_sure, scores"


class TestSignature:
    def test_other_edits_are_about_the_keys_that_it_has_then(
        self, reviews: Path, of: Patch
    ) -> None:
        rename = 'input { key: "text" rename_to: "review" } rename_to: "classify"'
        patched(reviews, of(f'{BOTH} {rename} output {{ key: "is_sure" drop: true }}'))
        assert ends(reviews, "classify") == "review -> scores"

    def test_a_key_that_it_has_no_more_is_refused(self, reviews: Path, of: Patch) -> None:
        (problem,) = refusal(reviews, of(f'{BOTH} input {{ key: "ids" dtype: "int32" }}'))
        assert problem.startswith(
            "signature 'serving_default' has no input 'ids'; there are 'text'"
        )

    def test_steps_go_with_adapters(self, reviews: Path, of: Patch) -> None:
        text = """input { key: "ids" rename_to: "text" step: "model('tokenize')" }
                  output { key: "logits" step: "argmax()" }"""
        plan = patched(reviews, of(text))
        assert ends(reviews) == "text -> logits"
        assert only_graph(reviews).signature_def["serving_default"].inputs["text"].dtype == 7
        assert isinstance(plan.meta_graphs[0].edits[0], PutAdapter)

    def test_steps_of_what_an_adapter_takes(self, reviews: Path, of: Patch) -> None:
        step = 'input { key: "text" step: "decode_base64()" }'
        patched(reviews, of(f'before {{ model: "tokenize" }} {step}'))
        # What is an adapter's is no conversion of a patch, which would be in the way of another.
        patched(reviews, of('after { model: "calibrate" }'))
        patched(reviews, of('output { key: "scores" step: "argmax()" }'))
        assert ends(reviews) == "text -> is_sure, scores"

    def test_a_step_is_one_to_one(self, reviews: Path, of: Patch) -> None:
        (problem,) = refusal(reviews, of("""output { key: "logits" step: "model('calibrate')" }"""))
        assert (
            "a step has one input and one output, and its signature 'serving_default' has 1 and 2"
            in problem
        )
        (problem,) = refusal(reviews, of("""output { key: "x" step: "model('calibrate')" }"""))
        assert "the signature has no output 'x'; there are 'logits'" in problem

    def test_the_adapters_signature_and_tags(self, reviews: Path, of: Patch) -> None:
        found = refusal(
            reviews,
            of(
                """before { model: "tokenize" signature: "x" }
                   after { model: "calibrate" tags { tag: "train" } }"""
            ),
        )
        assert [each.partition(": ")[2] for each in found] == [
            "before 'tokenize': it has no signature 'x'; there are 'serving_default'.",
            "after 'calibrate': it has no MetaGraph with the tag-set {train}; there are {serve}. "
            "State one with 'tags'.",
        ]

    def test_names_that_are_taken(self, reviews: Path, of: Patch) -> None:
        shutil.copytree("calibrate", "a b/7")
        shutil.copytree("calibrate", "a_b")
        shutil.copytree("calibrate", "chain")
        same_keys = """output { key: "is_sure" drop: true }
                       output { key: "scores" rename_to: "logits" }"""
        for model in ("chain", "a b/7", "a_b"):
            patched(reviews, of(f'after {{ model: "{model}" }} {same_keys}'))
        found = sigpb.show(reviews).meta_graphs[0].grafts
        assert [(each.name, each.adapter) for each in found] == [
            ("chain_1", "chain"),
            ("a_b", "7"),
            ("a_b_1", "a_b"),
        ]
        (root, *_) = only_graph(reviews).object_graph_def.nodes
        assert {"sigpb_a_b", "sigpb_a_b_1"} <= {each.local_name for each in root.children}


class TestTwice:
    def test_the_same_patch_is_once_by_the_record(self, reviews: Path, of: Patch) -> None:
        patched(reviews, of(BOTH))
        before = contents(reviews)
        assert sigpb.patch(reviews, of(BOTH), in_place=True).status == "unchanged"
        moved = of('before { model: "other/tokenize" } after { model: "other/calibrate" }')
        for name in ("tokenize", "calibrate"):
            shutil.copytree(name, f"other/{name}")
        assert sigpb.patch(reviews, moved, in_place=True).status == "unchanged"
        assert contents(reviews) == before

    def test_without_the_record_it_is_refused(self, reviews: Path, of: Patch) -> None:
        patched(reviews, of('after { model: "calibrate" }'), history=False)
        (problem,) = refusal(reviews, of('after { model: "calibrate" }'))
        assert problem == (
            "signature 'serving_default': after 'calibrate': the model has it after this signature "
            "already, as 'calibrate'. Take that out first (ungraft: 'calibrate'); to have values "
            "pass both, copy the adapter to a directory of another name."
        )

    def test_a_changed_adapter_is_another_version(self, reviews: Path, of: Patch) -> None:
        patched(reviews, of('before { model: "tokenize" }'))
        with Path("tokenize/assets/vocabulary.txt").open("a") as file:
            file.write("new\n")
        (problem,) = refusal(reviews, of('before { model: "tokenize" }'))
        assert "the model has another version of it before this signature already" in problem


class TestWayBack:
    def test_undo(self, reviews: Path, of: Patch) -> None:
        before = without_fingerprint(reviews)
        patched(reviews, of(f'{BOTH} input {{ key: "text" rename_to: "review" }}'))
        assert (reviews / "assets" / "vocabulary.txt").exists()
        undone = sigpb.undo(reviews)
        assert undone.backup is None
        assert without_fingerprint(reviews) == before

    def test_undo_from_a_backup(self, reviews: Path, of: Patch) -> None:
        before = contents(reviews)
        patched(reviews, of(BOTH), backup=True)
        undone = sigpb.undo(reviews)
        assert undone.backup is not None
        assert undone.lines[:3] == (
            "MetaGraph {serve}",
            "  signature 'serving_default': adapter 'calibrate' after it taken out",
            "  signature 'serving_default': adapter 'tokenize' before it taken out",
        )
        assert contents(reviews) == before

    def test_undo_of_taking_one_out(self, reviews: Path, of: Patch) -> None:
        patched(reviews, of('before { model: "tokenize" }'))
        patched(reviews, of('ungraft: "tokenize"'), backup=True)
        line = "  signature 'serving_default': adapter 'tokenize' put before it again"
        assert line in sigpb.undo(reviews).lines

    def test_one_after_another(self, reviews: Path, of: Patch) -> None:
        before = {"none": without_fingerprint(reviews)}
        patched(reviews, of('before { model: "tokenize" }'))
        before["one"] = without_fingerprint(reviews)
        patched(reviews, of('after { model: "calibrate" }'))
        (problem,) = refusal(reviews, of('ungraft: "tokenize"'))
        assert problem.startswith("'tokenize' cannot be taken out before 'calibrate'")
        patched(reviews, of('ungraft: "calibrate"'))
        left = without_fingerprint(reviews)
        assert left.pop(RECORD) != before["one"].pop(RECORD)
        assert left == before["one"]
        patched(reviews, of('ungraft: "tokenize"'))
        left = without_fingerprint(reviews)
        del left[RECORD]
        assert left == before["none"]

    def test_a_signature_that_was_renamed_since(self, reviews: Path, of: Patch) -> None:
        patched(reviews, of('before { model: "tokenize" }'))
        assert "any more" not in str(sigpb.show(reviews))
        patched(reviews, of('rename_to: "read"'))
        line = "stays: no signature has the key 'serving_default' any more"
        assert line in str(sigpb.show(reviews))
        (problem,) = refusal(reviews, parse_text('signature { key: "read" ungraft: "tokenize" }'))
        assert problem == (
            "signature 'read': 'tokenize' was put before 'serving_default', and not here. If that "
            "signature has another key since then, take this back first ('sigpb undo' does)."
        )

    def test_again_and_again(self, reviews: Path, of: Patch) -> None:
        for method in ("first", "second"):
            patched(reviews, of(f'method_name: "{method}"'))
            before = (reviews / MAIN).read_bytes()
            patched(reviews, of(BOTH))
            patched(reviews, of('ungraft: "calibrate" ungraft: "tokenize"'))
            assert (reviews / MAIN).read_bytes() == before

    def test_two_that_have_variables(self, reviews: Path, of: Patch) -> None:
        shutil.copytree("calibrate", "other")
        before = without_fingerprint(reviews)
        other_keys = """output { key: "is_sure" rename_to: "first" }
                        output { key: "scores" rename_to: "logits" }"""
        patched(reviews, of(f'after {{ model: "calibrate" }} {other_keys}'))
        patched(reviews, of('after { model: "other" }'))
        sigpb.undo(reviews)
        sigpb.undo(reviews)
        assert without_fingerprint(reviews) == before

    def test_a_model_as_text(self, reviews: Path, of: Patch) -> None:
        text = text_format.MessageToString(read(reviews))
        (reviews / MAIN).unlink()
        (reviews / "saved_model.pbtxt").write_text(text)
        before = without_fingerprint(reviews)
        patched(reviews, of(BOTH))
        sigpb.undo(reviews)
        assert without_fingerprint(reviews) == before

    def test_two_metagraphs(self, reviews: Path, of: Patch) -> None:
        model = read(reviews)
        model.meta_graphs.add().CopyFrom(model.meta_graphs[0])
        model.meta_graphs[1].meta_info_def.tags.append("gpu")
        (reviews / MAIN).write_bytes(model.SerializeToString(deterministic=True))
        before = without_fingerprint(reviews)
        patched(reviews, of(BOTH))
        names = [[each.name for each in graph.grafts] for graph in sigpb.show(reviews).meta_graphs]
        assert names == [["tokenize", "calibrate"], ["tokenize_1", "calibrate_1"]]
        sigpb.undo(reviews)
        assert without_fingerprint(reviews) == before

    def test_both_at_once(self, reviews: Path, of: Patch) -> None:
        before = (reviews / MAIN).read_bytes()
        patched(reviews, of(BOTH))
        plan = patched(reviews, of('ungraft: "tokenize" ungraft: "calibrate"'))
        assert [edit.describe() for edit in plan.meta_graphs[0].edits] == [
            "signature 'serving_default': adapter 'calibrate' after it taken out",
            "signature 'serving_default': adapter 'tokenize' before it taken out",
        ]
        assert (reviews / MAIN).read_bytes() == before

    def test_both_with_variables_at_once(
        self, reviews: Path, of: Patch, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # The index is written twice, and beyond this size the record has no digest of it.
        monkeypatch.setattr(history, "STATE_LIMIT", 100)
        shutil.copytree("calibrate", "sharpen")
        patched(Path("sharpen"), of('output { key: "is_sure" drop: true }'))
        before = contents(reviews)
        patched(reviews, of('after { model: "calibrate" }'))
        again = of('after { model: "sharpen" map { from: "scores" to: "logits" } }')
        patched(reviews, again, backup=True)
        assert sigpb.undo(reviews).backup is not None
        patched(reviews, again)
        assert len(list((reviews / "variables").iterdir())) == 5
        patched(reviews, of('ungraft: "calibrate" ungraft: "sharpen"'))
        names = [name for name in before if name.startswith("variables/")]
        assert {name: contents(reviews)[name] for name in names} == {
            name: before[name] for name in names
        }

    def test_invert(self, reviews: Path, of: Patch) -> None:
        patch = of(f'{BOTH} input {{ key: "text" rename_to: "review" }} rename_to: "s"')
        undo = sigpb.invert(reviews, patch)
        (item,) = undo.signature
        assert (item.key, item.rename_to, list(item.ungraft)) == (
            "s",
            "serving_default",
            ["calibrate", "tokenize"],
        )
        before = (reviews / MAIN).read_bytes()
        patched(reviews, patch)
        patched(reviews, undo)
        assert (reviews / MAIN).read_bytes() == before

    def test_taking_out_is_for_good(self, reviews: Path, of: Patch) -> None:
        patched(reviews, of(BOTH))
        with pytest.raises(sigpb.PatchError, match=r"'calibrate'.*is taken out for good"):
            sigpb.invert(reviews, of('ungraft: "calibrate"'))

    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("tokenise", "there is no adapter 'tokenise'; did you mean 'tokenize'?"),
            ("x", "there is no adapter 'x'; there are 'calibrate' and 'tokenize'"),
        ],
    )
    def test_one_that_is_not_there(
        self, reviews: Path, of: Patch, name: str, expected: str
    ) -> None:
        assert "nor any other" in refusal(reviews, of(f'ungraft: "{name}"'))[0]
        patched(reviews, of(BOTH))
        assert expected.partition(";")[0] in refusal(reviews, of(f'ungraft: "{name}"'))[0]

    def test_without_the_record(self, reviews: Path, of: Patch) -> None:
        patched(reviews, of(BOTH))
        (reviews / FILE_NAME).unlink()
        found = refusal(reviews, of('ungraft: "calibrate"'))
        assert found[0].startswith("'calibrate' cannot be taken out: no record")

    def test_what_was_changed_since(self, reviews: Path, of: Patch) -> None:
        patched(reviews, of('after { model: "calibrate" }'))
        patched(reviews, of('output { key: "scores" rename_to: "s" }'))
        (problem,) = refusal(reviews, of('ungraft: "calibrate"'))
        assert "not as it was left is signature_def['serving_default']" in problem

    def test_what_a_copy_needs(self, reviews: Path, of: Patch) -> None:
        patched(reviews, of('after { model: "calibrate" }'))
        patched(reviews, parse_text('signature { key: "t" copy_of: "serving_default" }'))
        found = refusal(reviews, of('ungraft: "calibrate"'))
        assert "signature 't' needs it; delete that first, with a patch of its own" in found[0]

    @pytest.mark.parametrize("together", [True, False])
    def test_what_was_pruned_since(
        self, fixture_model: ModelFactory, of: Patch, together: bool
    ) -> None:
        model, prune = fixture_model("calibrate"), parse_text("prune: true")
        grafted = of('before { model: "calibrate" map { from: "scores" to: "logits" } }')
        if together:
            grafted.MergeFrom(prune)
        patched(model, grafted)
        if not together:
            patched(model, prune)
        found = refusal(model, of('ungraft: "calibrate"'))
        assert [each.partition("has no node ")[2].partition(" ")[0] for each in found] == [
            "'StatefulPartitionedCall'",
            "'serving_default_logits'",
        ]

    def test_variables_that_were_stored_again(self, reviews: Path, of: Patch) -> None:
        patched(reviews, of('after { model: "calibrate" }'))
        with (reviews / "variables" / "variables.index").open("ab") as file:
            file.write(b"\0")
        found = refusal(reviews, of('ungraft: "calibrate"'))
        assert "variables/variables.index was written again" in found[0]

    def test_a_damaged_record(self, reviews: Path, of: Patch) -> None:
        patched(reviews, of('after { model: "calibrate" }'))
        damage: Any
        record = json.loads((reviews / FILE_NAME).read_text())
        for damage in ([{}], [1], {}, [{**record["grafts"][0], "differences": [[1]]}]):
            (reviews / FILE_NAME).write_text(json.dumps({**record, "grafts": damage}) + "\n")
            assert "no record" in refusal(reviews, of('ungraft: "calibrate"'))[0]


def test_show_names_them(reviews: Path, of: Patch) -> None:
    patched(reviews, of(BOTH))
    summary = sigpb.show(reviews)
    assert [(each.name, each.position) for each in summary.meta_graphs[0].grafts] == [
        ("tokenize", "before"),
        ("calibrate", "after"),
    ]
    assert "'calibrate' after 'serving_default': 'serving_default' of calibrate, sha256:" in str(
        summary
    )
    altered(reviews, lambda graph: graph.collection_def.pop(COLLECTION))
    assert "adapters" not in str(sigpb.show(reviews))


def test_variables_can_be_frozen(reviews: Path, of: Patch) -> None:
    before = contents(reviews)
    patched(reviews, of('after { model: "calibrate" freeze: true }'))
    changed = {name for name, each in contents(reviews).items() if before.get(name) != each}
    assert changed == {MAIN, RECORD, "fingerprint.pb"}


def test_an_adapter_needs_the_values_that_it_restores(reviews: Path, of: Patch) -> None:
    shutil.rmtree("calibrate/variables")
    shutil.rmtree("tokenize/variables")  # Without variables, nothing is missing.
    patched(reviews, of('before { model: "tokenize" }'))
    (problem,) = refusal(reviews, of('after { model: "calibrate" }'))
    missing = [f"{name}/.ATTRIBUTES/VARIABLE_VALUE" for name in ("temperature", "threshold")]
    assert (
        f"after 'calibrate': its checkpoint does not have '{missing[0]}', '{missing[1]}'" in problem
    )


def test_an_adapter_has_the_tensors_that_its_signature_names(reviews: Path, of: Patch) -> None:
    model = read(Path("tokenize"))
    model.meta_graphs[0].signature_def["serving_default"].outputs["ids"].name = "nowhere:0"
    Path("tokenize", MAIN).write_bytes(model.SerializeToString())
    (problem,) = refusal(reviews, of('before { model: "tokenize" }'))
    assert "is the tensor 'nowhere:0', and the graph has no such node" in problem
