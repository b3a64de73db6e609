"""The functions of `import sigpb` that make models, and plan that."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal, NamedTuple, cast

from sigpb import protos
from sigpb.edits.edit import has_grafts
from sigpb.errors import UsageError, with_path
from sigpb.patch_result import PatchResult, UndoResult
from sigpb.patching.apply import changes_of, check
from sigpb.patching.compile import plan_patch
from sigpb.patching.plan import PatchLike, Plan
from sigpb.patching.side_files import FingerprintMode, WarmupMode
from sigpb.publishing.publish import (
    Linked,
    check_output_dir,
    publish_copy,
    publish_in_place,
    put_backup_back,
)
from sigpb.publishing.unfinished import (
    is_undo_unfinished,
    is_unfinished,
    take_back_unfinished,
)
from sigpb.regular_files import is_url
from sigpb.saved_model.files import is_graph_file, locate
from sigpb.saved_model.model import SavedModel, open_model


@with_path
def plan(path: str | Path, patch: PatchLike, *, out: str | Path | None = None) -> Plan:
    """Returns what a patch does to a model, without doing it.

    Args:
        path: The model's directory or URL, or the file of a graph: see `patch`.
        patch: The patch: a message, a dict, a path, or a text (see `sigpb.patching.given_patch`).
        out: A file to write the plan to, for `apply_plan`.

    Raises:
        ModelUnreadable: If there is no model that can be read.
        PatchError: With everything that is wrong with the patch for this model.
        UsageError: If the file to write is the proto of a model, or the model is made of a graph.
        EnvironmentFailure: If the file cannot be written.
    """
    wanted = _read(patch)
    if is_url(str(path)):
        from sigpb.patching.expand import label_files
        from sigpb.remote.at_hand import at_hand

        files = tuple(label_files(wanted))
        with at_hand(path, also=files, composed=has_grafts(wanted)) as found:
            return replace(plan(found.path, wanted, out=out), model=found.name)
    if is_graph_file(Path(path)):
        from sigpb.patching.imported_graph import imported, plan_with_signatures

        if out is not None:
            raise UsageError(f"{path}: plans are kept for SavedModels; patch the graph at once.")
        with imported(Path(path), None) as model:
            made = check(plan_with_signatures(model, wanted), model)
            return replace(made.to_tell(), model=Path(path))
    with open_model(path) as model:
        made = check(plan_patch(model, wanted), model)
        if out is not None:
            from sigpb.patching import saved_plan

            saved_plan.save(model, made, Path(out))
        return made.to_tell()


@with_path
def patch(
    path: str | Path,
    patch: PatchLike,
    *,
    output_dir: str | Path | None = None,
    in_place: bool = False,
    dry_run: bool = False,
    hardlink: bool = False,
    backup: bool = True,
    history: bool = True,
    fingerprint: FingerprintMode = "recompute",
    warmup: WarmupMode = "rewrite",
    verify: Sequence[str] = (),
    allow_ops: Sequence[str] = (),
) -> PatchResult:
    """Patches a model, into a new directory or in place.

    Args:
        path: The model's directory or URL; or the file of a graph, of which a SavedModel is made: a
            frozen GraphDef, or a MetaGraphDef (``model.ckpt.meta``) with its checkpoint beside it.
        patch: The patch, as for `plan`.
        output_dir: Where to put the patched model: a directory, or URL, that does not exist or is
            empty. A copy is made also if there is nothing to change.
        in_place: Whether to change the model where it is instead.
        dry_run: Whether to do neither, and only find out what would be done.
        hardlink: With `output_dir`, whether unchanged files are hard links to the model's.
        backup: With `in_place`, whether to keep the files as they were.
        history: Whether to record the patch in the model.
        fingerprint: Whether to recompute a ``fingerprint.pb``, to drop it, or to keep it as it is.
        warmup: If the model has warm-up requests for what changes, whether to rewrite these, to
            drop all requests, to keep them as they are, or to refuse the patch.
        verify: The loaders of TensorFlow, ``v1`` and ``v2``, under which the model has to do what
            it did, with values converted as the patch says, before anything is published.
        allow_ops: With `verify`, the ops that the model may have to be run, though they touch
            files, other machines or code.

    Raises:
        UsageError: If not exactly one of `output_dir`, `in_place` and `dry_run` is given, or the
            output directory cannot be used.
        ModelUnreadable: If there is no model that can be read.
        PatchError: With everything that is wrong with the patch for this model.
        EnvironmentFailure: If something cannot be read or written, or if TensorFlow cannot verify
            the model. Nothing is changed then.
        NotEquivalent: If the model does not do what it did. Nothing is changed then.
        UnsafeModel: If it is to be verified, and has ops that touch what is not its own.
    """
    options = _Options(
        *(output_dir, in_place, dry_run, hardlink, backup, history, fingerprint, warmup, verify),
        allow_ops,
    )
    options.check()
    wanted = _read(patch)

    def patched(source: Path, options: _Options) -> PatchResult:
        if is_graph_file(source):
            return _patched_graph(source, wanted, options)
        taken_back = _taken_back(source, options)
        with open_model(source) as model:
            return _patched(model, lambda: plan_patch(model, wanted), options, taken_back)

    return _anywhere(path, options, wanted, patched)


@with_path
def undo(path: str | Path, *, dry_run: bool = False) -> UndoResult:
    """Takes back the patch that was applied to a model last, in place.

    From a backup the files come back to the byte. Without one, the patch is applied that undoes the
    last one, if the model's record holds such a patch. Called again, it takes back the one before.
    What a killed patch in place began is taken back first, and is all that is taken back then.

    Args:
        path: The model's directory or URL.
        dry_run: Whether nothing is changed.

    Raises:
        ModelUnreadable: If there is no model that can be read.
        PatchError: If the patch cannot be taken back, or the model was changed since then.
        EnvironmentFailure: If something cannot be read or written. Nothing is changed then.
    """
    from sigpb.patching.undo import plan_undo

    if is_url(str(path)):
        from sigpb.remote.work_copy import work_copy

        in_place = not dry_run
        with work_copy(path, None, in_place=in_place, composed=True, backups=True) as copy:
            undone = undo(copy.source.path, dry_run=dry_run)
        # Of a plan, what it says of the model itself is not to be changed.
        plan = undone.plan and replace(undone.plan, model=copy.source.name)
        return replace(cast(UndoResult, copy.source.named(replace(undone, plan=None))), plan=plan)
    directory = locate(Path(path)).parent
    if is_unfinished(directory):
        is_undo = is_undo_unfinished(directory)
        if dry_run or (take_back_unfinished(directory) and not is_undo):
            note = (
                "a process was killed while it took the last patch back: that is done again"
                if is_undo
                else "a process was killed while it changed the model: what it began is taken "
                "back, and nothing else"
            )
            return UndoResult("undone", directory, notes=(note,), dry_run=dry_run)
    with open_model(path) as model:
        planned = plan_undo(model)
        if planned is None:
            return UndoResult("unchanged", directory, dry_run=dry_run)
        if dry_run:
            pass
        elif planned.backup is not None:
            put_backup_back(directory, planned.backup, planned.changes, expected=model.state)
        else:
            publish_in_place(
                directory, planned.changes, expected=model.state, backup=False, is_undo=True
            )
        return UndoResult(
            "undone",
            directory,
            tuple(sorted(planned.changes)),
            planned.backup,
            planned.plan and planned.plan.to_tell(),
            planned.lines,
            planned.notes,
            planned.record,
            dry_run,
        )


@with_path
def apply_plan(
    file: str | Path,
    path: str | Path | None = None,
    *,
    output_dir: str | Path | None = None,
    in_place: bool = False,
    dry_run: bool = False,
    hardlink: bool = False,
    backup: bool = True,
    history: bool = True,
    fingerprint: FingerprintMode = "recompute",
    warmup: WarmupMode = "rewrite",
    verify: Sequence[str] = (),
    allow_ops: Sequence[str] = (),
) -> PatchResult:
    """Carries out a plan that `plan` wrote to a file.

    Args:
        file: The file.
        path: The model's directory or URL, if it is not where it was when the plan was made.
        output_dir: As for `patch`, and so are all others.
        in_place: Whether to change the model where it is.
        dry_run: Whether to do neither.
        hardlink: Whether unchanged files are hard links.
        backup: Whether to keep the files as they were.
        history: Whether to record the patch.
        fingerprint: What becomes of the fingerprint.
        warmup: What becomes of warm-up requests.
        verify: The loaders to verify the result with.
        allow_ops: The ops that the model may have to be run.

    Raises:
        PatchError: If the file is no plan, or the model changed since it was made.
        SigpbError: As `patch` does.
    """
    from sigpb.patching import saved_plan

    options = _Options(
        *(output_dir, in_place, dry_run, hardlink, backup, history, fingerprint, warmup, verify),
        allow_ops,
    )
    options.check()
    saved = saved_plan.load(Path(file))

    def patched(source: Path, options: _Options) -> PatchResult:
        taken_back = _taken_back(source, options)
        with open_model(source) as model:
            saved.check(model)

            def planned() -> Plan:
                made = plan_patch(model, saved.patch)
                saved.check_edits(check(made, model))
                return made

            return _patched(model, planned, options, taken_back)

    return _anywhere(saved.model if path is None else path, options, saved.patch, patched)


def _read(given: PatchLike) -> protos.SavedModelPatch:
    if isinstance(given, protos.SavedModelPatch):
        return given
    from sigpb.patching.given_patch import patch_of  # The parsers take long to import.

    return patch_of(given)


class _Options(NamedTuple):
    """Where a patched model goes, and what becomes of the files beside it: see `patch`."""

    output_dir: str | Path | None
    in_place: bool
    dry_run: bool
    hardlink: Linked
    backup: bool
    history: bool
    fingerprint: FingerprintMode
    warmup: WarmupMode
    verify: Sequence[str]
    allow_ops: Sequence[str]

    def check(self) -> None:
        """Raises `UsageError` unless there is one place."""
        if self.output_dir == "":
            raise UsageError("The output directory (--output_dir) has an empty name.")
        if [self.output_dir is not None, self.in_place, self.dry_run].count(True) != 1:
            raise UsageError("Give one of output_dir, in_place and dry_run.")
        if self.allow_ops and not self.verify:
            raise UsageError("--allow_ops goes with --verify: without it no model is run.")


@with_path
def _anywhere(
    path: str | Path,
    options: _Options,
    patch: protos.SavedModelPatch,
    patched: Callable[[Path, _Options], PatchResult],
) -> PatchResult:
    """Patches a model that is, or is to be, on this machine or in a store.

    Args:
        path: The path or URL of the model.
        options: Where it goes, and more.
        patch: The patch.
        patched: Patches a model of this machine.
    """
    if not (is_url(str(path)) or is_url(str(options.output_dir))):
        result = patched(Path(path), options)
        return replace(result, notes=(*result.notes, *_unserved(options.output_dir)))
    from sigpb.patching.expand import label_files
    from sigpb.remote.work_copy import work_copy
    from sigpb.verifying.report import NotEquivalent

    if options.hardlink:
        raise UsageError("--hardlink goes with directories of this machine: stores have no links.")
    with work_copy(
        path,
        options.output_dir,
        in_place=options.in_place,
        whole=bool(options.verify),
        also=tuple(label_files(patch)),
        composed=has_grafts(patch),
    ) as copy:
        source, output = copy.source.name, copy.output_name or copy.source.name
        links: Linked = "own" if copy.is_temporary else False
        here = options._replace(output_dir=copy.output, hardlink=links)
        try:
            result = patched(copy.source.path, here)
        except NotEquivalent as error:
            raise NotEquivalent(error.report.named(source, output, copy.told)) from error
    report, backup = result.verification, result.backup
    return replace(
        result,
        plan=replace(result.plan, model=source),
        output=output,
        backup=backup and (f"{source}/{Path(backup).name}" if copy.source.model else backup),
        verification=report and report.named(source, output, copy.told),
        notes=result.notes if report else (*result.notes, *copy.told),
    )


def _unserved(output: str | Path | None) -> Iterator[str]:
    """Yields what TensorFlow Serving does not do with a model that is put there, if it knows it."""
    if output is not None and Path(output).name.isdigit():
        from sigpb.batch.served_versions import surprises_beside

        yield from surprises_beside(Path(output))


def _taken_back(path: Path, options: _Options) -> tuple[str, ...]:
    """Takes back what a killed process had begun to do to a model that is patched in place."""
    if options.in_place and take_back_unfinished(locate(path).parent):
        return ("A patch in place that was killed half-way was taken back first.",)
    return ()


def _patched_graph(file: Path, patch: protos.SavedModelPatch, options: _Options) -> PatchResult:
    from sigpb.inspect.proto_source import open_source
    from sigpb.patching.imported_graph import imported, plan_with_signatures
    from sigpb.verifying.report import NotEquivalent

    if options.in_place:
        with open_source(file):  # What is no graph is told of first.
            raise UsageError(f"{file}: a SavedModel is made of a graph; name an output directory.")
    output = None if options.output_dir is None else Path(options.output_dir)
    if output is not None:
        check_output_dir(file, output)
    with_variables = output is not None or bool(options.verify)
    with imported(file, output, with_variables=with_variables) as model:
        # The files of the directory are removed: what they hold need not be copied once more.
        linked = options._replace(hardlink="own")
        try:
            result = _patched(model, lambda: plan_with_signatures(model, patch), linked, ())
        except NotEquivalent as error:
            raise NotEquivalent(replace(error.report, old=file)) from error
    report = result.verification
    return replace(
        result,
        plan=replace(result.plan, model=file),
        output=output or file,
        verification=None if report is None else replace(report, old=file),
    )


def _patched(
    model: SavedModel,
    planned: Callable[[], Plan],
    options: _Options,
    taken_back: tuple[str, ...],
) -> PatchResult:
    output = model.directory if options.output_dir is None else Path(options.output_dir)
    if options.output_dir is not None:
        check_output_dir(model.directory, output)
    made = planned()
    changes, notes = changes_of(
        made,
        model,
        fingerprint=options.fingerprint,
        warmup=options.warmup,
        history=options.history,
    )
    status: Literal["patched", "unchanged"] = "unchanged" if made.is_empty else "patched"
    verified = None
    if changes and options.verify:
        from sigpb.verifying.verify import Options, verify_changes

        how = Options(loaders=options.verify, allow_ops=options.allow_ops)
        verified = verify_changes(model, made, changes, how, output)
    kept = None
    if options.output_dir is not None:
        publish_copy(
            model.directory, output, changes, hardlink=options.hardlink, expected=model.state
        )
    elif changes and options.in_place:
        kept = publish_in_place(
            model.directory, changes, backup=options.backup, expected=model.state
        )
    backup = kept and model.directory / kept.name
    told = made.to_tell()
    notes = (*taken_back, *notes)
    return PatchResult(status, told, output, backup, verified, notes, options.dry_run)
