"""What somebody's typed script may do with sigpb: mypy, strict, reads it with the tests.

Where sigpb had no types, each ``type: ignore`` below would be one too many.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import sigpb


def contract(model: str | Path) -> dict[str, str]:
    """The inputs of each signature of a model."""
    found: dict[str, str] = {}
    for graph in sigpb.show(model, tags=["serve"]).meta_graphs:
        for key, signature in graph.signatures.items():
            if not signature.internal:
                inputs = (f"{each.key}: {each.dtype}" for each in signature.inputs.values())
                found[key] = ", ".join(inputs)
    return found


def rename(model: Path, output: Path, names: Mapping[str, str]) -> sigpb.PatchResult:
    """Renames inputs of the default signature."""
    inputs = [{"key": old, "rename_to": new} for old, new in names.items()]
    patch: sigpb.PatchLike = {"signature": [{"key": "serving_default", "input": inputs}]}
    plan: sigpb.Plan = sigpb.plan(model, patch)
    if plan.is_empty:
        raise ValueError("There is nothing to rename.")
    return sigpb.patch(model, patch, output_dir=output)


def main(model: Path, output: Path) -> int:
    """Renames an input, and says what became of the model."""
    try:
        rename(model, output, {"x": "image"})
    except sigpb.PatchError as error:
        print(error.path, *error.problems, *error.suggestions)
        return error.exit_code
    difference: sigpb.ModelDifference = sigpb.diff(model, output)
    report: sigpb.LintReport = sigpb.lint(output, ignore=["newer-op"])
    view: sigpb.GraphView = sigpb.graph(output, signature="serving_default", depth=0)
    traced: sigpb.TraceReport = sigpb.trace(output, "image", signature="serving_default")
    changed = [each.after for graph in difference.meta_graphs for each in graph.changed_signatures]
    print(contract(output)["serving_default"], changed, report.conclusion)
    print(len(view.picture.nodes) > 0, traced.traces[0].kind, difference.is_breaking)
    return 0


def mistakes(model: Path) -> None:
    """What mypy has to find."""
    sigpb.plan(model, 3)  # type: ignore[arg-type]
    sigpb.patch(model, {}, fingerprint="sometimes")  # type: ignore[arg-type]
    _ = sigpb.show(model).signatures  # type: ignore[attr-defined]
    sigpb.dif(model, model)  # type: ignore[attr-defined]
    sigpb.diff(model)  # type: ignore[call-arg]


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:])))
