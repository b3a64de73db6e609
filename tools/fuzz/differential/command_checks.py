"""Checks of what sigpb says of a patched model: of its own patch, its inverse, and faults."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import sigpb
from sigpb import SavedModelPatch
from sigpb.cli.main import main

from .case import Case, Fault, said
from .value_checks import values_v1, values_v2
from .views import read


def twice(case: Case) -> Iterator[Fault]:
    """The same patch again finds nothing to do."""
    try:
        result = sigpb.patch(case.after, case.patch, dry_run=True)
    except sigpb.SigpbError as error:
        yield Fault("twice", f"refused: {said(error)}")
        return
    if result.status != "unchanged":
        yield Fault("twice", "patched again", {"plan": str(result.plan)})


def inverted(case: Case) -> Iterator[Fault]:
    """What ``invert`` returns is accepted, and gives back what was."""
    try:
        inverse = sigpb.invert(case.before, case.patch)
    except sigpb.SigpbError:
        return
    restored = case.new_directory()
    try:
        sigpb.patch(case.after, inverse, output_dir=restored)
    except sigpb.SigpbError as error:
        yield Fault("invert", f"is refused: {said(error)}", {"patch": str(inverse)})
        return
    for before, after in zip(read(case.before), read(restored), strict=True):
        if set(before.tags) != set(after.tags):
            yield Fault("invert", f"leaves tags {after.tags}")
        if sorted(before.signatures) != sorted(after.signatures):
            yield Fault("invert", f"leaves signatures {sorted(after.signatures)}")
            continue
        for key, signature in before.signatures.items():
            if _types(signature) != _types(after.signatures[key]):
                yield Fault("invert", f"{key}: leaves other endpoints", {"patch": str(inverse)})
    for check, values in (("v1", values_v1), ("v2", values_v2)):
        back = replace(case, patch=SavedModelPatch(), after=restored)
        for fault in values(back):
            yield Fault("invert", f"under {check}: {fault.what}", fault.evidence)


def _types(signature: Any) -> Any:
    return [
        {key: (endpoint.dtype, endpoint.shape) for key, endpoint in endpoints.items()}
        for endpoints in (signature.inputs, signature.outputs)
    ] + [signature.method]


def inferred(case: Case) -> Iterator[Fault]:
    """What ``infer`` returns makes the one model of the other."""
    try:
        found = sigpb.infer(case.before, case.after)
    except sigpb.SigpbError:
        return
    again = case.new_directory()
    try:
        sigpb.patch(case.before, found, output_dir=again)
    except sigpb.SigpbError as error:
        yield Fault("infer", f"is refused: {said(error)}", {"patch": str(found)})
        return
    for (_, after, _), made in zip(case.graphs, read(again), strict=True):
        for key, signature in after.signatures.items():
            if key not in made.signatures or _types(signature) != _types(made.signatures[key]):
                yield Fault("infer", f"{key}: other endpoints", {"patch": str(found)})
                return
    for fault in values_v1(replace(case, after=again)):
        yield Fault("infer", fault.what, fault.evidence | {"patch": str(found)})


def diffed(case: Case) -> Iterator[Fault]:
    """``diff`` sees a difference where there is one, and none from a model to itself."""
    if _run("diff", case.before, case.after)[0] != 1:
        yield Fault("diff", "sees no difference")
    code, said = _run("diff", case.after, case.after)
    if code != 0:
        yield Fault("diff", f"of a model with itself: {code} {said}")


def linted(case: Case) -> Iterator[Fault]:
    """``lint`` finds no errors that were not there."""
    before, after = _errors(case.before), _errors(case.after)
    for rule, message in after.items():
        if rule not in before:
            yield Fault("lint", f"{rule}: {message}")


def _errors(model: Path) -> dict[str, str]:
    code, said = _run("lint", model, "--format=json")
    if code not in (0, 1):
        return {"lint": f"exit code {code}"}
    return {
        finding["rule"]: finding["message"]
        for found in json.loads(said)["models"]
        for finding in found["findings"]
        if finding["severity"] == "error"
    }


def _run(*arguments: str | Path) -> tuple[int, str]:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main([str(argument) for argument in arguments])
    return code, out.getvalue()
