from __future__ import annotations

from google.protobuf import text_format

from sigpb.rewrite.whole_graph.rewrite import Wanted
from tests.graphs.small_graphs import attr, call

from .rewritten import function, model, rewritten


def test_everything_at_once() -> None:
    # What goes is not edited besides, and does not count.
    pinned = f'device: "/gpu:0" {attr("Truncate", "b: false")}'
    before = model(
        f"a = Cast(x) {pinned}\nb = Cast(x) {pinned}",
        [function("f_1", f"c = Cast(d) {pinned}"), function("g_2", f"c = Cast(d) {pinned}")],
    )
    before.graph_def.node[1].input[0] = "b"
    text_format.Merge(call("f_1"), before.graph_def.node[1])
    after, done = rewritten(before, Wanted(device="", strip_defaults=True, prune=True))
    assert [node.name for node in after.graph_def.node] == ["x", "y", "b"]
    (left,) = after.graph_def.library.function
    for node in (after.graph_def.node[2], left.node_def[0]):
        assert not node.device
        assert not node.attr
    assert done.devices is not None
    assert done.defaults is not None
    assert (done.devices.before, done.defaults.stripped) == ({"/gpu:0": 2}, 2)
    assert 0 < done.saved < before.ByteSize()
