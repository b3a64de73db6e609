"""Patches that are malformed, contradict themselves, or do not fit the model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.refusals import fail, refuse_patch

ModelFactory = Callable[..., Path]


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
    def test_flags(self, fixture_model: ModelFactory, flags: list[str], said: str) -> None:
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
    def test_tags(self, fixture_model: ModelFactory, flags: list[str], said: str) -> None:
        assert said in refuse_patch(fixture_model("tf1_two_graphs"), *flags)

    def test_every_problem_is_told_at_once(self, fixture_model: ModelFactory) -> None:
        flags = ("--rename_input=nope=a", "--rename_output=p=s", "--delete_signature=missing")
        said = refuse_patch(fixture_model("tf2_linear"), *flags)
        assert said.count("\n") == 3
        for problem in ("'nope'", "two outputs would have the key 's'", "'missing'"):
            assert problem in said

    def test_input_cannot_be_dropped(self, fixture_model: ModelFactory, tmp_path: Path) -> None:
        file = tmp_path / "a.textproto"
        file.write_text('signature { key: "serving_default" input { key: "x" drop: true } }')
        said = refuse_patch(fixture_model("tf2_linear"), f"--patch={file}")
        assert "input 'x' cannot go, since output 'p' is computed from it" in said


class TestPatchFile:
    @pytest.mark.parametrize(
        ("name", "text", "said"),
        [
            (
                "a.textproto",
                'signature {\n  key: "serving_default"\n  renam_to: "predict"\n}',
                ':3:3: Message type "sigpb.SignaturePatch" has no field named "renam_to". '
                "Did you mean 'rename_to'? There are 'after', 'batch_size', 'before', ",
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

    def test_that_is_no_text(self, fixture_model: ModelFactory, tmp_path: Path) -> None:
        file = tmp_path / "a.textproto"
        file.write_bytes(b"\xff\xfe")
        said = refuse_patch(fixture_model("tf1_no_variables"), f"--patch={file}")
        assert said.startswith(f"sigpb: {file}: not UTF-8 text: ")

    @pytest.mark.parametrize("name", ["missing.textproto", ".", ""])
    def test_that_cannot_be_read(
        self, fixture_model: ModelFactory, tmp_path: Path, name: str
    ) -> None:
        model = fixture_model("tf1_no_variables")
        said = fail(4, "patch", model, "--in_place", f"--patch={tmp_path / name}", watched=tmp_path)
        assert said.startswith(f"sigpb: {tmp_path / name}: ")
