"""A way to compose models that programs build, and what it has to lead to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from google.protobuf import text_format

import sigpb
from sigpb import SavedModelPatch
from tools.fuzz.command_line import Failure, run
from tools.fuzz.differential.program import Program
from tools.fuzz.differential.views import read

from .checks import Wanted
from .loaders import Place
from .reference import Adapter


@dataclass(frozen=True)
class Link:
    """An adapter, by the number of its program."""

    program: int
    key: str
    pairs: Mapping[str, str]
    is_frozen: bool


@dataclass(frozen=True)
class Example:
    """What is composed.

    Attributes:
        programs: What builds the models.
        kind: ``graft``, ``merge`` or ``split``.
        key: The signature that gets adapters, or is split off, of the first program.
        before: The adapters before it.
        after: Those behind it.
    """

    programs: tuple[Program, ...]
    kind: str
    key: str = ""
    before: tuple[Link, ...] = ()
    after: tuple[Link, ...] = ()

    def smaller(self) -> Iterator[Example]:
        """Yields examples with fewer adapters, or with a smaller program."""
        for field in ("before", "after"):
            links = getattr(self, field)
            for index in range(len(links)):
                yield replace(self, **{field: links[:index] + links[index + 1 :]})
        for index, program in enumerate(self.programs):
            for one in program.smaller():
                programs = (*self.programs[:index], one, *self.programs[index + 1 :])
                yield replace(self, programs=programs)

    def __str__(self) -> str:
        """What is done, and the sources of the models."""
        head = f"{self.kind} {self.key!r}\nbefore: {self.before}\nafter: {self.after}\n"
        sources = (f"# Model {n}\n{one.source}" for n, one in enumerate(self.programs))
        return "\n\n".join((head, *sources))


def wanted_of(example: Example, paths: Sequence[Path]) -> dict[str, Wanted]:
    """Returns the signatures that an example is to have."""

    def places(index: int, prefix: str = "") -> dict[str, Wanted]:
        graph = read(paths[index])[0]
        return {
            f"{prefix}{k}": Wanted(Place(paths[index], k, graph.tags)) for k in graph.signatures
        }

    if example.kind == "merge":
        return places(0, "p0_") | places(1, "p1_") if len(paths) > 1 else places(0, "p0_")
    found = places(0)
    if example.kind == "split":
        return {example.key: found[example.key]}

    def adapter(link: Link) -> Adapter:
        path = paths[link.program]
        return Adapter(Place(path, link.key, read(path)[0].tags), link.pairs, link.is_frozen)

    before, after = map(adapter, example.before), map(adapter, example.after)
    return {**found, example.key: Wanted(found[example.key].place, tuple(before), tuple(after))}


def compose(
    example: Example, paths: Sequence[Path], wanted: Mapping[str, Wanted], output: Path
) -> str:
    """Composes with sigpb, and returns why that is refused; "" if it is done."""
    if example.kind == "graft":
        patch = patch_of(example.key, wanted[example.key])
        output.with_suffix(".txtpb").write_text(text_format.MessageToString(patch))
        try:
            sigpb.patch(paths[0], patch, output_dir=output)
        except sigpb.SigpbError as error:
            if error.exit_code != 2:
                raise
            return str(error)
        return ""
    if example.kind == "merge":
        prefixes = ",".join(f"p{index}_" for index in range(len(paths)))
        arguments = ["merge", *map(str, paths), f"--prefix={prefixes}"]
    else:
        arguments = ["split", str(paths[0]), f"--signature={example.key}"]
    outcome = run(*arguments, f"--output_dir={output}")
    if outcome.code not in (0, 2):
        raise Failure(f"{outcome}")
    return outcome.err if outcome.code else ""


def patch_of(key: str, wanted: Wanted) -> SavedModelPatch:
    """Returns the patch that puts adapters before and behind a signature."""
    patch = SavedModelPatch()
    signature = patch.signature.add(key=key)
    for adapters, grafts in ((wanted.before, signature.before), (wanted.after, signature.after)):
        for adapter in adapters:
            place = adapter.place
            graft = grafts.add(
                model=str(place.model), signature=place.key, freeze=adapter.is_frozen
            )
            graft.tags.tag.extend(place.tags)
            for output, to in adapter.pairs.items():
                setattr(graft.map.add(to=to), "from", output)
    return patch
