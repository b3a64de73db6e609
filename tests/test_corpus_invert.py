"""Real models: what a patch renames and copies, the inverse patch puts back."""

from __future__ import annotations

from pathlib import Path

import sigpb
from sigpb import protos
from tests.test_corpus import each_model, opened, renaming_patch

# Models with messages whose fields or map entries their writers put in another order than protobuf
# in Python does: what was changed there and back comes back in protobuf's order.
ENCODED_OTHERWISE = {"srv_half_plus_two_tf2", "tfdf_adult_rf", "tfx_taxi_tft_tf2"}


@each_model
def test_puts_back_signatures_and_bytes(corpus: Path, tmp_path: Path, name: str) -> None:
    model = opened(corpus, name)
    for position, graph in enumerate(model.meta_graphs):
        if not graph.user_signatures:
            continue
        patch, patched = renaming_patch(graph), tmp_path / f"patched{position}"
        undo = sigpb.invert(model.directory, patch)
        sigpb.patch(model.directory, patch, output_dir=patched)
        assert sigpb.patch(patched, undo, in_place=True, backup=False).status == "patched"

        after = sigpb.open(patched)
        assert after.meta_graphs[position].signatures == graph.signatures
        if graph.has_object_graph and not model.is_text:
            before, now = model.file.read_bytes(), after.file.read_bytes()
            assert protos.SavedModel.FromString(now) == protos.SavedModel.FromString(before)
            restored = now == before
            assert restored or name in ENCODED_OTHERWISE
