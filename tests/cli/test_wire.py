from __future__ import annotations

import os
import random
import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sigpb import protos
from sigpb.wire import encode_varint, length_delimited
from tests.cli.command_line import run, run_process

ModelFactory = Callable[..., Path]

NODE = length_delimited(1, length_delimited(1, b"a") + length_delimited(2, b"NoOp"))


def wire_json(path: Path, *flags: str, code: int = 0) -> Any:
    outcome = run("wire", path, "--format=json", *flags)
    assert (outcome.code, outcome.err) == (code, "")
    return outcome.json


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def test_a_model_is_shown_as_an_indented_tree(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf1_no_variables")
    size = (model / "saved_model.pb").stat().st_size

    outcome = run("wire", model)

    assert (outcome.code, outcome.err) == (0, "")
    first, *fields = outcome.out.splitlines()
    assert first == f"{model}/saved_model.pb: {size} bytes, read as SavedModel"
    assert fields[:4] == [
        "  0  1 saved_model_schema_version  varint 1  1",
        f"  2  2 meta_graphs  len {size - 5}  MetaGraphDef",
        "  5    1 meta_info_def  len 8  MetaInfoDef",
        "  7      5 tensorflow_version  len 6  '2.21.0'",
    ]
    assert run("wire", model / "saved_model.pb").out == outcome.out


def test_json(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf1_no_variables")
    file = model / "saved_model.pb"
    shown = wire_json(model)
    assert {key: value for key, value in shown.items() if key != "records"} == {
        "file": str(file),
        "bytes": file.stat().st_size,
        "message": "SavedModel",
        "damaged": 0,
        "not_entered": 0,
    }
    assert shown["records"][0] == {
        "kind": "value",
        "depth": 0,
        "offset": 0,
        "end": 2,
        "number": 1,
        "wire_type": "VARINT",
        "value_offset": 1,
        "length": 1,
        "name": "saved_model_schema_version",
        "type": "int64",
        "guessed": False,
        "value": 1,
    }
    assert len(shown["records"]) == len(run("wire", model).out.splitlines()) - 1


def test_a_text_proto_is_shown_as_what_it_amounts_to(fixture_model: ModelFactory) -> None:
    text, binary = fixture_model("tf2_linear", as_text=True), fixture_model("tf2_linear")
    shown = wire_json(text)
    assert shown["note"] == "the binary form of a text proto"
    assert shown["records"] == wire_json(binary)["records"]


def test_depth(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf1_no_variables")
    shown = wire_json(model, "--depth=2")
    assert {record["depth"] for record in shown["records"]} == {0, 1}
    assert shown["not_entered"] == sum(
        record["kind"] == "not entered" for record in shown["records"]
    )
    *_, last = run("wire", model, "--depth=2").out.splitlines()
    assert last == f"not entered, because they lie too deep: {shown['not_entered']} messages"


def test_offset(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf1_no_variables")
    records = wire_json(model, "--offset=9")["records"]
    assert [record["name"] for record in records] == [
        "meta_graphs",
        "meta_info_def",
        "tensorflow_version",
    ]


@pytest.mark.parametrize(
    ("flags", "first"),
    [
        (["--schema=none"], " 0  1  len 9  message?"),
        (["--schema=GraphDef"], " 0  1 node  len 9  NodeDef"),
        (["--schema=FunctionDefLibrary"], " 0  1 function  len 9  FunctionDef"),
        ([], " 0  1 node  len 9  NodeDef"),
    ],
)
def test_schema(tmp_path: Path, flags: list[str], first: str) -> None:
    shown = run("wire", write(tmp_path / "frozen.pb", NODE), *flags)
    assert shown.out.splitlines()[1] == first


class TestDamage:
    def test_is_shown_and_the_rest_as_well(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf1_no_variables")
        file = model / "saved_model.pb"
        data = bytearray(file.read_bytes())
        node = data.index(length_delimited(1, b"b")) - 2
        data[node + 1] = 0x7F  # It claims a part of the next node.
        file.write_bytes(data)

        outcome = run("wire", model)

        assert outcome.code == 1
        assert outcome.out.splitlines()[-1].startswith("damaged in ")
        shown = wire_json(model, code=1)
        values = {
            record.get("value") for record in shown["records"] if record.get("name") == "name"
        }
        assert values >= {"a", "b", "mul", "sub", "y"}
        assert "signature_def" in {record.get("name") for record in shown["records"]}
        assert shown["damaged"] == sum("problem" in record for record in shown["records"])

    def test_of_a_file_that_is_cut_off(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf1_no_variables")
        file = model / "saved_model.pb"
        write(file, file.read_bytes()[:100])

        outcome = run("wire", model)

        assert outcome.code == 1
        damaged = [line for line in outcome.out.splitlines() if "damaged: " in line]
        assert damaged[0].endswith(
            "! damaged: in meta_graphs of SavedModel: field 2 at byte 2 claims 767 bytes, only 95 "
            "are left"
        )
        assert outcome.out.endswith(f"damaged in {len(damaged)} places, first at byte 2\n")


def test_any_file_can_be_looked_at(tmp_path: Path) -> None:
    onnx = b"\x08\x08" + length_delimited(2, b"pytorch") + length_delimited(7, b"\x0a\x00")
    for content, code, note in [
        (b"", 0, None),
        (onnx, 0, "not a SavedModel, a MetaGraphDef or a GraphDef, but an ONNX model"),
        (b"\x1c\x00\x00\x00TFL3" + bytes(50), 1, "a TFLite model"),
        (b"node { name: 'a' }\n", 1, "this looks like a text proto; give it the suffix .pbtxt"),
        (b"Hello, world!\n" * 10, 1, "neither a SavedModel"),
    ]:
        file = write(tmp_path / "file", content)
        shown = wire_json(file, code=code)
        assert shown["message"] is None
        assert (note or "") in shown.get("note", "")
        assert ("note" in shown) == (note is not None)
    assert run("wire", write(tmp_path / "file", b"")).out == (
        f"{tmp_path}/file: 0 bytes, an empty file\n"
    )


def test_a_broken_text_proto_is_looked_at_as_it_is(tmp_path: Path) -> None:
    shown = wire_json(write(tmp_path / "model.pbtxt", b"node {"), code=1)
    assert shown["bytes"] == 6


def test_fingerprint(fixture_model: ModelFactory) -> None:
    file = fixture_model("tf2_linear") / "fingerprint.pb"
    stored = protos.FingerprintDef.FromString(file.read_bytes())
    shown = wire_json(file)
    assert shown["message"] == "FingerprintDef"
    assert shown["records"][0]["value"] == stored.saved_model_checksum


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ([], 2, "One file is expected, or a model's directory. Usage: sigpb wire FILE "),
        (["a", "b"], 2, "One file is expected"),
        (["{file}", "--offset=11"], 2, "--offset=11: {file} has 11 bytes."),
        (["{file}", "--offset=-1"], 2, "offset"),
        (["{file}", "--depth=0"], 2, "depth"),
        (["{file}", "--depth=101"], 2, "depth"),
        (
            ["{file}", "--schema=GrahpDef"],
            2,
            "--schema=GrahpDef: no message of this name is known; did you mean 'GraphDef'?",
        ),
        (["{file}", "--schema=DataType"], 2, "no message of this name is known"),
        (["{file}", "--schema=POOL"], 2, "no message of this name is known"),
        (["{file}", "--schema=typing"], 2, "no message of this name is known"),
        (["{file}.missing"], 3, "there is no such directory"),
        (["{directory}"], 3, "holds no saved_model.pb"),
    ],
)
def test_refusals(tmp_path: Path, arguments: list[str], code: int, said: str) -> None:
    file = write(tmp_path / "graph.pb", NODE)
    (tmp_path / "empty").mkdir()
    names = {"file": file, "directory": tmp_path / "empty"}
    outcome = run("wire", *(each.format(**names) for each in arguments))
    assert (outcome.code, outcome.out) == (code, "")
    assert said.format(**names) in outcome.err


BAD = {
    "random": random.Random(5).randbytes(1 << 18),
    "nested": b"".join(reversed([b"\x0a" + encode_varint(3 * size) for size in range(100_000)])),
    "groups": b"\x0b" * 100_000 + b"\x0c" * 100_000,
    "gigantic": b"\x12" + encode_varint(2**63) + b"\x0a" + encode_varint(2**64 - 1) + b"x" * 100,
    "overlong": b"\x08" + b"\x80" * 100_000,
    "small fields": b"\x08\x01" * 20_000,
}


@pytest.mark.parametrize("name", sorted(BAD))
@pytest.mark.parametrize(
    ("command", "codes"),
    [("wire FILE", (0, 1)), ("wire FILE --schema=none", (0, 1)), ("salvage FILE OUT", (0, 3))],
)
def test_bad_input_takes_neither_time_nor_memory(
    tmp_path: Path, name: str, command: str, codes: tuple[int, ...]
) -> None:
    file = write(tmp_path / "saved_model.pb", BAD[name])
    paths = {"FILE": str(file), "OUT": str(tmp_path.with_name(f"{tmp_path.name}-out"))}

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
        resource.setrlimit(resource.RLIMIT_CPU, (60, 60))

    with Path(os.devnull).open("wb") as nowhere:
        words = [paths.get(word, word) for word in command.split()]
        outcome = run_process(*words, preexec_fn=limit, stdout=nowhere)
    assert outcome.code in codes
    assert (outcome.err == "") == (outcome.code in (0, 1))
