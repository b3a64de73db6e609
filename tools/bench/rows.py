"""The rows of the table that the benchmarks make up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .processes import Samples

_SCALES = {
    "s": (("s", 1.0), ("ms", 1e-3)),
    "B": (("GB", 1e9), ("MB", 1e6)),
}


@dataclass(frozen=True)
class Row:
    """One figure of sigpb, next to one of something else.

    Attributes:
        what: What was measured.
        ours: The figure of sigpb.
        against: What it is compared with; empty if with nothing.
        theirs: The figure of that.
        target: The most that `ours` may be: in parts of `theirs` if there is one, else in the unit
            of `ours`. None if the row is there for information.
    """

    what: str
    ours: Samples
    against: str = ""
    theirs: Samples | None = None
    target: float | None = None

    @property
    def ratio(self) -> float | None:
        """Our median divided by theirs."""
        return self.ours.median / self.theirs.median if self.theirs else None

    @property
    def is_met(self) -> bool | None:
        """Whether the target is met; None if there is none."""
        if self.target is None:
            return None
        return (self.ours.median if self.ratio is None else self.ratio) <= self.target

    def cells(self) -> tuple[str, ...]:
        """Returns the row as text: what, ours, against, theirs, ratio, target, met, noisy."""
        target = ""
        if self.target is not None:
            plain = self.ratio is None
            target = f"≤ {quantity(self.target, self.ours.unit) if plain else times(self.target)}"
        return (
            self.what,
            _samples_text(self.ours),
            self.against,
            _samples_text(self.theirs) if self.theirs else "",
            "" if self.ratio is None else times(self.ratio),
            target,
            {None: "", True: "yes", False: "NO"}[self.is_met],
            "noisy" if self.ours.is_noisy or (self.theirs and self.theirs.is_noisy) else "",
        )

    def to_json(self) -> dict[str, Any]:
        """Returns the row as JSON values, in seconds and bytes."""
        return {
            "what": self.what,
            "unit": self.ours.unit,
            "ours": self.ours.median,
            "ours_samples": self.ours.values,
            "against": self.against or None,
            "theirs": self.theirs.median if self.theirs else None,
            "theirs_samples": self.theirs.values if self.theirs else None,
            "ratio": self.ratio,
            "target": self.target,
            "met": self.is_met,
        }


def quantity(value: float, unit: str) -> str:
    """Returns for instance ``95.3 ms``."""
    name, scale = next((each for each in _SCALES[unit] if value >= each[1]), _SCALES[unit][-1])
    scaled = value / scale
    return f"{scaled:.{0 if scaled >= 100 else 1 if scaled >= 10 else 2}f} {name}"


def times(ratio: float) -> str:
    """Returns for instance ``1/27.1`` or ``1.72``; what cannot be measured is ``0``."""
    return f"1/{1 / ratio:.3g}" if 0 < ratio < 1 else f"{ratio:.3g}"


def _samples_text(samples: Samples) -> str:
    """Returns the median and, in brackets, the least and the most."""
    low, high = (quantity(end, samples.unit) for end in (min(samples.values), max(samples.values)))
    return f"{quantity(samples.median, samples.unit)} [{low} .. {high}]"
