from __future__ import annotations

import ast
import inspect
import pkgutil
import rlcompleter
import subprocess
import sys
import typing
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.message import Message

import sigpb

NAMES = [
    "EnvironmentFailure",
    "GraphView",
    "LintReport",
    "MergeResult",
    "ModelDifference",
    "ModelSummary",
    "ModelUnreadable",
    "NotEquivalent",
    "PatchError",
    "PatchLike",
    "PatchResult",
    "Plan",
    "SavedModel",
    "SavedModelPatch",
    "SigpbError",
    "SplitResult",
    "TraceReport",
    "UndoResult",
    "UnsafeModel",
    "UsageError",
    "VerifyReport",
    "apply_plan",
    "diff",
    "graph",
    "infer",
    "invert",
    "lint",
    "load_patch",
    "merge",
    "open",
    "patch",
    "plan",
    "show",
    "split",
    "trace",
    "undo",
    "verify",
]

each_name = pytest.mark.parametrize("name", NAMES)
FUNCTIONS = [name for name in NAMES if name[0].islower()]
each_function = pytest.mark.parametrize("name", FUNCTIONS)


def test_names() -> None:
    assert sigpb.__all__ == [*NAMES, "__version__"]


def test_names_are_listed_and_completed() -> None:
    code = "import sigpb; print(*dir(sigpb))"  # Before anything was asked for.
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == sorted(sigpb.__all__) == dir(sigpb)
    completed: list[str] = []
    completer = rlcompleter.Completer({"sigpb": sigpb})
    while found := completer.complete("sigpb.", len(completed)):
        completed.append(found.removeprefix("sigpb.").rstrip("()"))
    assert set(NAMES) <= set(completed)


def test_modules_do_not_hide_functions() -> None:
    # A module of a name that is also one of the interface would take its place once imported.
    modules = {found.name for found in pkgutil.iter_modules(sigpb.__path__)}
    assert not modules & set(NAMES)


@each_name
def test_name_can_be_imported(name: str) -> None:
    namespace: dict[str, Any] = {}
    exec(f"from sigpb import {name}", namespace)
    assert namespace[name] is getattr(sigpb, name)


def test_names_are_documented() -> None:
    page = (Path(__file__).resolve().parents[1] / "docs" / "python.md").read_text()
    assert {name for name in sigpb.__all__ if f"`{name}`" not in page} == set()


def test_unknown_name() -> None:
    with pytest.raises(AttributeError, match="module 'sigpb' has no attribute 'ptach'"):
        _ = sigpb.ptach  # type: ignore[attr-defined]


def test_type_checkers_see_the_same_names() -> None:
    tree = ast.parse(Path(sigpb.__file__).read_text())
    (block,) = (
        node for node in tree.body if isinstance(node, ast.If) and isinstance(node.test, ast.Name)
    )
    imported = {
        alias.asname
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assigned = {ast.unparse(node.targets[0]) for node in block.body if isinstance(node, ast.Assign)}
    assert (imported | assigned) - {None} == set(NAMES)
    assert (Path(sigpb.__file__).parent / "py.typed").exists()


API = {name: getattr(sigpb, name) for name in NAMES}


def functions_of(name: str) -> Iterator[Callable[..., Any]]:
    """The function of a name, or the public methods and properties of a class."""
    found = getattr(sigpb, name)
    if found is sigpb.PatchLike:
        return  # A union.
    if not inspect.isclass(found):
        yield found
        return
    if issubclass(found, Message):
        return  # Its methods are those of protobuf, and saved_model_patch.proto documents it.
    for member_name, member in vars(found).items():
        if not member_name.startswith("_"):
            if isinstance(member, property):
                assert member.fget is not None
                yield member.fget
            elif inspect.isfunction(member):
                yield member


@pytest.mark.parametrize(
    "name", [name for name in NAMES if name not in ("PatchLike", "SavedModelPatch")]
)
def test_everything_is_documented(name: str) -> None:
    for documented in (getattr(sigpb, name), *functions_of(name)):
        text = inspect.getdoc(documented)
        assert text, documented
        assert text.splitlines()[0].endswith("."), documented


@each_name
def test_everything_is_annotated(name: str) -> None:
    for function in functions_of(name):
        signature = inspect.signature(function)
        # What functions take and return is of Python, of their module or of the interface.
        hints = typing.get_type_hints(function, localns=API)
        assert "return" in hints, function
        assert set(signature.parameters) - {"self"} <= set(hints), function


@each_function
def test_docstring_tells_of_every_parameter(name: str) -> None:
    function = getattr(sigpb, name)
    text = inspect.getdoc(function) or ""
    arguments = text.partition("Args:")[2].partition("Raises:")[0]
    for parameter in inspect.signature(function).parameters:
        assert f"    {parameter}: " in arguments, parameter
    assert "Raises:" in text


def test_errors_have_one_base() -> None:
    for name in NAMES:
        found = getattr(sigpb, name)
        if inspect.isclass(found) and issubclass(found, Exception):
            assert issubclass(found, sigpb.SigpbError)


def test_every_field_of_the_patch_is_one_of_the_published_format() -> None:
    # The names are a promise to everyone who has a patch in a file.
    descriptor: Any = sigpb.SavedModelPatch.DESCRIPTOR

    def names(found: Any) -> list[str]:
        return [field.name for field in found.fields]

    signature = descriptor.fields_by_name["signature"].message_type
    endpoint = signature.fields_by_name["input"].message_type
    assert names(descriptor) == [
        *("id", "reason", "tags", "set_tags", "signature", "only"),
        *("drop", "clear_devices", "set_device", "strip_default_attrs", "prune"),
    ]
    assert names(signature) == [
        *("key", "rename_to", "copy_of", "method_name", "drop", "input", "output", "batch_size"),
        *("from_function", "positional", "create", "examples", "key_pattern"),
        *("before", "after", "ungraft"),
    ]
    graft = signature.fields_by_name["before"].message_type
    assert names(graft) == ["model", "signature", "map", "freeze", "tags", "digest"]
    assert names(endpoint) == [
        *("key", "rename_to", "dtype", "shape", "drop", "bind", "default", "from_tensor"),
        *("reshape", "step", "from_output", "from_input", "add", "node_name", "key_pattern"),
    ]
    assert signature.fields_by_name["output"].message_type is endpoint


def test_version() -> None:
    assert isinstance(sigpb.__version__, str)
    assert (
        f'version = {{ attr = "sigpb.{"__version__"}" }}'
        in (Path(__file__).resolve().parents[1] / "pyproject.toml").read_text()
    )
