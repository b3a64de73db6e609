"""Which rows are counted for values that become as many as the batch has."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from sigpb.errors import PatchError
from sigpb.rewrite.interface import Interface
from sigpb.rewrite.port import Port, Side
from sigpb.steps.broadcast import Broadcast
from sigpb.tf.tensor_types import encoding_of, shape_text


def with_rows(interface: Interface) -> Interface:
    """Returns a signature whose ports that pass `Broadcast` say of what the rows are counted.

    Raises:
        PatchError: With all for which there is nothing to count, or which make no rows.
    """
    kept = sorted(interface.taken, key=lambda port: port.source)
    counted = next((port.source for port in kept if _has_rows(port)), None)
    problems: list[str] = []

    def found(ports: Iterable[Port], side: Side) -> dict[str, Port]:
        return {port.source: _counted(port, side, counted, problems) for port in ports}

    after = replace(
        interface,
        inputs=found(interface.inputs.values(), "input"),
        outputs=found(interface.outputs.values(), "output"),
        added=tuple(found(interface.added, "output").values()),
    )
    if problems:
        raise PatchError(problems)
    return after


def _is_repeated(port: Port) -> bool:
    return port.conversion is not None and any(
        isinstance(step, Broadcast) for step in port.conversion.steps
    )


def _has_rows(port: Port) -> bool:
    """Whether an input has any number of rows, which clients choose."""
    is_open = (port.inside.shape or ())[:1] == (None,)
    return is_open and encoding_of(port.info) == "dense" and not _is_repeated(port)


def _counted(port: Port, side: Side, counted: str | None, problems: list[str]) -> Port:
    if not _is_repeated(port):
        return port
    where, type_ = f"{side} {port.source!r}", port.inside if side == "input" else port.outside
    if counted is None:
        problems.append(
            f"{where}: broadcast cannot count rows, since no other input has an open number of "
            "rows."
        )
    elif type_.shape is None or type_.shape[:1] != (None,) or None in type_.shape[1:]:
        problems.append(
            f"{where}: broadcast has to give an open number of rows of a fixed size, not "
            f"{shape_text(type_.shape)}."
        )
    return replace(port, rows_of=counted)
