"""Checks of what a patched model says of itself, to both loaders and to MLIR's importers."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

import sigpb

from .case import Case, Fault, said
from .meaning import Change
from .runs import v2_model


def declared(case: Case) -> Iterator[Fault]:
    """SignatureDefs say what the patch says, and other signatures what they said."""
    for before, after, wanted in case.graphs:
        if sorted(wanted) != sorted(after.signatures):
            yield Fault("declared", f"signatures {sorted(after.signatures)}, not {sorted(wanted)}")
            continue
        for key, meaning in wanted.items():
            signature = after.signatures[key]
            for side, endpoints, changes in (
                ("input", signature.inputs, meaning.inputs),
                ("output", signature.outputs, meaning.outputs),
            ):
                if sorted(endpoints) != sorted(changes):
                    yield Fault(
                        "declared", f"{key}: {side}s {sorted(endpoints)}, not {sorted(changes)}"
                    )
                    continue
                for name, change in changes.items():
                    yield from _declared_endpoint(
                        f"{key}: {side} {name!r}", change, endpoints[name]
                    )
            if signature.method != meaning.method:
                yield Fault("declared", f"{key}: method {signature.method!r}")
            for name, text in meaning.defaults.items():
                value = signature.defaults.get(name)
                if value is None or not _is_default(value, text, meaning.inputs[name].dtype):
                    yield Fault("declared", f"{key}: default of {name!r} is {value!r}")
        tags = case.patch.set_tags.tag if case.patch.HasField("set_tags") else ()
        is_meant = not case.patch.HasField("tags") or set(case.patch.tags.tag) == set(before.tags)
        if tags and is_meant and set(tags) != set(after.tags):
            yield Fault("declared", f"tags {after.tags}")


def _is_default(value: Any, text: str, dtype: str) -> bool:
    stated = np.array(json.loads(text))
    if dtype == "string":
        value = np.vectorize(bytes.decode, otypes=[object])(value)
    else:
        stated = stated.astype(tf.as_dtype(dtype).as_numpy_dtype)
    return bool(np.all(value == stated))


def _declared_endpoint(where: str, change: Change, endpoint: Any) -> Iterator[Fault]:
    if change.old is None:
        return
    if endpoint.dtype != change.dtype:
        yield Fault("declared", f"{where} is {endpoint.dtype}, not {change.dtype}")
    if change.is_shape_stated and endpoint.shape != change.shape:
        yield Fault("declared", f"{where} has shape {endpoint.shape}, not {change.shape}")


def structure(case: Case) -> Iterator[Fault]:
    """What the v2 loader shows is what the SignatureDefs say."""
    (before, after, wanted), *others = case.graphs
    if others or not before.message.HasField("object_graph_def"):
        return
    try:
        new = v2_model(case.after, after.tags).signatures
        old = v2_model(case.before, before.tags).signatures
    except Exception:  # `values_v2` says so.
        return
    for key, signature in after.signatures.items():
        if key not in new:
            yield Fault("structure", f"v2 has no signature {key!r}")
            continue
        for name, endpoint in signature.outputs.items():
            change = wanted[key].outputs.get(name) if key in wanted else None
            if change is None or change.old is None or not endpoint.tensor:
                continue
            shown = new[key].structured_outputs.get(name)
            stated = tf.TensorShape(endpoint.shape)
            was = old[wanted[key].source].structured_outputs[change.key]
            if shown is None:
                yield Fault("structure", f"v2: {key} has no output {name!r}")
            elif was.shape.as_list() == list(change.old.shape or ()) and str(shown.shape) != str(
                stated
            ):
                yield Fault(
                    "structure", f"v2: {key}: output {name!r} is {shown.shape}, not {stated}"
                )
            elif shown.dtype.name != endpoint.dtype:
                yield Fault("structure", f"v2: {key}: output {name!r} is {shown.dtype.name}")


def fingerprint(case: Case) -> Iterator[Fault]:
    """``fingerprint.pb`` is what TensorFlow computes."""
    if not (case.before / "fingerprint.pb").exists():
        return
    from tensorflow.core.protobuf import fingerprint_pb2
    from tensorflow.python.saved_model.pywrap_saved_model import fingerprinting

    try:
        made = fingerprinting.CreateFingerprintDef(str(case.after))
    except Exception as error:
        yield Fault("fingerprint", f"TensorFlow refuses: {said(error)}")
        return
    wanted = fingerprint_pb2.FingerprintDef.FromString(made)
    got = fingerprint_pb2.FingerprintDef.FromString((case.after / "fingerprint.pb").read_bytes())
    for name in ("saved_model_checksum", "graph_def_program_hash", "signature_def_hash",
                 "saved_object_graph_hash", "checkpoint_hash"):  # fmt: skip
        if getattr(wanted, name) != getattr(got, name):
            yield Fault("fingerprint", f"another {name}")


def mlir(case: Case) -> Iterator[Fault]:
    """TensorFlow's importers to MLIR take the model, and what they make verifies."""
    for before, after, wanted in case.graphs:
        keys = {meaning.source: key for key, meaning in wanted.items() if key in after.signatures}
        if before.message.HasField("object_graph_def") and not case.graphs[1:]:
            problem = _mlir_v2(case.after)
            # Renamed signatures are not in the checkpoint under their new keys.
            is_said = "saved object to restore" in problem and "copy_of" in _planned(case)
            if problem and not is_said and not _mlir_v2(case.before):
                yield Fault("MLIR", f"from the object graph: {problem}")
        for old, new in keys.items():
            tensors = [endpoint.tensor for endpoint in before.signatures[old].inputs.values()]
            if len(set(tensors)) < len(tensors):
                continue  # TensorFlow's importer ends the process.
            problem = _mlir_v1(case.after, after.tags, new)
            if problem and not _mlir_v1(case.before, before.tags, old):
                yield Fault("MLIR", f"of a signature: {problem}", {"key": new})


def _planned(case: Case) -> str:
    return str(sigpb.plan(case.before, case.patch))


def _mlir_v2(model: Path) -> str:
    try:
        text = tf.mlir.experimental.convert_saved_model(str(model), "")
        tf.mlir.experimental.run_pass_pipeline(text, "canonicalize")
    except Exception as error:
        return said(error)
    return ""


def _mlir_v1(model: Path, tags: Sequence[str], key: str) -> str:
    """Tries both importers of a session's graph: that of XLA and that of TFLite."""
    from tensorflow.python import pywrap_mlir

    options = {"lift_variables": False, "include_variables_in_initializers": False}
    shared = {"upgrade_legacy": True, "show_debug_info": False}
    place = str(model), key, ",".join(tags)
    try:
        pywrap_mlir.experimental_convert_saved_model_v1_to_mlir(*place, **options, **shared)
        pywrap_mlir.experimental_convert_saved_model_v1_to_mlir_lite(*place, **shared)
    except Exception as error:
        return said(error)
    return ""
