from __future__ import annotations

from pathlib import Path

import pytest
from absl import flags

from sigpb import protos
from sigpb.cli import patch_flags
from sigpb.errors import EnvironmentFailure, PatchError, UsageError
from sigpb.patching import checks
from sigpb.patching.patch_file import format_patch, parse_text


def patch_of(*arguments: str) -> protos.SavedModelPatch:
    values = flags.FlagValues()  # type: ignore[no-untyped-call]
    patch_flags.define(values)
    values(["sigpb patch", *arguments])
    return patch_flags.patch_of(values)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ([], ""),
        (["--signature=other"], ""),
        (
            ["--rename_input=x=image", "--rename_input=b=bias"],
            """signature { key: "serving_default" input { key: "x" rename_to: "image" }
                                                   input { key: "b" rename_to: "bias" } }""",
        ),
        (
            ["--rename_output=p=scores", "--drop_output=s", "--signature=other"],
            """signature { key: "other" output { key: "p" rename_to: "scores" }
                                        output { key: "s" drop: true } }""",
        ),
        (
            ["--method_name=a/b"],
            """signature { key: "serving_default" method_name: "a/b" }""",
        ),
        (
            ["--method_name="],
            """signature { key: "serving_default" method_name: "" }""",
        ),
        (
            ["--rename_signature=a=b", "--rename_signature=b=a"],
            """signature { key: "a" rename_to: "b" } signature { key: "b" rename_to: "a" }""",
        ),
        (
            ["--rename_signature=serving_default=predict", "--rename_input=x=image"],
            """signature { key: "serving_default" rename_to: "predict"
                           input { key: "x" rename_to: "image" } }""",
        ),
        (
            ["--copy_signature=serving_default=predict", "--rename_input=x=image"],
            """signature { key: "predict" copy_of: "serving_default" }
               signature { key: "serving_default" input { key: "x" rename_to: "image" } }""",
        ),
        (
            ["--delete_signature=other", '--delete_signature="a=b"'],
            """signature { key: "other" drop: true } signature { key: "a=b" drop: true }""",
        ),
        (
            ["--tags=serve,gpu", "--set_tags=b,a"],
            'tags { tag: "gpu" tag: "serve" } set_tags { tag: "a" tag: "b" }',
        ),
        (
            ['--before=a/b:s,x=y,"c=d"=e', "--before=c", "--after=d", "--ungraft=e"],
            """signature { key: "serving_default"
               before { model: "a/b" signature: "s" map { from: "x" to: "y" }
                        map { from: "c=d" to: "e" } }
               before { model: "c" } after { model: "d" } ungraft: "e" }""",
        ),
        (
            ["--after=s3://b/c:s", "--freeze_adapters", "--signature=other"],
            'signature { key: "other" after { model: "s3://b/c" signature: "s" freeze: true } }',
        ),
        (["--tags=", "--set_tags="], "tags {} set_tags {}"),
        (
            [r"--rename_input=a\=b=c", r'--drop_output="d=e"', '--rename_output="f=g"=h'],
            """signature { key: "serving_default" input { key: "a=b" rename_to: "c" }
                           output { key: "f=g" rename_to: "h" }
                           output { key: "d=e" drop: true } }""",
        ),
        (
            ["--input_dtype=x=uint8", "--input_shape=x=?,28,28,1", "--rename_input=x=image"],
            """signature { key: "serving_default" input { key: "x" rename_to: "image"
                           dtype: "uint8" shape: "?,28,28,1" } }""",
        ),
        (
            ["--output_dtype=p=int64", "--output_shape=p=[?,10]", "--input_dtype=p=int8"],
            """signature { key: "serving_default" input { key: "p" dtype: "int8" }
                           output { key: "p" dtype: "int64" shape: "[?,10]" } }""",
        ),
        (
            ["--input_shape=x=?,3,2", "--reshape_input=x", '--reshape_output="a=b"'],
            """signature { key: "serving_default" input { key: "x" shape: "?,3,2" reshape: true }
                           output { key: "a=b" reshape: true } }""",
        ),
        (
            ["--batch_size=?", "--signature=other"],
            """signature { key: "other" batch_size: "?" }""",
        ),
        (
            ["--add_output=pooled=pool/Mean:0", "--output_dtype=pooled=float16"],
            """signature { key: "serving_default" output { key: "pooled" dtype: "float16"
                           from_tensor: "pool/Mean:0" } }""",
        ),
        (
            ["--output_from_output=a=p", "--output_step=a=argmax()", "--output_from_input=b=id"],
            """signature { key: "serving_default" output { key: "a" from_output: "p"
                           step: "argmax()" } output { key: "b" from_input: "id" } }""",
        ),
        (
            ["--add_input=id", "--input_dtype=id=string", "--input_shape=id=[?]"],
            """signature { key: "serving_default" input { key: "id" dtype: "string"
                           shape: "[?]" add: true } }""",
        ),
        (
            ["--input_from=pooled=pool/Mean:0", "--input_shape=pooled=?,2", "--drop_input=x"],
            """signature { key: "serving_default" input { key: "x" drop: true }
                           input { key: "pooled" shape: "?,2" from_tensor: "pool/Mean:0" } }""",
        ),
        (
            ["--bind_input=training=false", "--bind_input=ids=[[1, 2], [3, 4]]"],
            """signature { key: "serving_default" input { key: "training" bind: "false" }
                           input { key: "ids" bind: "[[1, 2], [3, 4]]" } }""",
        ),
        (
            ["--default_input=text=a=b", '--default_input=quoted="a, \\"b\\""'],
            r"""signature { key: "serving_default" input { key: "text" default: "a=b" }
                            input { key: "quoted" default: '"a, \\"b\\""' } }""",
        ),
        (
            ['--default_input="a=b"=c=d', r"--bind_input=e\=f=\=", "--bind_input=g="],
            r"""signature { key: "serving_default" input { key: "e=f" bind: "\\=" }
                            input { key: "g" bind: "" }
                            input { key: "a=b" default: "c=d" } }""",
        ),
        (
            ["--copy_signature=serving_default=predict", "--input_dtype=x=int8", "--batch_size=8"],
            """signature { key: "predict" copy_of: "serving_default" }
               signature { key: "serving_default" batch_size: "8"
                           input { key: "x" dtype: "int8" } }""",
        ),
        (
            [r"--rename_input=re:^input_(\d+)$=feature_\1", r"--input_dtype=re:^input_(\d+)$=int8"],
            r"""signature { key: "serving_default"
                            input { key_pattern: "^input_(\\d+)$" rename_to: "feature_\\1"
                                    dtype: "int8" } }""",
        ),
        (
            [r"--rename_output=re:a\=(.*)\\\w=\1\=\,\\", "--output_step=re:b=argmax()"],
            r"""signature { key: "serving_default"
                            output { key_pattern: "a=(.*)\\\\\\w" rename_to: "\\1=,\\\\" }
                            output { key_pattern: "b" step: "argmax()" } }""",
        ),
        (
            ["--rename_signature=re:v(.)=\\1", "--output_shape=re:.=?,1"],
            r"""signature { key_pattern: "v(.)" rename_to: "\\1" }
                signature { key: "serving_default" output { key_pattern: "." shape: "?,1" } }""",
        ),
        (
            ['--rename_input="re:a"=b', '--drop_output="re:c"'],
            """signature { key: "serving_default" input { key: "re:a" rename_to: "b" }
                                                   output { key: "re:c" drop: true } }""",
        ),
    ],
)
def test_patch_of_flags(arguments: list[str], text: str) -> None:
    patch = patch_of(*arguments)
    assert patch == parse_text(text)
    assert parse_text(format_patch(patch)) == patch


FILE = """
id: "from a file"
tags { tag: "train" }
signature { key: "serving_default" input { key: "x" rename_to: "image" } }
signature { key: "predict" copy_of: "serving_default" }
"""


def test_flags_add_to_the_patch_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "a.textproto"
    file.write_text(FILE)

    patch = patch_of(
        f"--patch={file}", "--rename_output=p=scores", "--method_name=m", "--tags=serve"
    )

    assert patch == parse_text("""
        id: "from a file"
        tags { tag: "serve" }
        signature { key: "serving_default" method_name: "m"
                    input { key: "x" rename_to: "image" }
                    output { key: "p" rename_to: "scores" } }
        signature { key: "predict" copy_of: "serving_default" }
    """)


def test_flags_never_change_a_copy_of_the_file(tmp_path: Path) -> None:
    # The entry of a copy holds keys of the original, so it is no place for flags.
    file = tmp_path / "a.textproto"
    file.write_text('signature { key: "predict" copy_of: "serving_default" }')
    patch = patch_of(f"--patch={file}", "--signature=predict", "--rename_input=x=image")
    assert [entry.key for entry in patch.signature] == ["predict", "predict"]
    assert [len(entry.input) for entry in patch.signature] == [0, 1]


@pytest.mark.parametrize(
    ("flag", "first", "second"),
    [
        ("input_dtype", "int8", "int16"),
        ("output_dtype", "int8", "int8"),
        ("input_shape", "?", "1"),
        ("output_shape", "?", "1"),
        ("bind_input", "1", "2"),
        ("default_input", "1", "2"),
        ("add_output", "a:0", "b:0"),
        ("rename_input", "a", "b"),
        ("rename_output", "a", "b"),
    ],
)
def test_one_flag_twice_for_one_key_is_refused(flag: str, first: str, second: str) -> None:
    side = "output" if "output" in flag else "input"
    expected = f"signature 'serving_default': the patch names {side} 'x' 2 times."
    patch = patch_of(f"--{flag}=x={first}", f"--{flag}=x={second}")
    assert expected in checks.patch_problems(patch)
    assert list(checks.patch_problems(patch_of(f"--{flag}=x={first}", f"--{flag}=z=a"))) != [
        expected
    ]


def test_a_flag_that_says_what_the_file_says_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "a.textproto"
    file.write_text('signature { key: "serving_default" input { key: "x" dtype: "int8" } }')
    patch = patch_of(f"--patch={file}", "--input_dtype=x=int8")
    assert list(checks.patch_problems(patch)) == [
        "signature 'serving_default': the patch names input 'x' 2 times."
    ]
    other = patch_of(f"--patch={file}", "--input_shape=x=?")
    assert other == parse_text(
        'signature { key: "serving_default" input { key: "x" dtype: "int8" shape: "?" } }'
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--drop_output=p", "--output_dtype=p=int8"], "'dtype', which does not go with 'drop'"),
        (["--bind_input=x=1", "--rename_input=x=y"], "'rename_to', which does not go with 'bind'"),
        (["--add_output=p=t:0", "--rename_output=p=q"], "is added, so it cannot be renamed"),
        (["--input_dtype=x=unit8"], "has a wrong dtype: 'unit8' is not a dtype; did you mean"),
        (["--reshape_input=x"], "has 'reshape', but no 'shape' that it is to be reshaped to"),
        (["--batch_size=many"], "'many' is not a batch size"),
    ],
)
def test_flags_that_do_not_go_together_are_refused(arguments: list[str], said: str) -> None:
    (problem,) = checks.patch_problems(patch_of(*arguments))
    assert said in problem


@pytest.mark.parametrize(
    ("argument", "error"),
    [
        *(
            (f"--{flag}={value}", UsageError)
            for flag in (
                *("input_dtype", "output_dtype", "input_shape", "output_shape"),
                *("bind_input", "default_input", "add_output"),
                *("output_from_output", "output_from_input"),
            )
            for value in ("x", '"x"', "")
        ),
        ("--rename_input=x", UsageError),
        ("--rename_output=x", UsageError),
        ("--rename_signature=x", UsageError),
        ("--copy_signature=x", UsageError),
        ("--rename_input=re:x", UsageError),
        ("--rename_input=re:x(?=y)=z", UsageError),
        ("--rename_input=re:x=y,z", UsageError),
        ("--patch=/no/such/file", EnvironmentFailure),
        (f"--patch={__file__}", PatchError),
    ],
)
def test_errors(argument: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        patch_of(argument)
