"""What sigpb is distributed as: builds it, and tries it where nothing else is installed.

    python -m tools.package build    # into dist/: a wheel, a source distribution and sigpb.pyz
    python -m tools.package try      # installs each without TensorFlow, and runs it
    python -m tools.package wheels   # asks the index whether all dependencies have wheels

It needs the packages build, pex and pipx; sigpb itself need not be installed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[1]
_MODEL = _ROOT / "proto_fixtures" / "tf2_linear"
_SINGLE_FILE = "sigpb.pyz"

_PYTHONS = ("310", "311", "312", "313")
_SYSTEMS = ("manylinux2014_x86_64", "manylinux2014_aarch64", "macosx_14_0_arm64")
"""Where `sigpb.pyz` runs if it is built for everywhere; TensorFlow has wheels for the same."""

_GLIBCS = ("manylinux2014", "manylinux_2_17", "manylinux_2_28")
_WHEELS_ONLY = {
    "Linux on x86-64": ("310 313", [f"{glibc}_x86_64" for glibc in _GLIBCS]),
    "Linux on Arm": ("310 313", [f"{glibc}_aarch64" for glibc in _GLIBCS]),
    "macOS on Arm": ("310 313", ["macosx_14_0_arm64"]),
    "macOS on x86-64": ("310 313", ["macosx_14_0_x86_64"]),
    "Windows": ("310 313", ["win_amd64"]),
}
"""The oldest and the newest Python for which all dependencies have wheels, and pip's platforms."""


def build(output: Path, *, everywhere: bool) -> None:
    """Builds the wheel, the source distribution and the single file.

    Args:
        output: The directory to put them into.
        everywhere: Whether the single file is for all of `_SYSTEMS` and `_PYTHONS`, rather than for
            this Python on this machine.
    """
    for old in output.glob("sigpb*"):
        old.unlink()
    _run(sys.executable, "-m", "build", "--outdir", output, _ROOT)
    platforms = [f"{s}-cp-{p}-cp{p}" for s in _SYSTEMS for p in _PYTHONS] if everywhere else []
    _run(
        *(sys.executable, "-m", "pex", _built(output, "*.whl"), "--console-script=sigpb"),
        *(f"--platform={platform}" for platform in platforms),
        *("--venv", "--python-shebang=/usr/bin/env python3"),
        f"--output-file={output / _SINGLE_FILE}",
    )


def try_all(output: Path) -> None:
    """Installs and runs what `build` made, each in a place of its own.

    The wheel is installed by pipx, the source distribution by pip, and the single file is run by
    the Python that is there, without pip.
    """
    with tempfile.TemporaryDirectory(prefix="sigpb-package-") as place:
        scratch = Path(place)
        places = {"PIPX_HOME": str(scratch / "pipx"), "PIPX_BIN_DIR": str(scratch / "bin")}
        wheel = _built(output, "*.whl")
        _run(sys.executable, "-m", "pipx", "install", wheel, environment=places)
        _use(scratch / "wheel", scratch / "bin" / "sigpb")
        venv.create(scratch / "source", with_pip=True)
        python = scratch / "source" / "bin" / "python"
        _run(python, "-m", "pip", "install", "-q", _built(output, "*.tar.gz"))
        _use(scratch / "from_source", scratch / "source" / "bin" / "sigpb")
        venv.create(scratch / "bare", with_pip=False)
        bare = scratch / "bare" / "bin" / "python"
        places = {"PEX_ROOT": str(scratch / "pex")}
        _use(scratch / "single", bare, output / _SINGLE_FILE, environment=places)


def _use(place: Path, *sigpb: Path, environment: dict[str, str] | None = None) -> None:
    """Runs ``show``, ``patch``, ``diff`` and ``lint`` on a model, without TensorFlow.

    Raises:
        SystemExit: If one of them does not do what it should.
    """

    def use(*arguments: str | Path, expected: int = 0) -> str:
        return _run(*sigpb, *arguments, environment=environment, expected=expected, at=place)

    place.mkdir()
    use("patch", _MODEL, "--output_dir=patched", "--rename_input=x=image")
    shown = json.loads(use("show", "patched", "--format=json"))
    inputs = shown["meta_graphs"][0]["signatures"]["serving_default"]["inputs"]
    if "image" not in inputs or "x" in inputs:
        raise SystemExit(f"{sigpb}: the patched model has the inputs {sorted(inputs)}")
    if "image" not in use("diff", _MODEL, "patched", expected=1):
        raise SystemExit(f"{sigpb}: diff does not name the new input")
    use("lint", "patched")
    told = use("verify", _MODEL, "patched", expected=4)
    if "tensorflow" not in told:
        raise SystemExit(f"{sigpb}: verify found a TensorFlow, or does not say what is missing")
    print(f"tried: {' '.join(path.name for path in sigpb)}", flush=True)


def find_wheels(wheel: Path) -> None:
    """Resolves the dependencies of a wheel on other systems, from wheels only; installs nothing.

    Raises:
        SystemExit: If one has no wheel there.
    """
    with tempfile.TemporaryDirectory() as nothing:
        for system, (pythons, platforms) in _WHEELS_ONLY.items():
            for python in pythons.split():
                _run(
                    *(sys.executable, "-m", "pip", "install", "-q", "--dry-run"),
                    *("--ignore-installed", "--target", nothing, "--only-binary=:all:"),
                    *(f"--platform={platform}" for platform in platforms),
                    *(f"--python-version={python}", wheel),
                )
                print(f"wheels: Python {python[0]}.{python[1:]}, {system}", flush=True)


def _built(output: Path, pattern: str) -> Path:
    (found,) = output.glob(f"sigpb-{pattern}")
    return found.resolve()


def _run(
    *command: str | Path,
    environment: dict[str, str] | None = None,
    expected: int = 0,
    at: Path = _ROOT,
) -> str:
    """Runs a program and returns what it prints.

    Raises:
        SystemExit: If it ends with another code than the expected one.
    """
    # Nothing of this Python is to be found by the one that is run.
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    ended = subprocess.run(
        [str(each) for each in command],
        capture_output=True,
        check=False,
        cwd=at,
        env=kept | (environment or {}),
        text=True,
    )
    if ended.returncode != expected:
        line = " ".join(map(str, command))
        raise SystemExit(f"{line}\nended with {ended.returncode}:\n{ended.stdout}{ended.stderr}")
    return ended.stdout + ended.stderr


def main() -> None:
    """Does what the command line says."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.package",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("action", choices=("build", "try", "wheels"))
    parser.add_argument("--output", type=Path, default=_ROOT / "dist")
    parser.add_argument(
        "--everywhere", action="store_true", help="sigpb.pyz for all systems and Pythons"
    )
    given = parser.parse_args()
    output = given.output.resolve()
    if given.action == "build":
        build(output, everywhere=given.everywhere)
    elif given.action == "try":
        try_all(output)
    else:
        find_wheels(_built(output, "*.whl"))


if __name__ == "__main__":
    main()
