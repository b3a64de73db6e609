"""How flags are written, files of flags, logs, and the flags that all commands take."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sigpb.cli.help import layout
from sigpb.cli.help.command_reference import flag_reference
from sigpb.inspect.styled_text import Line, line


def lines(arguments: Sequence[str], width: int) -> Iterator[Line]:
    """Yields the text."""
    from sigpb.cli.log_flags import general_flags

    for title, text in _PARTS:
        yield layout.heading(title)
        yield from layout.paragraphs(text, width, "  ")
        yield line("")
    yield layout.heading("The flags of all commands:")
    found = map(flag_reference, general_flags())
    yield from layout.terms(((each.usage, each.meaning) for each in found), width)


_PARTS = (
    (
        "Spelling",
        "A flag is written with underscores or with dashes: --output_dir=NEW, --output-dir=NEW. "
        "Its value follows = or is the next argument. A flag that is on or off is turned off by "
        "'no' before its name: --nobackup, or --no-backup. Flags may stand before the command, and "
        "before and after its arguments; what follows -- is no flag. A flag that may not be "
        "repeated is refused if it is given twice.",
    ),
    (
        "Files of flags",
        "--flagfile=FILE stands for the flags in the file, one in each line. Lines that begin "
        "with # or // are comments. A file may name others with --flagfile. A value is written as "
        "it is: there is no shell that takes quotes away.",
    ),
    (
        "Logs",
        "sigpb logs nothing unless it is asked to. -v 0 logs how long each phase of a run takes: "
        "read, plan, edit, write. -v 1 also logs which files are read and written, with their "
        "sizes, and how long the disk takes. Lines go to the standard error, in the format of "
        "absl.logging. --log_dir=DIR writes them to a file there instead, and with "
        "--alsologtostderr to both. What worker processes of a batch do is not logged.",
    ),
)
