"""Models of a later TensorFlow, with fields that sigpb does not know, at every level."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from google.protobuf.message import Message as ProtoMessage

from sigpb import protos
from sigpb.wire import length_delimited
from tests.cli.command_line import run
from tests.publishing.directories import snapshot

ModelFactory = Callable[..., Path]

MARK = b"a field that sigpb does not know: "


def messages_in(message: ProtoMessage) -> Iterator[ProtoMessage]:
    """A message and all messages in it."""
    yield message
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        if isinstance(value, ProtoMessage):
            items = [value]
        elif hasattr(value, "keys"):
            items = [value[key] for key in sorted(value)]
        else:
            items = list(value)
        for item in items:
            if isinstance(item, ProtoMessage):  # The values of a map may be scalars.
                yield from messages_in(item)


def add_to(model: Path) -> list[bytes]:
    """Adds a field to every message of a model, and returns their values."""
    file = model / "saved_model.pb"
    saved_model = protos.SavedModel.FromString(file.read_bytes())
    marks = []
    for number, message in enumerate(messages_in(saved_model)):
        marks.append(MARK + b"%06d" % number)
        message.MergeFromString(length_delimited(5000, marks[-1]))
    file.write_bytes(saved_model.SerializeToString(deterministic=True))
    assert len(marks) > 100
    assert all(mark in file.read_bytes() for mark in marks)
    return marks


@pytest.mark.parametrize("name", ["tf1_sparse", "tf1_shared", "tf2_linear"])
def test_they_pass_through_an_empty_patch(
    fixture_model: ModelFactory, tmp_path: Path, name: str
) -> None:
    model, output = fixture_model(name), tmp_path / "out"
    add_to(model)
    before = snapshot(model)
    assert run("show", model).code == 0
    assert run("patch", model, "--in_place").code == 0
    assert run("patch", model, f"--output_dir={output}").code == 0
    assert snapshot(model) == snapshot(output) == before


@pytest.mark.parametrize(
    ("name", "flags"),
    [
        ("tf1_sparse", ["--rename_input=s=a", "--rename_output=doubled=z"]),
        ("tf1_shared", ["--rename_input=scale=a", "--rename_input=x=scale"]),
        ("tf1_shared", ["--rename_signature=serving_default=a", "--set_tags=a,b"]),
        ("tf2_linear", ["--rename_input=x=image", "--rename_output=p=r"]),
        ("tf2_linear", ["--rename_input=x=a", "--rename_output=p=z"]),
        ("tf2_linear", ["--rename_signature=serving_default=a", "--method_name=m"]),
        ("tf2_linear", ["--copy_signature=serving_default=a"]),
    ],
)
def test_they_stay_where_something_is_renamed(
    fixture_model: ModelFactory, name: str, flags: list[str]
) -> None:
    model = fixture_model(name)
    marks = add_to(model)

    patched = run("patch", model, "--in_place", "--fingerprint=drop", *flags)

    assert (patched.code, patched.err) == (0, "")
    data = (model / "saved_model.pb").read_bytes()
    assert [mark for mark in marks if mark not in data] == []
