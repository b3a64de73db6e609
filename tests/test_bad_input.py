"""What sigpb does with what it should not be given: it says why not, and writes nothing."""

from __future__ import annotations

import random
import resource
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.message import Message as ProtoMessage

from sigpb import protos
from sigpb.wire import encode_varint, length_delimited
from tests.cli.command_line import run, run_process
from tests.publishing.directories import snapshot

ModelFactory = Callable[..., Path]
Refuse = Callable[..., str]
Edit = Callable[[protos.MetaGraphDef], None]


@pytest.fixture
def fail(tmp_path: Path) -> Refuse:
    """Returns ``fail(code, *arguments)``: runs what has to fail, and returns what sigpb says.

    Nothing may be printed but that, and nothing be written.
    """

    def fail(code: int, *arguments: str | Path) -> str:
        before = snapshot(tmp_path)
        outcome = run(*arguments)
        assert (outcome.code, outcome.out) == (code, ""), outcome
        assert outcome.err
        assert snapshot(tmp_path) == before
        return outcome.err

    return fail


@pytest.fixture
def refuse_patch(fail: Refuse, tmp_path: Path) -> Refuse:
    """Returns ``refuse_patch(model, *flags)``, which does so in every mode, with exit code 2."""

    def refuse_patch(model: Path, *flags: str, code: int = 2) -> str:
        modes = ("--dry_run", "--in_place", f"--output_dir={tmp_path / 'out'}")
        (said,) = {fail(code, "patch", model, mode, *flags) for mode in modes}
        return said

    return refuse_patch


def edit(model: Path, change: Edit) -> Path:
    """Changes the first MetaGraph of a model."""
    file = model / "saved_model.pb"
    saved_model = protos.SavedModel.FromString(file.read_bytes())
    change(saved_model.meta_graphs[0])
    file.write_bytes(saved_model.SerializeToString(deterministic=True))
    return model


class TestPatchThatDoesNotFit:
    @pytest.mark.parametrize(
        ("flags", "said"),
        [
            (
                ["--signature=serving_defualt", "--rename_input=x=a"],
                "there is no signature 'serving_defualt'; did you mean 'serving_default'? "
                "There are 'other', 'serving_default', 'single'.",
            ),
            (["--delete_signature=nope"], "there is no signature 'nope'; there are 'other', "),
            (["--rename_signature=nope=a"], "there is no signature 'nope'; there are 'other', "),
            (["--copy_signature=nope=a"], "there is no signature 'nope'; there are 'other', "),
            (["--rename_input=p=a"], "'serving_default' has no input 'p'; there are 'b', 'x'."),
            (["--rename_output=x=a"], "'serving_default' has no output 'x'; there are 'p', 's'."),
            (["--drop_output=x"], "'serving_default' has no output 'x'; there are 'p', 's'."),
            (["--rename_input=x=b"], "'serving_default': two inputs would have the key 'b'"),
            (["--rename_output=p=s"], "'serving_default': two outputs would have the key 's'"),
            (
                ["--rename_signature=serving_default=other"],
                "two signatures would have the key 'other'; rename or delete one of them.",
            ),
            (
                ["--copy_signature=serving_default=other"],
                "two signatures would have the key 'other'; rename or delete one of them.",
            ),
            (
                ["--copy_signature=single=a", "--rename_signature=other=a"],
                "two signatures would have the key 'a'; rename or delete one of them.",
            ),
            (
                ["--rename_input=x=a", "--rename_input=b=a"],
                "'serving_default': the patch renames two inputs to 'a'.",
            ),
            (
                ["--rename_signature=other=a", "--rename_signature=single=a"],
                "two signatures would have the key 'a'",
            ),
            (
                ["--rename_input=x=a", "--rename_input=x=c"],
                "'serving_default': the patch names input 'x' 2 times.",
            ),
            (["--rename_input=x="], "'serving_default': an input cannot have an empty key."),
            (["--rename_output=p="], "'serving_default': an output cannot have an empty key."),
            (["--rename_signature=other="], "'other': a signature cannot have an empty key."),
            (["--copy_signature=other="], "a signature of the patch has no key."),
            (["--rename_input==a"], "'serving_default': an input of the patch has no key."),
            (["--delete_signature="], "a signature of the patch has no key."),
            (
                ["--delete_signature=__saved_model_init_op"],
                "keys that start with '__saved_model_' are TensorFlow's own.",
            ),
            (
                ["--rename_signature=__saved_model_init_op=init"],
                "keys that start with '__saved_model_' are TensorFlow's own.",
            ),
            (
                ["--copy_signature=__saved_model_init_op=init"],
                "keys that start with '__saved_model_' are TensorFlow's own.",
            ),
            (
                ["--rename_signature=other=__saved_model_train_op"],
                "keys that start with '__saved_model_' are TensorFlow's own.",
            ),
            (
                ["--drop_output=p", "--drop_output=s"],
                "'serving_default': its last output cannot be dropped; delete the signature",
            ),
            (
                ["--signature=single", "--drop_output=u"],
                "'single': its last output cannot be dropped; delete the signature instead.",
            ),
            (
                ["--drop_output=p", "--rename_output=p=a"],
                "'serving_default': the patch names output 'p' 2 times.",
            ),
            (
                ["--delete_signature=serving_default", "--rename_input=x=a"],
                "'serving_default': drop goes with no other change.",
            ),
            (["--rename_input=x=self"], "no Python argument can have the name 'self'"),
            (["--rename_input=x=lambda"], "no Python argument can have the name 'lambda'"),
            (["--rename_input=x=x²"], "no Python argument can have the name 'x²'"),
            (
                ["--rename_input=x=a:0", "--rename_input=b=a/0"],
                "would give the inputs 'a/0' and 'a:0' the same argument name, 'a_0'",
            ),
        ],
        ids=lambda value: " ".join(value) if isinstance(value, list) else "",
    )
    def test_flags(
        self, fixture_model: ModelFactory, refuse_patch: Refuse, flags: list[str], said: str
    ) -> None:
        assert said in refuse_patch(fixture_model("tf2_linear"), *flags)

    @pytest.mark.parametrize(
        ("flags", "said"),
        [
            (["--tags=train"], "no MetaGraph has the tag-set {train}; there are {serve}, "),
            (["--tags="], "no MetaGraph has the tag-set {}; there are {serve}, {gpu, serve}."),
            (
                ["--tags=gpu"],
                "no MetaGraph has the tag-set {gpu}; there are {serve}, {gpu, serve}.",
            ),
            (
                ["--tags=serve", "--set_tags=serve,gpu"],
                "2 MetaGraphs would have the tag-set {gpu, serve}",
            ),
            (["--set_tags=a"], "2 MetaGraphs would have the tag-set {a}"),
            (
                ["--tags=serve", "--signature=gpu_only", "--rename_input=x=a"],
                "there is no signature 'gpu_only'; there are 'serving_default'.",
            ),
            (
                ["--rename_input=x=b"],
                "MetaGraph {gpu, serve}: signature 'serving_default': two inputs would have",
            ),
        ],
        ids=lambda value: " ".join(value) if isinstance(value, list) else "",
    )
    def test_tags(
        self, fixture_model: ModelFactory, refuse_patch: Refuse, flags: list[str], said: str
    ) -> None:
        assert said in refuse_patch(fixture_model("tf1_two_graphs"), *flags)

    def test_every_problem_is_told_at_once(
        self, fixture_model: ModelFactory, refuse_patch: Refuse
    ) -> None:
        flags = ("--rename_input=nope=a", "--rename_output=p=s", "--delete_signature=missing")
        said = refuse_patch(fixture_model("tf2_linear"), *flags)
        assert said.count("\n") == 3
        for problem in ("'nope'", "two outputs would have the key 's'", "'missing'"):
            assert problem in said

    def test_input_cannot_be_dropped(
        self, fixture_model: ModelFactory, refuse_patch: Refuse, tmp_path: Path
    ) -> None:
        file = tmp_path / "a.textproto"
        file.write_text('signature { key: "serving_default" input { key: "x" drop: true } }')
        said = refuse_patch(fixture_model("tf2_linear"), f"--patch={file}")
        assert "'serving_default': input 'x' cannot be dropped" in said


class TestPatchFile:
    @pytest.mark.parametrize(
        ("name", "text", "said"),
        [
            (
                "a.textproto",
                'signature {\n  key: "serving_default"\n  renam_to: "predict"\n}',
                ':3:3: Message type "sigpb.SignaturePatch" has no field named "renam_to". '
                "Did you mean 'rename_to'? There are 'copy_of', ",
            ),
            (
                "a.textproto",
                'signature { key: "a" input { key: "x" } zzz: 1 }',
                ':1:41: Message type "sigpb.SignaturePatch" has no field named "zzz".',
            ),
            ("a.textproto", "signature {", ":1:11: "),
            ("a.textproto", 'signature { key: "a }', ":1:"),
            ("a.textproto", "signature { key: 3 }", ":1:18: "),
            ("a.textproto", "{}", ":1:1: "),
            (
                "a.json",
                '{"signature": [\n  {"key": "serving_default",\n   "renam_to": "a"}]}',
                ":3:4: ",
            ),
            (
                "a.json",
                '{"signature": [{"renam_to": "a"}]}',
                "Did you mean 'rename_to'? There are ",
            ),
            ("a.json", '{"id": "a",\n "reason" "b"}', ":2:11: "),
            ("a.json", "", ":1:1: "),
            ("a.json", "[]", ": "),
            ("a.json", "3", ": "),
            ("a.json", "null", ": "),
            ("a.json", '{"signature": 3}', ": "),
            ("a.json", '{"id": 3}', ": "),
            ("a.json", '{"id": "\\ud800"}', ": "),
            ("a.json", "[" * 100_000, ": "),
            ("a.json", "\ufeff{}", ": "),
        ],
    )
    def test_with_a_mistake(
        self,
        fixture_model: ModelFactory,
        refuse_patch: Refuse,
        tmp_path: Path,
        name: str,
        text: str,
        said: str,
    ) -> None:
        file = tmp_path / name
        file.write_text(text)
        message = refuse_patch(fixture_model("tf1_no_variables"), f"--patch={file}")
        assert message.startswith(f"sigpb: {file}:")
        assert said in message
        assert message.count("\n") == 1

    def test_that_is_no_text(
        self, fixture_model: ModelFactory, refuse_patch: Refuse, tmp_path: Path
    ) -> None:
        file = tmp_path / "a.textproto"
        file.write_bytes(b"\xff\xfe")
        said = refuse_patch(fixture_model("tf1_no_variables"), f"--patch={file}")
        assert said.startswith(f"sigpb: {file}: not UTF-8 text: ")

    @pytest.mark.parametrize("name", ["missing.textproto", ".", ""])
    def test_that_cannot_be_read(
        self, fixture_model: ModelFactory, fail: Refuse, tmp_path: Path, name: str
    ) -> None:
        model = fixture_model("tf1_no_variables")
        said = fail(4, "patch", model, "--in_place", f"--patch={tmp_path / name}")
        assert said.startswith(f"sigpb: {tmp_path / name}: ")


def signature_map(meta_graph: protos.MetaGraphDef) -> protos.SavedObject:
    nodes = meta_graph.object_graph_def.nodes
    return next(node for node in nodes if node.user_object.identifier == "signature_map")


def child(
    meta_graph: protos.MetaGraphDef,
) -> protos.TrackableObjectGraph.TrackableObject.ObjectReference:
    children = signature_map(meta_graph).children
    return next(each for each in children if each.local_name == "serving_default")


def bare_function(meta_graph: protos.MetaGraphDef) -> protos.SavedBareConcreteFunction:
    return meta_graph.object_graph_def.nodes[child(meta_graph).node_id].bare_concrete_function


def concrete_function(meta_graph: protos.MetaGraphDef) -> protos.SavedConcreteFunction:
    name = bare_function(meta_graph).concrete_function_name
    return meta_graph.object_graph_def.concrete_functions[name]


class TestContradictingObjectGraph:
    """Two loaders already disagree on `serving_default`, so no edit can keep them in step."""

    @staticmethod
    def other_arguments(meta_graph: protos.MetaGraphDef) -> None:
        bare_function(meta_graph).argument_keywords[:] = ["b", "q"]

    @staticmethod
    def unsorted_arguments(meta_graph: protos.MetaGraphDef) -> None:
        bare_function(meta_graph).argument_keywords[:] = ["x", "b"]

    @staticmethod
    def other_parameters(meta_graph: protos.MetaGraphDef) -> None:
        arguments = concrete_function(meta_graph).canonicalized_input_signature.tuple_value
        fields = arguments.values[1].dict_value.fields
        fields["q"].CopyFrom(fields["x"])
        del fields["x"]

    @staticmethod
    def other_results(meta_graph: protos.MetaGraphDef) -> None:
        fields = concrete_function(meta_graph).output_signature.dict_value.fields
        fields["q"].CopyFrom(fields["p"])

    @staticmethod
    def one_more_output(meta_graph: protos.MetaGraphDef) -> None:
        outputs = meta_graph.signature_def["serving_default"].outputs
        outputs["q"].CopyFrom(outputs["p"])

    @staticmethod
    def another_key(meta_graph: protos.MetaGraphDef) -> None:
        child(meta_graph).local_name = "another"

    @staticmethod
    def no_signatures(meta_graph: protos.MetaGraphDef) -> None:
        del signature_map(meta_graph).children[:]

    @staticmethod
    def no_signature_map(meta_graph: protos.MetaGraphDef) -> None:
        signature_map(meta_graph).user_object.identifier = "trackable"

    @staticmethod
    def no_nodes(meta_graph: protos.MetaGraphDef) -> None:
        del meta_graph.object_graph_def.nodes[:]

    @staticmethod
    def no_such_node(meta_graph: protos.MetaGraphDef) -> None:
        child(meta_graph).node_id = 9999

    @staticmethod
    def negative_node(meta_graph: protos.MetaGraphDef) -> None:
        child(meta_graph).node_id = -2

    @staticmethod
    def no_such_function(meta_graph: protos.MetaGraphDef) -> None:
        bare_function(meta_graph).concrete_function_name = "missing_1"

    @pytest.mark.parametrize(
        "change",
        [
            *(other_arguments, unsorted_arguments, other_parameters, other_results),
            *(one_more_output, another_key, no_signatures, no_signature_map, no_nodes),
            *(no_such_node, negative_node, no_such_function),
        ],
        ids=lambda change: str(change.__name__),
    )
    @pytest.mark.parametrize(
        "flag",
        [
            *("--rename_input=x=a", "--rename_output=p=z", "--drop_output=s"),
            *("--rename_signature=serving_default=a", "--copy_signature=serving_default=a"),
        ],
    )
    def test_says_where(
        self, fixture_model: ModelFactory, refuse_patch: Refuse, change: Edit, flag: str
    ) -> None:
        model = edit(fixture_model("tf2_linear"), change)
        said = refuse_patch(model, flag)
        assert "signature 'serving_default'" in said
        assert "object_graph_def." in said or "the object graph does not" in said

    def test_does_not_matter_to_other_signatures(self, fixture_model: ModelFactory) -> None:
        model = edit(fixture_model("tf2_linear"), self.other_results)
        patched = ("--signature=other", "--rename_input=x=image", "--fingerprint=drop")
        assert run("patch", model, "--in_place", *patched).code == 0

    @pytest.mark.parametrize(
        "flag", ["--rename_signature=serving_default=ghost", "--copy_signature=other=ghost"]
    )
    def test_key_may_be_taken_in_the_object_graph_alone(
        self, fixture_model: ModelFactory, refuse_patch: Refuse, flag: str
    ) -> None:
        def add_ghost(meta_graph: protos.MetaGraphDef) -> None:
            node_id = child(meta_graph).node_id
            signature_map(meta_graph).children.add(local_name="ghost", node_id=node_id)

        said = refuse_patch(edit(fixture_model("tf2_linear"), add_ghost), flag)
        assert "'ghost'" in said
        assert "object graph" in said


class TestContradictingFunctions:
    """The object graph names functions that the graph does not hold, or that are others."""

    @staticmethod
    def no_function(meta_graph: protos.MetaGraphDef) -> None:
        del meta_graph.graph_def.library.function[:]

    @staticmethod
    def no_library(meta_graph: protos.MetaGraphDef) -> None:
        meta_graph.graph_def.ClearField("library")

    @staticmethod
    def one_more_capture(meta_graph: protos.MetaGraphDef) -> None:
        concrete_function(meta_graph).bound_inputs.append(1)

    @staticmethod
    def one_result_less(meta_graph: protos.MetaGraphDef) -> None:
        name = bare_function(meta_graph).concrete_function_name
        for function in meta_graph.graph_def.library.function:
            if function.signature.name == name:
                del function.signature.output_arg[-1]

    @pytest.mark.parametrize(
        "change",
        [no_function, no_library, one_more_capture, one_result_less],
        ids=lambda change: str(change.__name__),
    )
    @pytest.mark.parametrize("flag", ["--rename_input=x=a", "--rename_output=p=z"])
    def test_names_the_function(
        self, fixture_model: ModelFactory, refuse_patch: Refuse, change: Edit, flag: str
    ) -> None:
        model = edit(fixture_model("tf2_linear"), change)
        said = refuse_patch(model, flag, "--fingerprint=drop", code=3)
        assert "'__inference_signature_wrapper_linear_" in said


class TestNoModel:
    @pytest.fixture(
        params=[["show"], ["patch", "--dry_run"], ["patch", "--in_place"]], ids=" ".join
    )
    def unreadable(self, fail: Refuse, request: pytest.FixtureRequest) -> Callable[[Path], str]:
        return lambda path: fail(3, *request.param, path)

    @pytest.fixture
    def directory(self, tmp_path: Path) -> Path:
        directory = tmp_path / "model"
        directory.mkdir()
        return directory

    def test_nothing_there(self, unreadable: Callable[[Path], str], tmp_path: Path) -> None:
        assert unreadable(tmp_path / "missing").endswith("there is no such directory.\n")

    def test_empty_directory(self, unreadable: Callable[[Path], str], directory: Path) -> None:
        assert unreadable(directory) == f"sigpb: {directory}: holds no saved_model.pb.\n"

    def test_directory_above_the_model(
        self, unreadable: Callable[[Path], str], fixture_model: ModelFactory
    ) -> None:
        model = fixture_model("tf1_no_variables")
        assert f"It holds models in: {model.name}." in unreadable(model.parent)

    def test_some_other_file(self, unreadable: Callable[[Path], str], tmp_path: Path) -> None:
        (tmp_path / "model.onnx").touch()
        assert "Name the directory that holds saved_model.pb." in unreadable(
            tmp_path / "model.onnx"
        )

    def test_binary_and_text(
        self, unreadable: Callable[[Path], str], fixture_model: ModelFactory
    ) -> None:
        model = fixture_model("tf1_no_variables")
        (model / "saved_model.pbtxt").touch()
        assert "holds both saved_model.pb and saved_model.pbtxt." in unreadable(model)

    def test_chunked(self, unreadable: Callable[[Path], str], directory: Path) -> None:
        (directory / "saved_model.cpb").touch()
        assert "holds a chunked SavedModel (saved_model.cpb)" in unreadable(directory)

    def test_empty_file(self, unreadable: Callable[[Path], str], directory: Path) -> None:
        (directory / "saved_model.pb").touch()
        assert unreadable(directory).endswith("/saved_model.pb: the file is empty.\n")

    @pytest.mark.parametrize("comment", ["", "# proto-file: saved_model.proto\n", "\n  "])
    def test_text_as_binary(
        self, unreadable: Callable[[Path], str], fixture_model: ModelFactory, comment: str
    ) -> None:
        model = fixture_model("tf2_linear", as_text=True)
        text = (model / "saved_model.pbtxt").read_text()
        (model / "saved_model.pbtxt").unlink()
        (model / "saved_model.pb").write_text(comment + text)
        assert "this is a text proto. Rename it to saved_model.pbtxt" in unreadable(model)

    def test_binary_as_text(
        self, unreadable: Callable[[Path], str], fixture_model: ModelFactory
    ) -> None:
        model = fixture_model("tf2_linear")
        (model / "saved_model.pb").rename(model / "saved_model.pbtxt")
        assert "/saved_model.pbtxt: not " in unreadable(model)

    @staticmethod
    def onnx(producer: bytes) -> bytes:
        """The start of an ONNX ModelProto, in which field 2 is text and not a MetaGraph."""
        version = b"\x08" + encode_varint(8)
        return version + length_delimited(2, producer) + length_delimited(7, b"\x0a\x00")

    @pytest.mark.parametrize(
        "data",
        [
            *(random.Random(seed).randbytes(500) for seed in range(10)),
            *(b"\x00" * 100, b"\xff" * 100, b"\n", b"\x80"),
            *(onnx(b"pytorch"), onnx(b"tf2onnx"), onnx(b"keras2onnx"), onnx(b"onnx.quantize")),
            b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01",
            b"\x89HDF\r\n\x1a\n" + bytes(88),
            b"PK\x03\x04\x14\x00\x00\x00\x08\x00",
            b"\x1f\x8b\x08\x00\x00\x00\x00\x00",
            b"version https://git-lfs.github.com/spec/v1\noid sha256:0123\nsize 100\n",
            b"<!DOCTYPE html><html></html>",
            b'{"model": 1}',
            b"\x08\x01",
        ],
    )
    def test_other_content(
        self, unreadable: Callable[[Path], str], directory: Path, data: bytes
    ) -> None:
        (directory / "saved_model.pb").write_bytes(data)
        said = unreadable(directory)
        assert said.startswith(f"sigpb: {directory / 'saved_model.pb'}: not a SavedModel")
        assert said.count("\n") == 1

    @pytest.mark.parametrize("functions", [0, 1, 2])
    def test_graph_def(
        self,
        unreadable: Callable[[Path], str],
        directory: Path,
        fixture_model: ModelFactory,
        functions: int,
    ) -> None:
        # Its fields have the numbers of a SavedModel's: nodes, and the library of functions.
        saved_model = protos.SavedModel.FromString(
            (fixture_model("tf2_linear") / "saved_model.pb").read_bytes()
        )
        graph_def = saved_model.meta_graphs[0].graph_def
        del graph_def.library.function[functions:]
        (directory / "saved_model.pb").write_bytes(graph_def.SerializeToString())
        assert "not a SavedModel" in unreadable(directory)

    def test_meta_graph_def(
        self, unreadable: Callable[[Path], str], directory: Path, fixture_model: ModelFactory
    ) -> None:
        saved_model = protos.SavedModel.FromString(
            (fixture_model("tf1_no_variables") / "saved_model.pb").read_bytes()
        )
        meta_graph = saved_model.meta_graphs[0].SerializeToString()
        (directory / "saved_model.pb").write_bytes(meta_graph)
        assert "not a SavedModel" in unreadable(directory)


READ = (
    ["show"],
    ["show", "--format=json"],
    ["patch", "--dry_run", "--rename_input=x=z", "--rename_signature=serving_default=s"],
)


def read_all(model: Path) -> set[int]:
    """The exit codes of commands that read a model, which may be damaged."""
    return {run(*arguments, model).code for arguments in READ}


class TestDamagedModel:
    @pytest.mark.parametrize("name", ["tf1_no_variables", "tf1_two_graphs", "tf2_linear"])
    def test_cut_off(self, fixture_model: ModelFactory, fail: Refuse, name: str) -> None:
        model = fixture_model(name)
        file = model / "saved_model.pb"
        data = file.read_bytes()
        boundaries = [2 + graph_end for graph_end in _ends_of_meta_graphs(data)]
        for size in {*range(0, len(data), len(data) // 80), *range(12), *boundaries}:
            file.write_bytes(data[:size])
            if size in boundaries:
                assert run("show", model).code == 0
            else:
                said = fail(3, "show", model)
                assert str(file) in said
                assert fail(3, "patch", model, "--in_place", "--set_tags=a") == said

    @pytest.mark.parametrize("name", ["tf1_sparse", "tf1_shared", "tf2_defaults", "tf2_linear"])
    def test_wrong_bytes(self, fixture_model: ModelFactory, tmp_path: Path, name: str) -> None:
        model = fixture_model(name)
        file = model / "saved_model.pb"
        data = file.read_bytes()
        chance = random.Random(name)
        for _ in range(40):
            damaged = bytearray(data)
            for _ in range(chance.choice([1, 1, 4])):
                damaged[chance.randrange(len(data))] = chance.randrange(256)
            file.write_bytes(damaged)
            before = snapshot(tmp_path)
            assert read_all(model) <= {0, 2, 3}
            assert snapshot(tmp_path) == before

    def test_name_that_is_no_text_deep_in_the_graph(
        self, fixture_model: ModelFactory, fail: Refuse
    ) -> None:
        model = fixture_model("tf2_linear")
        file = model / "saved_model.pb"
        file.write_bytes(file.read_bytes().replace(b"AddV2", b"Add\xff2"))
        flags = ("--in_place", "--rename_input=x=image")
        assert str(file) in fail(3, "patch", model, *flags)
        assert run("patch", model, *flags, "--fingerprint=drop").code == 0, "it is not read then"

    @pytest.mark.parametrize("content", [b"", b"\xff\xff", b"not a fingerprint"])
    def test_fingerprint(
        self, fixture_model: ModelFactory, refuse_patch: Refuse, content: bytes
    ) -> None:
        model = fixture_model("tf2_linear")
        (model / "fingerprint.pb").write_bytes(content)
        if content:
            said = refuse_patch(model, "--rename_input=x=image")
            assert f"{model / 'fingerprint.pb'}: not a fingerprint" in said
            assert "--fingerprint=drop" in said
        dropped = run("patch", model, "--in_place", "--rename_input=x=image", "--fingerprint=drop")
        assert dropped.code == 0
        assert not (model / "fingerprint.pb").exists()

    def test_warmup_requests(self, fixture_model: ModelFactory, refuse_patch: Refuse) -> None:
        model = fixture_model("tf2_warmup")
        (model / "assets.extra" / "tf_serving_warmup_requests").write_bytes(b"no requests")
        said = refuse_patch(model, "--rename_input=x=image")
        assert "tf_serving_warmup_requests: not a TFRecord file of PredictionLogs" in said
        assert "--warmup=drop" in said

    def test_record_of_patches(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf1_no_variables")
        (model / "sigpb.history.jsonl").write_bytes(b'{"patch_digest": ')
        flags = ("--signature=default", "--rename_output=b=y", "--rename_output=y=b")
        assert run("patch", model, "--in_place", *flags).out.endswith("backup-0001\n")
        assert run("patch", model, "--in_place", *flags).out.endswith(f"unchanged: {model}\n")


def _ends_of_meta_graphs(data: bytes) -> list[int]:
    """Where a file that is cut off there still is a SavedModel with MetaGraphs."""
    saved_model = protos.SavedModel.FromString(data)
    ends, end = [], 0
    for meta_graph in saved_model.meta_graphs:
        end += len(length_delimited(2, meta_graph.SerializeToString(deterministic=True)))
        ends.append(end)
    return ends


class TestOutputDirectory:
    @pytest.mark.parametrize(
        ("output", "said"),
        [
            ("{model}", "is the model itself"),
            ("{model}/.", "is the model itself"),
            ("{model}/out", "lies inside the model"),
            ("{model}/variables/a/b", "lies inside the model"),
            ("{model}/..", "lies inside the output directory"),
            ("{full}", "is not empty"),
            ("{full}/file", "is a file"),
            ("", "--output_dir"),
        ],
    )
    def test_that_cannot_be_used(
        self,
        fixture_model: ModelFactory,
        fail: Refuse,
        tmp_path: Path,
        output: str,
        said: str,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        model, full, empty = fixture_model("tf2_linear"), tmp_path / "full", tmp_path / "empty"
        full.mkdir()
        (full / "file").touch()
        empty.mkdir()
        monkeypatch.chdir(empty)  # What an empty name must not stand for.
        flag = f"--output_dir={output.format(model=model, full=full)}"
        assert said in fail(2, "patch", model, flag, "--rename_input=x=image")
        assert said in fail(2, "patch", model, flag)


class TestEnvironment:
    def test_directory_without_permission(
        self, fixture_model: ModelFactory, fail: Refuse, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        model = fixture_model("tf1_no_variables")

        def refuse(path: Path, *arguments: Any, **named: Any) -> Any:
            raise PermissionError(13, "Permission denied", str(path))

        for function in ("exists", "open"):
            with monkeypatch.context() as patched:
                patched.setattr(Path, function, refuse)
                outcomes = [run("show", model), run("patch", model, "--in_place", "--set_tags=a")]
            for outcome in outcomes:
                assert outcome.code in (3, 4)
                assert outcome.err.startswith(f"sigpb: {model}")
                assert outcome.err.endswith(": Permission denied.\n")

    @pytest.mark.parametrize(
        ("code", "reason"), [(28, "No space left on device"), (30, "Read-only file system")]
    )
    def test_disk_that_takes_nothing(
        self,
        fixture_model: ModelFactory,
        fail: Refuse,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        code: int,
        reason: str,
    ) -> None:
        model, output = fixture_model("tf2_linear"), tmp_path / "out"

        def refuse(path: Path, *arguments: Any, **named: Any) -> None:
            raise OSError(code, reason, str(path))

        monkeypatch.setattr(Path, "mkdir", refuse)
        flags = (f"--output_dir={output}", "--rename_input=x=image")
        said = fail(4, "patch", model, *flags)
        assert said.startswith(f"sigpb: Could not write the patched model to {output}: {reason}")
        assert "Nothing was left behind." in said
        assert run("patch", model, *flags, "--format=json").json["status"] == "failed"

    @pytest.mark.skipif(sys.platform != "linux", reason="a limit on the size of files is needed")
    @pytest.mark.parametrize("mode", ["--in_place", "--output_dir={out}"])
    def test_file_that_does_not_fit(
        self, fixture_model: ModelFactory, tmp_path: Path, mode: str
    ) -> None:
        model = fixture_model("tf2_linear")
        before = snapshot(tmp_path)

        outcome = run_process(
            *("patch", model, mode.format(out=tmp_path / "out"), "--rename_input=x=image"),
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000)),
        )

        assert (outcome.code, outcome.out) == (4, "")
        assert "File too large" in outcome.err
        assert snapshot(tmp_path) == before


MARK = b"a field that sigpb does not know: "


def messages_in(message: ProtoMessage) -> Iterator[ProtoMessage]:
    """A message and all messages in it."""
    yield message
    for field, value in message.ListFields():
        if field.message_type is not None:
            if isinstance(value, ProtoMessage):
                yield from messages_in(value)
                continue
            for item in [value[key] for key in sorted(value)] if hasattr(value, "keys") else value:
                if isinstance(item, ProtoMessage):
                    yield from messages_in(item)


class TestUnknownFields:
    """Fields of a later TensorFlow, at every level of a model."""

    def add_to(self, model: Path) -> list[bytes]:
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
    def test_pass_through_an_empty_patch(
        self, fixture_model: ModelFactory, tmp_path: Path, name: str
    ) -> None:
        model, output = fixture_model(name), tmp_path / "out"
        self.add_to(model)
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
    def test_stay_where_something_is_renamed(
        self, fixture_model: ModelFactory, name: str, flags: list[str]
    ) -> None:
        model = fixture_model(name)
        marks = self.add_to(model)

        patched = run("patch", model, "--in_place", "--fingerprint=drop", *flags)

        assert (patched.code, patched.err) == (0, "")
        data = (model / "saved_model.pb").read_bytes()
        assert [mark for mark in marks if mark not in data] == []
