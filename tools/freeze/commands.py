"""The commands that are run on a model, and on a model and a patch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .patches import Signature

Command = tuple[str, ...]

PATCHED = "patched"
"""Where `patch` writes the patched model."""

SAVED = "saved"
"""Where `salvage` writes what it saves."""

OTHER = "other"
"""Another model, to compare with."""

PATCH = "patch.pbtxt"
INVERSE = "inverse.pbtxt"

AFTER_PATCH: Sequence[Command] = (
    ("diff", "{model}", PATCHED),
    ("diff", "{model}", PATCHED, "--format=json", "--compat"),
    ("diff", PATCHED, "{model}", "--compat"),
    ("infer", "{model}", PATCHED),
    ("lint", PATCHED),
    ("patch", PATCHED, f"--patch={PATCH}", "--dry_run"),
)
"""What is run once a model was patched."""


def looking(model: str, signatures: Sequence[Signature]) -> Iterator[Command]:
    """Yields the commands that look at a model."""
    for form in ("table", "json", "textproto"):
        yield "show", model, f"--format={form}"
    yield "show", model, "--history"
    yield "show", model, "--signature=missing"
    yield "show", model, "--tags=missing"
    for form in ("text", "json"):
        yield "lint", model, f"--format={form}"
        yield "wire", model, "--depth=4", f"--format={form}"
        yield "grep", "x|y", model, f"--format={form}"
        yield "diff", model, OTHER, f"--format={form}", "--compat"
    yield "lint", model, "--strict", "--select=unused-*"
    yield "wire", model, "--offset=100"
    yield "wire", model, "--schema=none", "--depth=3"
    yield "grep", "(", model
    yield "grep", "x", model, "--what=node,tensor", "-F"
    yield "diff", model, OTHER
    yield "infer", model, OTHER
    for by in ("section", "op", "function", "scope", "node"):
        yield "size", model, f"--by={by}"
        yield "size", model, f"--by={by}", "--format=json", "--limit=5"
    yield "size", model, "--format=html"
    yield "dump", model
    yield "dump", model, "--format=json"
    yield "dump", model, "meta_graphs[0].signature_def"
    yield "dump", model, "nothing[0]"
    yield "trace", model, "no such name"
    yield "graph", model, "--signature=missing"
    yield "salvage", model, SAVED
    for signature in signatures:
        yield from _looking_at(model, signature)


def _looking_at(model: str, signature: Signature) -> Iterator[Command]:
    chosen = (f"--signature={signature.key}", f"--tags={','.join(signature.tags)}")
    for form in ("tree", "dot", "mermaid", "json", "html"):
        yield "graph", model, *chosen, f"--format={form}"
    yield "graph", model, *chosen, "--depth=1"
    yield "graph", model, *chosen, "--format=json", "--depth=0"
    yield "show", model, *chosen
    for key in sorted(signature.proto.inputs)[:2]:
        yield "graph", model, *chosen, f"--from={key}"
        yield "trace", model, key, chosen[0]
    for key in sorted(signature.proto.outputs)[:2]:
        yield "graph", model, *chosen, f"--to={key}", "--format=dot"
        yield "trace", model, key, chosen[0], "--format=json"
    for tensor in signature.tensors[:4]:
        yield "trace", model, tensor
    for key in sorted(signature.proto.inputs)[:1]:
        yield "trace", model, signature.proto.inputs[key].name, "--format=json"


def patching(model: str) -> Iterator[Command]:
    """Yields the commands that are run with a patch; the last one writes `PATCHED`."""
    yield "plan", model, f"--patch={PATCH}"
    yield "plan", model, f"--patch={PATCH}", "--format=json"
    yield "invert", model, f"--patch={PATCH}"
    yield "patch", model, f"--patch={PATCH}", f"--output_dir={PATCHED}", "--format=json"
