"""What two messages differ in, field by field, so that the second can be made the first again.

Fields are recognised by their names: the text at a path in them, which is the key of an entry of a
map, or their places among the fields of their number. So what one change did can be taken back
after others changed other fields.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple, TypeAlias

from sigpb.wire.edits import Edits
from sigpb.wire.fields import Field, Message

Layout: TypeAlias = Mapping[int, "Layout | tuple[int, ...]"]
"""What is known of a message, by the numbers of its fields: of a field that holds fields which are
compared one by one, its layout; of one that is repeated, the path to its name. All others are
recognised by their places."""


class Name(NamedTuple):
    """What a field is recognised by.

    Attributes:
        number: Its number.
        name: Its name; None if it has none. What is no UTF-8 is escaped.
        place: Its place among the fields of that number, or of that number and name.
    """

    number: int
    name: str | None
    place: int


_COMPARED = 1 << 16
"""How many bytes of two messages are compared at once."""


@dataclass(frozen=True)
class Difference:
    """A field that was added, replaced or removed.

    Attributes:
        path: The numbers of the fields that it lies in, outermost first.
        field: What it is recognised by.
        before: What it was, with its tag; None if it was not there.
        after: The SHA-256 of what it became; None if it is not there any more.
        behind: Of one that was removed, the field that it was behind; None for the beginning.
    """

    path: tuple[int, ...]
    field: Name
    before: bytes | None
    after: str | None
    behind: Name | None = None


def differences(
    before: Message, after: Message, layout: Layout, path: tuple[int, ...] = ()
) -> Iterator[Difference]:
    """Yields what two messages differ in.

    Args:
        before: The one.
        after: The other one, in which fields that both have are in the order of the first one.
        layout: What is known of both.
        path: The numbers of the fields that they lie in.
    """
    # Of fields at the beginning that are the same, no names are looked up.
    equal = _equal_beginning(before, after)
    passed: Counter[tuple[int, str | None]] = Counter()
    last: Field | None = None
    fields = before.fields()
    field = next(fields, None)
    while field and field.end <= before.start + equal:
        last = field
        passed[last.number, None] += 1
        field = next(fields, None)
    start = after.start + (last.end - before.start if last else 0)
    rest = Message(after.buffer, start, after.end, after.enclosing)
    olds = chain([field] if field else [], fields)
    old = dict(_named(before, layout, olds, Counter(passed)))
    new = dict(_named(after, layout, rest.fields(), Counter(passed)))
    behind = _name_of_last(before, layout, last, passed) if last else None
    for name, field in old.items():
        inner = layout.get(name.number)
        if name in new and isinstance(inner, Mapping):
            messages = before.message(field), after.message(new[name])
            yield from differences(*messages, inner, (*path, name.number))
        elif name not in new:
            yield Difference(path, name, _content(before, field), None, behind)
        elif (content := _content(before, field)) != (now := _content(after, new[name])):
            yield Difference(path, name, content, _digest(now))
        behind = name
    for name, field in new.items():
        if name not in old:
            yield Difference(path, name, None, _digest(_content(after, field)))


def take_back(
    edits: Edits, message: Message, layout: Layout, found: Sequence[Difference]
) -> Iterator[Difference]:
    """Makes a message again what it was, but for what was changed since.

    Args:
        edits: Receives the changes.
        message: The message as it is.
        layout: What is known of it.
        found: What it differs in from what it was.

    Yields:
        The differences that are not as they were found, which are left alone. Fields that are
        recognised by their places cannot go either where others came behind them.
    """
    places: dict[tuple[int, ...], tuple[Message | None, dict[Name, Field]]] = {}
    gone = Counter(
        (each.path, each.field.number)
        for each in found
        if each.before is None and each.field.name is None
    )
    for each in found:
        if each.path not in places:
            inner, known = _inner(message, layout, each.path)
            places[each.path] = inner, dict(named(inner, known)) if inner else {}
        parent, fields = places[each.path]
        if parent is None:
            yield each
            continue
        field = fields.get(each.field)
        now = None if field is None else _digest(_content(parent, field))
        is_behind = each.before is None and each.field.name is None and field is not None
        if is_behind:
            count = sum(name.number == each.field.number for name in fields)
            is_behind = each.field.place < count - gone[each.path, each.field.number]
        if now != each.after or is_behind:
            yield each
        elif field is None:
            assert each.before is not None, "it would be no difference"
            at = fields[each.behind].end if each.behind in fields else parent.start
            edits.insert(parent, at, each.before)
        elif each.before is None:
            edits.delete(parent, field)
        else:
            edits.replace(parent, field, each.before)


def named(message: Message, layout: Layout) -> Iterator[tuple[Name, Field]]:
    """Yields the fields of a message with what they are recognised by."""
    yield from _named(message, layout, message.fields(), Counter())


def _named(
    message: Message,
    layout: Layout,
    fields: Iterable[Field],
    counts: Counter[tuple[int, str | None]],
) -> Iterator[tuple[Name, Field]]:
    """Yields some of the fields, given how many of each number or name come before them."""
    for field in fields:
        way = layout.get(field.number)
        name = _name(message, field, way) if isinstance(way, tuple) else None
        yield Name(field.number, name, counts[field.number, name]), field
        counts[field.number, name] += 1


def _equal_beginning(before: Message, after: Message) -> int:
    """Returns how many bytes two messages begin with that are the same."""
    length = min(before.end - before.start, after.end - after.start)
    equal, step = 0, _COMPARED
    while step and equal < length:
        end = min(equal + step, length)
        old = before.buffer[before.start + equal : before.start + end]
        if old == after.buffer[after.start + equal : after.start + end]:
            equal = end
        else:
            step //= 2
    return equal


def _name_of_last(
    message: Message, layout: Layout, field: Field, passed: Mapping[tuple[int, str | None], int]
) -> Name:
    """Returns what the last of some fields at the beginning of a message is recognised by.

    Args:
        message: The message.
        layout: What is known of it.
        field: The field.
        passed: How many there are of its number, up to it.
    """
    way = layout.get(field.number)
    if isinstance(way, tuple):
        return Name(field.number, _name(message, field, way), 0)
    return Name(field.number, None, passed[field.number, None] - 1)


def _name(message: Message, field: Field, way: Sequence[int]) -> str:
    *outer, last = way
    inner = message.message(field)
    for number in outer:
        found = inner.last(number)
        if found is None:
            return ""
        inner = inner.message(found)
    text = inner.last(last)
    return inner.value(text).decode(errors="surrogateescape") if text is not None else ""


def _inner(message: Message, layout: Layout, path: Sequence[int]) -> tuple[Message | None, Layout]:
    """Returns the message at the end of a path, and what is known of it."""
    found: Message | None = message
    for number in path:
        found = found.find(number) if found is not None else None
        inner = layout[number]
        assert isinstance(inner, Mapping), "a path leads through these only"
        layout = inner
    return found, layout


def _content(message: Message, field: Field) -> bytes:
    return bytes(message.buffer[field.start : field.end])


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
