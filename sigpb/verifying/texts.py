"""Texts that models may know: words of their vocabularies, images, numbers.

What looks words up returns the same for all that it does not know, and what decodes images takes
nothing else. So what adapters are fed is made of what they have.

Only the process that `sigpb.verifying.process` starts calls what is here.
"""

from __future__ import annotations

import base64
import itertools
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from sigpb.regular_files import open_regular
from sigpb.steps.decode_image import DecodeImage
from sigpb.verifying.values import Texts

_UNKNOWN = b"qzx0"
"""What hardly any vocabulary has."""

_SHAPES = ((1, 1), (2, 1), (1, 6), (4, 1), (1, 1), (12, 1))
"""Of how many words texts are, and how often they have these.

Something may look a text up as a whole, or split it; of many equal words it may be more certain.
"""

_WORDS, _TEXTS = 2000, 64
"""How many words are used at most, and how many texts there are."""

_LONGEST = 200
_MOST_BYTES = 1 << 22

_DECODING = {"DecodeAndCropJpeg", "DecodeBmp", "DecodeImage", "DecodeJpeg", "DecodePng"}
_NUMBERS = tuple(f"{number / 4 - 3:g}".encode() for number in range(32))

# Constants of savers name tensors and slices of the checkpoint.
_OF_SAVERS = ("tensor_names", "shape_and_slices")


class _Readable(Protocol):
    """A model of which no more is read than its proto and its assets."""

    @property
    def meta_graph(self) -> Any:
        """The MetaGraphDef."""
        ...

    @property
    def directory(self) -> str:
        """The directory of the model."""
        ...


def texts_for(models: Iterable[_Readable]) -> list[Texts]:
    """Returns what models may take as texts, each kind for itself, the likeliest first."""
    vocabularies: list[list[bytes]] = []
    ops = set[str]()
    for model in models:
        try:
            meta_graph, directory = model.meta_graph, Path(model.directory)
        except Exception:  # The same error is reported when the model is loaded.
            continue
        graph = meta_graph.graph_def
        nodes = [*graph.node, *(node for each in graph.library.function for node in each.node_def)]
        ops |= {node.op for node in nodes}
        vocabularies += (*_in_assets(meta_graph, directory), *_in_constants(nodes))
    kinds: list[Texts] = []
    if ops & _DECODING:
        kinds.append(DecodeImage(channels=3).samples)
    if "StringToNumber" in ops:
        kinds.append(_NUMBERS)
    if words := [*dict.fromkeys(itertools.islice(_by_turns(vocabularies), _WORDS))]:
        kinds.append(_with_words(words))
    if "DecodeBase64" in ops:
        encoded = [tuple(map(_base64, kind)) for kind in kinds or [_NUMBERS]]
        kinds = [*encoded, *kinds]
    return kinds


def _with_words(words: Sequence[bytes]) -> Texts:
    """Returns texts of one word and of several, the longest with one that is not known."""
    endless, made = itertools.cycle(words), list[bytes]()
    for count, times in itertools.islice(itertools.cycle(_SHAPES), _TEXTS):
        chosen = [*itertools.islice(endless, count)] * times
        made.append(b" ".join(chosen + [_UNKNOWN] * (count > 2)))
    return tuple(made)


def _by_turns(lists: Sequence[Sequence[bytes]]) -> Iterator[bytes]:
    for row in itertools.zip_longest(*lists):
        yield from (word for word in row if word)


def _in_assets(meta_graph: Any, directory: Path) -> Iterator[list[bytes]]:
    """Yields the words in files of assets, a list for each file of text."""
    for asset in meta_graph.asset_file_def:
        try:
            with open_regular(directory / "assets" / asset.filename) as opened:
                content = opened.read(_MOST_BYTES)
        except OSError:  # The loader will say so.
            continue
        if b"\0" not in content:
            lines = (line.rstrip(b"\r") for line in content.split(b"\n"))
            yield [line.split(b"\t")[0] for line in lines if len(line) <= _LONGEST]


def _in_constants(nodes: Iterable[Any]) -> Iterator[list[bytes]]:
    """Yields the words in lists of constants."""
    for node in nodes:
        tensor = node.attr["value"].tensor if node.op == "Const" else None
        if tensor is not None and len(tensor.string_val) > 1 and not node.name.endswith(_OF_SAVERS):
            yield [each for each in tensor.string_val if len(each) <= _LONGEST]


def _base64(text: bytes) -> bytes:
    """Encodes a text as DecodeBase64 takes it."""
    return base64.urlsafe_b64encode(text).rstrip(b"=")
