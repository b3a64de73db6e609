"""What a patched model shares with the old one, on file systems where files can share blocks.

These need to mount an image of such a file system, which root may where there are loop devices.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import sigpb
from sigpb.patching.patch_file import parse_text
from tests.patches import MAIN, ModelFactory, read

pytestmark = pytest.mark.slow

MIB = 1 << 20
VARIABLES = Path("variables", "variables.data-00000-of-00001")
RENAME = parse_text('signature { key: "serving_default" input { key: "x" rename_to: "image" } }')

# The smallest images that these file systems take.
MAKE = {"xfs": ("mkfs.xfs", "-q", "-m", "reflink=1"), "btrfs": ("mkfs.btrfs", "-q")}
IMAGE_SIZE = 320 * MIB


@pytest.fixture(params=MAKE)
def mounted(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A directory in a file system whose files can share blocks."""
    command, *options = MAKE[request.param]
    if os.geteuid() or not shutil.which(command) or not shutil.which("mount"):
        pytest.skip(f"This takes root, mount and {command}.")
    image, folder = tmp_path / "image", tmp_path / "mounted"
    with image.open("wb") as file:
        file.truncate(IMAGE_SIZE)
    folder.mkdir()
    subprocess.run([command, *options, image], check=True, capture_output=True)
    mount = subprocess.run(["mount", "-o", "loop", image, folder], capture_output=True, text=True)
    if mount.returncode:
        pytest.skip(f"This machine does not mount an image of {request.param}: {mount.stderr}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


@pytest.fixture
def model(mounted: Path, fixture_model: ModelFactory) -> Path:
    """A model with 64 MiB in its ``saved_model.pb``, before the signatures, and 64 of variables."""
    small = fixture_model("tf2_linear")
    saved_model = read(small)
    for number in range(4):
        node = saved_model.meta_graphs[0].graph_def.node.add(name=f"big_{number}", op="Const")
        node.attr["value"].tensor.tensor_content = os.urandom(16 * MIB)
    (small / MAIN).write_bytes(saved_model.SerializeToString())
    (small / VARIABLES).write_bytes(os.urandom(64 * MIB))
    return Path(shutil.copytree(small, mounted / "model"))


def used(mounted: Path) -> int:
    os.sync()
    status = os.statvfs(mounted)
    return (status.f_blocks - status.f_bfree) * status.f_frsize


def test_a_copy_shares_what_is_before_the_edit_and_the_variables(
    mounted: Path, model: Path
) -> None:
    before = used(mounted)
    sigpb.patch(model, RENAME, output_dir=mounted / "patched")
    assert used(mounted) - before < 2 * MIB
    patched = mounted / "patched"
    assert (patched / VARIABLES).read_bytes() == (model / VARIABLES).read_bytes()
    assert "image" in read(patched).meta_graphs[0].signature_def["serving_default"].inputs
    constants = (each.meta_graphs[0].graph_def.node[-4:] for each in map(read, (model, patched)))
    assert next(constants) == next(constants)


def test_a_patch_in_place_shares_what_is_before_the_edit_with_the_backup(
    mounted: Path, model: Path
) -> None:
    before = used(mounted)
    result = sigpb.patch(model, RENAME, in_place=True)
    assert used(mounted) - before < 2 * MIB
    assert isinstance(result.backup, Path)
    assert (result.backup / MAIN).stat().st_size >= 64 * MIB
