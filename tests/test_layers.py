"""Imports point down only, and importing sigpb brings nothing that is not needed."""

from __future__ import annotations

import ast
import graphlib
import pkgutil
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import sigpb
from tests.cli.command_line import ENVIRONMENT

PACKAGE = Path(sigpb.__file__).parent

# From the top to the bottom, as docs/architecture.md has them. Parts in one row do not know
# each other.
LAYERS = (
    {"__main__"},
    {"cli"},
    {"api"},
    {"composition", "division", "patch_result", "reading"},
    {"batch"},
    {"verifying"},
    {"linting"},
    {"patching"},
    {"comparing", "inspect"},
    {"edits"},
    {"composing"},
    {"rewrite"},
    {"batch_size"},
    {"graphs"},
    {"steps"},
    {"remote"},
    {"checkpoint"},
    {"publishing"},
    {"saved_model"},
    {"tf"},
    {"wire"},
    {"protos"},
    {"errors", "html_page", "html_text", "regular_files"},
    {"phases"},
    {"field_types", "json_values", "parsers", "visible_text"},
)
HEIGHTS = {part: -row for row, parts in enumerate(LAYERS) for part in parts}

MODULES = {path: path.relative_to(PACKAGE).with_suffix("") for path in PACKAGE.rglob("*.py")}


# They need an extra, and are imported where it is asked for.
NEED_BEAM = {PACKAGE / "batch" / name for name in ("beam.py", "pipeline.py")}


def imported(path: Path) -> Iterator[str]:
    """The full names of all that a module imports, wherever it does."""
    return imported_in(ast.parse(path.read_text()))


def imported_in(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: relative imports hide what is imported"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def parts_imported(path: Path) -> set[str]:
    names = (name.split(".") for name in imported(path))
    return {name[1] for name in names if name[0] == "sigpb"} - {"__version__"}


def test_every_part_has_its_layer() -> None:
    parts = {module.name for module in pkgutil.iter_modules([str(PACKAGE)])}
    assert parts == set(HEIGHTS)


def test_imports_point_down() -> None:
    upward = [
        f"{'.'.join(module.parts)} imports {part}"
        for path, module in MODULES.items()
        for part in parts_imported(path) - {module.parts[0]}
        if module.parts != ("__init__",)
        if HEIGHTS[part] >= HEIGHTS[module.parts[0]]
    ]
    assert upward == []


def test_wire_knows_nothing_of_tensorflow() -> None:
    known = {
        part
        for path in (PACKAGE / "wire").iterdir()
        if path in MODULES
        for part in parts_imported(path)
    }
    assert known == {"wire", "errors"}


@pytest.mark.parametrize("name", ["tensorflow", "tensorflow_serving", "tf_keras"])
def test_no_module_imports(name: str) -> None:
    found = {
        module.parts[0]
        for path, module in MODULES.items()
        if imports(ast.parse(path.read_text()), name)
    }
    assert found <= ({"steps", "verifying"} if name == "tensorflow" else {"verifying"})


def test_only_modules_that_need_it_import_beam() -> None:
    found = {path for path in MODULES if imports(ast.parse(path.read_text()), "apache_beam")}
    assert found == NEED_BEAM
    importing = {
        path for path in MODULES if {"sigpb.batch.beam", "sigpb.batch.pipeline"} & modules_of(path)
    }
    assert importing == {PACKAGE / "batch" / "pipeline.py", PACKAGE / "cli" / "batch_flags.py"}


def modules_of(path: Path) -> set[str]:
    """The modules that a module imports names from, wherever it does."""
    return {name.rpartition(".")[0] for name in imported(path)}


def test_only_functions_of_steps_and_verifying_import_numpy_and_tensorflow() -> None:
    # What steps evaluate to is what their nodes mean; nothing that patches a model asks for it.
    for path, module in MODULES.items():
        tree = ast.parse(path.read_text())
        if module.parts[0] in ("steps", "verifying"):
            tree = WithoutFunctions().visit(tree)
        assert not any(imports(tree, each) for each in ("numpy", "tensorflow")), module


class WithoutFunctions(ast.NodeTransformer):
    """Takes the bodies of functions away: what is left runs when a module is imported."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        pass


def imports(tree: ast.AST, package: str) -> bool:
    return package in {name.split(".")[0] for name in imported_in(tree)}


def test_only_the_command_line_prints_or_exits() -> None:
    for path, module in MODULES.items():
        if module.parts[0] != "cli":
            called = {
                ast.unparse(node.func)
                for node in ast.walk(ast.parse(path.read_text()))
                if isinstance(node, ast.Call)
            }
            assert not called & {"print", "exit", "sys.exit", "input"}, module


def loaded(code: str) -> set[str]:
    """The names of the modules that a new process has loaded after running a piece of code."""
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print(*sys.modules, file=sys.stderr)"],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stderr.split())


def test_import_of_everything_loads_no_tensorflow() -> None:
    modules = [
        ".".join(("sigpb", *module.parts)).removesuffix(".__init__")
        for path, module in MODULES.items()
        if path not in NEED_BEAM
    ]
    found = loaded("\n".join(f"import {module}" for module in modules))
    assert found >= set(modules)
    assert not found & {"tensorflow", "numpy", "tf_keras"}


def test_import_of_sigpb_loads_nothing_else() -> None:
    found = loaded("import sigpb")
    assert {name for name in found if name.startswith("sigpb")} == {"sigpb"}
    assert not found & {
        "rich",
        "farmhash",
        "absl",
        "google.protobuf",
        "google.protobuf.text_format",
    }


def test_wire_needs_no_protobuf() -> None:
    assert not loaded("import sigpb.wire") & {"google.protobuf", "sigpb.protos"}


def test_local_batch_needs_no_fsspec(tmp_path: Path) -> None:
    models, patch = tmp_path / "models", tmp_path / "patch.txtpb"
    shutil.copytree(PACKAGE.parent / "proto_fixtures" / "tf1_no_variables", models / "1")
    patch.write_text("")
    arguments = ["batch", str(models), f"--patch={patch}", "--in_place"]
    work = f"patch_model(Job('b', b'', 'in_place'), Task({str(models / '1')!r}, '1'))"
    found = loaded(
        f"from sigpb.cli.main import main; main({arguments!r})\n"
        "from sigpb.batch.job import Job, Task\n"
        "from sigpb.batch.patch_model import patch_model\n"
        f"assert {work}.outcome == 'unchanged'"
    )
    assert not found & {"fsspec", "sigpb.remote.store", "sigpb.batch.remote_place"}


@pytest.mark.parametrize(
    ("command", "unneeded"),
    [
        ("show {model} --format=json", {"rich", "farmhash", "sigpb.patching", "sigpb.edits"}),
        ("show {model}", {"farmhash", "sigpb.patching", "sigpb.edits"}),
        (
            "dump {model}",
            {"rich", "google.protobuf.json_format", "sigpb.patching", "sigpb.rewrite"},
        ),
        ("patch {model} --dry_run", {"rich"}),
        ("--help", {"google.protobuf", "sigpb.protos", "sigpb.cli.commands.patch"}),
    ],
)
def test_command_loads_no_more_than_it_needs(command: str, unneeded: set[str]) -> None:
    model = PACKAGE.parent / "proto_fixtures" / "tf1_no_variables"
    arguments = command.format(model=model).split()
    assert not loaded(f"from sigpb.cli.main import main; main({arguments!r})") & unneeded


# What a rename imports of sigpb; on the way to it nothing is converted.
MOST_FOR_A_RENAME = 75
CONVERTING = {
    "batch_size",
    "graphs",
    "rewrite.added_outputs",
    "rewrite.conversion",
    "rewrite.interior_inputs",
    "rewrite.passing",
    "rewrite.restoration",
    "rewrite.session_graph",
    "rewrite.survey",
    "rewrite.wrapper_function",
    "steps",
    "tf.op_defs",
    "tf.tensor_elements",
    "tf.tensor_values",
}


def imported_by_patch(change: str, output: Path) -> set[str]:
    """The modules of sigpb that patching a fixture imports, without the first part."""
    model = PACKAGE.parent / "proto_fixtures" / "tf2_linear"
    arguments = ["patch", str(model), *change.split(), f"--output_dir={output}"]
    found = loaded(f"from sigpb.cli.main import main; assert main({arguments!r}) == 0")
    return {name.partition(".")[2] for name in found if name.partition(".")[0] == "sigpb"}


def test_a_rename_imports_nothing_that_only_a_conversion_needs(tmp_path: Path) -> None:
    found = imported_by_patch("--rename_input=x=image --rename_output=p=a", tmp_path / "new")
    assert not found & CONVERTING
    assert len(found) <= MOST_FOR_A_RENAME


def test_a_conversion_imports_what_it_needs(tmp_path: Path) -> None:
    found = imported_by_patch("--input_dtype=x=uint8", tmp_path / "new")
    assert {"graphs", "rewrite.survey", "rewrite.session_graph", "steps"} <= found
    assert not found & {"batch_size", "tf.tensor_values"}


def test_no_modules_import_each_other_in_a_circle() -> None:
    names = {".".join(("sigpb", *module.parts)): path for path, module in MODULES.items()}
    needed = {}
    for name, path in names.items():
        at_once = ast.Module(
            [each for each in ast.parse(path.read_text()).body if isinstance(each, ast.ImportFrom)],
            [],
        )
        full = imported_in(at_once)
        needed[name] = {each if each in names else each.rpartition(".")[0] for each in full}
    tuple(graphlib.TopologicalSorter(needed).static_order())  # Raises where there is a circle.
