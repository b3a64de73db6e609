"""Stand-alone Python files that show a fault, with nothing of this harness in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from google.protobuf import text_format

from sigpb import SavedModelPatch

from .case import Fault
from .program import Program

_IMPORTS = """\
import tempfile
from pathlib import Path

import sigpb
"""

_PATCH = '''\
def patch(before, text, after):
    """Patches a model."""
    file = Path(f"{after}.textproto")
    file.write_text(text)
    sigpb.patch(before, sigpb.load_patch(file), output_dir=after)
    print(sigpb.plan(before, sigpb.load_patch(file)))
    return after


def run_v1(path, tags, feeds, fetches):
    with tf.Graph().as_default(), v1.Session() as session:
        v1.saved_model.load(session, list(tags), str(path))
        return session.run(fetches, feeds)


def run_signature_v1(path, tags, key, feeds):
    with tf.Graph().as_default(), v1.Session() as session:
        signature = v1.saved_model.load(session, list(tags), str(path)).signature_def[key]
        fetches = {name: info.name for name, info in signature.outputs.items() if info.name}
        return session.run(fetches, {signature.inputs[k].name: x for k, x in feeds.items()})


def run_signature_v2(path, tags, key, feeds):
    model = tf.saved_model.load(str(path), tags=list(tags))
    outputs = model.signatures[key](**{name: tf.constant(x) for name, x in feeds.items()})
    return {name: x.numpy() for name, x in outputs.items()}


def compare(got, wanted):
    """Prints what differs."""
    for key, value in wanted.items():
        if not np.array_equal(got[key], value):
            print(f"{key} is\\n{got[key]!r}\\nand should be\\n{value!r}")
'''

_RUN_V1 = "compare(run_signature_v1({model}, {tags}, {key}, {fed}), {wanted})"
_RUN_V2 = "compare(run_signature_v2({model}, {tags}, {key}, {fed}), {wanted})"

# What shows a fault, by the name of the check. Without one, the plan and the models say it.
_SNIPPETS = {
    "v1": [_RUN_V1],
    "added in v1": [_RUN_V1],
    "unfed": [_RUN_V1],
    "v2": [_RUN_V2],
    "added in v2": [_RUN_V2],
    "re-save": [
        "loaded = tf.saved_model.load(str(after), tags={tags})",
        'tf.saved_model.save(loaded, str(work / "resaved"), signatures=loaded.signatures)',
        "compare(run_signature_v2(work / 'resaved', {tags}, {key}, {fed}), {wanted})",
    ],
    "old names": ["compare(run_v1(after, {tags}, {feeds}, {fetches}), {wanted})"],
    "twice": [
        'print(sigpb.patch(after, sigpb.load_patch(str(after) + ".textproto"), dry_run=True))'
    ],
    "invert": [
        'inverse = sigpb.invert(before, sigpb.load_patch(str(after) + ".textproto"))',
        "print(inverse)",
        'sigpb.patch(after, inverse, output_dir=work / "restored")',
    ],
    "infer": [
        "inferred = sigpb.infer(before, after)",
        "print(inferred)",
        'sigpb.patch(before, inferred, output_dir=work / "again")',
    ],
    "fingerprint": [
        "from tensorflow.python.saved_model.pywrap_saved_model import fingerprinting",
        "print(fingerprinting.CreateFingerprintDef(str(after)).hex())",
        'print((after / "fingerprint.pb").read_bytes().hex())',
    ],
    "lint": ["from sigpb.cli.main import main", 'main(["lint", str(after)])'],
    "diff": ["from sigpb.cli.main import main", 'main(["diff", str(before), str(after)])'],
    "structure": [
        "for key, f in tf.saved_model.load(str(after)).signatures.items():",
        "    print(key, f.structured_outputs)",
        "from sigpb.cli.main import main",
        'main(["show", str(after)])',
    ],
    "declared": ["from sigpb.cli.main import main", 'main(["show", str(after)])'],
    "MLIR": [
        'text = tf.mlir.experimental.convert_saved_model(str(after), "")',
        'tf.mlir.experimental.run_pass_pipeline(text, "canonicalize")',
    ],
}


def script(
    program: Program,
    patches: Sequence[SavedModelPatch],
    fault: Fault | None,
    title: str,
    tags: Sequence[str] = ("serve",),
) -> str:
    """Returns the source of a script.

    Args:
        program: What builds the model.
        patches: The patches, of which each is made to what the one before left.
        fault: What the last one does wrong; None if it makes the process end or hang.
        title: What is wrong, in a line or more.
        tags: The tags of the MetaGraph to run.
    """
    lines = [f'"""{_quoted(title)}"""', "", _IMPORTS + program.source, "", _PATCH]
    lines.append("\nwork = Path(tempfile.mkdtemp())")
    lines.append('build(str(work / "model"))')
    lines.append('after = work / "model"')
    for number, patch in enumerate(patches, 1):
        text = text_format.MessageToString(patch, as_utf8=True)
        lines.append("before = after")
        lines.append(f'after = patch(before, r"""\n{text}""", work / "patched-{number}")')
    if fault is not None:
        values = {name: literal(value) for name, value in fault.evidence.items() if name != "key"}
        fill = {"fed": "{}", "wanted": "{}", "feeds": "{}", "fetches": "{}", **values}
        key = fault.evidence.get("key", "serving_default")
        for line in _SNIPPETS.get(fault.check, []):
            lines.append(
                _filled(line, {"model": "after", "tags": repr(list(tags)), "key": repr(key)} | fill)
            )
    return "\n".join(lines) + "\n"


def _filled(line: str, values: Mapping[str, str]) -> str:
    for name, value in values.items():
        line = line.replace(f"{{{name}}}", value)
    return line


def literal(value: Any) -> str:
    """Returns the source of a value, arrays among them."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key!r}: {literal(item)}" for key, item in value.items()) + "}"
    if isinstance(value, np.ndarray | np.generic):
        listed = np.asarray(value)
        if listed.dtype.kind == "O":
            return f"np.array({listed.tolist()!r}, dtype=object)"
        if listed.dtype.name == "bfloat16":
            return f"np.array({listed.astype('f4').tolist()!r}).astype(tf.bfloat16.as_numpy_dtype)"
        text = repr(listed.tolist()).replace("nan", "np.nan").replace("inf", "np.inf")
        return f"np.array({text}, dtype={listed.dtype.name!r})"
    return repr(value)


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"""', "'''")
