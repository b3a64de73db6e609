from __future__ import annotations

import difflib
from pathlib import Path

import pytest
from google.protobuf import text_format

import sigpb
from sigpb import protos
from sigpb.patching.apply import changes_of
from sigpb.patching.compile import compile_patch
from sigpb.patching.patch_file import parse_text
from sigpb.publishing.changes import SplicedFile
from sigpb.saved_model.model import open_model
from sigpb.wire import SourceRange, assemble, length_delimited, map_entry, size
from tests.parts import changed_parts, parts
from tests.patches import MAIN, RECORD, ModelFactory, apply, contents, read
from tests.views import outline

NAMES = ["tf1_composite", "tf1_eval", "tf1_shared", "tf1_two_graphs", "tf2_linear", "tf2_shared"]
TEXT = "saved_model.pbtxt"
RENAME = """
    signature {
        key: "serving_default"
        rename_to: "predict"
        input { key: "x" rename_to: "a" }
        output { key: "p" rename_to: "z" }
    }
    """


class TestBytes:
    @pytest.mark.parametrize("name", NAMES)
    def test_an_empty_patch_changes_no_file(self, fixture_model: ModelFactory, name: str) -> None:
        model = fixture_model(name)
        before = contents(model)
        copy = model.with_name("copy")
        for patch in (sigpb.SavedModelPatch(), sigpb.SavedModelPatch(id="x", reason="y")):
            assert sigpb.patch(model, patch, in_place=True).status == "unchanged"
        assert sigpb.patch(model, patch, output_dir=copy).status == "unchanged"
        assert contents(model) == contents(copy) == before

    def test_a_proto_that_would_be_too_large(
        self, fixture_model: ModelFactory, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        model = fixture_model("tf2_linear")
        before = contents(model)
        monkeypatch.setattr("sigpb.publishing.changes.MAX_PROTO_SIZE", 1000)
        with pytest.raises(sigpb.PatchError, match="more than the 1,000 that protobuf allows"):
            sigpb.patch(model, RENAME, dry_run=True)
        assert contents(model) == before

    def test_only_what_is_named_changes(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf1_eval")
        before = contents(model)
        apply(
            model,
            """
            signature {
                key: "eval"
                input { key: "features/x" rename_to: "features/image" }
                output { key: "loss" rename_to: "cost" }
            }
            signature { key: "served" copy_of: "serving_default" }
            """,
        )
        after = contents(model)
        assert changed_parts(before.pop(MAIN), after.pop(MAIN)) == {
            "signature_def[eval]",
            "signature_def[served]",
            "collection_def[evaluation_only/label_graph/features/key]",
        }
        del after[RECORD]
        assert after == before

    def test_only_the_meta_graph_that_is_named_changes(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf1_two_graphs")
        before = (model / MAIN).read_bytes()
        apply(
            model,
            """
            tags { tag: "serve" tag: "gpu" }
            set_tags { tag: "gpu" }
            signature { key: "serving_default" input { key: "x" rename_to: "a" } }
            """,
        )
        assert changed_parts(before, (model / MAIN).read_bytes()) == {
            "meta_graphs[1].meta_info_def.tags[0]",
            "meta_graphs[1].meta_info_def.tags[1]",
            "meta_graphs[1].signature_def[serving_default]",
        }

    def test_what_this_version_does_not_know_stays(self, fixture_model: ModelFactory) -> None:
        """Unknown fields at every level, and fields in an order that no encoder would write."""
        model = fixture_model("tf2_linear")
        unknown = length_delimited(1000, b"from the future")
        encoded = (model / MAIN).read_bytes()
        (graph,) = protos.SavedModel.FromString(encoded).meta_graphs
        known = graph.SerializeToString(deterministic=True)
        odd = (
            length_delimited(2, unknown + known + unknown)
            + b"\x08\x01"  # The schema version comes last, and twice.
            + b"\x08\x01"
            + unknown
        )
        (model / MAIN).write_bytes(odd)
        before = parts(odd)
        after = apply(model, RENAME)
        assert outline(after)["predict"] == "a, b -> s, z"
        result = (model / MAIN).read_bytes()
        assert result.endswith(b"\x08\x01\x08\x01" + unknown)
        assert next(iter(parts(result))) == next(iter(before)) == "field 1000[0]"
        assert {name: parts(result)[name] for name in before if "field 1000" in name} == {
            name: part for name, part in before.items() if "field 1000" in name
        }

    def test_an_entry_without_a_value_can_be_renamed(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf1_no_variables")
        encoded = (model / MAIN).read_bytes()
        number = protos.MetaGraphDef.SIGNATURE_DEF_FIELD_NUMBER
        empty = length_delimited(number, length_delimited(1, b"empty"))
        graph = protos.SavedModel.FromString(encoded).meta_graphs[0].SerializeToString()
        (model / MAIN).write_bytes(length_delimited(2, empty + graph))
        apply(model, 'signature { key: "empty" rename_to: "void" }')
        assert (model / MAIN).read_bytes() == length_delimited(
            2, map_entry(number, b"void", b"") + graph
        )


class TestPieces:
    def test_what_stays_is_copied_and_not_read(self, fixture_model: ModelFactory) -> None:
        with open_model(fixture_model("tf2_linear")) as model:
            changes, _ = changes_of(compile_patch(model, parse_text(RENAME)), model)
            main = changes[MAIN]
            assert isinstance(main, SplicedFile)
            assert main.source == model.file
            copied = [piece for piece in main.pieces if isinstance(piece, SourceRange)]
            assert size(copied) > 0.8 * len(model.buffer)
            graph = protos.SavedModel.FromString(assemble(main.pieces, model.buffer)).meta_graphs[0]
        assert outline(graph)["predict"] == "a, b -> s, z"

    def test_an_empty_plan_changes_no_file(self, fixture_model: ModelFactory) -> None:
        with open_model(fixture_model("tf2_linear")) as model:
            plan = compile_patch(model, sigpb.SavedModelPatch())
            assert changes_of(plan, model, fingerprint="drop", warmup="drop") == ({}, ())


class TestText:
    def text_lines(self, model: Path) -> list[str]:
        return (model / TEXT).read_text().splitlines()

    def test_a_text_proto_stays_one(self, fixture_model: ModelFactory) -> None:
        text, binary = fixture_model("tf2_linear", as_text=True), fixture_model("tf2_linear")
        files = set(contents(text))
        for model in (text, binary):
            sigpb.patch(model, parse_text(RENAME), in_place=True, backup=False)
        assert set(contents(text)) == {*files, RECORD}
        parsed = text_format.Parse((text / TEXT).read_text(), protos.SavedModel())
        assert parsed == read(binary)

    @pytest.mark.parametrize("name", ["tf2_linear", "tf1_shared"])
    def test_other_lines_stay(self, fixture_model: ModelFactory, name: str) -> None:
        """Also those of TensorInfos in collections, of which the text spells out the content."""
        model = fixture_model(name, as_text=True)
        before = self.text_lines(model)
        patch = parse_text('signature { key: "serving_default" rename_to: "serve" }')
        sigpb.patch(model, patch, in_place=True, backup=False)
        changed = {
            line.replace(" ", "")
            for line in difflib.unified_diff(before, self.text_lines(model), n=0, lineterm="")
            if not line.startswith(("---", "+++", "@@"))
        }
        entry, child = (
            {f'-{field}:"serving_default"', f'+{field}:"serve"'} for field in ("key", "local_name")
        )
        assert changed == (entry | child if name == "tf2_linear" else entry)

    def test_an_empty_patch_leaves_the_text_alone(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf1_shared", as_text=True)
        before = contents(model)
        assert sigpb.patch(model, sigpb.SavedModelPatch(), in_place=True).status == "unchanged"
        assert contents(model) == before

    def test_the_same_patch_again(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_linear", as_text=True)
        sigpb.patch(model, parse_text(RENAME), in_place=True, backup=False)
        before = contents(model)
        again = sigpb.patch(model, parse_text(RENAME), in_place=True, backup=False)
        assert again.status == "unchanged"
        assert contents(model) == before

    def test_text_beyond_ascii(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf1_no_variables", as_text=True)
        patch = parse_text('signature { key: "default" rename_to: "größe" }')
        sigpb.patch(model, patch, in_place=True, backup=False)
        assert 'key: "größe"' in (model / TEXT).read_text(encoding="utf-8")
