"""The flags that say what becomes of the files beside a patched proto."""

from __future__ import annotations

from absl import flags


def define(values: flags.FlagValues) -> None:
    """Defines the flags."""
    flags.DEFINE_bool(
        "no_history",
        False,
        "Leave no record of the patch in sigpb.history.jsonl, which tells that it was applied.",
        flag_values=values,
    )
    flags.DEFINE_enum(
        "fingerprint",
        "recompute",
        ["recompute", "drop", "keep"],
        "What becomes of fingerprint.pb; 'keep' leaves one that no longer fits the model.",
        flag_values=values,
    )
    flags.DEFINE_enum(
        "warmup",
        "rewrite",
        ["rewrite", "drop", "keep", "refuse"],
        "What becomes of warm-up requests for what changes: they follow it, all are removed, they "
        "stay though they do not fit, or the patch is refused.",
        flag_values=values,
    )
