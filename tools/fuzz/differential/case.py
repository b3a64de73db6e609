"""A patch of a model, as checks look at it, and what they find wrong."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from sigpb import SavedModelPatch

from .meaning import Meaning, meanings
from .program import Program
from .views import MetaGraph, read


@dataclass(frozen=True)
class Fault:
    """Something that has to be true and is not.

    Attributes:
        check: What was looked at.
        what: What is wrong.
        evidence: What a script needs to show it: feeds, results, or text.
    """

    check: str
    what: str
    evidence: dict[str, Any] = field(default_factory=dict, compare=False)

    @property
    def kind(self) -> str:
        """What is wrong, without names and numbers."""
        text = re.sub(r"'[^']*'|\"[^\"]*\"|\{\{.*?\}\}|\[[^\]]*\]|/\S+", "…", self.what)
        return f"{self.check}: {re.sub(r'[0-9]+', 'N', text)[:140]}"


@dataclass(frozen=True)
class Case:
    """A model, a patch, and the patched model.

    Attributes:
        before: The directory of the model.
        after: The directory of the patched model.
        patch: The patch.
        scratch: A directory for what checks write.
        program: What the model was built from, if it was not patched since.
    """

    before: Path
    after: Path
    patch: SavedModelPatch
    scratch: Path
    program: Program | None = None

    @cached_property
    def graphs(self) -> list[tuple[MetaGraph, MetaGraph, dict[str, Meaning]]]:
        """Each MetaGraph before and after, and what its signatures are to be."""
        pairs = zip(read(self.before), read(self.after), strict=True)
        return [(before, after, meanings(before, self.patch, after)) for before, after in pairs]

    def new_directory(self) -> Path:
        """Returns the path of a directory that does not exist."""
        return Path(tempfile.mkdtemp(dir=self.scratch)) / "model"


Check = Callable[[Case], Iterator[Fault]]


def said(error: object) -> str:
    """Returns the beginning of a message, on one line, without where its node comes from."""
    text = " ".join(str(error).split())
    return re.sub(r"Graph execution error: .*? Node: ", "", text)[:300]
