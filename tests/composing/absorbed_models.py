"""Models with a part of another one, for tests of what becomes of each view."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from google.protobuf import text_format

from sigpb import protos
from sigpb.composing.absorb import absorbed
from sigpb.composing.composed import Composed
from sigpb.composing.part import Part
from sigpb.composing.scoped import scoped
from sigpb.publishing.changes import SplicedFile
from sigpb.publishing.publish import publish_copy
from sigpb.saved_model.model import open_model

SCOPE = "sigpb/other"
NAME = "sigpb_other"


def publish_absorbed(model: Path, *others: Path, output: Path) -> Path:
    """Puts other models into one; their signatures get the prefixes ``1_``, ``2_`` …"""
    with open_model(model) as opened:
        composed = Composed.of(opened)
        for number, other in enumerate(others, 1):
            with open_model(other) as from_:
                whole = Part.of(from_, 0)
                keys = {key: f"{number}_{key}" for key in from_.meta_graphs[0].user_signatures}
            part = scoped(whole, f"{SCOPE}{number}", number * 100_000)
            composed = absorbed(composed, 0, part, f"{NAME}{number}", keys)
        proto = SplicedFile(composed.pieces, opened.file)
        publish_copy(model, output, {**composed.files, opened.file.name: proto})
    return output


def meta_graph(text: str) -> protos.MetaGraphDef:
    """Reads a MetaGraphDef."""
    return text_format.Parse(text, protos.MetaGraphDef(), descriptor_pool=protos.POOL)


class Model:
    """A model with one MetaGraph, in a directory."""

    def __init__(self, directory: Path, text: str | protos.MetaGraphDef) -> None:
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        parsed = meta_graph(text) if isinstance(text, str) else text
        model = protos.SavedModel(saved_model_schema_version=1, meta_graphs=[parsed])
        (directory / "saved_model.pb").write_bytes(model.SerializeToString(deterministic=True))

    def absorb(
        self,
        part: str | Part,
        signatures: dict[str, str] | None = None,
        name: str = NAME,
    ) -> tuple[protos.MetaGraphDef, Composed]:
        """Returns what the MetaGraph is with a part, and the model."""
        if isinstance(part, str):
            part = Part(meta_graph(part), self.directory.with_name("other"), {}, {})
        with open_model(self.directory) as opened:
            composed = absorbed(Composed.of(opened), 0, part, name, signatures or {})
        merged = protos.SavedModel.FromString(bytes(composed.model.buffer))
        return merged.meta_graphs[0], composed


MakeModel = Callable[[str], Model]
