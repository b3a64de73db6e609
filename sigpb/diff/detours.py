"""Whether the values of an endpoint become another's in one conversion, as a patch states one.

The endpoint of the first model and that of the second come from one tensor, each by way of steps
that sigpb added. A patch converts from the dtype of the one to that of the other. That gives what
the second model gives if no value is lost on the way: not if, for instance, the first is an int64
made of the float32 that the second is, nor if the second is a float32 made of such an int64.
"""

from __future__ import annotations

from collections.abc import Sequence

from sigpb.rewrite.draft import Side
from sigpb.steps.conversion import holds


def detour(side: Side, before: Sequence[int], after: Sequence[int]) -> int | None:
    """Returns a dtype on the way that loses values, though one conversion does not; or None.

    Args:
        side: Whether the endpoints are inputs or outputs.
        before: The dtypes from the endpoint of the first model to the tensor that both come from;
            0 for one that is not known.
        after: The same for the second.
    """
    if len(before) == len(after) == 1:
        return None
    if 0 in (*before, *after):
        return after[0]  # It may lose values, for all that is known.
    ends = after[0], after[-1]
    source = ends[-1] if side == "output" else ends[0]
    between = (*before[:-1], *after[1:-1])
    return next((each for each in between if each not in ends and not holds(each, source)), None)
