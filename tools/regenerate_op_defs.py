"""Writes ``sigpb/tf/op_defs.binpb``: an OpList of the ops that the installed TensorFlow has.

python tools/regenerate_op_defs.py
"""

from __future__ import annotations

from pathlib import Path

from tensorflow.core.framework.op_def_pb2 import OpDef, OpList
from tensorflow.python.client import pywrap_tf_session

TARGET = Path(__file__).resolve().parent.parent / "sigpb" / "tf" / "op_defs.binpb"


def without_docs(op_def: OpDef) -> OpDef:
    """Clears the texts that a few OpDefs still carry; the others have theirs in an ApiDef."""
    for part in (op_def, *op_def.input_arg, *op_def.output_arg, *op_def.attr):
        part.ClearField("description")
    op_def.ClearField("summary")
    return op_def


def main() -> None:
    """Writes the public ops, sorted by their names; no GraphDef may use those with a ``_``."""
    registered = OpList.FromString(
        pywrap_tf_session.TF_GetBuffer(pywrap_tf_session.TF_GetAllOpList())
    )
    public = [without_docs(op_def) for op_def in registered.op if not op_def.name.startswith("_")]
    ops = OpList(op=sorted(public, key=lambda op_def: op_def.name))
    TARGET.write_bytes(ops.SerializeToString(deterministic=True))
    print(f"{len(ops.op)} ops, {ops.ByteSize()} bytes")


if __name__ == "__main__":
    main()
