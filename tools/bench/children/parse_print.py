"""Prints the signatures of a model as one does with protobuf: parses the file whole.

python parse_print.py MODEL
"""

from __future__ import annotations

import sys
from pathlib import Path

from google.protobuf import text_format

from sigpb import protos

model = protos.SavedModel.FromString((Path(sys.argv[1]) / "saved_model.pb").read_bytes())
for graph in model.meta_graphs:
    for signature in graph.signature_def.values():
        print(text_format.MessageToString(signature))
