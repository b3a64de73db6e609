"""Whatever the names in a model hold, a terminal and a reader take them for names."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sigpb import protos
from sigpb.inspect.proto_scalars import quoted
from sigpb.visible_text import json_text, visible
from tests.cli.command_line import Outcome, run
from tests.cli.test_terminal import on_terminal

pytestmark = pytest.mark.slow

ModelFactory = Callable[..., Path]

EVIL = "\x1b]0;owned\x07\r\nsigpb patched fake\x9b31m\u202e\u2028\U000e0041[red]"
HARMLESS = "!" + "n" * (len(visible(EVIL)) - 1)  # As wide, and sorted as EVIL is.
FIXTURES = ("tf1_two_graphs", "tf2_linear", "tf2_wrapped")

# Sizes decide what HTML shows; Mermaid escapes otherwise.
_OF_THEIR_OWN = ("--format=html", "--format=mermaid")

# What names an op or a type of TensorFlow cannot have another name.
_KEPT = {"identifier", "op", "type", "type_url", "stripped_op_list", "attr"}


def renamed(message: Any, suffix: str, kept: set[str]) -> None:
    """Adds a suffix to every name in a message, alike in all places; ``^a:out:0`` names ``a``."""
    for field, value in message.ListFields():
        if field.name in kept:
            continue
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            is_named = field.message_type.fields_by_name["key"].type == field.TYPE_STRING
            for key in list(value):
                inner = value[key]
                if field.message_type.fields_by_name["value"].message_type is not None:
                    renamed(inner, suffix, kept)
                if is_named and field.message_type.fields_by_name["value"].message_type is not None:
                    copied = type(inner)()
                    copied.CopyFrom(inner)
                    del value[key]
                    value[_with(key, suffix)].CopyFrom(copied)
                elif is_named:
                    changed = value[key]
                    del value[key]
                    value[_with(key, suffix)] = (
                        _with(changed, suffix) if isinstance(changed, str) else changed
                    )
        elif field.message_type is not None:
            for each in value if field.is_repeated else [value]:
                renamed(each, suffix, kept)
        elif field.type == field.TYPE_STRING:
            if field.is_repeated:
                value[:] = [_with(text, suffix) for text in value]
            else:
                setattr(message, field.name, _with(value, suffix))


def _with(name: str, suffix: str) -> str:
    node, colon, port = name.partition(":")
    is_kept = not node or name == "signatures"  # By which loaders find them.
    return name if is_kept else f"{node}{suffix}{colon}{port}"


def named(model: Path, suffix: str, kept: set[str] = _KEPT) -> Path:
    """A copy of a model, in a directory of such a name, with such names in it."""
    file = model / "saved_model.pb"
    copy = model.parent / f"m{suffix}".translate({0: None, ord("/"): None})
    shutil.copytree(model, copy)
    proto = protos.SavedModel.FromString(file.read_bytes())
    renamed(proto, suffix, kept)
    (copy / "saved_model.pb").write_bytes(proto.SerializeToString(deterministic=True))
    return copy


def key_of(model: Path) -> tuple[str, str]:
    """The key of a signature of a model, and that of an input."""
    (graph, *_) = protos.SavedModel.FromString((model / "saved_model.pb").read_bytes()).meta_graphs
    key = min(key for key in graph.signature_def if graph.signature_def[key].inputs)
    return key, min(graph.signature_def[key].inputs)


def commands(model: Path) -> Iterator[tuple[str | Path, ...]]:
    """What there is to ask of a model; last what changes something."""
    key, name = key_of(model)
    there = model.parent / f"out-{model.name}"
    signature, rename = f"--signature={key}", f'--rename_input="{name}"=to_{name[:1]}'
    for form in ("table", "json", "textproto"):
        yield "show", model, f"--format={form}"
    for text_or_json in ("text", "json"):
        form = f"--format={text_or_json}"
        yield "lint", model, form
        yield "grep", "x", model, form
        yield "trace", model, name, form
        yield "wire", model, form
        yield "plan", model, signature, rename, form
        yield "patch", model, "--dry_run", signature, rename, form
        yield "patch", model, "--dry_run", signature, "--rename_input=nosuch=to", form
        yield "salvage", model, model.parent / f"{text_or_json}-{model.name}", form
    for form in ("textproto", "json"):
        yield "dump", model, "--full", f"--format={form}"
    for by in ("section", "op", "function", "scope", "node"):
        yield "size", model, f"--by={by}"
    for form in ("json", "html"):
        yield "size", model, f"--format={form}"
    for form in ("tree", "dot", "mermaid", "html", "json"):
        yield "graph", model, signature, f"--format={form}"
    yield "graph", model, signature, "--from=nosuch"
    yield "graph", model
    yield "show", model, "--tags=nosuch"
    yield "show", model, "--signature=nosuch"
    yield "show", model / "nosuch"
    yield "show", model, model
    yield "invert", model, signature, rename
    yield "patch", model, signature, rename, "--emit_patch"
    patch, journal = model.parent / "p.textproto", model.parent / f"{model.name}.jsonl"
    patch.write_text(
        f"reason: {quoted(name)}\n" + run("patch", model, signature, rename, "--emit_patch").out
    )
    yield "patch", model, f"--patch={patch}", f"--output_dir={there}"
    yield "show", there, "--history"
    yield "diff", model, there
    yield "diff", model, there, "--compat"
    yield "diff", model, there, "--format=json"
    yield "infer", model, there
    batch = ("batch", model.parent, f"--include={glob(model.name)}", f"--patch={patch}")
    yield *batch, "--dry_run", "--in_place", f"--report={model.parent}/report.jsonl"
    yield *batch, "--dry_run", "--in_place", "--format=json"
    yield *batch, "--in_place", f"--journal={journal}"
    yield "rollback", journal
    yield "rollback", journal, "--format=json"


def glob(name: str) -> str:
    return re.sub(r"([\[*?])", r"[\1]", name)


def checked(outcome: Outcome) -> Outcome:
    """What a command said, which is nothing but lines of what can be seen."""
    for line in [*outcome.out.split("\n"), *outcome.err.split("\n")]:
        assert line.isprintable(), line
        assert not line.startswith("sigpb patched fake"), line
    return outcome


def beginnings(text: str, model: Path) -> list[str]:
    """The first words of lines; numbers are all the same, and so are the names.

    Those of JSON are sorted: entries of maps come in an order that depends on the names.
    """
    text = text.replace(str(model.parent), "")
    shown = (visible(EVIL), quoted(EVIL)[1:-1])
    for form in (*(json_text(each)[1:-1] for each in (*shown, EVIL)), *shown):
        text = text.replace(form, HARMLESS)
    words = (line.split(maxsplit=1)[:1] for line in text.split("\n"))
    found = [
        re.sub(r"[0-9a-f.,]*[0-9]+[0-9a-f.,]*", "0", word[0]) if word else "" for word in words
    ]
    return sorted(found) if text.startswith("{") else found


@pytest.mark.parametrize("fixture", FIXTURES)
def test_names_are_names_in_every_command(fixture_model: ModelFactory, fixture: str) -> None:
    hostile = named(fixture_model(fixture), EVIL)
    harmless = named(fixture_model(fixture), HARMLESS)

    for ours, theirs in zip(commands(hostile), commands(harmless), strict=True):
        said, expected = checked(run(*ours)), checked(run(*theirs))
        assert said.code == expected.code, (ours, said.err)
        if ours[-1] not in _OF_THEIR_OWN:
            assert beginnings(said.out, hostile) == beginnings(expected.out, harmless), ours
        assert beginnings(said.err, hostile) == beginnings(expected.err, harmless), ours
        if said.out.startswith("{"):
            json.loads(said.out)


@pytest.mark.parametrize("fixture", FIXTURES)
def test_not_even_if_nothing_is_what_it_should_be(
    fixture_model: ModelFactory, fixture: str
) -> None:
    model = named(fixture_model(fixture), f"{EVIL}\0: \x1b[2J/^,=", kept=set())
    for arguments in commands(model):
        checked(run(*arguments))


def test_files_hold_what_is_printed(fixture_model: ModelFactory, tmp_path: Path) -> None:
    model = named(fixture_model("tf2_wrapped"), EVIL)
    key, name = key_of(model)
    plan = tmp_path / "plan"
    run("plan", model, f"--signature={key}", f'--rename_input="{name}"=to', f"--out={plan}")
    run("graph", model, f"--signature={key}", f"--output={tmp_path / 'tree'}")
    run("size", model, f"--output={tmp_path / 'size'}", "--by=node")
    run("size", model, f"--output={tmp_path / 'html'}", "--by=node", "--format=html")
    for file in (plan, *(tmp_path / each for each in ("tree", "size", "html"))):
        assert all(line.isprintable() for line in file.read_text().split("\n")), file
    checked(run("apply", plan, "--dry_run"))


@pytest.mark.parametrize("damage", [b"", b"\xff\xff\xff", b"\x12\x7f\x0a"])
def test_errors_and_damage(fixture_model: ModelFactory, damage: bytes) -> None:
    model = named(fixture_model("tf1_two_graphs"), EVIL)
    (model / "saved_model.pb").write_bytes(damage)
    for command in ("show", "lint", "dump", "wire", "size", "graph", "patch"):
        checked(run(command, model, *(["--dry_run"] if command == "patch" else [])))
    checked(run("grep", "a", model))
    checked(run("diff", model, model))


def test_a_terminal_gets_only_colours_of_ours(
    fixture_model: ModelFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"{EVIL}[bold]:bomb:"
    written = on_terminal(
        code=f"""
from rich.text import Text
from sigpb.cli import terminal
from sigpb.inspect.styled_text import Span, line
from sigpb.inspect.summary import rich_text
name = {name!r}
terminal.write([line(Span(name, "bold"), name)])
terminal.say(name)
terminal.warn(name)
endpoint = dict(tensor=name, dtype="int64", shape=[], encoding="dense")
signature = dict(method_name=name, inputs={{name: endpoint}}, outputs={{}}, internal=False)
graph = dict(tags=[name], object_graph=True, tensorflow_version=name)
graph["signatures"] = {{name: signature}}
taken = [dict(key=name, dtype="int64", shape=None)]
graph["functions"] = [
    dict(function=name, arguments=taken, fixed=[name], results=taken, problem=None)
]
graph["unsigned"] = dict(placeholders=[endpoint], results=[], command=name)
graft = dict(name=name, signature=name, position="after", adapter=name, adapter_signature=name)
graph["grafts"] = [dict(graft, digest=name, pairs={{name: name}})]
summary = dict(model=name, file="f", bytes=1, fingerprint=None, meta_graphs=[graph])
terminal.say_table(rich_text(summary))
""",
        PAGER="",
        NO_COLOR="",
    )
    plain = re.sub(r"\x1b\[[0-9;]*m", "", written.replace("\r\n", "\n"))
    assert all(line.isprintable() for line in plain.split("\n")), plain
    assert "[bold]:bomb:" in plain
    assert "💣" not in plain


def test_progress_bar_shows_names_as_they_are() -> None:
    written = on_terminal(
        code=f"""
from sigpb.batch.job import Outcome
from sigpb.cli import batch_progress
name = {EVIL + "[bold]:bomb:"!r}
progress = batch_progress.progress(1, dry_run=False, quiet=False)
progress.tell(progress.count(Outcome(name, "failed", name)))
progress.end()
""",
        PAGER="",
        NO_COLOR="1",
    )
    assert written.count(visible(f"{EVIL}[bold]:bomb:")) == 2
    assert "\x1b]0" not in written


def test_a_pager_gets_names_that_are_not_utf_8() -> None:
    written = on_terminal(
        code="""
from sigpb.cli import terminal
from sigpb.inspect.styled_text import line
terminal.write([line("m\\udcff")])
""",
        PAGER="sed s/^/paged:/",
    )
    assert "paged:m\\udcff" in written


def test_batches_take_names_that_are_not_utf_8(fixture_model: ModelFactory, tmp_path: Path) -> None:
    names = ("a", "b\udcff", f"c{EVIL}")
    for name in names:
        shutil.copytree(fixture_model("tf2_linear"), tmp_path / "models" / name / "1")
    (tmp_path / "p.textproto").write_text(
        "signature { key: 'serving_default' input { key: 'x' rename_to: 'image' } }"
    )
    batch = ("batch", tmp_path / "models", f"--patch={tmp_path}/p.textproto")
    reports = {form: tmp_path / f"report.{form}" for form in ("jsonl", "csv")}
    plan, journal = tmp_path / "plan", tmp_path / "journal"

    for report in reports.values():
        checked(run(*batch, "--in_place", "--dry_run", f"--report={report}", f"--plan={plan}"))
    done = checked(run("batch", f"--apply_plan={plan}", f"--journal={journal}"))
    undone = checked(run("rollback", journal, "--format=json"))

    models = {str(tmp_path / "models" / name / "1") for name in names}
    told = [json.loads(line) for line in reports["jsonl"].read_text().splitlines()]
    assert {each["model"] for each in told} == models
    assert len(reports["csv"].read_text().splitlines()) == 4
    for file in (*reports.values(), plan, journal):
        assert all(line.isprintable() for line in file.read_text().split("\n")), file
    assert (done.code, done.out.count("patched  ")) == (0, 4)
    assert {each["model"] for each in undone.json["models"]} == models


def test_a_plan_of_a_model_whose_name_is_not_utf_8(
    fixture_model: ModelFactory, tmp_path: Path
) -> None:
    model = tmp_path / "b\udcff"
    shutil.copytree(fixture_model("tf2_linear"), model)
    plan = tmp_path / "plan"

    checked(run("plan", model, "--rename_input=x=image", f"--out={plan}"))

    assert checked(run("apply", plan, "--in_place")).code == 0
    assert checked(run("show", model, "--history")).code == 0
