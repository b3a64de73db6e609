"""The Python interface, as `import sigpb` offers it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sigpb import protos
from sigpb.errors import UsageError
from sigpb.patching.apply import changes_of
from sigpb.patching.compile import compile_patch
from sigpb.patching.plan import Plan
from sigpb.patching.side_files import FingerprintMode, WarmupMode
from sigpb.publishing.publish import check_output_dir, publish_copy, publish_in_place
from sigpb.saved_model import history
from sigpb.saved_model.model import SavedModel, open_model


@dataclass(frozen=True)
class PatchResult:
    """What became of a model.

    Attributes:
        status: ``unchanged`` if the model was as the patch wants it.
        plan: What was done.
        output: The directory of the patched model.
        backup: With ``in_place``, the directory of the files as they were; None if there is none.
    """

    status: Literal["patched", "unchanged"]
    plan: Plan
    output: Path
    backup: Path | None = None


def plan(path: str | Path, patch: protos.SavedModelPatch) -> Plan:
    """Returns what a patch does to a model, without doing it.

    Args:
        path: The model's directory.
        patch: The patch.

    Raises:
        ModelUnreadable: If there is no model that can be read.
        PatchError: With everything that is wrong with the patch for this model.
    """
    with open_model(path) as model:
        return _plan(model, patch)


def patch(
    path: str | Path,
    patch: protos.SavedModelPatch,
    *,
    output_dir: str | Path | None = None,
    in_place: bool = False,
    dry_run: bool = False,
    hardlink: bool = False,
    backup: bool = True,
    fingerprint: FingerprintMode = "recompute",
    warmup: WarmupMode = "refuse",
) -> PatchResult:
    """Patches a model, into a new directory or in place.

    Args:
        path: The model's directory.
        patch: The patch.
        output_dir: Where to put the patched model: a directory that does not exist or is empty.
            A copy is made also if there is nothing to change.
        in_place: Whether to change the model where it is instead.
        dry_run: Whether to do neither, and only find out what would be done.
        hardlink: With `output_dir`, whether unchanged files are hard links to the model's.
        backup: With `in_place`, whether to keep the files as they were.
        fingerprint: Whether to recompute a ``fingerprint.pb``, to drop it, or to keep it as it is.
        warmup: Whether to refuse the patch if the model has warm-up requests that no longer fit,
            to drop these, or to keep them as they are.

    Raises:
        UsageError: If not exactly one of `output_dir`, `in_place` and `dry_run` is given, or the
            output directory cannot be used.
        ModelUnreadable: If there is no model that can be read.
        PatchError: With everything that is wrong with the patch for this model.
        EnvironmentFailure: If something cannot be read or written. Nothing is changed then.
    """
    if output_dir == "":
        raise UsageError("The output directory (--output_dir) has an empty name.")
    if [output_dir is not None, in_place, dry_run].count(True) != 1:
        raise UsageError("Give one of output_dir, in_place and dry_run.")
    with open_model(path) as model:
        if output_dir is not None:
            check_output_dir(model.directory, Path(output_dir))
        made = _plan(model, patch)
        changes = changes_of(made, model, fingerprint=fingerprint, warmup=warmup)
        status: Literal["patched", "unchanged"] = "unchanged" if made.is_empty else "patched"
        if output_dir is not None:
            output = Path(output_dir)
            publish_copy(model.directory, output, changes, hardlink=hardlink, expected=model.state)
            return PatchResult(status, made, output)
        kept = None
        if changes and in_place:
            kept = publish_in_place(model.directory, changes, backup=backup, expected=model.state)
            kept = kept and model.directory / kept.name
        return PatchResult(status, made, model.directory, kept)


def _plan(model: SavedModel, patch: protos.SavedModelPatch) -> Plan:
    signatures = [(graph.tags, graph.signatures) for graph in model.meta_graphs]
    if history.was_applied(model.directory, patch, signatures):
        return Plan(model.directory, patch, ())
    return compile_patch(model, patch)
