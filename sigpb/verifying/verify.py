"""Telling whether one model does what another does."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Sequence
from pathlib import Path

from sigpb.errors import UsageError, did_you_mean
from sigpb.lint.outside import findable_ops
from sigpb.patching.compile import compile_patch
from sigpb.patching.infer import infer_patch
from sigpb.saved_model.model import SavedModel
from sigpb.tf.tensor_types import shape_of
from sigpb.verifying.comparison import EXACT, Tolerance
from sigpb.verifying.declared import disagreements
from sigpb.verifying.from_plan import mapping_of, unchanged
from sigpb.verifying.mapping import Mapping
from sigpb.verifying.process import ask
from sigpb.verifying.refusal import refuse_unsafe
from sigpb.verifying.report import VerifyReport
from sigpb.verifying.request import Request

LOADERS = ("v1", "v2")
"""The names of the loaders: ``tf.compat.v1.saved_model.load`` and ``tf.saved_model.load``."""

BATCH_SIZES = (1, 2, 5)

TIMEOUT = 600.0
"""In seconds."""

_LONGEST = 1e6


@dataclasses.dataclass(frozen=True)
class Options:
    """How to compare two models.

    Attributes:
        loaders: The names of the loaders to run them under.
        batch_sizes: The numbers of rows to feed where that is open.
        tolerance: How much results may differ.
        samples: A file of values to feed; None to make all up.
        signature: The key of the only signature to compare, in the new model; None for all.
        timeout: After how many seconds to give up.
        allow_ops: The ops that may touch files, other machines or code.
    """

    loaders: Sequence[str] = LOADERS
    batch_sizes: Sequence[int] = BATCH_SIZES
    tolerance: Tolerance = EXACT
    samples: Path | None = None
    signature: str | None = None
    timeout: float = TIMEOUT
    allow_ops: Sequence[str] = ()

    def check(self) -> None:
        """Makes sure that the options make sense.

        Raises:
            UsageError: They do not.
        """
        for loader in self.loaders:
            if loader not in LOADERS:
                raise UsageError(f"There is no loader {loader!r}; {did_you_mean(loader, LOADERS)}.")
        if not self.loaders:
            raise UsageError("Name a loader: v1, v2 or both.")
        if not self.batch_sizes or min(self.batch_sizes) < 1:
            raise UsageError("Batch sizes are numbers from 1 on.")
        ops = findable_ops()
        for op in self.allow_ops:
            if op not in ops:
                raise UsageError(f"No op {op!r} would be refused; {did_you_mean(op, ops)}.")
        if not 0 < self.timeout <= _LONGEST:
            raise UsageError(f"The time limit has to be more than 0 seconds, up to {_LONGEST:g}.")
        if not all(0 <= each < math.inf for each in (self.tolerance.rtol, self.tolerance.atol)):
            raise UsageError("Tolerances are finite numbers from 0 on.")


def verify(
    old: SavedModel, new: SavedModel, mapping: Mapping | None, options: Options
) -> VerifyReport:
    """Compares two models under TensorFlow.

    Args:
        old: The model as it was.
        new: The model as it is.
        mapping: What the signatures of the one are in the other. None if they are to be what they
            were; where they are not, what the two models differ in says what was changed.
        options: How.

    Raises:
        UsageError: If there is no such signature.
        UnsafeModel: If a model has ops that reach outside of it, and are not allowed.
        PatchError: If no patch makes the signatures of the one those of the other.
        EnvironmentFailure: If there is no TensorFlow, it takes too long, or it crashes.
    """
    options.check()
    refuse_unsafe((old, new), options.allow_ops)
    whole = unchanged(old) if mapping is None else mapping
    problems = tuple(disagreements(whole, new))
    if mapping is None:
        if problems:
            whole = mapping_of(old, compile_patch(old, infer_patch(old, new)))
            problems = (*disagreements(whole, new), *_narrowed(whole, old))
        whole = _all_concerned(whole)
    wanted = whole if options.signature is None else _only(whole, options.signature)
    reports, confinement = ask(
        Request(
            str(old.directory.absolute()),
            str(new.directory.absolute()),
            wanted,
            tuple(dict.fromkeys(options.loaders)),
            tuple(dict.fromkeys(options.batch_sizes)),
            options.tolerance,
            None if options.samples is None else str(options.samples.absolute()),
            options.timeout,
        )
    )
    return VerifyReport(old.directory, new.directory, problems, reports, confinement)


def _narrowed(mapping: Mapping, old: SavedModel) -> Iterator[str]:
    """Yields the inputs that took any number of rows, and do not any more."""
    for graph, before in zip(mapping.meta_graphs, old.meta_graphs, strict=True):
        for signature in graph.signatures:
            infos = before.signatures[signature.old].inputs
            for each in signature.inputs:
                taken, now = shape_of(infos[each.old].tensor_shape), each.declared.shape
                if each.new is not None and taken and now and taken[0] is None and now[0]:
                    yield (
                        f"signature {signature.new!r}: input {each.new!r} took any number of rows, "
                        f"and takes {now[0]} now; if that is wanted, say so with a patch."
                    )


def _all_concerned(mapping: Mapping) -> Mapping:
    """Returns a mapping all of whose signatures have to be compared."""
    return Mapping(
        tuple(
            dataclasses.replace(
                graph,
                signatures=tuple(
                    dataclasses.replace(each, concerned=True) for each in graph.signatures
                ),
            )
            for graph in mapping.meta_graphs
        )
    )


def _only(mapping: Mapping, key: str) -> Mapping:
    keys = {each.new for graph in mapping.meta_graphs for each in graph.signatures}
    if key not in keys:
        raise UsageError(f"There is no signature {key!r}; {did_you_mean(key, keys)}.")
    return Mapping(
        tuple(
            dataclasses.replace(
                graph, signatures=tuple(each for each in graph.signatures if each.new == key)
            )
            for graph in mapping.meta_graphs
        )
    )
