"""What a .proto file of sigpb says: its messages and fields with their comments.

The descriptors of the package lack comments, so the file itself is read, as far as sigpb's own
files go: comments stand before messages and fields, and no messages are nested.
"""

from __future__ import annotations

import pkgutil
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from sigpb.cli.help import layout
from sigpb.inspect.styled_text import Line, Span, line

_MESSAGE = re.compile(r"message (\w+) \{")
_FIELD = re.compile(r"(?:(repeated|optional) )?(\w+) (\w+) = (\d+);")


@dataclass(frozen=True)
class Field:
    """A field of a message.

    Attributes:
        name: Its name.
        type: Its type, such as ``string``, or the name of a message.
        number: Its number.
        is_repeated: Whether there may be several.
        text: What it means.
        flags: The names of flags that set it.
    """

    name: str
    type: str
    number: int
    is_repeated: bool
    text: str
    flags: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """Its type, and whether there may be several."""
        return f"{self.type}, repeated" if self.is_repeated else self.type

    def with_flags(self, mark: str = "") -> str:
        """Returns what it means, and which flags set it.

        Args:
            mark: What stands around the names of flags.
        """
        names = ", ".join(f"{mark}--{name}{mark}" for name in self.flags)
        text = layout.as_markdown(self.text) if mark else self.text
        return f"{text} [{names}]" if names else text


@dataclass(frozen=True)
class Message:
    """A message: its name, what it is about, and its fields."""

    name: str
    text: str
    fields: tuple[Field, ...]


@dataclass(frozen=True)
class ProtoReference:
    """What a file says.

    Attributes:
        text: What the file is about, in paragraphs.
        messages: Its messages, the outermost first.
    """

    text: str
    messages: tuple[Message, ...]

    def lines(self, width: int) -> Iterator[Line]:
        """Yields it as text for a terminal.

        Args:
            width: The columns of a line.
        """
        yield from layout.paragraphs(self.text, width)
        for message in self.messages:
            yield line("")
            yield layout.heading(message.name)
            yield from layout.paragraphs(message.text, width, "  ")
            for field in message.fields:
                yield line("  ", Span(field.name, "cyan"), Span(f"  {field.kind}", "dim"))
                yield from layout.paragraphs(field.with_flags(), width, "      ")

    def markdown(self) -> str:
        """Returns it as sections of a page."""
        names = {message.name for message in self.messages}
        parts = [layout.as_markdown(self.text)]
        for message in self.messages:
            parts += [
                f"## {message.name}",
                *([layout.as_markdown(message.text)] if message.text else ()),
            ]
            rows = [
                f"| `{field.name}` | {_linked(field.type, names)}"
                f"{', repeated' if field.is_repeated else ''} | {field.with_flags('`')} |"
                for field in message.fields
            ]
            parts.append("\n".join(("| field | type | meaning |", "|---|---|---|", *rows)))
        return "\n\n".join(parts) + "\n"


@dataclass(frozen=True)
class Page:
    """A page about the files that hold a message.

    Attributes:
        title: What it is about.
        introduction: What such a file is, in a paragraph.
        example: Such a file.
        proto: The .proto file of the package that declares the message.
        flags: Returns the names of flags that set fields, by the names of message and field.
    """

    title: str
    introduction: str
    example: str
    proto: str
    flags: Callable[[], Mapping[tuple[str, str], tuple[str, ...]]] = dict

    def lines(self, width: int) -> Iterator[Line]:
        """Yields it as text for a terminal.

        Args:
            width: The columns of a line.
        """
        yield from layout.paragraphs(self.introduction, width)
        yield line("")
        yield layout.heading("Example:")
        yield from (line(f"  {each}") for each in self.example.splitlines())
        yield line("")
        yield from self._reference().lines(width)

    def markdown(self) -> str:
        """Returns it as a page of Markdown."""
        introduction, reference = (
            layout.as_markdown(self.introduction),
            self._reference().markdown(),
        )
        example = f"```proto\n{self.example}```"
        return f"# {self.title}\n\n{introduction}\n\n{example}\n\n{reference}"

    def _reference(self) -> ProtoReference:
        """Returns what the file says, with the flags of its fields."""
        found, names = read(self.proto), self.flags()
        messages = (
            replace(
                message,
                fields=tuple(
                    replace(field, flags=names.get((message.name, field.name), ()))
                    for field in message.fields
                ),
            )
            for message in found.messages
        )
        return replace(found, messages=tuple(messages))


def read(name: str) -> ProtoReference:
    """Returns what a file of the package says.

    Args:
        name: The file, such as ``saved_model_patch.proto``.
    """
    return parse((pkgutil.get_data("sigpb", f"proto/{name}") or b"").decode())


def parse(source: str) -> ProtoReference:
    """Returns what the source of a file says.

    Raises:
        ValueError: If a line of it is none that sigpb's own files have.
    """
    text = ""
    messages: list[Message] = []
    comment: list[str] = []
    for written in map(str.strip, source.splitlines()):
        if written.startswith("//"):
            comment.append(written.removeprefix("//").strip())
            continue
        said, comment = _paragraphs(comment), []
        if written.startswith("syntax"):
            text = said
        elif match := _MESSAGE.fullmatch(written):
            messages.append(Message(match[1], said, ()))
        elif match := _FIELD.fullmatch(written):
            label, kind, name, number = match.groups()
            field = Field(name, kind, int(number), label == "repeated", said)
            last = messages[-1]
            messages[-1] = Message(last.name, last.text, (*last.fields, field))
        elif written not in ("", "}", "package sigpb;"):
            raise ValueError(f"{written!r} cannot be read.")
    return ProtoReference(text, tuple(messages))


def _paragraphs(comment: list[str]) -> str:
    """Joins the lines of a comment; an empty one ends a paragraph."""
    return "\n\n".join(" ".join(each.split()) for each in "\n".join(comment).split("\n\n"))


def _linked(kind: str, names: set[str]) -> str:
    return f"[{kind}](#{kind.lower()})" if kind in names else f"`{kind}`"
