"""The function of `import sigpb` that makes a model of a part of another one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sigpb.errors import UsageError, with_path
from sigpb.visible_text import visible_lines

if TYPE_CHECKING:
    from sigpb.patching.splitting import Amount, Split


@dataclass(frozen=True, repr=False)
class SplitResult:
    """What became of a model of which some signatures were wanted; printing it shows that.

    Attributes:
        model: The directory of the model, or its URL.
        output: The directory of the new one; None in a dry run.
        split: What the new one consists of.
    """

    model: Path | str
    output: Path | None
    split: Split

    @property
    def conclusion(self) -> str:
        """The last line: where the new model is."""
        return "dry run: would be split" if self.output is None else f"split: {self.output}"

    def _lines(self) -> Iterator[str]:
        from sigpb.saved_model.model import tag_set_text

        split = self.split
        yield str(self.model)
        yield f"  MetaGraph {tag_set_text(split.tags)}"
        yield from (f"    signature {key!r}" for key in split.signatures)
        yield from (f"    left out: signature {key!r}" for key in split.left_out)
        sizes = {f"bytes of {name}": size for name, size in split.sizes.items()}
        for name, amount in {**split.amounts, **sizes}.items():
            if amount.before:
                yield f"    {name}: {_amount_text(amount)}"
        yield from (f"  {note}" for note in split.notes)

    def __str__(self) -> str:
        return visible_lines((*self._lines(), self.conclusion))

    def __repr__(self) -> str:
        where = "dry run" if self.output is None else repr(str(self.output))
        return f"<SplitResult {', '.join(map(repr, self.split.signatures))}, {where}>"

    def _repr_html_(self) -> str:
        from sigpb import html_text

        lines = html_text.lines(*self._lines())
        return html_text.document(lines, html_text.heading(self.conclusion))

    def to_json(self) -> dict[str, Any]:
        """Returns the result as JSON values; docs/json.md describes them."""
        split = self.split
        return {
            "status": "split",
            "dry_run": self.output is None,
            "model": str(self.model),
            "output": None if self.output is None else str(self.output),
            "tags": list(split.tags),
            "signatures": list(split.signatures),
            "left_out": list(split.left_out),
            "amounts": {name: each._asdict() for name, each in split.amounts.items()},
            "bytes": {name: each._asdict() for name, each in split.sizes.items()},
            "notes": list(split.notes),
        }


def _amount_text(amount: Amount) -> str:
    before, after = (f"{each:,}" for each in amount)
    return before if before == after else f"{before} → {after}"


@with_path
def split(
    path: str | Path,
    signatures: str | Sequence[str],
    *,
    tags: Sequence[str] | None = None,
    output_dir: str | Path | None = None,
    dry_run: bool = False,
) -> SplitResult:
    """Makes a model with only some of the signatures of another one, and what these need.

    Each signature computes what it did, under both loaders of TensorFlow. Variables, assets,
    tables, objects and functions that they do not need are left out, and so is what stands beside
    the model: warm-up requests, the metadata of Keras, the record of patches.

    Args:
        path: The model's directory or URL.
        signatures: The key of the signature, or those of several.
        tags: The tags of the MetaGraph that has them; None if there is only one.
        output_dir: Where to put the new model: a directory that does not exist or is empty.
        dry_run: Whether to write nothing, and only find out what would be done.

    Raises:
        UsageError: If not exactly one of `output_dir` and `dry_run` is given, no signature is
            named, or the output directory cannot be used.
        ModelUnreadable: If there is no model that can be read.
        PatchError: If it has no such signatures, or it cannot be determined what they need.
        EnvironmentFailure: If something cannot be read or written. Nothing is left then.
    """
    from sigpb.patching.splitting import split_of
    from sigpb.publishing.new_output import check_output_dir, local_output, publish_directory
    from sigpb.publishing.publish import check_unchanged
    from sigpb.remote.at_hand import at_hand
    from sigpb.saved_model.model import open_model, tag_set

    wanted = [signatures] if isinstance(signatures, str) else [*signatures]
    if (output_dir is None) != dry_run:
        raise UsageError("Give one of output_dir and dry_run.")
    if not wanted:
        raise UsageError("Name the signatures that the new model is to have.")
    output = local_output(output_dir)
    with at_hand(path, whole=True) as found, open_model(found.path) as model:
        if output is not None:
            check_output_dir(model.directory, output)
        made = split_of(model, wanted, None if tags is None else tag_set(tags))
        if output is not None:
            check_unchanged(model.directory, model.state)
            publish_directory(output, made.files)
        return SplitResult(found.name, output, made)
