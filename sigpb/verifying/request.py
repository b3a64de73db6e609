"""What the process with TensorFlow is asked to do."""

from __future__ import annotations

from dataclasses import dataclass

from sigpb.verifying.comparison import Tolerance
from sigpb.verifying.mapping import Mapping


@dataclass(frozen=True)
class Request:
    """Two models to be compared.

    Attributes:
        old: The directory of the old model.
        new: The directory of the new one.
        mapping: What the signatures of the old one are in the new one.
        loaders: The names of the loaders to run them under.
        batch_sizes: The numbers of rows to feed where that is open.
        tolerance: How much results may differ.
        samples: A file of values to feed; None to make all up.
        timeout: After how many seconds to give up.
        own: The directory that the models may write to.
        network: The network of whoever asks.
    """

    old: str
    new: str
    mapping: Mapping
    loaders: tuple[str, ...]
    batch_sizes: tuple[int, ...]
    tolerance: Tolerance
    samples: str | None
    timeout: float
    own: str = ""
    network: str = ""
