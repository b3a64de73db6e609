"""A signature of the old model and one of the new, run on the same values and compared."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sigpb.errors import MOST_LISTED, listed
from sigpb.steps.step import Step
from sigpb.tf.tensor_types import integer_range
from sigpb.verifying.comparison import (
    EXACT,
    Array,
    Arrays,
    Tolerance,
    as_array,
    difference,
    informative,
    monotony,
)
from sigpb.verifying.examples import as_examples
from sigpb.verifying.loaders import failure_reason
from sigpb.verifying.mapping import InputMapping, SignatureMapping
from sigpb.verifying.report import Difference, LoaderReport, OutputReport, Status
from sigpb.verifying.runs import (
    Failure,
    Loader,
    ModelRun,
    Round,
    RunOutcome,
    SessionLoader,
    failure_in,
    returned_by,
    run_outcomes,
)
from sigpb.verifying.values import (
    NoValue,
    Recipe,
    Texts,
    converted,
    for_old,
    made_up,
    made_up_unneeded,
)
from sigpb.visible_text import natural

ROUNDING = Tolerance(rtol=1e-4, atol=1e-6)
"""How much results may differ if TensorFlow has a reason to add up in another order.

That is so for rows that one model gets at a time and the other all at once; and its optimizer of
graphs orders sums anew where an operand becomes constant.
"""

_ROUNDED = "the same but for rounding: TensorFlow's optimizer orders sums anew where it can"

_MORE_ROUNDS, _TEXTS_APART = 8, 7
"""How many more rounds there are with texts, each of which may show something of its own."""

_BELOW, _BELOW_FOR_CLASSES = 5, 2
"""The bound of made-up integers at first, and of smaller ones if the old model refuses these."""


@dataclass(frozen=True)
class _Models:
    """The models of one comparison; no new model where only the old one is run again."""

    old: Loader
    new: Loader | None
    reference: SessionLoader


@dataclass(frozen=True)
class Trial:
    """A comparison of a signature.

    Attributes:
        signature: The signature.
        batch_sizes: The numbers of rows to feed where that is open.
        tolerance: How much results may differ.
        samples: Values that somebody gives, by what the new model calls the inputs.
        examples: Serialized tf.Examples that both models may take.
        texts: Other strings that they may take, each kind for itself.
    """

    signature: SignatureMapping
    batch_sizes: tuple[int, ...]
    tolerance: Tolerance = EXACT
    samples: Mapping[str, Array] | None = None
    examples: tuple[bytes, ...] | None = None
    texts: tuple[Texts, ...] = ()

    def run(self, old: Loader, new: Loader, reference: SessionLoader) -> LoaderReport:
        """Runs the signature under both.

        Args:
            old: The old model.
            new: The new one.
            reference: The old model, to fetch the tensors of outputs that the new one adds.
        """
        models = _Models(old, new, reference)
        best: tuple[LoaderReport, list[ModelRun]] | None = None
        for options in self._attempts():
            try:
                rounds = list(self._rounds(**options))
            except (NoValue, KeyError, ValueError) as error:
                why = str(error) if isinstance(error, NoValue) else failure_reason(error)
                report = LoaderReport(new.name, "not verified", problems=(f"not run: {why}",))
                return report if best is None else best[0]
            runs = self._run_all(rounds, models)
            report = self._compare(runs, new.name, self.tolerance)
            if best is None or _says_more(report, best[0]):
                best = report, runs
            known = best[0]
            if known.status == "different" or known.unrunnable:
                break
            if known.status == "same" and not known.vague:
                break
        assert best is not None  # There is an attempt at least.
        report, runs = best
        if any(each.status == "different" for each in report.outputs):
            report = self._unless_rounded(runs, models, report)
        if any(each.status == "different" for each in report.outputs):
            again = self._run_all([run.values for run in runs], replace(models, new=None))
            report = self._without_random(report, runs, again)
        return report

    def _run_all(
        self, rounds: Sequence[Round], models: _Models, optimized: bool = True
    ) -> list[ModelRun]:
        signature = self.signature
        old_parts = [each.fed_to_old for each in rounds]
        befores: list[list[RunOutcome]] = [[{} for _ in parts] for parts in old_parts]
        feeding = signature.feeding
        if feeding is not None:
            opened = models.reference.opened(signature.old, optimized, feeding=feeding)
            befores = run_outcomes(opened, old_parts)
        elif signature.fed is None:
            befores = run_outcomes(models.old.opened(signature.old, optimized), old_parts)
        afters: list[list[RunOutcome]] = [[Failure("")]] * len(rounds)
        if models.new is not None:
            opened = models.new.opened(signature.new, optimized)
            afters = run_outcomes(opened, [[each.fed] for each in rounds])
        added: list[list[RunOutcome]] = [[] for _ in rounds]
        if any(each.fed is None for each in signature.added):
            # Apart from the outputs: what runs twice may count twice.
            tensors = {each.new: each.tensor for each in signature.added if each.fed is None}
            added = run_outcomes(
                models.reference.opened(signature.old, optimized, tensors, signature.fed, feeding),
                old_parts,
            )
        return [
            ModelRun(each, before, after, inner)
            for each, before, (after,), inner in zip(rounds, befores, afters, added, strict=True)
        ]

    def _unless_rounded(
        self, runs: Sequence[ModelRun], models: _Models, report: LoaderReport
    ) -> LoaderReport:
        """Takes back a verdict that is due to TensorFlow's optimizer of graphs."""
        if self.tolerance != EXACT:
            return report
        if self._compare(runs, report.loader, ROUNDING).status != "same":
            return report
        rounds = [run.values for run in runs]
        plain = self._compare(self._run_all(rounds, models, optimized=False), report.loader, EXACT)
        if plain.status != "same":
            return report
        return replace(plain, problems=(*plain.problems, _ROUNDED))

    def _attempts(self) -> Iterator[dict[str, Any]]:
        """Yields what made-up values are like, each way in case the ways before show too little."""
        signature = self.signature
        for texts in self.texts:
            yield {"below": _BELOW, "texts": texts, "examples": None}
        yield {"below": _BELOW}
        made_up = [each for each in signature.inputs if not self._is_given(each)]
        if any(integer_range(each.dtype) for each in made_up):
            yield {"below": _BELOW_FOR_CLASSES}
        if any(each.components[0].type.shape is None for each in made_up):
            yield {"below": _BELOW, "scalars": True}
        if made_up:
            yield {"below": _BELOW, "wide": True}

    def _is_given(self, each: InputMapping) -> bool:
        names = {f"{each.new}{part.suffix}" for part in each.components}
        return each.new is None or names <= {*(self.samples or {})}

    def _rounds(self, **options: Any) -> Iterator[Round]:
        """Yields the values of every run."""
        signature, samples = self.signature, self.samples or {}
        sizes: Sequence[int | None] = self.batch_sizes if signature.has_open_batch else (None,)
        if any(getattr(value, "ndim", 0) for value in samples.values()):
            rows = next(len(value) for value in samples.values() if value.ndim)
            sizes = (rows // (signature.rows or 1),)
        texts: Texts = options.pop("texts", ())
        if texts:
            sizes = [*sizes, *[sizes[-1]] * _MORE_ROUNDS]
        for number, size in enumerate(sizes):
            start = number * _TEXTS_APART % len(texts) if texts else 0
            recipe = Recipe(
                size or 1,
                texts=texts[start:] + texts[:start],
                **{"examples": self.examples, **options},
            )
            fed = {**made_up(signature, recipe, samples), **samples}
            shown = None if size is None else size * (signature.rows or 1)
            fed_to_old = for_old(signature, fed, made_up_unneeded(signature, recipe))
            yield Round(
                shown,
                fed if signature.examples is None else as_examples(signature, fed),
                fed_to_old,
            )

    def _compare(self, runs: Sequence[ModelRun], loader: str, tolerance: Tolerance) -> LoaderReport:
        failures: list[str] = []
        not_run: dict[str, list[int | None]] = {}
        compared: list[int] = []
        found: dict[str, OutputReport] = {}
        seen: dict[str, list[Array]] = defaultdict(list)
        for run in runs:
            size = run.values.batch_size
            if run.failure is not None:
                not_run.setdefault(run.failure.reason, []).append(size)
                continue
            compared += [] if size is None else [size]
            if isinstance(run.after, Failure):
                reason = run.after.reason
                failures.append(f"ran before{_where([size])}, and does not any more: {reason}")
                continue
            failures += [
                f"output {name!r} is returned, which is not expected"
                for name in sorted(run.after.keys() - self._expected_outputs().keys(), key=natural)
            ]
            for output in self._outputs(run, run.after, tolerance):
                found[output.new] = _worse(found.get(output.new), output)
                if output.new in run.after:
                    seen[output.new].append(run.after[output.new])
        problems = [
            f"not run{_where(sizes if len(sizes) < len(runs) else ())}: {reason}"
            for reason, sizes in not_run.items()
        ]
        vague = [
            f"output {name!r}, which was {what} for all values"
            for name, values in seen.items()
            if self.signature.inputs and (what := monotony(values)) is not None
        ]
        skipped: list[str] = []
        status: Status = "same"
        if failures or any(output.status == "different" for output in found.values()):
            status = "different"
        elif all(run.failure is not None for run in runs):
            status = "not verified"
        else:
            if not_run:
                sizes_not_run = [size for sizes in not_run.values() for size in sizes]
                skipped.append(_where(sizes_not_run).removeprefix(" in "))
            skipped += [
                f"other sizes of dimension {axis} of input {each.new!r}"
                for each in self.signature.inputs
                for axis in each.opened
            ]
            left_out = self._expected_outputs().keys() - found.keys()
            for name in sorted(left_out, key=natural):
                found[name] = OutputReport(self._expected_outputs()[name], name, "not verified")
                skipped.append(f"output {name!r}")
            reasons = {part.reason for run in runs if (part := failure_in(run.added))}
            problems += [
                f"outputs that are added were not compared: {reason}" for reason in sorted(reasons)
            ]
            if left_out or (found and not any(map(informative, seen.values()))):
                status = "not verified"
        return LoaderReport(
            loader,
            status,
            tuple(dict.fromkeys(compared)),
            tuple(found[name] for name in sorted(found, key=natural)),
            tuple(dict.fromkeys([*failures, *problems])),
            unrunnable=all(run.failure is not None and run.failure.always for run in runs),
            skipped=tuple(skipped),
            vague=tuple(vague),
        )

    def _expected_outputs(self) -> dict[str, str]:
        """Returns, for each tensor that the new model is to return, its name in the old model."""
        kept = {
            each.new + suffix: each.old + suffix
            for each in self.signature.outputs
            for suffix in each.suffixes
        }
        return kept | {each.new: each.tensor for each in self.signature.added}

    def _outputs(
        self, run: ModelRun, after: Arrays, tolerance: Tolerance
    ) -> Iterator[OutputReport]:
        before = returned_by(run.before)
        if len(before) > 1 and tolerance == EXACT:
            tolerance = ROUNDING
        for output in self.signature.outputs:
            for suffix in output.suffixes:
                values = [part.get(output.old + suffix) for part in before]
                steps = output.steps if suffix in ("", "_values") else ()
                axis, names = output.batch_axis, (output.old + suffix, output.new + suffix)
                rows = _rows_fed(run, output.rows_of)
                if report := _output(names, values, after, steps, axis, rows, tolerance):
                    yield _with_size(report, run.values.batch_size)
        is_run = failure_in(run.added) is None
        for each in self.signature.added:
            if each.fed is not None:
                values = [run.values.fed[each.fed]]
            elif is_run:
                values = [part[each.new] for part in returned_by(run.added)]
            else:
                continue
            names, axis, rows = (
                (each.tensor, each.new),
                each.batch_axis,
                _rows_fed(run, each.rows_of),
            )
            if report := _output(names, values, after, each.steps, axis, rows, tolerance):
                yield _with_size(report, run.values.batch_size)

    def _without_random(
        self, report: LoaderReport, runs: Sequence[ModelRun], again: Sequence[ModelRun]
    ) -> LoaderReport:
        """Takes back the verdict on outputs that the old model itself does not repeat."""
        pairs = list(zip(runs, again, strict=True))
        of_outputs = _not_repeated([(run.before, other.before) for run, other in pairs])
        of_added = _not_repeated([(run.added, other.added) for run, other in pairs])
        added = {each.new for each in self.signature.added}
        random = {
            each.new: each.old
            for each in report.outputs
            if (each.new in of_added if each.new in added else each.old in of_outputs)
        }
        if not random:
            return report
        outputs = tuple(
            replace(each, status="not verified")
            if each.new in random and each.status == "different"
            else each
            for each in report.outputs
        )
        statuses = {each.status for each in outputs}
        names = listed(sorted(random.values(), key=natural), MOST_LISTED)
        said = f"not compared: the old model itself returns other values in every run for {names}"
        failed = any(problem.startswith(("ran before", "output")) for problem in report.problems)
        status: Status = "different" if failed or "different" in statuses else "not verified"
        skipped = (*report.skipped, *(f"output {name!r}" for name in sorted(random, key=natural)))
        return replace(
            report,
            status=status,
            outputs=outputs,
            problems=(*report.problems, said),
            skipped=skipped,
        )


def _not_repeated(pairs: Sequence[tuple[Sequence[RunOutcome], Sequence[RunOutcome]]]) -> set[str]:
    """Returns the names of the outputs whose values differ between two runs on the same inputs."""
    return {
        name
        for runs in pairs
        for part, other in zip(*runs, strict=True)
        if not isinstance(part, Failure) and not isinstance(other, Failure)
        for name, value in part.items()
        if difference(value, other[name]) is not None
    }


def _says_more(report: LoaderReport, known: LoaderReport) -> bool:
    """Whether a comparison with other values says more than the one made before."""
    order: tuple[Status, ...] = ("not verified", "same", "different")
    rank, known_rank = order.index(report.status), order.index(known.status)
    if rank != known_rank:
        return rank > known_rank
    ran, known_ran = len(report.batch_sizes), len(known.batch_sizes)
    return ran >= known_ran and len(report.vague) < len(known.vague)


def _output(
    names: tuple[str, str],
    values: Sequence[Array],
    after: Arrays,
    steps: Sequence[Step],
    axis: int | None,
    rows: int | None,
    tolerance: Tolerance,
) -> OutputReport | None:
    """Compares an output; None if results of several runs cannot be joined to be compared."""
    old, new = names
    found: Difference | None
    if len(values) > 1 and axis is None:
        return None
    if new not in after:
        found = Difference("it is missing")
    elif any(value is None for value in values):
        found = Difference("the old model does not return it")
    else:
        try:
            found = difference(_expected(values, steps, axis, rows), after[new], tolerance)
        except ValueError as error:
            found = Difference(f"the old model's value cannot be converted: {error}")
    return OutputReport(old, new, "same" if found is None else "different", found)


def _with_size(report: OutputReport, size: int | None) -> OutputReport:
    found = report.difference
    return replace(report, difference=found and replace(found, batch_size=size))


def _where(sizes: Sequence[int | None]) -> str:
    """Returns batch sizes, to continue a sentence."""
    known = dict.fromkeys(str(size) for size in sizes if size is not None)
    return f" in a batch of {' or '.join(known)}" if known else ""


def _rows_fed(run: ModelRun, rows_of: str | None) -> int | None:
    """Returns how many rows the old model was fed as an input."""
    if rows_of is None:
        return None
    return sum(len(part[rows_of]) for part in run.values.fed_to_old)


def _expected(
    parts: Sequence[Array], steps: Sequence[Step], axis: int | None, rows: int | None
) -> Array:
    """Returns what the new model has to return where the old one returned this."""
    import numpy as np

    arrays = [as_array(part) for part in parts]
    if len(arrays) > 1:
        arrays = [np.concatenate(arrays, axis=axis or 0)]
    value = converted(steps, arrays[0])
    return value if rows is None else value.repeat(rows, 0)


def _worse(known: OutputReport | None, found: OutputReport) -> OutputReport:
    if known is None or known.difference is None:
        return found
    if found.difference is None or known.difference.worst is None:
        return known
    if found.difference.worst is None or found.difference.worst > known.difference.worst:
        return found
    return known
