from __future__ import annotations

from pathlib import Path

import pytest
from absl import flags

from sigpb import protos
from sigpb.cli import patch_flags
from sigpb.errors import EnvironmentFailure, PatchError, UsageError
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
        (["--tags=", "--set_tags="], "tags {} set_tags {}"),
        (
            [r"--rename_input=a\=b=c", r'--drop_output="d=e"', '--rename_output="f=g"=h'],
            """signature { key: "serving_default" input { key: "a=b" rename_to: "c" }
                           output { key: "f=g" rename_to: "h" }
                           output { key: "d=e" drop: true } }""",
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
    ("argument", "error"),
    [
        ("--rename_input=x", UsageError),
        ("--rename_output=x", UsageError),
        ("--rename_signature=x", UsageError),
        ("--copy_signature=x", UsageError),
        ("--patch=/no/such/file", EnvironmentFailure),
        (f"--patch={__file__}", PatchError),
    ],
)
def test_errors(argument: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        patch_of(argument)
