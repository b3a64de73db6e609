"""The functions of `import sigpb` that make models of several models."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sigpb.errors import UsageError
from sigpb.patching.merging import Origin, Source, merged
from sigpb.patching.side_files import FingerprintMode, WarmupMode
from sigpb.publishing.new_output import local_output
from sigpb.publishing.publish import check_output_dir, check_unchanged, publish_copy
from sigpb.remote.at_hand import at_hand
from sigpb.saved_model.model import open_model, tag_set_text
from sigpb.visible_text import visible_lines


@dataclass(frozen=True, repr=False)
class MergeResult:
    """What became of models that were to be one; printing it shows that.

    Attributes:
        origins: What the merged model has of each of them.
        output: Its directory; None in a dry run.
        notes: What was done to warm-up requests, and what is left out.
    """

    origins: tuple[Origin, ...]
    output: Path | None
    notes: tuple[str, ...] = ()

    @property
    def conclusion(self) -> str:
        """The last line: where the merged model is."""
        if self.output is None:
            return f"dry run: {len(self.origins)} models would be merged"
        return f"merged: {len(self.origins)} models into {self.output}"

    def _lines(self) -> Iterator[str]:
        for origin in self.origins:
            yield str(origin.model) + (f", as {origin.name!r}" if origin.name else "")
            for tags, keys in origin.signatures.items():
                yield f"  MetaGraph {tag_set_text(tags)}"
                for before, after in keys.items():
                    yield f"    signature {before!r}" + (f" → {after!r}" if after != before else "")
        yield from (f"  {note}" for note in self.notes)

    def __str__(self) -> str:
        return visible_lines((*self._lines(), self.conclusion))

    def __repr__(self) -> str:
        where = "dry run" if self.output is None else repr(str(self.output))
        return f"<MergeResult of {len(self.origins)} models, {where}>"

    def _repr_html_(self) -> str:
        from sigpb import html_text

        lines = html_text.lines(*self._lines())
        return html_text.document(lines, html_text.heading(self.conclusion))

    def to_json(self) -> dict[str, Any]:
        """Returns the result as JSON values; docs/json.md describes them."""
        return {
            "status": "merged",
            "dry_run": self.output is None,
            "output": None if self.output is None else str(self.output),
            "models": [
                {
                    "model": str(origin.model),
                    "name": origin.name,
                    "meta_graphs": [
                        {"tags": list(tags), "signatures": dict(keys)}
                        for tags, keys in origin.signatures.items()
                    ],
                }
                for origin in self.origins
            ],
            "notes": self.notes,
        }


def merge(
    *paths: str | Path,
    output_dir: str | Path | None = None,
    dry_run: bool = False,
    prefixes: Sequence[str] = (),
    hardlink: bool = False,
    fingerprint: FingerprintMode = "recompute",
    warmup: WarmupMode = "rewrite",
) -> MergeResult:
    """Makes one model of several, with the signatures and the variables of all.

    Each signature computes what it did, under both loaders of TensorFlow. What the first model has
    keeps its names; nodes, functions and variables of the others get names of their own.

    Args:
        paths: The directories or URLs of the models, at least two. MetaGraphs of the same tag-set
            are merged; the first model has to have all tag-sets.
        output_dir: Where to put the merged model: a directory that does not exist or is empty.
        dry_run: Whether to write nothing, and only find out what would be done.
        prefixes: What the keys of the signatures of each model are to begin with; none if keys are
            to stay.
        hardlink: Whether files that do not change are hard links to those of the first model.
        fingerprint: What becomes of the ``fingerprint.pb`` of the first model, see `sigpb.patch`.
        warmup: What becomes of its warm-up requests, see `sigpb.patch`. Those of the others are
            left out.

    Raises:
        UsageError: If not exactly one of `output_dir` and `dry_run` is given, if there are fewer
            than two models, not as many prefixes, or the output directory cannot be used.
        ModelUnreadable: If a model cannot be read.
        PatchError: With everything because of which the models cannot be one.
        EnvironmentFailure: If something cannot be read or written. Nothing is left then.
    """
    if (output_dir is None) != dry_run:
        raise UsageError("Give one of output_dir and dry_run.")
    if len(paths) < 2:
        raise UsageError("Two models or more are expected.")
    if prefixes and len(prefixes) != len(paths):
        raise UsageError(
            f"There are {len(paths)} models and {len(prefixes)} prefixes. Give one for each model, "
            "which may be empty."
        )
    output = local_output(output_dir)
    with contextlib.ExitStack() as stack:
        found = [stack.enter_context(at_hand(path, whole=True)) for path in paths]
        models = [stack.enter_context(open_model(each.path)) for each in found]
        if output is not None:
            for model in models:
                check_output_dir(model.directory, output)
        begin = prefixes or [""] * len(models)
        names = (each.name for each in found)
        made = merged([*map(Source, names, models, begin)], fingerprint, warmup)
        if output is not None:
            first, *others = models
            for model in others:
                check_unchanged(model.directory, model.state)
            publish_copy(
                first.directory, output, made.changes, hardlink=hardlink, expected=first.state
            )
    return MergeResult(made.origins, output, made.notes)
