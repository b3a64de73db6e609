"""Models while they are put together of parts."""

from collections.abc import Callable
from pathlib import Path

from sigpb import protos
from sigpb.composing.composed import Composed
from sigpb.saved_model.model import open_model
from sigpb.wire import Edits, assemble, length_delimited, size

_TAG = protos.MetaGraphDef.MetaInfoDef.TAGS_FIELD_NUMBER


def _with_tag(composed: Composed, tag: str) -> Composed:
    edits = Edits(composed.model.buffer)
    info = composed.model.meta_graphs[0].message.find(1)
    assert info is not None
    edits.insert(info, info.end, length_delimited(_TAG, tag.encode()))
    return composed.edited(edits, {f"assets/{tag}": tag.encode()})


def test_edits_add_up_and_the_pieces_are_those_of_the_file(
    fixture_model: Callable[..., Path],
) -> None:
    with open_model(fixture_model("tf2_linear")) as model:
        before = Composed.of(model)
        after = _with_tag(_with_tag(before, "one"), "two")
        assert before.model is model
        assert assemble(before.pieces, model.buffer) == bytes(model.buffer)
        assert after.model.meta_graphs[0].tags == ("one", "serve", "two")
        assert after.model.directory == model.directory
        assert assemble(after.pieces, model.buffer) == after.model.buffer
        assert size(each for each in after.pieces if isinstance(each, bytes)) < 100
        assert after.files == {"assets/one": b"one", "assets/two": b"two"}
