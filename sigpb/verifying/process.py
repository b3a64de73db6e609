"""Asking the process with TensorFlow, and putting an end to it."""

from __future__ import annotations

import importlib.util
import json
import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import is_dataclass, replace
from types import UnionType
from typing import Any, cast, get_args, get_origin, get_type_hints

from sigpb.errors import EnvironmentFailure, UsageError
from sigpb.verifying.child import Request, RunRequest
from sigpb.verifying.confinement import in_bubblewrap, network
from sigpb.verifying.report import Confinement, SignatureReport

# The modules are looked for where this process finds them, and not in the current directory.
_CODE = """\
import json, sys
sys.path[:] = json.loads(sys.argv[1])
from sigpb.verifying.child import main
main()
"""


def ask(request: Request) -> tuple[tuple[SignatureReport, ...], Confinement]:
    """Has the signatures of a request compared, in a process that is confined where possible.

    Raises:
        UsageError: If the file of samples cannot be used.
        EnvironmentFailure: If there is no TensorFlow, it takes too long, or it crashes.
    """
    answers = _asked(request)
    reports = tuple(
        _read_as(SignatureReport, answer["signature"])
        for answer in answers
        if "signature" in answer
    )
    return reports, _confinement(answers)


def run_signature(request: RunRequest) -> tuple[list[dict[str, Any]] | str, Confinement]:
    """Has a signature run, in a process that is confined where possible.

    Returns:
        Its outputs, each with ``name``, ``dtype``, ``shape`` and ``data`` in base64, or why it did
        not run; and how the process was confined.

    Raises:
        EnvironmentFailure: If there is no TensorFlow, it takes too long, or it crashes.
    """
    answers = _asked(request)
    reasons = [str(answer["not_run"]) for answer in answers if "not_run" in answer]
    outputs = [answer["output"] for answer in answers if "output" in answer]
    return reasons[0] if reasons else outputs, _confinement(answers)


def _confinement(answers: list[dict[str, Any]]) -> Confinement:
    (held,) = (answer["confinement"] for answer in answers if "confinement" in answer)
    confinement: Confinement = _read_as(Confinement, held)
    return confinement


def _asked(request: Request | RunRequest) -> list[dict[str, Any]]:
    """Returns what the process said in answer to a request that it went through to its end."""
    try:
        with tempfile.TemporaryDirectory(prefix="sigpb-run-", ignore_cleanup_errors=True) as own:
            done = _run(replace(request, own=own, network=network()))
    except subprocess.TimeoutExpired as error:
        answers = list(_answers(error.stdout or b""))
        doing = [answer["at"] for answer in answers if "at" in answer]
        at = f"It was about to {doing[-1]}. " if doing else ""
        raise EnvironmentFailure(
            f"TensorFlow was not done after {request.timeout:g} seconds. {at}Nothing is known of "
            "the models; allow it more with --timeout=SECONDS."
        ) from error
    answers = list(_answers(done.stdout))
    for answer in answers:
        _raise_failure(answer)
    if not any("done" in answer for answer in answers):
        raise EnvironmentFailure(_crash(done, answers))
    return answers


def require_tensorflow() -> None:
    """Makes sure that there is TensorFlow, without loading it.

    Raises:
        EnvironmentFailure: If there is none.
    """
    if importlib.util.find_spec("tensorflow") is None:
        _raise_failure({"missing": "tensorflow"})


def _run(request: Request | RunRequest) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-c", _CODE, json.dumps(sys.path)]
    return subprocess.run(
        in_bubblewrap(command, request.own),
        input=pickle.dumps(request),
        capture_output=True,
        timeout=request.timeout,
        check=False,
        env={**os.environ, "TMPDIR": request.own},
    )


def _answers(lines: bytes) -> Iterator[dict[str, Any]]:
    for line in lines.splitlines():
        try:
            yield json.loads(line)
        except ValueError:
            return  # It was cut off.


def _raise_failure(answer: dict[str, Any]) -> None:
    if "usage" in answer:
        raise UsageError(answer["usage"])
    if "missing" in answer:
        what = "TensorFlow" if answer["missing"] == "tensorflow" else "A module of TensorFlow's"
        raise EnvironmentFailure(
            f"{what} ({answer['missing']}) is not installed for {sys.executable}, and models "
            "cannot be run without it: pip install tensorflow."
        )
    if "failed" in answer:
        raise EnvironmentFailure(f"{answer['failed']}.")


def _crash(done: subprocess.CompletedProcess[bytes], answers: list[dict[str, Any]]) -> str:
    doing = [answer["at"] for answer in answers if "at" in answer]
    at = f" when it was about to {doing[-1]}" if doing else ""
    how = f"signal {-done.returncode}" if done.returncode < 0 else f"exit code {done.returncode}"
    lines = done.stderr.decode(errors="replace").strip().splitlines()
    last = f" Its last message was: {lines[-1][:300]}" if lines else ""
    return f"The process with TensorFlow ended with {how}{at}.{last}"


def _read_as(hint: Any, value: Any) -> Any:
    """Returns what `dataclasses.asdict` and JSON made of a value: a report, or a part of one.

    Args:
        hint: The type that the value had: a dataclass, a tuple of any length, one of these or
            None, or a type that JSON has too.
        value: The JSON value.
    """
    if get_origin(hint) is UnionType:
        return None if value is None else _read_as(get_args(hint)[0], value)
    if get_origin(hint) is tuple:
        return tuple(_read_as(get_args(hint)[0], each) for each in value)
    if not is_dataclass(hint):
        return value
    hints = get_type_hints(hint)
    return cast(type, hint)(**{name: _read_as(hints[name], each) for name, each in value.items()})
