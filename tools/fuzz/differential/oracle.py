"""What has to be true of a patched model: all checks there are."""

from __future__ import annotations

from .case import Check
from .command_checks import diffed, inferred, inverted, linted, twice
from .stated_checks import declared, fingerprint, mlir, structure
from .tensor_checks import added, old_names, unfed
from .value_checks import values_resaved, values_v1, values_v2

CHECKS: tuple[Check, ...] = (
    *(declared, values_v1, values_v2, added, old_names, unfed, structure),
    *(fingerprint, twice, linted, diffed),
)

# They take as long as all others together.
SLOW_CHECKS: tuple[Check, ...] = (values_resaved, inverted, inferred, mlir)
