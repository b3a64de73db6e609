"""The files that commands read besides models, damaged, and what has to be true then.

They do not follow from the file that a target is given; that only decides what is done to them.
"""

from __future__ import annotations

import functools
import json
import random
import tempfile
from pathlib import Path
from typing import Any
from unittest import mock

from google.protobuf import text_format
from google.protobuf.message import DecodeError

from sigpb import protos
from sigpb.patching.patch_file import parse_text, patch_json

from .command_line import Failure, contents, inside, refused_cleanly, run
from .command_targets import chance_of, in_process
from .json_values import change_json
from .models import FIXTURES, fixture
from .mutations import change_value, mutate
from .structure import change_proto

PATCHES = {
    "tf1_no_variables": """
        id: "one" reason: "why"
        only { has_signature: "default" has_input { key: "a" dtype: "float32" shape: "[?,3]" } }
        signature {
          key: "default" rename_to: "new" method_name: "m"
          input { key: "a" rename_to: "c" dtype: "int64" }
          input { key: "b" bind: "[[1, 2.5, 1e3]]" }
          output { key: "y" rename_to: "z" dtype: "float16" } output { key: "b" drop: true }
        }
        signature { key: "copy" copy_of: "default" }
        set_tags { tag: "serve" tag: "gpu" }
    """,
    "tf2_linear": """
        tags { tag: "serve" }
        signature {
          key: "serving_default" batch_size: "3"
          input { key: "x" rename_to: "b" } input { key: "b" rename_to: "x" dtype: "int64" }
          output { key: "added" from_tensor: "serving_default_x:0" }
        }
        signature { key: "other" drop: true }
    """,
}
"""Models, and patches that fit them."""

_POLICY = """
    select: "*" ignore: "policy-*" severity { rule: "missing-tensor" severity: "info" }
    signature {
      key: "default" method_name: "m" no_others: true
      input { key: "x" dtype: "uint8" shape: "[?,28]" } output { key: "y" dtype: "float32" }
    }
"""
_EDIT = "--method_name=m"


def beside(data: bytes, scratch: Path) -> None:
    """Damaged files beside a proto are refused, or named; `patch` changes all or nothing."""
    chance = chance_of(data)
    name = chance.choice(("tf2_linear", "tf2_warmup", "tf1_shared"))
    model, files = scratch / "model", _patched(name)
    write(model, files)
    named = sorted(each for each in files if "/." not in f"/{each}" and ".pb" not in each)
    for each in chance.choices([*named, "fingerprint.pb"], k=chance.choice((1, 1, 2))):
        _damage(chance, model / each, files.get(each, b""))
    for command in chance.sample(_READERS, 2):
        run(*command, str(model))
    new = scratch / "new"
    for command in chance.sample(_WRITERS, 2):
        refused_cleanly(scratch, *(each.format(model=model, new=new) for each in command))


_READERS = (
    ("show", "--history"),
    ("show", "--history", "--format=json"),
    ("lint",),
    ("lint", "--format=json"),
    ("size",),
    ("diff", str(FIXTURES / "tf1_no_variables")),
)
_WRITERS = (
    ("patch", "{model}", "--in_place", "--method_name=other"),
    ("patch", "{model}", "--in_place", _EDIT),
    ("patch", "{model}", "--in_place", "--warmup=drop", "--fingerprint=drop", "--batch_size=3"),
    ("patch", "{model}", "--output_dir={new}", "--batch_size=?"),
    ("patch", "{model}", "--dry_run", "--rename_signature=serving_default=renamed"),
    ("plan", "{model}", "--method_name=other"),
)


def stated(data: bytes, scratch: Path) -> None:
    """Damaged patches and policies are refused, or carried out."""
    chance = chance_of(data)
    model = scratch / "model"
    name, text = chance.choice(sorted(PATCHES.items()))
    write(model, fixture(name))
    kind: Any = protos.SavedModelPatch
    if chance.random() < 0.3:
        kind, text = protos.LintPolicy, _POLICY
    message = text_format.Parse(text, kind())
    how = chance.random()
    file = scratch / "file.txtpb"
    if how < 0.4:
        encoded = message.SerializeToString()
        damaged = change_proto(chance, kind, encoded, encoded)
        try:
            message = kind.FromString(damaged)
        except DecodeError:
            return  # It cannot be written as text.
        file.write_text(text_format.MessageToString(message))
    elif how < 0.7 and kind is protos.SavedModelPatch:
        file = scratch / "file.json"
        file.write_bytes(change_json(chance, json.dumps(patch_json(parse_text(text))).encode()))
    else:
        file.write_bytes(mutate(chance, text.encode(), _POLICY.encode())[0])
    if kind is protos.LintPolicy:
        run("lint", str(model), f"--policy={file}")
        return
    run("invert", str(model), f"--patch={file}")
    run("patch", str(model), f"--patch={file}", "--dry_run", "--format=json")
    if refused_cleanly(scratch, "plan", str(model), f"--patch={file}", f"--out={scratch / 'plan'}"):
        run("show", str(model))
    refused_cleanly(scratch, "patch", str(model), f"--patch={file}", "--in_place")
    _batch(str(model), f"--patch={file}", "--in_place", "--dry_run")


def recorded(data: bytes, scratch: Path) -> None:
    """Damaged plans and journals touch nothing that they should not, and lose nothing."""
    chance = chance_of(data)
    root, outside = scratch / "models", scratch / "outside"
    for name in ("a/1", "a/2", "b"):
        write(root / name, fixture("tf1_no_variables"))
    write(outside, _patched("tf1_shared"))
    patch = scratch / "patch.txtpb"
    patch.write_text('signature { key: "default" method_name: "m" }')
    kept = {path: path.read_bytes() for path in outside.rglob("*") if path.is_file()}
    paths = [str(outside), str(outside / "saved_model.pb"), f"{root}/../outside", str(root / "a")]
    paths += ["../../../outside/saved_model.pb", "../2/saved_model.pb", "../../outside", "."]
    before = (root / "b" / "saved_model.pb").read_bytes()
    how = chance.choice(("apply", "apply_plan", "rollback", "rollback", "resume"))
    common = [str(root), f"--patch={patch}", "--versions=all"]
    file = scratch / "file.jsonl"
    if how == "apply":
        run("plan", str(root / "b"), f"--patch={patch}", f"--out={file}")
    elif how == "apply_plan":
        _batch(*common, "--in_place", "--dry_run", f"--plan={file}")
    else:
        mode = chance.choice(("--in_place", "--new_version", f"--output_root={scratch / 'out'}"))
        _batch(*common, mode, f"--journal={file}")
    text = file.read_bytes()
    if how == "resume":  # It was killed on the way.
        text = b"".join(text.splitlines(keepends=True)[: chance.randrange(1, 6)])
    damaged = chance.random() < 0.85
    file.write_bytes(change_json(chance, text, paths) if damaged else mutate(chance, text, text)[0])
    with inside(scratch):  # A damaged path may be a relative one.
        if how == "apply":
            refused_cleanly(scratch, "apply", str(file), chance.choice(("--in_place", "--dry_run")))
        elif how == "apply_plan":
            _batch(f"--apply_plan={file}", f"--journal={scratch / 'journal'}")
        elif how == "rollback":
            run("rollback", str(file), "--format=json")
        else:
            _batch(f"--journal={file}", "--resume")
    for path, content in kept.items():
        if how != "resume" and (not path.is_file() or path.read_bytes() != content):
            raise Failure(f"{how} has changed {path}, which is none of its models")
    for model in ("a/1", "a/2", "b"):
        now = root / model / "saved_model.pb"
        known = (before, _after(before))
        # A batch that goes on does what its journal says, which may be something else now.
        if not now.is_file() or (how != "resume" and now.read_bytes() not in known):
            raise Failure(f"{how} has lost {now}")


def _batch(*arguments: str) -> None:
    with mock.patch("sigpb.batch.run.Pool", in_process):
        run("batch", *arguments)


@functools.cache
def _after(before: bytes) -> bytes:
    """Returns what the patch makes of a model."""
    with tempfile.TemporaryDirectory() as directory:
        model = Path(directory, "model")
        write(model, {"saved_model.pb": before})
        run("patch", str(model), "--in_place", "--signature=default", _EDIT)
        return (model / "saved_model.pb").read_bytes()


def _damage(chance: random.Random, file: Path, content: bytes) -> None:
    """Puts something else in the place of a file."""
    how = chance.random()
    if file.is_dir() or (how < 0.1 and not file.exists()):
        return
    if how < 0.1:
        file.unlink()
        if chance.random() < 0.5:
            file.mkdir()
        return
    file.parent.mkdir(exist_ok=True, parents=True)
    if file.suffix == ".jsonl" and how < 0.7:
        content = change_json(chance, content)
    elif how < 0.5:
        content = change_value(chance, content, content)
    elif how < 0.6:
        content = b""
    else:
        content, _ = mutate(chance, content, content)
    file.write_bytes(content)


def write(directory: Path, files: dict[str, bytes]) -> None:
    """Writes files, by their paths, below a directory."""
    for name, content in files.items():
        file = directory / name
        file.parent.mkdir(parents=True, exist_ok=True)
        if not name.endswith("/"):
            file.write_bytes(content)


@functools.cache
def _patched(name: str) -> dict[str, bytes]:
    """Returns the files of such a model that was patched in place, and so has a record."""
    with tempfile.TemporaryDirectory() as directory:
        model = Path(directory, "model")
        write(model, fixture(name))
        signature = "regress_x2_to_y3" if name == "tf1_shared" else "serving_default"
        run("patch", str(model), "--in_place", "--nobackup", f"--signature={signature}", _EDIT)
        return {key: value for key, value in contents(model).items() if not key.endswith("/")}
