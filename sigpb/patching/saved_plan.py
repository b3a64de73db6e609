"""Plans kept in files, to be looked at and carried out later.

A saved plan is JSON: the patch, the edits it amounts to, and the digests of the files it was made
from. It is carried out only on a model whose files are still these.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sigpb import __version__, protos
from sigpb.errors import EnvironmentFailure, PatchError
from sigpb.parsers import parse_json_value, parse_path
from sigpb.patching.expand import label_files
from sigpb.patching.patch_file import parse_json, patch_json
from sigpb.patching.plan import Plan
from sigpb.publishing.output_file import write_text
from sigpb.regular_files import path_or_url, read_text
from sigpb.saved_model import fingerprint, history
from sigpb.saved_model.files import WARMUP_PATH, sha256_of
from sigpb.saved_model.model import SavedModel
from sigpb.visible_text import json_text

_VERSION = 1

# The files beside the proto that a patch reads or writes.
_SIDE_FILES = (fingerprint.FILE_NAME, history.FILE_NAME, WARMUP_PATH)


@dataclass(frozen=True)
class SavedPlan:
    """A plan as it was saved.

    Attributes:
        model: The model's directory, or its URL.
        patch: The patch as it was given.
        digests: The SHA-256 of each file that the plan was made from, by its path in the model.
        edits: The text of the edits.
    """

    model: Path | str
    patch: protos.SavedModelPatch
    digests: Mapping[str, str]
    edits: tuple[str, ...]

    def check(self, model: SavedModel) -> None:
        """Makes sure that a model is as it was when the plan was made.

        Raises:
            PatchError: With the files that differ.
        """
        now = digests(model, self.patch)
        changed = sorted(
            name for name in {*now, *self.digests} if now.get(name) != self.digests.get(name)
        )
        if changed:
            raise PatchError(
                f"{model.directory}: {', '.join(changed)} changed since the plan was made; make a "
                "new one with 'sigpb plan'."
            )

    def check_edits(self, plan: Plan) -> None:
        """Makes sure that the patch still means what the plan says.

        Raises:
            PatchError: Another version of sigpb understands it otherwise.
        """
        if edit_texts(plan) != self.edits:
            raise PatchError(
                f"{plan.model}: this version of sigpb, {__version__}, would do something else than "
                "the plan says; make a new one with 'sigpb plan'."
            )


def save(model: SavedModel, plan: Plan, file: Path) -> None:
    """Writes a plan to a file.

    Raises:
        UsageError: If the file is the proto of a model.
        EnvironmentFailure: If it cannot be written.
    """
    content = {
        "sigpb_plan": _VERSION,
        "sigpb": __version__,
        "model": str(model.directory.absolute()),
        "digests": digests(model, plan.patch),
        "edits": edit_texts(plan),
        "patch": patch_json(plan.patch),
    }
    if plan.asked is not None:
        content["asked"] = patch_json(plan.asked)
    write_text(file, (json_text(content), "\n"), source=model.file)


def load(file: Path) -> SavedPlan:
    """Reads a plan.

    Raises:
        PatchError: If the file holds none.
        EnvironmentFailure: If it cannot be read.
    """
    try:
        content: Any = parse_json_value(read_text(file))
        if content["sigpb_plan"] != _VERSION:
            raise PatchError(
                f"{file}: a plan of another version of sigpb, which this version cannot read."
            )
        return SavedPlan(
            path_or_url(parse_path(content["model"])),
            parse_json(json.dumps(content.get("asked", content["patch"]))),
            {str(name): str(digest) for name, digest in content["digests"].items()},
            tuple(map(str, content["edits"])),
        )
    except OSError as error:
        raise EnvironmentFailure(f"{file}: {error.strerror}.") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise PatchError(f"{file}: not a plan that 'sigpb plan --out' wrote.") from error


def digests(model: SavedModel, patch: protos.SavedModelPatch) -> dict[str, str]:
    """Returns the SHA-256 of the files of a model that a patch reads or writes."""
    names = (model.file.name, *_SIDE_FILES, *label_files(patch))
    files = {name: model.directory / name for name in names}
    return {name: sha256_of(file) for name, file in files.items() if file.is_file()}


def edit_texts(plan: Plan) -> tuple[str, ...]:
    """Returns what a plan does, a line each."""
    return tuple(str(plan).split("\n")[1:])
