"""What the process that runs models is kept from."""

from __future__ import annotations

import dataclasses
import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import sigpb
from sigpb import protos
from sigpb.verifying import confinement
from sigpb.verifying.confinement import in_bubblewrap, network
from sigpb.verifying.report import Confinement
from tests.linting.faults import graph_of, write

WHOLE = Confinement(True, True, 8 << 30, 1 << 30, 600.0)

# Confines itself, and then tries what a model might.
PROCESS = """
import dataclasses, json, os, socket, sys
from sigpb.verifying import confinement
own, elsewhere, outer = sys.argv[1:4]
{before}
held = confinement.confine(own, outer, 600)
def writes(directory):
    try:
        with open(os.path.join(directory, "written"), "w") as file:
            file.write("x")
        return True
    except OSError:
        return False
def fills(directory):
    try:
        with open(os.path.join(directory, "large"), "wb") as file:
            file.truncate(held.file_size + 1)
        return True
    except OSError:
        return False
def reaches(port):
    try:
        socket.create_connection(("127.0.0.1", port), 5).close()
        return True
    except OSError:
        return False
print(json.dumps(dict(
    dataclasses.asdict(held), own=writes(own), elsewhere=writes(elsewhere), large=fills(own),
    reached=reaches(int(sys.argv[4])),
)))
"""


def confined(tmp_path: Path, before: str = "", *, wrapped: bool = False) -> dict[str, Any]:
    own, elsewhere = tmp_path / "own", tmp_path / "elsewhere"
    own.mkdir()
    elsewhere.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as server:
        command = [sys.executable, "-c", PROCESS.format(before=before)]
        command += [str(own), str(elsewhere), network(), str(server.getsockname()[1])]
        if wrapped:
            command = in_bubblewrap(command, str(own))
        done = subprocess.run(
            command,
            capture_output=True,
            check=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_what_is_reported_holds(tmp_path: Path) -> None:
    found = confined(tmp_path)
    assert found["own"]
    assert found["elsewhere"] == (not found["read_only"])
    assert found["reached"] == (not found["no_network"])
    assert not found["large"]
    assert found["memory"]


@pytest.mark.skipif(
    subprocess.run(["unshare", "-rmn", "true"], capture_output=True, check=False).returncode != 0
    if sys.platform == "linux"
    else True,
    reason="the machine allows no namespaces",
)
def test_files_and_network_where_the_machine_allows_it(tmp_path: Path) -> None:
    found = confined(tmp_path)
    assert (found["read_only"], found["no_network"]) == (True, True)


def test_machine_that_allows_no_namespaces(tmp_path: Path) -> None:
    found = confined(tmp_path, "confinement._enter_namespaces = lambda own: None")
    assert (found["read_only"], found["no_network"]) == (False, False)
    assert (found["own"], found["elsewhere"], found["reached"]) == (True, True, True)


@pytest.mark.parametrize("works", [True, False])
def test_bubblewrap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, works: bool) -> None:
    program = tmp_path / "bwrap"
    program.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\nexit {0 if works else 1}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr("os.geteuid", lambda: 1000)

    command = in_bubblewrap([sys.executable, "-c", "x"], "/own")

    assert (tmp_path / "asked").read_text().startswith("--ro-bind / / --bind /own /own ")
    wrapping = command[: command.index(sys.executable)]
    assert command[-3:] == [sys.executable, "-c", "x"]
    assert (wrapping[:1] == [str(program)]) == works
    assert ("--unshare-net" in wrapping) == works


def test_bubblewrap_is_not_for_the_superuser(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "bwrap"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert in_bubblewrap(["python"], "/own") == ["python"]


def test_text() -> None:
    assert str(WHOLE) == (
        "confined to: files read-only but for a temporary directory, no network, at most 8 GiB of "
        "memory, 1 GiB in a file, 600 s"
    )
    without = dataclasses.replace(WHOLE, read_only=False, no_network=False, memory=None)
    assert str(without) == (
        "confined to: 1 GiB in a file, 600 s; not confined, as this machine allows no sandbox: "
        "files could be written, the network could be reached"
    )


def test_network_that_the_machine_does_not_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(confinement, "_NETWORK", tmp_path / "none")
    assert network() == ""


def writing(path: Path) -> protos.MetaGraphDef:
    """A graph that writes a file before it returns what it is given."""
    texts = 'attr { key: "dtype" value { type: DT_STRING } }'

    def constant(name: str, text: str) -> str:
        value = f'tensor {{ dtype: DT_STRING tensor_shape {{ }} string_val: "{text}" }}'
        return (
            f'node {{ name: "{name}" op: "Const" {texts} '
            f'attr {{ key: "value" value {{ {value} }} }} }}'
        )

    shape = "tensor_shape { dim { size: 2 } }"
    return graph_of(f"""
        graph_def {{
            versions {{ producer: 1882 }}
            node {{
                name: "x" op: "Placeholder" attr {{ key: "dtype" value {{ type: DT_FLOAT }} }}
                attr {{ key: "shape" value {{ shape {{ dim {{ size: 2 }} }} }} }}
            }}
            {constant("path", str(path))} {constant("text", "x")}
            node {{ name: "write" op: "WriteFile" input: "path" input: "text" }}
            node {{
                name: "y" op: "Identity" input: "x" input: "^write"
                attr {{ key: "T" value {{ type: DT_FLOAT }} }}
            }}
        }}
        signature_def {{ key: "serving_default" value {{
            inputs {{ key: "x" value {{ name: "x:0" dtype: DT_FLOAT {shape} }} }}
            outputs {{ key: "y" value {{ name: "y:0" dtype: DT_FLOAT {shape} }} }}
            method_name: "tensorflow/serving/predict"
        }} }}
    """)


@pytest.mark.tensorflow
def test_model_that_writes(tmp_path: Path) -> None:
    written = tmp_path / "written"
    model = write(tmp_path / "model", writing(written))

    with pytest.raises(sigpb.UnsafeModel, match="WriteFile"):
        sigpb.verify(model, model, loaders=["v1"])
    assert not written.exists()

    report = sigpb.verify(model, model, loaders=["v1"], allow_ops=["WriteFile"])
    assert report.confinement is not None
    assert written.exists() == (not report.confinement.read_only)
    assert (report.verdict == "equivalent") == written.exists()
