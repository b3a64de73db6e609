"""Writes a patch out: in plain spelling, and for a model, what some of its steps stand for.

``labels('assets/labels.txt')`` stands for the labels that the model's file has, and ``top_k`` with
the keys of its two results for two outputs. What edits are made of has neither.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from sigpb import protos
from sigpb.errors import PatchError, did_you_mean
from sigpb.regular_files import open_regular
from sigpb.tf.tensor_types import plain_dtype

_MOST = 2**24
"""A file of labels may not have more bytes."""


def plainly_spelled(patch: protos.SavedModelPatch) -> protos.SavedModelPatch:
    """Returns a patch whose dtypes and steps are spelled as sigpb itself spells them.

    What cannot be read is left as it is.
    """
    after = protos.SavedModelPatch()
    after.CopyFrom(patch)
    for endpoint in (end for item in after.signature for end in (*item.input, *item.output)):
        if endpoint.HasField("dtype"):
            with contextlib.suppress(ValueError):
                endpoint.dtype = plain_dtype(endpoint.dtype)
        for position, text in enumerate(endpoint.step):
            from sigpb.steps.syntax import parse_step, step_text

            with contextlib.suppress(ValueError):
                plain = step_text(parse_step(text))
                parse_step(plain)  # An infinite number is spelled as 1e999 only.
                endpoint.step[position] = plain
    return after


def expanded(patch: protos.SavedModelPatch, directory: Path) -> protos.SavedModelPatch:
    """Returns a patch whose steps stand for nothing else.

    Args:
        patch: The patch, in which each step can be read.
        directory: The model's directory.

    Raises:
        PatchError: With all files of labels that cannot be read.
    """
    after, problems = protos.SavedModelPatch(), list[str]()
    after.CopyFrom(patch)
    for item in after.signature:
        sides = ("input", item.input), ("output", item.output)
        for side, endpoint in ((side, end) for side, ends in sides for end in ends):
            for position, text in enumerate(endpoint.step):
                try:
                    endpoint.step[position] = _with_labels(text, directory)
                except _UnreadableLabels as error:
                    where = f"signature {item.key!r}: {side} {endpoint.key!r}"
                    problems.append(f"{where}: {error}")
        item.output.extend([added for end in item.output for added in _second_output(end)])
    if problems:
        raise PatchError(problems)
    return after


def label_files(patch: protos.SavedModelPatch) -> Iterator[str]:
    """Yields the paths, in a model, of the files of labels that a patch names.

    Steps that cannot be read are passed over.
    """
    for item in patch.signature:
        for text in (text for end in (*item.input, *item.output) for text in end.step):
            from sigpb.steps.labels import Labels
            from sigpb.steps.syntax import parse_step

            with contextlib.suppress(ValueError):
                step = parse_step(text)
                if isinstance(step, Labels) and step.file is not None:
                    yield step.file


class _UnreadableLabels(Exception):
    """A file of labels cannot be read. The message says why, and what there is."""


def _with_labels(text: str, directory: Path) -> str:
    """Returns a step, with the labels of the file if it names one.

    Raises:
        _UnreadableLabels: They cannot be read.
    """
    from sigpb.steps.labels import Labels
    from sigpb.steps.syntax import parse_step, step_text

    step = parse_step(text)
    if not isinstance(step, Labels) or step.file is None:
        return text
    return step_text(Labels(tuple(_labels(directory, step.file))))


def _labels(directory: Path, name: str) -> list[str]:
    """Returns the lines of a file."""
    assets = directory / "assets"
    if PurePosixPath(name).as_posix() != name or ".." in PurePosixPath(name).parts:
        raise _UnreadableLabels(f"{name!r} is not the name of a file below assets/")
    try:
        with open_regular(directory / name) as file:
            content = file.read(_MOST + 1)
    except OSError as error:
        found = sorted(assets.rglob("*")) if assets.is_dir() else []
        names = [each.relative_to(directory).as_posix() for each in found if each.is_file()]
        raise _UnreadableLabels(
            f"the model's file {name!r} cannot be read ({error.strerror}); "
            f"{did_you_mean(name, names)}"
        ) from error
    if len(content) > _MOST:
        raise _UnreadableLabels(f"{name!r} has more than {_MOST:,} bytes, too many for labels")
    try:
        lines = content.decode("utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise _UnreadableLabels(f"{name!r} is not text in UTF-8") from error
    labels = [line.removesuffix("\r") for line in lines]
    return labels[:-1] if labels[-1] == "" else labels


def _second_output(endpoint: protos.EndpointPatch) -> Iterator[protos.EndpointPatch]:
    """Writes out what a last step ``top_k`` with keys makes of an output, and yields a new one."""
    from sigpb.steps.syntax import parse_step, step_text
    from sigpb.steps.top_k import TopK

    last = parse_step(endpoint.step[-1]) if endpoint.step else None
    if not isinstance(last, TopK) or not last.names_outputs:
        return
    before: Sequence[str] = endpoint.step[:-1]
    if last.indices_to is not None:
        steps = [*before, step_text(TopK(last.k, "indices"))]
        yield protos.EndpointPatch(key=last.indices_to, from_output=endpoint.key, step=steps)
    if last.values_to is not None and last.values_to != endpoint.key:
        endpoint.rename_to = last.values_to
    endpoint.step[:] = [*before, step_text(TopK(last.k))]
