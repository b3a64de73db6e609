"""Writes ``sigpb/tf/op_versions.tsv``: which releases of TensorFlow know which ops and attributes.

python tools/regenerate_op_versions.py

Downloads one wheel after the other, 4 GB in all, and asks the library in each which ops it
registers, without installing it. The library needs the Python that it was built for, so
``python3.7``, ``python3.8`` and ``python3.11`` have to be on the path.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import zipfile
from itertools import groupby
from pathlib import Path

from sigpb import protos

OP_DEFS = Path(__file__).resolve().parent.parent / "sigpb" / "tf" / "op_defs.binpb"
TARGET = OP_DEFS.with_name("op_versions.tsv")

PYTHONS = {
    "3.7": ("1.15", "2.0", "2.1"),
    "3.8": tuple(f"2.{minor}" for minor in range(2, 12)),
    "3.11": tuple(f"2.{minor}" for minor in range(12, 22)),
}
"""The releases by the Python whose wheel is read."""

WITHOUT_CPU_WHEEL = frozenset({"2.0"})
"""The releases of which only the package ``tensorflow`` exists, which is as small there."""

PLATFORMS = ("manylinux2010_x86_64", "manylinux2014_x86_64", "manylinux_2_27_x86_64")
LIBRARIES = ("python/_pywrap_tensorflow_internal.so", "lite/**/_audio_microfrontend_op.so")
"""What ``import tensorflow`` loads. Other libraries that register ops come with the first one."""

# TF_GetAllOpList of tensorflow/c/c_api.h returns a TF_Buffer that holds an OpList. The process ends
# at once, since the libraries crash if Python shuts down in order without having imported them.
READ = """
import ctypes, os, sys
class Buffer(ctypes.Structure):
    _fields_ = [("data", ctypes.c_void_p), ("length", ctypes.c_size_t)]
library, *_ = [ctypes.CDLL(path, mode=ctypes.RTLD_GLOBAL | os.RTLD_LAZY) for path in sys.argv[1:]]
library.TF_GetAllOpList.restype = ctypes.POINTER(Buffer)
found = library.TF_GetAllOpList().contents
sys.stdout.buffer.write(ctypes.string_at(found.data, found.length))
sys.stdout.flush()
os._exit(0)
"""


def download(release: str, python: str, directory: Path) -> Path:
    """Downloads the last wheel of a release.

    Args:
        release: The release, such as ``2.4``.
        python: The Python that the wheel is for, such as ``3.8``.
        directory: Where it goes.

    Returns:
        The wheel.
    """
    package = "tensorflow" if release in WITHOUT_CPU_WHEEL else "tensorflow-cpu"
    options = ["--quiet", "--no-deps", "--no-cache-dir", "--only-binary=:all:"]
    options += [f"--python-version={python}", f"--dest={directory}"]
    options += [f"--platform={each}" for each in PLATFORMS]
    command = [sys.executable, "-m", "pip", "download", *options, f"{package}=={release}.*"]
    subprocess.run(command, check=True)
    (wheel,) = directory.glob("*.whl")
    return wheel


def read_ops(wheel: Path, python: str) -> protos.OpList:
    """Returns the ops that the libraries in a wheel register; leaves these beside it."""
    interpreter = shutil.which(f"python{python}")
    if interpreter is None:
        raise SystemExit(f"python{python} is not on the path.")
    with zipfile.ZipFile(wheel) as archive:
        libraries = [name for name in archive.namelist() if ".so" in Path(name).suffixes]
        archive.extractall(wheel.parent, libraries)
    found = (path for each in LIBRARIES for path in wheel.parent.glob(f"tensorflow*/{each}"))
    command = [interpreter, "-c", READ, *map(str, found)]
    listed = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
    return protos.OpList.FromString(listed)


def names(ops: protos.OpList) -> set[str]:
    """Returns ``Op`` for each op and ``Op.attribute`` for each of its attributes.

    No GraphDef may use ops that begin with ``_``.
    """
    public = [op_def for op_def in ops.op if not op_def.name.startswith("_")]
    attributes = {f"{op_def.name}.{attr.name}" for op_def in public for attr in op_def.attr}
    return attributes | {op_def.name for op_def in public}


def spans(known: dict[str, set[str]], name: str) -> str:
    """Returns the releases that know an op or attribute, such as ``1.15-1.15,2.1-``."""
    *_, newest = known
    runs = groupby(known, lambda release: name in known[release])
    releases = [list(run) for is_known, run in runs if is_known]
    return ",".join(f"{run[0]}-{'' if run[-1] == newest else run[-1]}" for run in releases)


def rows(known: dict[str, set[str]]) -> dict[str, str]:
    """Returns which releases know an op or attribute, if not all do.

    An attribute that is as old as its op is left out.

    Args:
        known: What each release has, as `names` returns it, from the oldest on.
    """
    found = {name: spans(known, name) for name in sorted(set[str]().union(*known.values()))}
    oldest, *_ = known
    return {
        name: text
        for name, text in found.items()
        if text != (found[name.partition(".")[0]] if "." in name else f"{oldest}-")
    }


def main() -> None:
    """Reads all releases, and writes what not all of them know.

    Raises:
        SystemExit: If `op_defs.binpb` is of another release than the newest one.
    """
    known = dict[str, set[str]]()
    for python, releases in PYTHONS.items():
        for release in releases:
            with tempfile.TemporaryDirectory() as directory:
                wheel = download(release, python, Path(directory))
                known[release] = names(read_ops(wheel, python))
                print(wheel.name, len(known[release]), flush=True)
    *_, newest = known
    if known[newest] != names(protos.OpList.FromString(OP_DEFS.read_bytes())):
        raise SystemExit(f"{OP_DEFS.name} has other ops than TensorFlow {newest}.")
    lines = [("TensorFlow", " ".join(known)), *rows(known).items()]
    TARGET.write_text("".join(f"{name}\t{value}\n" for name, value in lines), encoding="ascii")
    print(f"{len(lines)} lines, {TARGET.stat().st_size} bytes")


if __name__ == "__main__":
    main()
