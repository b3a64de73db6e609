"""The devices that nodes are pinned to."""

from __future__ import annotations

import re
from collections import Counter

from sigpb import protos
from sigpb.rewrite.whole_graph.bodies import in_order
from sigpb.wire import Edits, Message, length_delimited

_DEVICE = protos.NodeDef.DEVICE_FIELD_NUMBER

# The tag of the field. Most nodes have no such byte, so that their fields need not be looked at.
_TAG = re.compile(re.escape(length_delimited(_DEVICE, b"")[:1]))


class Devices:
    """Has nodes name another device, or none. Colocation (``loc:@x`` in `_class`) stays.

    Attributes:
        before: How many of the nodes that changed named each device.
    """

    def __init__(self, device: str) -> None:
        """Takes the device that all nodes are to name; an empty text for none."""
        self._device = device
        self.before = Counter[str]()

    def edit(self, edits: Edits, node: Message) -> None:
        """Adds what changes in a node to `edits`."""
        if not self._device and not _TAG.search(node.buffer, node.start, node.end):
            return
        fields = list(node.fields(_DEVICE))
        before = node.text(fields[-1]) if fields else ""
        if before == self._device:
            return
        self.before[before] += 1
        place = fields[0].start if fields else in_order(node, _DEVICE)
        for field in fields:
            edits.delete(node, field)
        if self._device:
            edits.insert(node, place, length_delimited(_DEVICE, self._device.encode()))
