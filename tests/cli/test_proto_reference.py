"""What help says of the files that sigpb reads: patches and policies."""

from __future__ import annotations

from pathlib import Path

import pytest
from google.protobuf import text_format

from sigpb import protos
from sigpb.cli.help.flags_of_fields import flags_of_fields
from sigpb.cli.help.proto_reference import Field, Message, Page, ProtoReference, parse, read
from sigpb.cli.help.topics import patch_file, policy_file
from sigpb.inspect.styled_text import plain
from tests.cli.command_line import run
from tests.conftest import REPOSITORY

PAGES = {"SavedModelPatch": patch_file.PAGE, "LintPolicy": policy_file.PAGE}

LINEAR = str(REPOSITORY / "proto_fixtures" / "tf2_linear")

SOURCE = """\
// What it is about,
// in two lines.
//
// More.
syntax = "proto3";

package sigpb;

// The whole.
message Whole {
  // A part | of it.
  repeated Part part = 1;
}

message Part {
  // Its <name>.
  optional string name = 2;
  bool on = 3;
}
"""

WHOLE = Message("Whole", "The whole.", (Field("part", "Part", 1, True, "A part | of it."),))


def test_reads_comments() -> None:
    found = parse(SOURCE)
    name = Field("name", "string", 2, False, "Its <name>.")
    assert found.text == "What it is about, in two lines.\n\nMore."
    assert found.messages == (WHOLE, Message("Part", "", (name, Field("on", "bool", 3, False, ""))))


@pytest.mark.parametrize("line", ["oneof it {", "string name = 1;  // Its name.", "enum Kind {"])
def test_reads_no_more_than_it_understands(line: str) -> None:
    with pytest.raises(ValueError, match="cannot be read"):
        parse(f"{SOURCE}message Other {{\n{line}\n}}\n")


def test_as_lines() -> None:
    reference = ProtoReference("All about it.", (WHOLE,))
    assert [plain(line) for line in reference.lines(80)] == [
        "All about it.",
        "",
        "Whole",
        "  The whole.",
        "  part  Part, repeated",
        "      A part | of it.",
    ]


def test_as_markdown() -> None:
    assert parse(SOURCE).markdown() == (
        "What it is about, in two lines.\n\nMore.\n\n"
        "## Whole\n\nThe whole.\n\n"
        "| field | type | meaning |\n|---|---|---|\n"
        "| `part` | [Part](#part), repeated | A part \\| of it. |\n\n"
        "## Part\n\n"
        "| field | type | meaning |\n|---|---|---|\n"
        "| `name` | `string` | Its &lt;name>. |\n"
        "| `on` | `bool` |  |\n"
    )


@pytest.mark.parametrize("name", PAGES)
def test_has_every_message_and_field_with_a_comment(name: str) -> None:
    descriptors = [getattr(protos, name).DESCRIPTOR]
    for descriptor in descriptors:
        kinds = [field.message_type for field in descriptor.fields if field.message_type]
        descriptors += [each for each in kinds if each not in descriptors]
    messages = {message.name: message for message in read(PAGES[name].proto).messages}
    assert set(messages) == {descriptor.name for descriptor in descriptors}
    for descriptor in descriptors:
        message = messages[descriptor.name]
        assert message.text.endswith("."), message.name
        assert all(field.text[-1] in '."' for field in message.fields), message.name
        assert {(field.name, field.number) for field in message.fields} == {
            (field.name, field.number) for field in descriptor.fields
        }
        for field in message.fields:
            known = descriptor.fields_by_name[field.name]
            kind = known.message_type.name if known.message_type else field.type
            assert field.type == kind


def test_fields_have_their_flags() -> None:
    found = flags_of_fields()
    assert found["EndpointPatch", "dtype"] == ("input_dtype", "output_dtype")
    assert found["SignaturePatch", "copy_of"] == ("copy_signature",)
    assert found["SavedModelPatch", "set_tags"] == ("set_tags",)
    assert found["SignaturePatch", "after"] == ("after",)
    assert found["Graft", "freeze"] == ("freeze_adapters",)
    without = {
        *("id", "reason", "only", "signature"),
        *("key", "key_pattern", "input", "output"),
    }
    for name in ("SavedModelPatch", "SignaturePatch", "EndpointPatch"):
        for field in getattr(protos, name).DESCRIPTOR.fields:
            assert ((name, field.name) in found) != (field.name in without), field.name
    assert 'such as "uint8": values are cast. [--input_dtype,' in run("help", "patch-file").out
    assert "are cast. [`--input_dtype`, `--output_dtype`] |\n" in patch_file.PAGE.markdown()


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
def test_page_is_help_and_markdown(page: Page) -> None:
    topic = "patch-file" if page is patch_file.PAGE else "policy-file"
    outcome = run("help", topic)
    assert outcome.out == "".join(f"{plain(line)}\n" for line in page.lines(80))
    assert page.markdown().startswith(f"# {page.title}\n\n")
    assert f"```proto\n{page.example}```" in page.markdown()


def test_example_of_a_patch_can_be_applied(tmp_path: Path) -> None:
    file = tmp_path / "patch.txtpb"
    file.write_text(patch_file.EXAMPLE)
    outcome = run("patch", LINEAR, "--dry_run", f"--patch={file}")
    assert (outcome.code, outcome.err) == (0, "")
    assert "input 'x' → 'image'" in outcome.out


def test_example_of_a_policy_can_be_applied(tmp_path: Path) -> None:
    policy = text_format.Parse(policy_file.EXAMPLE, protos.LintPolicy())
    assert policy.signature[0].key == "serving_default"
    file = tmp_path / "policy.txtpb"
    file.write_text(policy_file.EXAMPLE)
    assert run("lint", LINEAR, f"--policy={file}").code in (0, 1)
