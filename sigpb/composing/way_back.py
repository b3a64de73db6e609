"""What grafts changed in a model and beside it, so that each can be taken out again.

It is kept in the model's record: what was replaced, to the byte, and digests of what was put in its
place. Shards of a checkpoint are not kept: putting an adapter there renames those of the model.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from sigpb import protos
from sigpb.composing.composed import Composed
from sigpb.publishing.changes import Content, WholeFile
from sigpb.regular_files import is_there
from sigpb.saved_model.files import read_side_file
from sigpb.saved_model.grafts import Graft
from sigpb.saved_model.model import SavedModel
from sigpb.wire import sha256
from sigpb.wire.differences import Difference, Layout, Name, differences

_GRAPH, _INFO = protos.GraphDef, protos.MetaGraphDef.MetaInfoDef
_OBJECTS, _META_GRAPH = protos.SavedObjectGraph, protos.MetaGraphDef
_KEY = (1,)

LAYOUT: Layout = {
    _META_GRAPH.META_INFO_DEF_FIELD_NUMBER: {
        _INFO.STRIPPED_OP_LIST_FIELD_NUMBER: {
            protos.OpList.OP_FIELD_NUMBER: (protos.OpDef.NAME_FIELD_NUMBER,)
        }
    },
    _META_GRAPH.GRAPH_DEF_FIELD_NUMBER: {
        _GRAPH.NODE_FIELD_NUMBER: (protos.NodeDef.NAME_FIELD_NUMBER,),
        _GRAPH.LIBRARY_FIELD_NUMBER: {
            protos.FunctionDefLibrary.FUNCTION_FIELD_NUMBER: (
                protos.FunctionDef.SIGNATURE_FIELD_NUMBER,
                protos.OpDef.NAME_FIELD_NUMBER,
            ),
            protos.FunctionDefLibrary.GRADIENT_FIELD_NUMBER: (
                protos.GradientDef.FUNCTION_NAME_FIELD_NUMBER,
            ),
        },
    },
    _META_GRAPH.COLLECTION_DEF_FIELD_NUMBER: _KEY,
    _META_GRAPH.SIGNATURE_DEF_FIELD_NUMBER: _KEY,
    _META_GRAPH.OBJECT_GRAPH_DEF_FIELD_NUMBER: {_OBJECTS.CONCRETE_FUNCTIONS_FIELD_NUMBER: _KEY},
}
"""What is compared one by one of a MetaGraphDef."""

# Of a file that is kept. The index of a checkpoint of 30,000 tensors takes less.
_MOST = 1 << 22


@dataclass(frozen=True)
class WayBack:
    """How a graft is taken out.

    Attributes:
        graft: The graft.
        tags: The tag-set of its MetaGraph.
        differences: What it changed there.
        files: The files beside the proto that it changed, by their paths: what each was, which is
            None for no file, the bytes of one, or the path that its content has now.
        lost: The files of which nothing tells what they were, since they are too large to be kept.
        left: The SHA-256 of the files that were written anew.
    """

    graft: Graft
    tags: tuple[str, ...]
    differences: tuple[Difference, ...]
    files: Mapping[str, bytes | Path | None]
    lost: tuple[str, ...] = ()
    left: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Returns it as JSON values."""
        return {
            "graft": asdict(self.graft),
            "tags": list(self.tags),
            "differences": [
                [
                    list(each.path),
                    list(each.field),
                    None if each.before is None else _text(each.before),
                    each.after,
                    None if each.behind is None else list(each.behind),
                ]
                for each in self.differences
            ],
            "files": {
                name: was if was is None else _text(was) if isinstance(was, bytes) else [str(was)]
                for name, was in self.files.items()
            },
            "lost": list(self.lost),
            "left": dict(self.left),
        }

    @classmethod
    def of_json(cls, values: Any) -> WayBack:
        """Reads what `to_json` returned.

        Raises:
            ValueError: If it is something else.
        """
        try:
            return cls(
                Graft(**values["graft"]),
                tuple(map(str, values["tags"])),
                tuple(
                    Difference(
                        tuple(map(int, path)),
                        Name(*name),
                        None if before is None else _bytes(before),
                        None if after is None else str(after),
                        None if behind is None else Name(*behind),
                    )
                    for path, name, before, after, behind in values["differences"]
                ),
                {
                    str(name): was
                    if was is None
                    else Path(was[0])
                    if isinstance(was, list)
                    else _bytes(was)
                    for name, was in values["files"].items()
                },
                tuple(map(str, values["lost"])),
                {str(name): str(digest) for name, digest in values["left"].items()},
            )
        except (TypeError, KeyError, AttributeError, IndexError, zlib.error) as error:
            raise ValueError(f"no way back: {error}") from error


def way_back(graft: Graft, index: int, before: Composed, after: Composed) -> WayBack:
    """Returns how a graft is taken out.

    Args:
        graft: The graft.
        index: The position of its MetaGraph.
        before: The model without it.
        after: The model with it.
    """
    graphs = [_as_read(each.model).meta_graphs[index] for each in (before, after)]
    found = differences(graphs[0].message, graphs[1].message, LAYOUT)
    changed = [
        name
        for name in {**before.files, **after.files}
        if before.files.get(name, "") != after.files.get(name, "")
    ]
    files, lost = dict[str, bytes | Path | None](), list[str]()
    for name in sorted(changed):
        try:
            files[name] = _was(name, before, after)
        except _Lost:
            lost.append(name)
    left = {
        name: sha256((content,), b"")
        for name, content in after.files.items()
        if name in changed and isinstance(content, bytes)
    }
    return WayBack(graft, graphs[1].tags, tuple(found), files, tuple(lost), left)


def _as_read(model: SavedModel) -> SavedModel:
    """Returns a model in memory with the bytes that it has once it was written and read again."""
    if not model.is_text:
        return model
    content = protos.SavedModel.FromString(bytes(model.buffer))
    return SavedModel(model.file, model.state, content.SerializeToString(deterministic=True))


class _Lost(Exception):
    """What a file was is too large to be kept."""


def _was(name: str, before: Composed, after: Composed) -> bytes | Path | None:
    """Returns what a file was before a graft: see `WayBack.files`.

    Raises:
        _Lost: It is too large to be kept.
    """
    home = before.model.directory
    was: Content | None = before.files.get(name, WholeFile(home / name))
    if was is None:
        return was
    for now, content in after.files.items():
        if content == was:
            return Path(now)
    if isinstance(was, WholeFile) and was.source == home / name:
        if not is_there(was.source):
            return None
        was = read_side_file(was.source) if was.source.stat().st_size <= _MOST else was
    if not isinstance(was, bytes) or len(was) > _MOST:
        raise _Lost
    return was


def _text(content: bytes) -> str:
    return base64.b64encode(zlib.compress(content, 9)).decode()


def _bytes(text: str) -> bytes:
    try:
        return zlib.decompress(base64.b64decode(text, validate=True))
    except binascii.Error as error:
        raise ValueError(str(error)) from error
