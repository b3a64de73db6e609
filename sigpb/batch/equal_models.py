"""What equal models have in common: the plan, and what becomes of their files.

A repository often holds the same proto many times, for versions of which only the variables differ,
or that were copied. What a patch makes of a model follows from its proto and from the few small
files that `changes_of` reads besides, so it is found out once for all models in which these are the
same.
"""

from __future__ import annotations

import dataclasses
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from pathlib import Path
from typing import Any

from sigpb.batch.job import Job
from sigpb.patching.plan import Plan
from sigpb.publishing.changes import Changes, Content, SplicedFile, WholeFile
from sigpb.saved_model import fingerprint, history
from sigpb.saved_model.files import CHECKPOINT_INDEX, WARMUP_PATH, read_side_file
from sigpb.saved_model.model import SavedModel

# Models are given out in the order of their paths, so that equal ones come soon after another.
_REMEMBERED = 16

_READ_BESIDES = (
    history.FILE_NAME,
    fingerprint.FILE_NAME,
    CHECKPOINT_INDEX,
    WARMUP_PATH,
)


@dataclasses.dataclass(frozen=True)
class Planned:
    """What a patch makes of a model.

    Attributes:
        plan: The plan.
        changes: The new content of its files.
        notes: What was done to its warm-up requests, and warnings.
        result: What an outcome says of it: see `result_of`.
    """

    plan: Plan
    changes: Changes
    notes: tuple[str, ...]
    result: Mapping[str, Any]

    def of(self, model: SavedModel) -> Planned:
        """Returns the same for another model in which all is equal, as if it was made now."""

        def rebased(source: Path) -> Path:
            directory = Path(self.plan.model)
            if not source.is_relative_to(directory):
                source, directory = source.resolve(), directory.resolve()
            if not source.is_relative_to(directory):  # a file of another model, such as an adapter
                return source
            return model.directory / source.relative_to(directory)

        def content_of(name: str, content: Content | None) -> Content | None:
            if isinstance(content, (SplicedFile, WholeFile)):
                return dataclasses.replace(content, source=rebased(content.source))
            if name == history.FILE_NAME and isinstance(content, bytes):
                return history.dated_now(content)
            return content

        changes = {name: content_of(name, each) for name, each in self.changes.items()}
        plan = dataclasses.replace(self.plan, model=model.directory)
        return dataclasses.replace(self, plan=plan, changes=changes)


class EqualModels:
    """The last few models that differ in what a patch reads. Threads can use it at a time."""

    def __init__(self) -> None:
        self._known: OrderedDict[Hashable, Planned] = OrderedDict()
        self._lock = threading.Lock()

    def planned(
        self,
        job: Job,
        model: SavedModel,
        digest: str,
        plan: Callable[[], Planned],
        besides: Hashable = (),
    ) -> Planned:
        """Returns what a job makes of a model.

        Args:
            job: The job.
            model: The model.
            digest: The SHA-256 of its proto.
            plan: Finds it out; called unless it is known from an equal model.
            besides: What else that depends on.
        """
        read = (read_side_file(model.directory / name) for name in _READ_BESIDES)
        how = job.patch, job.fingerprint, job.warmup, job.history
        key: Hashable = (*how, model.file.name, digest, *read, besides)
        with self._lock:
            known = self._known.get(key)
            if known is not None:
                self._known.move_to_end(key)
        if known is not None:
            return known.of(model)
        made = plan()
        with self._lock:
            self._known[key] = made
            if len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        return made

    def clear(self) -> None:
        """Forgets all models."""
        with self._lock:
            self._known.clear()
