"""What the record in a model's directory tells of the patches that were applied, as text."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from sigpb.saved_model import history
from sigpb.saved_model.files import sha256_of
from sigpb.saved_model.model import SavedModel, tag_set_text

Json = dict[str, Any]

NO_RECORD = "no patch by sigpb is recorded in it"


def history_lines(model: SavedModel) -> Iterator[str]:
    """Yields what was changed, why and when, the last patch last.

    Raises:
        OSError: If the model cannot be read.
    """
    records = history.records(model.directory)
    if not records:
        yield f"{model.directory}: {NO_RECORD}"
        return
    count = "1 patch" if len(records) == 1 else f"{len(records)} patches, the last one last"
    yield f"{model.directory}: {count}"
    for number, (earlier, record) in enumerate(pairwise([{}, *records]), start=1):
        yield ""
        if _differ(earlier.get("output_digest"), record.get("input_digest")):
            yield "In between, something else changed the proto."
        yield from _patch_lines(number, record)
    last = records[-1].get("output_digest")
    if last:
        yield ""
        if _differ(last, sha256_of(model.file)):
            yield f"Since then, {model.file.name} was changed by something else."
        else:
            yield f"{model.file.name} is as the last patch left it."


def _differ(before: object, after: object) -> bool:
    """Whether two digests are known, and not the same."""
    return bool(before and after) and before != after


def _patch_lines(number: int, record: Json) -> Iterator[str]:
    said = [str(record.get(name) or "") for name in ("time", "patch_id")]
    made = f"by sigpb {record['sigpb']}" if record.get("sigpb") else ""
    yield f"{number}. {'  '.join(filter(None, (*said, made)))}"
    if record.get("reason"):
        yield f"   reason: {record['reason']}"
    for graph in _dicts(record.get("changes")):
        yield f"   MetaGraph {tag_set_text(tuple(map(str, graph.get('tags') or ())))}"
        yield from (f"     {edit}" for edit in graph.get("edits") or ())
    if "changes" not in record:
        yield "   what was changed was not recorded"
    for name, when in (("input_digest", "before"), ("output_digest", "after")):
        if digest := record.get(name):
            yield f"   {when + ':':7} sha256:{digest}"


def _dicts(found: object) -> list[Json]:
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []
